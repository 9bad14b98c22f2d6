//! What was said in a call, as far as it is kept.
//!
//! Nothing here makes a client wait for longer than a copy takes: a long request is read while its
//! provider is being waited for, a short one when the call is over, and a stream is listened to while
//! there is nothing to pass on, some pieces at a time.

use std::ops::Range;
use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;
use promptgate_kernel::{CallId, ProjectId, Timestamp};
use promptgate_projects::RecordBodies;
use promptgate_providers::Shape;
use promptgate_translate::summary::{self, Listener, Summary, ToolCallSummary};
use promptgate_translate::{Block, ChatAnswer, Stop, prompt};
use promptgate_usage::{CallContent, ToolCallRecord};
use serde::Serialize;

/// A request of this size is read before its call is over: to wake up for a shorter one takes longer than
/// to read it.
const WORTH_READING: usize = 16 * 1024;
/// So much of a stream is worth listening to.
const WORTH_HEARING: usize = 4 * 1024;
/// So much of a stream waits to be listened to, at most.
const MAX_UNHEARD: usize = 64 * 1024;
/// Where none of these is, no tool is called: most answers need no second look.
static SIGNS_OF_CALLS: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| ["\"tool_calls\"", "\"tool_use\"", "\"function_call\""].map(Finder::new));

/// Takes down what is said in a call.
#[derive(Debug)]
pub(crate) struct Transcript {
    kept: RecordBodies,
    /// The client's format; `None` until something is asked that is kept.
    shape: Option<Shape>,
    /// The request, until it is read.
    unread: Option<Bytes>,
    request: Option<Text>,
    prompt: Option<String>,
    /// Where the request says it.
    prompt_in_request: Option<Range<usize>>,
    listener: Option<Box<Listener>>,
    /// What passed and is not listened to yet. It is a copy: who holds a piece keeps its connection from
    /// reading into the same memory again.
    unheard: Vec<u8>,
    answer: Option<Text>,
    tool_calls: Vec<ToolCallRecord>,
}

/// A text that fits, and whether there was more of it.
#[derive(Debug)]
struct Text {
    bytes: Bytes,
    is_cut: bool,
}

impl Transcript {
    /// Takes nothing down.
    pub(crate) const fn nothing() -> Self {
        Self {
            kept: RecordBodies::None,
            shape: None,
            unread: None,
            request: None,
            prompt: None,
            prompt_in_request: None,
            listener: None,
            unheard: Vec::new(),
            answer: None,
            tool_calls: Vec::new(),
        }
    }

    /// Keeps so much from now on.
    pub(crate) fn keep(&mut self, kept: RecordBodies) {
        self.kept = kept;
    }

    /// The client asks this, in this format.
    pub(crate) fn asked(&mut self, shape: Shape, body: &Bytes) {
        if self.kept != RecordBodies::None {
            self.shape = Some(shape);
            self.unread = Some(body.clone());
        }
    }

    /// The user wrote this last. For surfaces whose requests have a form of their own.
    pub(crate) fn prompted(&mut self, text: Option<&str>) {
        if self.kept != RecordBodies::None {
            self.prompt =
                text.map(|text| text[..text.floor_char_boundary(CallContent::MAX_BYTES)].to_owned());
        }
    }

    /// Whether there is a request to be read while its provider is at it.
    pub(crate) fn is_worth_reading(&self) -> bool {
        self.unread.as_ref().is_some_and(|body| body.len() >= WORTH_READING)
    }

    /// Reads the request, of which no more is held afterwards than is kept.
    pub(crate) fn read(&mut self) {
        let (Some(body), Some(shape)) = (self.unread.take(), self.shape) else { return };
        let keeps_request = self.kept == RecordBodies::Full;
        if self.prompt.is_none() {
            // What is kept of the request must have the same bytes as the request.
            let keeps_all = keeps_request && body.len() <= CallContent::MAX_BYTES;
            if keeps_all && str::from_utf8(&body).is_ok() {
                self.prompt_in_request = prompt::last_user_range(shape, &body);
            }
            if self.prompt_in_request.is_none() {
                self.prompt = prompt::last_user_text(shape, &body);
            }
        }
        if keeps_request {
            self.request = Some(Text::of(&body));
        }
    }

    /// The client gets this whole answer.
    pub(crate) fn answered(&mut self, body: &Bytes) {
        let Some(shape) = self.shape else { return };
        if self.tool_calls.is_empty() && shape.is_chat() && has_signs_of_calls(body) {
            self.called(summary::of(shape, false, body).tool_calls);
        }
        // A vector says nothing to anybody, and is long.
        if self.kept == RecordBodies::Full && shape != Shape::Embeddings {
            self.answer = Some(Text::of(body));
        }
    }

