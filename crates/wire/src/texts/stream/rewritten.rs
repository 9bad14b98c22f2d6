//! One event on its way.

use std::ops::{ControlFlow, Range};

use bytes::Bytes;

use super::StopReason;
use super::filter::Sink;
use super::outline::{Document, Ends, Outline};
use super::track::{Key, Open};
use super::{Shape, StreamTexts, TextFilter, frames};
use crate::texts::literal::{decoded, encode};
use crate::texts::rewrite::applied;
use crate::texts::tape::{Kind, Tape};
use crate::texts::{Channel, Edit, Form, Texts, Unreadable};

type Change = (Range<usize>, String);

/// What becomes of a text that goes on in the event.
struct Slot {
    node: usize,
    key: Key,
    new: String,
}

impl StreamTexts {
    /// Passes an event, with what must go out before it.
    pub(super) fn event(
        &mut self,
        event: &[u8],
        filter: &mut dyn TextFilter,
        out: &mut Vec<u8>,
    ) -> Result<(), Unreadable> {
        let text = std::str::from_utf8(event).map_err(|_| Unreadable::NotJson)?;
        let Some((data, lines)) = frames::data(text) else {
            out.extend_from_slice(event);
            return Ok(());
        };
        let trimmed = data.trim();
        if trimmed.is_empty() || trimmed == "[DONE]" {
            let ended = trimmed.is_empty() || self.end_texts(Ends::All, false, filter, out).is_continue();
            if ended {
                out.extend_from_slice(event);
            } else {
                self.stop_here(StopReason::Filtered, None, out);
            }
            return Ok(());
        }
        let data = Bytes::copy_from_slice(data.as_bytes());
        match self.data(&data, filter, out)? {
            ControlFlow::Continue(Some(new)) => {
                out.extend_from_slice(frames::with_data(text, &lines, &new).as_bytes());
                self.sent(&new);
            }
            ControlFlow::Continue(None) => {
                out.extend_from_slice(event);
                self.sent(std::str::from_utf8(&data).unwrap_or_default());
            }
            ControlFlow::Break(()) => {
                self.shape.drop_event();
                self.stop_here(StopReason::Filtered, None, out);
            }
        }
        Ok(())
    }

    /// What of the data goes on; `None` where nothing of it changes.
    fn data(
        &mut self,
        data: &Bytes,
        filter: &mut dyn TextFilter,
        out: &mut Vec<u8>,
    ) -> Result<ControlFlow<(), Option<String>>, Unreadable> {
        let text = std::str::from_utf8(data).map_err(|_| Unreadable::NotJson)?;
        let tape = match Tape::of(text) {
            Err(Unreadable::NotJson) => return Ok(self.plain(text, filter, out)),
            tape => tape?,
        };
        let outline = self.shape.outline(Document { text, tape: &tape });
        let texts = Texts::of_pieces(data, text, tape, &outline.wholes, self.shape.signs())?;
        Ok(self.texts_of(&texts, &outline, filter, out))
    }

    /// What is no JSON is a text itself. Clients break there, so that nothing may come behind.
    fn plain(
        &mut self,
        text: &str,
        filter: &mut dyn TextFilter,
        out: &mut Vec<u8>,
    ) -> ControlFlow<(), Option<String>> {
        self.shape.skip_event();
        self.end_texts(Ends::All, true, filter, out)?;
        let mut sink = Sink { filter, tracks: &mut self.tracks };
        let track = sink.track(Channel::Assistant, Form::Text, false, "data".to_owned());
        let mut new = String::new();
        sink.whole(&track, text, &mut new)?;
        ControlFlow::Continue((new != text).then_some(new))
    }

