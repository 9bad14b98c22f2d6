//! Chat completions.

use bytes::Bytes;
use serde::Serialize;

use super::{Reply, Said};
use crate::problem::event;

#[derive(Serialize)]
struct Completion<'a> {
    id: String,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Message<'a>>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize, Default)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

#[derive(Serialize)]
struct Usage {
    #[serde(rename = "prompt_tokens")]
    prompt: u64,
    #[serde(rename = "completion_tokens")]
    completion: u64,
    #[serde(rename = "total_tokens")]
    total: u64,
}

impl Usage {
    fn of(said: &Said) -> Self {
        Self { prompt: said.read, completion: said.written, total: said.read + said.written }
    }
}

pub(super) fn whole(said: &Said, reply: &Reply<'_>) -> Bytes {
    let message = Message { role: Some("assistant"), content: Some(&said.text) };
    let choice =
        Choice { index: 0, message: Some(message), delta: None, logprobs: None, finish_reason: Some("stop") };
    crate::json(&completion("chat.completion", vec![choice], Some(Usage::of(said)), reply))
}

pub(super) fn events(said: &Said, reply: &Reply<'_>) -> Vec<Bytes> {
    let chunk = |choices, usage| {
        event(None, &crate::json(&completion("chat.completion.chunk", choices, usage, reply)))
    };
    let delta = |delta, finish_reason| {
        let choice = Choice { index: 0, message: None, delta: Some(delta), logprobs: None, finish_reason };
        chunk(vec![choice], None)
    };
    let first = delta(Message { role: Some("assistant"), content: Some("") }, None);
    let words =
        said.pieces().into_iter().map(|piece| delta(Message { role: None, content: Some(piece) }, None));
    let last = delta(Message::default(), Some("stop"));
    let usage = reply.include_usage.then(|| chunk(vec![], Some(Usage::of(said))));
    let done = Bytes::from_static(b"data: [DONE]\n\n");
    std::iter::once(first).chain(words).chain([last]).chain(usage).chain([done]).collect()
}

fn completion<'a>(
    object: &'static str,
    choices: Vec<Choice<'a>>,
    usage: Option<Usage>,
    reply: &Reply<'a>,
) -> Completion<'a> {
    Completion {
        id: format!("chatcmpl-{}", reply.id),
        object,
        created: reply.at.as_seconds(),
        model: reply.model,
        choices,
        usage,
    }
}