    /// The model answers this, which its client gets in another form.
    pub(crate) fn said(&mut self, answer: &ChatAnswer) {
        if self.shape.is_none() {
            return;
        }
        let calls = answer.blocks.iter().filter_map(|block| match block {
            Block::ToolCall { id, name, arguments, .. } => {
                Some(ToolCallSummary { id: id.clone(), name: name.clone(), arguments: arguments.clone() })
            }
            _ => None,
        });
        self.called(calls.collect());
    }

    /// The client gets this piece of a stream.
    pub(crate) fn hear(&mut self, piece: &Bytes) {
        if !self.shape.is_some_and(Shape::is_chat) {
            return;
        }
        for part in piece.chunks(MAX_UNHEARD) {
            if self.unheard.len() + part.len() > MAX_UNHEARD {
                self.listen();
            }
            self.unheard.extend_from_slice(part);
        }
    }

    /// Listens to what has passed, if it is enough to make it worth while. For when there is nothing to
    /// pass on.
    pub(crate) fn listen_at_leisure(&mut self) {
        if self.unheard.len() > WORTH_HEARING {
            self.listen();
        }
    }

    fn listen(&mut self) {
        let Some(shape) = self.shape else { return };
        if self.unheard.is_empty() {
            return;
        }
        let new = || Box::new(Listener::new(shape, CallContent::MAX_BYTES));
        let listener = self.listener.get_or_insert_with(new);
        listener.hear(&self.unheard);
        self.unheard.clear();
    }

    /// All that is kept; `None` if that is nothing.
    pub(crate) fn finish(&mut self, call: CallId, at: Timestamp, project: ProjectId) -> Option<CallContent> {
        self.shape?;
        self.read();
        self.listen();
        let mut content = CallContent::of_call(call, at, project);
        if let Some(listener) = self.listener.take() {
            let (said, is_cut) = listener.finish();
            content.truncated |= is_cut;
            if self.kept == RecordBodies::Full && self.answer.is_none() {
                content.response = Some(streamed(&said));
            }
            self.called(said.tool_calls);
        }
        content.prompt = self.prompt.take();
        content.prompt_in_request = self.prompt_in_request.take();
        let mut text = |text: Option<Text>| {
            let text = text?;
            content.truncated |= text.is_cut;
            Some(match str::from_utf8(&text.bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => String::from_utf8_lossy(&text.bytes).into_owned(),
            })
        };
        content.request = text(self.request.take());
        if let Some(answer) = text(self.answer.take()) {
            content.response = Some(answer);
        }
        content.tool_calls = std::mem::take(&mut self.tool_calls);
        content.trim();
        (!content.is_empty()).then_some(content)
    }

    fn called(&mut self, calls: Vec<ToolCallSummary>) {
        self.tool_calls.extend(calls.into_iter().map(|call| ToolCallRecord {
            id: call.id,
            name: call.name,
            arguments: call.arguments,
            injected: false,
        }));
    }
}

impl Text {
    /// As much as is kept, cut between characters. It shares the body's memory if that is small, so
    /// that no large one is held for long.
    fn of(body: &Bytes) -> Self {
        if body.len() <= CallContent::MAX_BYTES {
            return Self { bytes: body.clone(), is_cut: false };
        }
        let continues = |at: usize| body[at] & 0b1100_0000 == 0b1000_0000;
        let mut end = CallContent::MAX_BYTES;
        while end > 0 && CallContent::MAX_BYTES - end < 3 && continues(end) {
            end -= 1;
        }
        Self { bytes: Bytes::copy_from_slice(&body[..end]), is_cut: true }
    }
}

fn has_signs_of_calls(body: &[u8]) -> bool {
    SIGNS_OF_CALLS.iter().any(|sign| sign.find(body).is_some())
}

