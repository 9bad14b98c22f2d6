//! What must hold for any input at all.

use std::ops::ControlFlow;

use bytes::Bytes;
use promptgate_providers::Operation;
use promptgate_wire::{StreamTexts, TextEdit, TextFilter, TextTrack, Texts};
use serde_json::Value;

/// What every text becomes: it must be escaped wherever it stands.
const OTHER: &str = "«\"\\\n»";

/// Runs the checks of a target. The first byte says what the rest is.
pub(crate) fn run(target: &str, data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    match target {
        "texts" => texts(*kind, &Bytes::copy_from_slice(rest)),
        "stream_texts" => stream(*kind, rest),
        other => panic!("no target is called {other}"),
    }
}

fn read(kind: u8, body: &Bytes) -> Option<Texts<'_>> {
    let read = match kind {
        b'c' => Texts::of_request(Operation::ChatCompletions, body),
        b'r' => Texts::of_request(Operation::Responses, body),
        b'm' => Texts::of_request(Operation::Messages, body),
        b'e' => Texts::of_request(Operation::Embeddings, body),
        b'C' => Texts::of_answer(Operation::ChatCompletions, body),
        b'R' => Texts::of_answer(Operation::Responses, body),
        b'M' => Texts::of_answer(Operation::Messages, body),
        b'a' => Texts::of_arguments(body),
        b'i' => Texts::of_items(body),
        b'x' => Texts::of_call(body),
        b'n' => Texts::of_anything(body),
        _ => return None,
    };
    read.ok()
}

/// What is changed is changed, and the rest is as it was.
fn texts(kind: u8, body: &Bytes) {
    let is_json = serde_json::from_slice::<Value>(body).is_ok();
    let Some(texts) = read(kind, body) else {
        assert!(!is_json || read(b'a', body).is_none() || !b"crmeCRMaixn".contains(&kind));
        return;
    };
    assert_eq!(texts.rewrite(&[]), body);
    let nothing = texts.parts().filter(|part| part.form != promptgate_wire::TextForm::Number);
    let nothing: Vec<_> = nothing.map(|part| edit(part.index, part.text.len(), "")).collect();
    let same = texts
        .rewrite(&nothing.iter().map(|edit| TextEdit { span: 0..0, ..edit.clone() }).collect::<Vec<_>>());
    assert!(same == *body || body.windows(8).any(|bytes| bytes == b"logprobs"));
    let edits: Vec<_> = texts.parts().map(|part| edit(part.index, part.text.len(), OTHER)).collect();
    for part in texts.parts() {
        assert!(body.get(part.literal.clone()).is_some());
        let _ = texts.path(part.index);
    }
    let changed = texts.rewrite(&edits);
    assert!(!is_json || serde_json::from_slice::<Value>(&changed).is_ok(), "{}", show(&changed));
    let again = read(kind, &changed).expect("what was changed is read again");
    assert_eq!(again.len(), texts.len(), "{}", show(&changed));
    for (before, after) in texts.parts().zip(again.parts()) {
        assert_eq!(after.text, if before.is_signed { before.text } else { OTHER }, "{}", show(&changed));
    }
}

fn edit(part: usize, end: usize, text: &str) -> TextEdit {
    TextEdit { part, span: 0..end, text: text.to_owned() }
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// However a stream arrives, the same goes on, and the filter hears the same.
fn stream(kind: u8, data: &[u8]) {
    let operation = match kind {
        b'c' => Operation::ChatCompletions,
        b'r' => Operation::Responses,
        b'm' => Operation::Messages,
        _ => return,
    };
    let whole = passed(operation, data, data.len().max(1));
    for size in [1, 13] {
        assert_eq!(passed(operation, data, size), whole);
    }
    let mut texts = StreamTexts::new(operation);
    let _ = texts.push(data, &mut Keeps(String::new()));
    let usage = data.len().is_multiple_of(2).then_some(r#"{"total_tokens":1}"#);
    let end = texts.stop(promptgate_wire::StopReason::Filtered, usage);
    for line in show(&end).lines().filter_map(|line| line.strip_prefix("data: ")) {
        // Characters that JSON forbids in texts are passed on as they came.
        let is_clean = data.iter().all(|byte| *byte >= b' ' || b"\r\n".contains(byte));
        assert!(!is_clean || line == "[DONE]" || serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
}

/// What went on, and what was heard. Nothing is said of what cannot be read.
fn passed(operation: Operation, data: &[u8], size: usize) -> Option<(Vec<u8>, Hears)> {
    let (mut texts, mut filter, mut out) = (StreamTexts::new(operation), Hears::default(), Vec::new());
    for piece in data.chunks(size) {
        out.extend_from_slice(&texts.push(piece, &mut filter).ok()?);
    }
    out.extend_from_slice(&texts.end(&mut filter).ok()?);
    Some((out, filter))
}

#[derive(Debug, Default, PartialEq)]
struct Hears(Vec<(u64, String, String)>);

impl TextFilter for Hears {
    fn push(&mut self, track: &TextTrack, text: &str, out: &mut String) -> ControlFlow<()> {
        out.push_str(text);
        self.0.push((track.id, track.path.clone(), text.to_owned()));
        ControlFlow::Continue(())
    }

    fn end(&mut self, _: &TextTrack, out: &mut String) -> ControlFlow<()> {
        out.push('.');
        ControlFlow::Continue(())
    }

    fn release(&mut self, _: &TextTrack, _: &mut String) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Keeps everything until the end.
struct Keeps(String);

impl TextFilter for Keeps {
    fn push(&mut self, _: &TextTrack, text: &str, _: &mut String) -> ControlFlow<()> {
        self.0.push_str(text);
        ControlFlow::Continue(())
    }

    fn end(&mut self, _: &TextTrack, out: &mut String) -> ControlFlow<()> {
        out.push_str(&std::mem::take(&mut self.0));
        ControlFlow::Continue(())
    }

    fn release(&mut self, _: &TextTrack, out: &mut String) -> ControlFlow<()> {
        out.push_str(&std::mem::take(&mut self.0));
        ControlFlow::Continue(())
    }
}