    fn texts_of(
        &mut self,
        texts: &Texts<'_>,
        outline: &Outline,
        filter: &mut dyn TextFilter,
        out: &mut Vec<u8>,
    ) -> ControlFlow<(), Option<String>> {
        for key in &outline.renewed {
            self.end_texts(Ends::One(*key), true, filter, out)?;
        }
        let (text, tape) = (texts.text, &texts.tape);
        let document = Document { text, tape };
        let slots = self.deltas(document, outline, filter, out)?;
        let mut changes: Vec<Change> = Vec::new();
        for slot in &slots {
            let inner = tape.node(slot.node).inner();
            if slot.new != decoded(&text[inner.clone()]) {
                let mut written = String::with_capacity(slot.new.len() + 8);
                encode(&slot.new, &mut written);
                changes.push((inner, written));
            }
        }
        let mut repeated: Vec<usize> = Vec::new();
        for (node, key) in &outline.repeats {
            let inner = tape.node(*node).inner();
            let is_known = |text: &Open| text.key == *key && text.is_heard;
            let known = match self.texts.iter().rposition(is_known) {
                Some(known) => known,
                None if outline.is_complete && !inner.is_empty() => {
                    self.at_once(&text[inner.clone()], *key, filter, out)?
                }
                None => continue,
            };
            let known = &self.texts[known];
            repeated.push(*node);
            if known.passed != decoded(&text[inner.clone()]) {
                let mut written = String::with_capacity(known.passed.len() + 8);
                encode(&known.passed, &mut written);
                changes.push((inner, written));
            }
        }
        repeated.extend(slots.iter().map(|slot| slot.node));
        let edits = self.wholes(texts, &repeated, filter)?;
        changes.extend(texts.changes(&edits.iter().collect::<Vec<_>>()));
        if !changes.is_empty() {
            logprobs(document, 0, &mut changes);
        }
        for node in document.overruled() {
            changes.push((tape.node(node).range(), "null".to_owned()));
        }
        if let (Shape::Responses(responses), Some(node)) = (&self.shape, outline.number)
            && responses.added > 0
            && let Ok(number) = document.raw(node).parse::<u64>()
        {
            changes.push((tape.node(node).range(), (number + responses.added).to_string()));
        }
        changes.sort_by_key(|(range, _)| range.start);
        ControlFlow::Continue((!changes.is_empty()).then(|| applied(text, &changes)))
    }

    /// Shows the filter what goes on and what ends. What was kept of a text that ends goes out with
    /// its last words, or before the event.
    fn deltas(
        &mut self,
        document: Document<'_>,
        outline: &Outline,
        filter: &mut dyn TextFilter,
        out: &mut Vec<u8>,
    ) -> ControlFlow<(), Vec<Slot>> {
        let mut slots: Vec<Slot> = Vec::with_capacity(outline.deltas.len());
        let mut flow = ControlFlow::Continue(());
        for (node, key) in &outline.deltas {
            let raw = &document.text[document.tape.node(*node).inner()];
            let (index, mut new) = (self.open(*key, filter), String::new());
            let mut sink = Sink { filter: &mut *filter, tracks: &mut self.tracks };
            let open = &mut self.texts[index];
            flow = open.push(raw, &mut sink, &mut new);
            if open.is_signed() {
                new = decoded(raw).into_owned();
            }
            slots.push(Slot { node: *node, key: *key, new });
            if flow.is_break() {
                break;
            }
        }
        let ending = |text: &Open| !text.is_over && outline.ends.iter().any(|ends| ends.with(text.key));
        while flow.is_continue()
            && let Some(index) = self.texts.iter().position(ending)
        {
            let mut rest = String::new();
            let mut sink = Sink { filter: &mut *filter, tracks: &mut self.tracks };
            let open = &mut self.texts[index];
            flow = open.end(&mut sink, &mut rest);
            if open.is_signed() {
                continue;
            }
            match slots.iter_mut().rev().find(|slot| slot.key == open.key) {
                Some(slot) => slot.new.push_str(&rest),
                None => self.shape.more(open, &rest, true, out),
            }
        }
        for slot in &slots {
            let known = self.texts.iter_mut().rev().find(|text| text.key == slot.key);
            let Some(open) = known else { continue };
            if flow.is_break() {
                // The event itself does not go out.
                if !open.is_signed() {
                    self.shape.more(open, &slot.new, true, out);
                }
            } else if self.shape.repeats() {
                open.passed.push_str(&slot.new);
            }
        }
        if !self.shape.repeats() {
            self.texts.retain(|text| !text.is_over);
        }
        flow?;
        ControlFlow::Continue(slots)
    }

