//! What is in the files and not stored yet, as far as it is in memory, too: it need not be read again.
//! What was said in these calls is in memory only, unless it had to be saved.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use promptgate_usage::FinishedCall;
use tokio::time::Instant;

use super::call::size;
use super::segment::{Batch, Limit, Position};

/// So much of the files is held, about, and of what is in no file.
const MAX_BYTES: u64 = 8 << 20;

/// The calls that were appended lately, in order. There may be gaps.
#[derive(Debug, Default)]
pub(super) struct Recent {
    lines: VecDeque<KnownLine>,
    bytes: u64,
    /// How many of the lines are without their content in the files.
    unsaved: usize,
}

/// A line of the files, and what it says.
#[derive(Debug)]
struct KnownLine {
    /// Where the line before it ends.
    after: Position,
    /// Where it ends itself.
    end: Position,
    call: Arc<FinishedCall>,
    /// The bytes of the call's content, if the line is without it.
    content_bytes: u64,
    /// Since when the content has been in no file.
    unsaved: Option<Instant>,
}

impl Recent {
    /// Whether there is room for more.
    pub(super) const fn has_room(&self) -> bool {
        self.bytes < MAX_BYTES
    }

    /// Adds the line that stands behind `after` and ends at `end`, if there is room.
    pub(super) fn push(&mut self, after: Position, end: Position, call: Arc<FinishedCall>) {
        if self.has_room() {
            self.add(KnownLine { after, end, call, content_bytes: 0, unsaved: None });
        }
    }

    /// The same for a line without the call's content, which is nowhere else. Whether there
    /// [is room](Self::has_room) was asked before the line was written.
    pub(super) fn push_unsaved(&mut self, after: Position, end: Position, call: Arc<FinishedCall>) {
        let content_bytes = call.content.as_ref().map_or(0, size) as u64;
        self.unsaved += 1;
        self.add(KnownLine { after, end, call, content_bytes, unsaved: Some(Instant::now()) });
    }

    fn add(&mut self, line: KnownLine) {
        self.bytes += line.weight();
        self.lines.push_back(line);
    }

    /// The calls behind `from`, up to `limit` or the first gap.
    pub(super) fn behind(&self, from: Position, limit: Limit) -> Batch {
        let mut batch = Batch { next: from, ..Batch::default() };
        let mut weight = 0;
        for line in &self.lines {
            let is_full = batch.calls.len() >= limit.lines || weight >= limit.bytes;
            if is_full || line.after != batch.next {
                break;
            }
            batch.calls.push(Arc::clone(&line.call));
            batch.bytes += line.length();
            batch.next = line.end;
            weight += line.weight();
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
            self.bytes -= line.weight();
            self.unsaved -= usize::from(line.unsaved.is_some());
        }
    }

    /// The calls whose content is in no file, and where the last of their lines ends; none as long as
    /// the first of them has not been so for this long.
    pub(super) fn unsaved(&self, age: Duration) -> Option<(Vec<Arc<FinishedCall>>, Position)> {
        if self.unsaved == 0 {
            return None;
        }
        let unsaved = || self.lines.iter().filter(|line| line.unsaved.is_some());
        unsaved().next()?.unsaved.filter(|since| since.elapsed() >= age)?;
        let end = unsaved().next_back()?.end;
        Some((unsaved().map(|line| Arc::clone(&line.call)).collect(), end))
    }

    /// The contents of all lines before `end` are in the files now.
    pub(super) fn saved(&mut self, end: Position) {
        for line in self.lines.iter_mut().take_while(|line| line.end <= end) {
            self.unsaved -= usize::from(line.unsaved.take().is_some());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The bytes that it takes.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl KnownLine {
    /// The length of the line: none is in two segments.
    const fn length(&self) -> u64 {
        let begins = if self.after.segment == self.end.segment { self.after.offset } else { 0 };
        self.end.offset - begins
    }

    /// The line, and what is not in it.
    const fn weight(&self) -> u64 {
        self.length() + self.content_bytes
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
    fn what_is_in_no_file_is_told_once_it_is_old_enough() {
        let mut recent = Recent::default();
        recent.push(at(1, 0), at(1, 10), sample::long_call(0, 400));
        assert_eq!((recent.unsaved(Duration::ZERO), recent.bytes()), (None, 10));
        recent.push_unsaved(at(1, 10), at(1, 20), sample::long_call(1, 400));
        recent.push_unsaved(at(1, 20), at(1, 30), sample::long_call(2, 400));
        assert_eq!((recent.unsaved(Duration::from_mins(1)), recent.bytes()), (None, 830));
        let limit = Limit { bytes: 400, ..NO_LIMIT };
        assert_eq!(recent.behind(at(1, 0), limit).next, at(1, 20), "what is in memory has its weight");
        assert_eq!(recent.behind(at(1, 0), limit).bytes, 20, "and is not in the file");

        let both = [1, 2].map(|number| sample::long_call(number, 400));
        let (calls, end) = recent.unsaved(Duration::ZERO).unwrap();
        assert_eq!((&calls[..], end), (&both[..], at(1, 30)));
        recent.push_unsaved(at(1, 30), at(1, 40), sample::long_call(3, 400));
        recent.saved(end);
        assert_eq!(recent.unsaved(Duration::ZERO), Some((vec![sample::long_call(3, 400)], at(1, 40))));
        recent.forget(at(1, 40));
        assert_eq!((recent.unsaved(Duration::ZERO), recent.bytes(), recent.unsaved), (None, 0, 0));
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