/// What a stream said, put together.
fn streamed(said: &Summary) -> String {
    #[derive(Serialize)]
    struct Said<'a> {
        content: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Called<'a>>,
        finish_reason: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Called<'a> {
        id: &'a str,
        name: &'a str,
        arguments: &'a str,
    }
    let said = Said {
        content: &said.text,
        tool_calls: said
            .tool_calls
            .iter()
            .map(|ToolCallSummary { id, name, arguments }| Called { id, name, arguments })
            .collect(),
        finish_reason: said.stop.as_ref().map(Stop::as_str),
    };
    serde_json::to_string(&said).expect("texts can be written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#;
    const CALLED: &str = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"so","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},"finish_reason":"tool_calls"}]}"#;

    fn asked(kept: RecordBodies, shape: Shape, body: &str) -> Transcript {
        let mut transcript = Transcript::nothing();
        transcript.keep(kept);
        transcript.asked(shape, &Bytes::copy_from_slice(body.as_bytes()));
        transcript
    }

    fn finish(mut transcript: Transcript) -> Option<CallContent> {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        transcript.finish(id.parse().unwrap(), Timestamp::default(), id.parse().unwrap())
    }

    fn heard(kept: RecordBodies, pieces: &[&'static str]) -> CallContent {
        let mut transcript = asked(kept, Shape::ChatCompletions, ASK);
        for piece in pieces {
            transcript.hear(&Bytes::from_static(piece.as_bytes()));
            transcript.listen();
        }
        finish(transcript).unwrap()
    }

    const STREAM: [&str; 3] = [
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel",
        "lo\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n",
    ];

    #[test]
    fn each_mode_keeps_what_it_says() {
        for (kept, bodies) in [(RecordBodies::Full, true), (RecordBodies::Prompts, false)] {
            let mut transcript = asked(kept, Shape::ChatCompletions, ASK);
            transcript.answered(&Bytes::from_static(CALLED.as_bytes()));
            let content = finish(transcript).unwrap();
            assert_eq!(content.prompt().as_deref(), Some("hello"));
            assert_eq!(content.request.as_deref(), bodies.then_some(ASK));
            assert_eq!(content.response.as_deref(), bodies.then_some(CALLED));
            let [call] = &content.tool_calls[..] else { panic!("{content:?}") };
            assert_eq!(
                (call.name.as_str(), call.arguments.as_str(), call.injected),
                ("f", "{\"a\":1}", false)
            );
        }
        let mut nothing = asked(RecordBodies::None, Shape::ChatCompletions, ASK);
        nothing.answered(&Bytes::from_static(CALLED.as_bytes()));
        nothing.prompted(Some("hello"));
        nothing.hear(&Bytes::from_static(b"x"));
        assert!(nothing.unread.is_none() && nothing.unheard.is_empty());
        assert_eq!(finish(nothing), None);
    }

    #[test]
    fn a_stream_is_put_together() {
        let content = heard(RecordBodies::Full, &STREAM);
        let said: serde_json::Value = serde_json::from_str(content.response.as_deref().unwrap()).unwrap();
        let call = serde_json::json!({"id": "c1", "name": "f", "arguments": "{}"});
        assert_eq!(
            said,
            serde_json::json!({"content": "Hello", "tool_calls": [call], "finish_reason": "tool_calls"})
        );
        let content = heard(RecordBodies::Prompts, &STREAM);
        assert_eq!((content.response, content.tool_calls.len()), (None, 1));
    }

    #[test]
    fn what_waits_to_be_heard_is_bounded() {
        let mut transcript = asked(RecordBodies::Full, Shape::ChatCompletions, ASK);
        for _ in 0..100 {
            transcript.hear(&Bytes::from(vec![b' '; 1000]));
            assert!(transcript.unheard.len() <= MAX_UNHEARD);
        }
    }

    #[test]
    fn a_long_request_is_not_held_and_its_prompt_is_found_all_the_same() {
        let filler = "日".repeat(CallContent::MAX_BYTES);
        let body = format!(
            r#"{{"messages":[{{"role":"system","content":"{filler}"}},{{"role":"user","content":"last"}}]}}"#
        );
        let mut transcript = asked(RecordBodies::Full, Shape::ChatCompletions, &body);
        transcript.read();
        assert!(transcript.unread.is_none());
        assert!(transcript.request.as_ref().unwrap().bytes.len() <= CallContent::MAX_BYTES);
        let content = finish(transcript).unwrap();
        assert_eq!((content.prompt().as_deref(), content.truncated), (Some("last"), true));
        let request = content.request.unwrap();
        assert!(request.ends_with('日') && body.starts_with(&request), "cut between characters");
    }

    #[test]
    fn the_turn_of_an_agent_and_vectors_leave_little() {
        let turn = r#"{"messages":[{"role":"user","content":"x"},{"role":"tool","tool_call_id":"c","content":"r"}]}"#;
        assert_eq!(finish(asked(RecordBodies::Prompts, Shape::ChatCompletions, turn)), None);
        let mut embeddings = asked(RecordBodies::Full, Shape::Embeddings, r#"{"model":"m","input":"x"}"#);
        embeddings.answered(&Bytes::from_static(br#"{"data":[{"embedding":[0.1]}]}"#));
        let content = finish(embeddings).unwrap();
        assert!(content.request.is_some() && content.response.is_none() && content.prompt().is_none());
    }
}
