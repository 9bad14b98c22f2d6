//! OpenAI responses.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Reply, Said};
use crate::problem::event;
use crate::{BadRequest, Envelope};

pub(super) fn whole(envelope: &Envelope, said: &Said, reply: &Reply<'_>) -> Result<Bytes, BadRequest> {
    let answer = Answer { asked: super::body_of(envelope)?, said, reply };
    Ok(crate::json(&answer.response("completed", &[answer.message("completed", &said.text)])))
}

pub(super) fn events(envelope: &Envelope, said: &Said, reply: &Reply<'_>) -> Result<Vec<Bytes>, BadRequest> {
    let answer = Answer { asked: super::body_of(envelope)?, said, reply };
    let item = || answer.item_id();
    let place = |mut event: Value| {
        event["item_id"] = item().into();
        event["output_index"] = 0.into();
        event["content_index"] = 0.into();
        event
    };
    let begun = || answer.response("in_progress", &[]);
    let whole = || answer.message("completed", &said.text);
    let opening = [
        json!({"type": "response.created", "response": begun()}),
        json!({"type": "response.in_progress", "response": begun()}),
        json!({"type": "response.output_item.added", "output_index": 0,
            "item": {"id": item(), "type": "message", "status": "in_progress", "role": "assistant", "content": []}}),
        place(json!({"type": "response.content_part.added", "part": part("")})),
    ];
    let words = said
        .pieces()
        .into_iter()
        .map(|piece| place(json!({"type": "response.output_text.delta", "delta": piece, "logprobs": []})));
    let closing = [
        place(json!({"type": "response.output_text.done", "text": said.text, "logprobs": []})),
        place(json!({"type": "response.content_part.done", "part": part(&said.text)})),
        json!({"type": "response.output_item.done", "output_index": 0, "item": whole()}),
        json!({"type": "response.completed", "response": answer.response("completed", &[whole()])}),
    ];
    let all = opening.into_iter().chain(words).chain(closing);
    Ok(all
        .enumerate()
        .map(|(number, mut data)| {
            data["sequence_number"] = number.into();
            event(data["type"].as_str(), &crate::json(&data))
        })
        .collect())
}

struct Answer<'a> {
    asked: Value,
    said: &'a Said,
    reply: &'a Reply<'a>,
}

impl Answer<'_> {
    fn item_id(&self) -> String {
        format!("msg_{}", self.reply.id)
    }

    fn message(&self, status: &str, text: &str) -> Value {
        json!({
            "id": self.item_id(),
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [part(text)],
        })
    }

    /// The response as it stands; usage belongs to a completed one. Echo keeps nothing, so it says
    /// that nothing is stored.
    fn response(&self, status: &str, output: &[Value]) -> Value {
        let asked = |member: &str, default: Value| match &self.asked[member] {
            Value::Null => default,
            given => given.clone(),
        };
        let usage = (status == "completed").then(|| {
            json!({
                "input_tokens": self.said.read,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": self.said.written,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": self.said.read + self.said.written,
            })
        });
        json!({
            "id": format!("resp_{}", self.reply.id),
            "object": "response",
            "created_at": self.reply.at.as_seconds(),
            "status": status,
            "background": false,
            "error": null,
            "incomplete_details": null,
            "instructions": asked("instructions", Value::Null),
            "max_output_tokens": asked("max_output_tokens", Value::Null),
            "model": self.reply.model,
            "output": output,
            "parallel_tool_calls": asked("parallel_tool_calls", true.into()),
            "previous_response_id": asked("previous_response_id", Value::Null),
            "reasoning": {"effort": null, "summary": null},
            "store": false,
            "temperature": asked("temperature", 1.0.into()),
            "text": asked("text", json!({"format": {"type": "text"}})),
            "tool_choice": asked("tool_choice", "auto".into()),
            "tools": asked("tools", json!([])),
            "top_p": asked("top_p", 1.0.into()),
            "truncation": asked("truncation", "disabled".into()),
            "usage": usage,
            "user": asked("user", Value::Null),
            "metadata": asked("metadata", json!({})),
        })
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}
