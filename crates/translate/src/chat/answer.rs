//! Whole answers.

use bytes::Bytes;

use super::thought;
use crate::compose::{Object, object};
use crate::members::Members;
use crate::openai::{CHAT_USAGE, read_usage, write_usage};
use crate::{Block, ChatAnswer, Context, Stop, Unreadable, ids};

/// Reads a provider's answer.
pub fn read_answer(body: &[u8]) -> Result<ChatAnswer, Unreadable> {
    let body = Members::parse(body).map_err(|error| Unreadable(error.message))?;
    let choices = body.lenient_items("choices");
    let choice = choices.first().and_then(|choice| choice.members().ok());
    let choice = choice.ok_or_else(|| Unreadable("it has no `choices`".to_owned()))?;
    let message = choice
        .lenient_members("message")
        .ok_or_else(|| Unreadable("its choice has no `message`".to_owned()))?;
    let mut blocks = thought::read(&message);
    thought::claim(&mut blocks);
    blocks.extend(read_content(&message));
    if let Some(text) = message.lenient_text("refusal").filter(|text| !text.is_empty()) {
        blocks.push(Block::Refusal { text });
    }
    let id = body.lenient_text("id").filter(|id| !id.is_empty());
    for (index, call) in message.lenient_items("tool_calls").iter().enumerate() {
        let call = call.members().ok().and_then(|call| read_call(&call, id.as_deref(), index));
        blocks.push(call.ok_or_else(|| Unreadable("one of its tool calls is none".to_owned()))?);
    }
    let reason = choice.lenient_text("finish_reason");
    Ok(ChatAnswer {
        stop: read_stop(reason.as_deref(), &blocks),
        id,
        model: body.lenient_text("model"),
        blocks,
        usage: body.lenient_members("usage").and_then(|usage| read_usage(&usage, &CHAT_USAGE)),
    })
}

/// A text, or parts as Mistral has them.
fn read_content(message: &Members<'_>) -> Vec<Block> {
    let Some(content) = message.get("content") else { return Vec::new() };
    let mut blocks = Vec::new();
    for (is_thought, text) in pieces(&content) {
        if text.is_empty() {
            continue;
        }
        blocks.push(if is_thought {
            Block::Thinking { text, signature: None }
        } else {
            Block::Text { text, cache: None }
        });
    }
    blocks
}

/// The pieces of a content: whether each is a thought, and its words.
pub(super) fn pieces(content: &crate::members::Value<'_>) -> Vec<(bool, String)> {
    if let Ok(text) = content.text() {
        return vec![(false, text)];
    }
    let mut pieces = Vec::new();
    for part in content.items().unwrap_or_default() {
        let Ok(part) = part.members() else { continue };
        match part.lenient_text("type").as_deref() {
            Some("text") => pieces.push((false, part.lenient_text("text").unwrap_or_default())),
            Some("thinking") => {
                let texts = part.lenient_items("thinking");
                let texts = texts.iter().filter_map(|text| text.members().ok()?.lenient_text("text"));
                pieces.push((true, texts.collect()));
            }
            _ => {}
        }
    }
    pieces
}

fn read_call(call: &Members<'_>, answer: Option<&str>, index: usize) -> Option<Block> {
    let function = call.lenient_members("function")?;
    let arguments = match function.get("arguments") {
        // Some imitators write the object itself.
        Some(object) if object.is_object() => object.json().as_str().to_owned(),
        Some(text) => text.text().ok()?,
        None => String::new(),
    };
    let id = call.lenient_text("id").filter(|id| !id.is_empty());
    Some(Block::ToolCall {
        id: id.unwrap_or_else(|| made_up_id(answer, index)),
        name: function.lenient_text("name")?,
        arguments,
        signature: None,
        cache: None,
    })
}

/// An id for a call that has none, unlike those of other answers in the conversation.
pub(super) fn made_up_id(answer: Option<&str>, index: usize) -> String {
    let answer: String =
        answer.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    format!("call_{answer}_{index}")
}

/// Reads a finish reason. Some services say `stop` when they mean tool calls.
pub(super) fn read_stop(reason: Option<&str>, blocks: &[Block]) -> Stop {
    let calls = blocks.iter().any(|block| matches!(block, Block::ToolCall { .. }));
    let refuses = blocks.iter().any(|block| matches!(block, Block::Refusal { .. }));
    stop_of(reason, calls, refuses)
}

pub(super) fn stop_of(reason: Option<&str>, calls: bool, refuses: bool) -> Stop {
    match reason {
        Some("length" | "model_length" | "max_tokens") => Stop::MaxTokens,
        Some("content_filter") => Stop::ContentFilter,
        Some("error") => Stop::Error,
        Some("tool_calls" | "function_call") => Stop::ToolUse,
        _ if calls => Stop::ToolUse,
        _ if refuses => Stop::Refusal,
        _ => Stop::End,
    }
}

/// The finish reason for a stop. Clients know no others, so an answer that is broken is one that a
/// filter cut off.
pub(super) fn reason_of(stop: &Stop, refuses: bool) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) | Stop::Pause => "stop",
        Stop::MaxTokens => "length",
        Stop::ToolUse => "tool_calls",
        Stop::Refusal if refuses => "stop",
        Stop::Refusal | Stop::ContentFilter | Stop::Error => "content_filter",
    }
}

