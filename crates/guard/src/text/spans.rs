//! Where the pieces of a rewritten text came from.

use std::ops::Range;

/// The pieces of a rewritten text, in order, with where each stood before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Spans(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    after: Range<usize>,
    before: Range<usize>,
    /// Whether the piece was copied as it stood, so that a place in it is a place before.
    copied: bool,
}

impl Spans {
    /// Where a span stood before the rewriting.
    pub(crate) fn before(&self, after: Range<usize>) -> Range<usize> {
        let start = match self.piece_of(after.start) {
            Some(piece) if piece.copied => piece.before.start + (after.start - piece.after.start),
            Some(piece) => piece.before.start,
            None => self.0.last().map_or(after.start, |piece| piece.before.end),
        };
        if after.is_empty() {
            return start..start;
        }
        let end = match self.piece_of(after.end - 1) {
            Some(piece) if piece.copied => piece.before.start + (after.end - piece.after.start),
            Some(piece) => piece.before.end,
            None => start,
        };
        start..end.max(start)
    }

    /// Whether a span holds anything that was rewritten.
    pub(crate) fn rewrote(&self, after: &Range<usize>) -> bool {
        let first = self.0.partition_point(|piece| piece.after.end <= after.start);
        self.0[first..].iter().take_while(|piece| piece.after.start < after.end).any(|piece| !piece.copied)
    }

    fn piece_of(&self, at: usize) -> Option<&Piece> {
        self.0.get(self.0.partition_point(|piece| piece.after.end <= at))
    }
}

/// A text that is being rewritten.
#[derive(Debug, Default)]
pub(crate) struct Rewriting {
    text: String,
    spans: Spans,
}

impl Rewriting {
    /// Copies a part of `source` as it stands.
    pub(crate) fn copy(&mut self, source: &str, part: Range<usize>) {
        if part.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text.push_str(&source[part.clone()]);
        self.spans.0.push(Piece { after: start..self.text.len(), before: part, copied: true });
    }

    /// Writes `text` in the place of what stood at `before`; nothing is left of it where `text` is empty.
    pub(crate) fn put(&mut self, text: &str, before: Range<usize>) {
        if text.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text.push_str(text);
        self.spans.0.push(Piece { after: start..self.text.len(), before, copied: false });
    }

    /// How much has been written.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// What was written, and where it came from.
    pub(crate) fn finish(self) -> (String, Spans) {
        (self.text, self.spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_goes_back_through_copies_and_rewritings() {
        let source = "abc%41def";
        let mut rewriting = Rewriting::default();
        rewriting.copy(source, 0..3);
        rewriting.put("A", 3..6);
        rewriting.copy(source, 6..9);
        let (text, spans) = rewriting.finish();
        assert_eq!(text, "abcAdef");
        assert_eq!(spans.before(0..2), 0..2);
        assert_eq!(spans.before(2..5), 2..7);
        assert_eq!(spans.before(3..4), 3..6);
        assert_eq!(spans.before(7..7), 9..9);
        assert!(spans.rewrote(&(3..4)) && spans.rewrote(&(0..7)) && !spans.rewrote(&(4..7)));
    }
}
