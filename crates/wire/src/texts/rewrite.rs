//! Changing texts.

use std::ops::Range;

use bytes::Bytes;

use super::literal::{Placer, encode};
use super::tape::Kind;
use super::{Edit, Form, Texts};

/// What stands in a document, and what takes its place.
type Change = (Range<usize>, String);

impl Texts<'_> {
    /// The body with changed texts; everything else is as it came. Spans of one part that overlap
    /// become one, with the text of the first. A part that its vendor has signed stays.
    ///
    /// With nothing to change it is the body itself, not even a copy.
    pub fn rewrite(&self, edits: &[Edit]) -> Bytes {
        let mut edits: Vec<&Edit> = edits.iter().collect();
        edits.retain(|edit| self.places.get(edit.part).is_some_and(|place| !place.is_signed));
        if edits.is_empty() {
            return self.body.clone();
        }
        edits.sort_by_key(|edit| (edit.part, edit.span.start));
        let mut changes = self.changes(&edits);
        changes.extend(self.logprobs.iter().filter_map(|logprobs| {
            let node = self.tape.node(logprobs.node as usize);
            let empty = if node.kind == Kind::Array { "[]" } else { "null" };
            let is_told = edits.iter().any(|edit| logprobs.parts.contains(&edit.part));
            is_told.then(|| (node.range(), empty.to_owned()))
        }));
        changes.sort_by_key(|(range, _)| range.start);
        applied(self.text, &changes).into()
    }

    /// What becomes of the body. `edits` are in order.
    pub(super) fn changes(&self, edits: &[&Edit]) -> Vec<Change> {
        let mut changes = Vec::with_capacity(edits.len());
        let within = |edit: &&Edit| self.places[edit.part].within;
        for group in edits.chunk_by(|one, other| within(one) == within(other)) {
            let inside = group.chunk_by(|one, other| one.part == other.part);
            let inside = inside.flat_map(|edits| self.changes_of_part(edits));
            let Some(nested) = within(&group[0]) else {
                changes.extend(inside);
                continue;
            };
            let literal = self.tape.node(self.nested[nested as usize].node as usize).inner();
            let mut placer = Placer::new(&self.text[literal.clone()]);
            let mut done = 0;
            changes.extend(inside.map(|(range, text)| {
                let found = placer.place(range);
                let start = found.start.max(done);
                done = found.end.max(done);
                let mut again = String::with_capacity(text.len() + 8);
                encode(&text, &mut again);
                (literal.start + start..literal.start + done, again)
            }));
        }
        changes
    }

    /// What becomes of the document that a part stands in.
    fn changes_of_part(&self, edits: &[&Edit]) -> Vec<Change> {
        let place = &self.places[edits[0].part];
        let spans = joined(edits);
        let inner = place.inner();
        let raw = &self.written(place)[inner.clone()];
        if place.form == Form::Number {
            let mut placer = Placer::new(raw);
            let spans: Vec<_> =
                spans.into_iter().map(|(span, text)| (placer.place(span), text.to_owned())).collect();
            let mut text = "\"".to_owned();
            encode(&applied(raw, &spans), &mut text);
            text.push('"');
            return vec![(inner, text)];
        }
        let mut placer = Placer::new(raw);
        let mut done = 0;
        let changes = spans.into_iter().map(|(span, text)| {
            let found = placer.place(span);
            let start = found.start.max(done);
            done = found.end.max(done);
            let mut written = String::with_capacity(text.len() + 8);
            encode(text, &mut written);
            (inner.start + start..inner.start + done, written)
        });
        changes.collect()
    }
}

/// The spans of one part, in order and apart.
fn joined<'e>(edits: &[&'e Edit]) -> Vec<(Range<usize>, &'e str)> {
    let mut spans: Vec<(Range<usize>, &str)> = Vec::with_capacity(edits.len());
    for edit in edits {
        match spans.last_mut() {
            Some((last, _)) if edit.span.start < last.end => last.end = last.end.max(edit.span.end),
            _ => spans.push((edit.span.clone(), &edit.text)),
        }
    }
    spans
}

/// `text` with changes that are in order and apart.
pub(super) fn applied(text: &str, changes: &[Change]) -> String {
    let more: usize = changes.iter().map(|(_, new)| new.len()).sum();
    let mut out = String::with_capacity(text.len() + more);
    let mut done = 0;
    for (range, new) in changes {
        // Logprobs may hold nothing that is changed, but nothing depends on it.
        if range.start < done {
            continue;
        }
        out.push_str(&text[done..range.start]);
        out.push_str(new);
        done = range.end;
    }
    out.push_str(&text[done..]);
    out
}