/// Writes an answer for a client.
pub fn write_answer(answer: &ChatAnswer, context: &Context) -> Bytes {
    let mut out = Vec::new();
    let refuses = answer.blocks.iter().any(|block| matches!(block, Block::Refusal { .. }));
    object(&mut out, |body| {
        body.set("id", answer.id.as_ref().unwrap_or(&context.id));
        body.set("object", "chat.completion");
        body.set("created", &context.created);
        body.set("model", &context.model);
        body.array("choices", |choices| {
            choices.object(|choice| {
                choice.set("index", &0);
                choice.object("message", |message| write_message(message, &answer.blocks));
                choice.null("logprobs");
                choice.set("finish_reason", reason_of(&answer.stop, refuses));
            });
        });
        if let Some(usage) = &answer.usage {
            body.object("usage", |into| write_usage(into, usage, &CHAT_USAGE));
        }
    });
    out.into()
}

fn write_message(message: &mut Object<'_>, blocks: &[Block]) {
    message.set("role", "assistant");
    let texts: Vec<&str> = blocks
        .iter()
        .filter_map(|block| match block {
            Block::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    message.set("content", &(!texts.is_empty()).then(|| texts.concat()));
    let refusals: Vec<&str> = blocks
        .iter()
        .filter_map(|block| match block {
            Block::Refusal { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    message.set("refusal", &(!refusals.is_empty()).then(|| refusals.concat()));
    thought::write(message, blocks);
    if blocks.iter().any(|block| matches!(block, Block::ToolCall { .. })) {
        message.array("tool_calls", |calls| {
            for block in blocks {
                let Block::ToolCall { id, name, arguments, signature, .. } = block else { continue };
                calls.object(|call| {
                    call.set("id", &ids::join_call(id, signature.as_deref()));
                    call.set("type", "function");
                    call.object("function", |function| {
                        function.set("name", name);
                        let empty = arguments.trim().is_empty();
                        function.set("arguments", if empty { "{}" } else { arguments.as_str() });
                    });
                });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use promptgate_usage::TokenCounts;

    use super::*;

    const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-x","choices":[{"index":0,
        "message":{"role":"assistant","content":"hi","refusal":null,"reasoning_content":"hm","tool_calls":[
            {"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"b\":1.0,\"a\":\"\\u00e9\"}"}},
            {"id":"call_2","type":"function","function":{"name":"g","arguments":""}}]},
        "logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;

    fn context() -> Context {
        Context { id: "req-1".to_owned(), model: "gpt-x".to_owned(), created: 1, include_usage: false }
    }

    #[test]
    fn an_answer_survives_both_ways() {
        let answer = read_answer(ANSWER.as_bytes()).unwrap();
        assert_eq!(answer.blocks.len(), 4);
        assert_eq!(answer.stop, Stop::ToolUse);
        assert_eq!(answer.usage, Some(TokenCounts { input: 3, output: 4, ..TokenCounts::default() }));
        let written = write_answer(&answer, &context());
        let text = std::str::from_utf8(&written).unwrap();
        assert!(text.contains(r#""arguments":"{\"b\":1.0,\"a\":\"\\u00e9\"}""#), "{text}");
        assert!(text.contains(r#""name":"g","arguments":"{}""#), "{text}");
        let mut again = read_answer(&written).unwrap();
        let Some(Block::ToolCall { arguments, .. }) = again.blocks.last_mut() else { panic!("a call") };
        arguments.clear();
        assert_eq!(again, answer);
    }

    #[test]
    fn finish_reasons_are_mapped() {
        for (reason, stop) in [
            ("\"stop\"", Stop::End),
            ("\"length\"", Stop::MaxTokens),
            ("\"content_filter\"", Stop::ContentFilter),
            ("null", Stop::End),
        ] {
            let body = format!(r#"{{"choices":[{{"message":{{"content":"x"}},"finish_reason":{reason}}}]}}"#);
            assert_eq!(read_answer(body.as_bytes()).unwrap().stop, stop);
        }
        let refusal = br#"{"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}]}"#;
        let refusal = read_answer(refusal).unwrap();
        assert_eq!(refusal.stop, Stop::Refusal);
        let written = write_answer(&refusal, &context());
        assert!(std::str::from_utf8(&written).unwrap().contains(r#""finish_reason":"stop""#));
        assert_eq!(reason_of(&Stop::Refusal, false), "content_filter");
    }

    #[test]
    fn what_imitators_write_is_read() {
        let body = br#"{"id":"x","choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},
            {"type":"text","text":"so"}],"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},"finish_reason":"stop"}]}"#;
        let answer = read_answer(body).unwrap();
        let expected = [
            Block::Thinking { text: "hm".to_owned(), signature: None },
            Block::Text { text: "so".to_owned(), cache: None },
            Block::ToolCall {
                id: "call_x_0".to_owned(),
                name: "f".to_owned(),
                arguments: r#"{"a":1}"#.to_owned(),
                signature: None,
                cache: None,
            },
        ];
        assert_eq!(answer.blocks, expected);
        assert_eq!(answer.stop, Stop::ToolUse);
    }

    #[test]
    fn a_marked_call_keeps_its_signature_in_the_id() {
        let mut answer = read_answer(ANSWER.as_bytes()).unwrap();
        if let Block::ToolCall { signature, .. } = &mut answer.blocks[2] {
            *signature = Some("gemini:sig".to_owned());
        }
        let written = read_answer(&write_answer(&answer, &context())).unwrap();
        let Block::ToolCall { id, .. } = &written.blocks[2] else { panic!("a call") };
        assert_eq!(ids::split_call(id), ("call_1".to_owned(), Some("gemini:sig".to_owned())));
    }

    #[test]
    fn no_answer_is_said_so() {
        for body in
            [&b"{}"[..], b"[]", br#"{"choices":[]}"#, br#"{"choices":[{"message":{"tool_calls":[1]}}]}"#]
        {
            assert!(read_answer(body).is_err());
        }
    }
}
