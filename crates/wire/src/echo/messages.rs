//! Anthropic messages.

use bytes::Bytes;
use serde_json::json;

use super::{Reply, Said};
use crate::problem::event;

pub(super) fn whole(said: &Said, reply: &Reply<'_>) -> Bytes {
    crate::json(&json!({
        "id": format!("msg_{}", reply.id),
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [{"type": "text", "text": said.text}],
        "stop_reason": "end_turn",
        "stop_sequence": null,
        "usage": usage(said.read, said.written),
    }))
}

pub(super) fn events(said: &Said, reply: &Reply<'_>) -> Vec<Bytes> {
    let named = |name: &str, data: &serde_json::Value| event(Some(name), &crate::json(data));
    let start = named(
        "message_start",
        &json!({"type": "message_start", "message": {
            "id": format!("msg_{}", reply.id),
            "type": "message",
            "role": "assistant",
            "model": reply.model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": usage(said.read, 1),
        }}),
    );
    let begin = named(
        "content_block_start",
        &json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    );
    let ping = named("ping", &json!({"type": "ping"}));
    let words = said.pieces().into_iter().map(|piece| {
        let delta = json!({"type": "text_delta", "text": piece});
        named("content_block_delta", &json!({"type": "content_block_delta", "index": 0, "delta": delta}))
    });
    let end = [
        named("content_block_stop", &json!({"type": "content_block_stop", "index": 0})),
        named(
            "message_delta",
            &json!({
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": null},
                "usage": {"output_tokens": said.written},
            }),
        ),
        named("message_stop", &json!({"type": "message_stop"})),
    ];
    [start, begin, ping].into_iter().chain(words).chain(end).collect()
}

fn usage(read: u64, written: u64) -> serde_json::Value {
    json!({
        "input_tokens": read,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": written,
    })
}
