//! What is in the files and not stored yet, as far as it is in memory, too: it need not be read again.

use std::collections::VecDeque;
use std::sync::Arc;

use promptgate_usage::FinishedCall;

use super::segment::{Batch, Limit, Position};

/// So much of the files is held, about.
const MAX_BYTES: u64 = 8 << 20;

/// The calls that were appended lately, in order. There may be gaps.
#[derive(Debug, Default)]
pub(super) struct Recent {
    lines: VecDeque<KnownLine>,
    bytes: u64,
}

/// A line of the files, and what it says.
#[derive(Debug)]
struct KnownLine {
    /// Where the line before it ends.
    after: Position,
    /// Where it ends itself.
    end: Position,
    call: Arc<FinishedCall>,
}

impl Recent {
    /// Adds the line that stands behind `after` and ends at `end`, if there is room.
    pub(super) fn push(&mut self, after: Position, end: Position, call: Arc<FinishedCall>) {
        if self.bytes < MAX_BYTES {
            let line = KnownLine { after, end, call };
            self.bytes += line.bytes();
            self.lines.push_back(line);
        }
    }

    /// The calls behind `from`, up to `limit` or the first gap.
    pub(super) fn behind(&self, from: Position, limit: Limit) -> Batch {
        let mut batch = Batch { next: from, ..Batch::default() };
        for line in &self.lines {
            let is_full = batch.calls.len() >= limit.lines || batch.bytes >= limit.bytes;
            if is_full || line.after != batch.next {
                break;
            }
            batch.calls.push(Arc::clone(&line.call));
            batch.bytes += line.bytes();
            batch.next = line.end;
        }
        batch
    }

    /// Where the gap ends that it begins with; `None` where nothing is known at all.
    pub(super) fn begins(&self) -> Option<Position> {
        self.lines.front().map(|line| line.after)
    }

    /// Forgets everything before `next`.
    pub(super) fn forget(&mut self, next: Position) {
        while let Some(line) = self.lines.pop_front_if(|line| line.end <= next) {
            self.bytes -= line.bytes();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }
}

impl KnownLine {
    /// Its length: no line is in two segments.
    const fn bytes(&self) -> u64 {
        let begins = if self.after.segment == self.end.segment { self.after.offset } else { 0 };
        self.end.offset - begins
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    const NO_LIMIT: Limit = Limit { lines: usize::MAX, bytes: u64::MAX };

    fn at(segment: u64, offset: u64) -> Position {
        Position { segment, offset }
    }

    #[test]
    fn what_is_known_ends_at_the_first_gap() {
        let mut recent = Recent::default();
        recent.push(at(1, 0), at(1, 10), sample::call(0));
        recent.push(at(1, 10), at(2, 15), sample::call(1));
        recent.push(at(2, 40), at(2, 50), sample::call(2));
        let batch = recent.behind(at(1, 0), NO_LIMIT);
        assert_eq!(batch.calls, [sample::call(0), sample::call(1)]);
        assert_eq!((batch.bytes, batch.next), (25, at(2, 15)));
        assert_eq!(recent.behind(at(1, 0), Limit { lines: 1, ..NO_LIMIT }).next, at(1, 10));
        assert_eq!(recent.behind(at(1, 0), Limit { bytes: 10, ..NO_LIMIT }).next, at(1, 10));

        recent.forget(batch.next);
        assert!(recent.behind(at(2, 15), NO_LIMIT).calls.is_empty());
        assert_eq!(recent.begins(), Some(at(2, 40)));
        recent.forget(at(2, 50));
        assert_eq!((recent.begins(), recent.len(), recent.bytes), (None, 0, 0));
    }

    #[test]
    fn no_more_is_held_than_there_is_room_for() {
        let (mut recent, large) = (Recent::default(), MAX_BYTES / 2);
        for number in 0..10 {
            recent.push(at(number, 0), at(number, large), sample::call(number));
        }
        assert_eq!(recent.len(), 2);
    }
}