    /// The text of a key that is under way; a new one if there is none.
    fn open(&mut self, key: Key, filter: &mut dyn TextFilter) -> usize {
        let known = self.texts.iter().rposition(|text| text.key == key && !text.is_over);
        known.unwrap_or_else(|| {
            let mut sink = Sink { filter, tracks: &mut self.tracks };
            let open = Open::new(key, &self.shape.nature(key), self.shape.path(key), &mut sink);
            self.texts.push(open);
            self.texts.len() - 1
        })
    }

    /// Shows the filter a text that is complete with this event, where others come in pieces.
    fn at_once(
        &mut self,
        raw: &str,
        key: Key,
        filter: &mut dyn TextFilter,
        out: &mut Vec<u8>,
    ) -> ControlFlow<(), usize> {
        let index = self.open(key, filter);
        let mut sink = Sink { filter, tracks: &mut self.tracks };
        let (open, mut new) = (&mut self.texts[index], String::new());
        let mut flow = open.push(raw, &mut sink, &mut new);
        if flow.is_continue() {
            flow = open.end(&mut sink, &mut new);
        }
        if flow.is_break() {
            // The event itself does not go out.
            self.shape.more(open, &new, true, out);
        } else {
            open.passed = new;
        }
        flow?;
        ControlFlow::Continue(index)
    }

    /// Shows the filter the texts that are there as a whole.
    fn wholes(
        &mut self,
        texts: &Texts<'_>,
        repeated: &[usize],
        filter: &mut dyn TextFilter,
    ) -> ControlFlow<(), Vec<Edit>> {
        let mut edits = Vec::new();
        for part in texts.parts() {
            if part.text.is_empty() || repeated.contains(&texts.literal_node(part.index)) {
                continue;
            }
            let mut sink = Sink { filter: &mut *filter, tracks: &mut self.tracks };
            let track = sink.track(part.channel, part.form, part.is_signed, texts.path(part.index));
            let mut new = String::new();
            sink.whole(&track, part.text, &mut new)?;
            if new != part.text && !part.is_signed {
                edits.push(Edit { part: part.index, span: 0..part.text.len(), text: new });
            }
        }
        ControlFlow::Continue(edits)
    }

    /// Remembers what went on.
    fn sent(&mut self, data: &str) {
        if let Shape::Responses(responses) = &mut self.shape
            && (data.contains("response.created") || data.contains("output_item.done"))
            && let Ok(tape) = Tape::of(data)
        {
            responses.sent(Document { text: data, tape: &tape });
        }
    }
}

/// How likely the words were goes with them. Nothing else is searched for it: arguments of a tool may
/// have a member of that name.
fn logprobs(document: Document<'_>, node: usize, changes: &mut Vec<Change>) {
    for element in document.tape.elements(node) {
        logprobs(document, element, changes);
    }
    for (name, value) in document.tape.members(node) {
        let Some(name) = document.text(name) else { continue };
        match (&*name, document.tape.node(value).kind) {
            ("logprobs", Kind::Array) => changes.push((document.tape.node(value).range(), "[]".to_owned())),
            ("logprobs", Kind::Object) => {
                changes.push((document.tape.node(value).range(), "null".to_owned()));
            }
            ("choices" | "part" | "item" | "content" | "response" | "output", _) => {
                logprobs(document, value, changes);
            }
            _ => {}
        }
    }
}
