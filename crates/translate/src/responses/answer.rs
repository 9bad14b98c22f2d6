//! Whole answers.

use bytes::Bytes;

use super::input::read_reasoning;
use super::output::{self, Ending};
use crate::compose::object;
use crate::members::Members;
use crate::openai::{RESPONSES_USAGE, error_of, read_usage};
use crate::{Block, ChatAnswer, Context, Json, Stop, Unreadable};

/// Reads a provider's answer.
pub fn read_answer(body: &[u8]) -> Result<ChatAnswer, Unreadable> {
    let body = Members::parse(body).map_err(|error| Unreadable(error.message))?;
    if let Some(error) = body.get("error") {
        return Err(Unreadable(error_of(&error).message));
    }
    let output = body.get("output").ok_or_else(|| Unreadable("it has no `output`".to_owned()))?;
    let items = output.items().map_err(|_| Unreadable("its `output` is no array".to_owned()))?;
    let mut blocks = Vec::new();
    for item in items {
        let item = item.members().map_err(|_| Unreadable("one of its items is no object".to_owned()))?;
        read_item(&item, &mut blocks)?;
    }
    Ok(ChatAnswer {
        id: body.lenient_text("id"),
        model: body.lenient_text("model"),
        stop: read_stop(
            &body,
            blocks.iter().any(|block| matches!(block, Block::ToolCall { .. })),
            blocks.iter().any(|block| matches!(block, Block::Refusal { .. })),
        ),
        blocks,
        usage: body.lenient_members("usage").and_then(|usage| read_usage(&usage, &RESPONSES_USAGE)),
    })
}

/// What the vendor's own tools did leaves no block: the words that it led to do.
fn read_item(item: &Members<'_>, blocks: &mut Vec<Block>) -> Result<(), Unreadable> {
    match item.lenient_text("type").as_deref() {
        Some("message") => {
            for part in item.lenient_items("content").iter().filter_map(|part| part.members().ok()) {
                let text = part.lenient_text("text").filter(|text| !text.is_empty());
                let refusal = part.lenient_text("refusal").filter(|text| !text.is_empty());
                blocks.extend(text.map(|text| Block::Text { text, cache: None }));
                blocks.extend(refusal.map(|text| Block::Refusal { text }));
            }
        }
        Some("function_call") => {
            let broken = || Unreadable("one of its function calls is none".to_owned());
            blocks.push(Block::ToolCall {
                id: item.lenient_text("call_id").ok_or_else(broken)?,
                name: item.lenient_text("name").ok_or_else(broken)?,
                arguments: item.lenient_text("arguments").unwrap_or_default(),
                signature: None,
                cache: None,
            });
        }
        Some("reasoning") => blocks.extend(read_reasoning(item)),
        _ => {}
    }
    Ok(())
}

/// Why an answer ended.
pub(super) fn read_stop(response: &Members<'_>, calls: bool, refuses: bool) -> Stop {
    let reason = || response.lenient_members("incomplete_details")?.lenient_text("reason");
    match response.lenient_text("status").as_deref() {
        Some("incomplete") if reason().as_deref() == Some("content_filter") => Stop::ContentFilter,
        Some("incomplete") => Stop::MaxTokens,
        Some("failed" | "cancelled") => Stop::Error,
        _ if calls => Stop::ToolUse,
        _ if refuses => Stop::Refusal,
        _ => Stop::End,
    }
}

/// Writes an answer for a client.
pub fn write_answer(answer: &ChatAnswer, context: &Context) -> Bytes {
    let id = output::response_id(answer.id.as_ref().unwrap_or(&context.id));
    let refuses = answer.blocks.iter().any(|block| matches!(block, Block::Refusal { .. }));
    let stop = output::told(answer.stop.clone(), refuses);
    let cut = matches!(stop, Stop::MaxTokens | Stop::ContentFilter);
    let status = if cut { "incomplete" } else { "completed" };
    let last = answer.blocks.len().saturating_sub(1);
    let items: Vec<Json> = answer
        .blocks
        .iter()
        .enumerate()
        .filter_map(|(index, block)| {
            output::item(block, &id, index, if index == last { status } else { "completed" })
        })
        .collect();
    let mut out = Vec::new();
    object(&mut out, |body| {
        let ending = Ending::Stopped(&stop);
        output::response(body, context, &id, ending, &items, answer.usage.as_ref());
    });
    out.into()
}

#[cfg(test)]
mod tests {
    use promptgate_usage::TokenCounts;

    use super::*;
    use crate::ids;
    use crate::maker::Maker;

    fn context() -> Context {
        Context { id: "req-1".to_owned(), model: "m".to_owned(), created: 7, include_usage: false }
    }

    #[test]
    fn an_answer_survives_both_ways() {
        let answer = ChatAnswer {
            id: Some("resp_1".to_owned()),
            model: Some("m".to_owned()),
            blocks: vec![
                Block::Thinking { text: "hm".to_owned(), signature: Some(Maker::OpenAi.sign("gAAA")) },
                Block::Thinking { text: "ha".to_owned(), signature: Some("anthropic:sig".to_owned()) },
                Block::RedactedThinking { data: "hidden".to_owned() },
                Block::Text { text: "so".to_owned(), cache: None },
                Block::ToolCall {
                    id: "call_1".to_owned(),
                    name: "f".to_owned(),
                    arguments: r#"{"b":1.0,"a":2}"#.to_owned(),
                    signature: None,
                    cache: None,
                },
            ],
            stop: Stop::ToolUse,
            usage: Some(TokenCounts {
                input: 1,
                cache_read: 2,
                output: 3,
                reasoning: 4,
                ..TokenCounts::default()
            }),
        };
        let written = write_answer(&answer, &context());
        assert_eq!(read_answer(&written), Ok(answer));
        let text = std::str::from_utf8(&written).unwrap();
        assert!(text.contains(r#""encrypted_content":"gAAA""#), "the vendor's own goes back as it was");
        assert!(text.contains(&ids::wrap_signature("anthropic:sig")));
    }

    #[test]
    fn endings_are_mapped() {
        let answer = |stop| ChatAnswer { id: None, model: None, blocks: Vec::new(), stop, usage: None };
        for (stop, status) in [
            (Stop::End, r#""status":"completed""#),
            (Stop::MaxTokens, r#""incomplete_details":{"reason":"max_output_tokens"}"#),
            (Stop::ContentFilter, r#""incomplete_details":{"reason":"content_filter"}"#),
            (Stop::Error, r#""status":"failed""#),
        ] {
            let written = write_answer(&answer(stop.clone()), &context());
            let text = std::str::from_utf8(&written).unwrap();
            assert!(text.contains(status), "{text}");
            assert!(text.contains(r#""id":"resp_req-1""#));
            if stop != Stop::Error {
                assert_eq!(read_answer(&written).unwrap().stop, stop);
            }
        }
    }

    #[test]
    fn an_answer_that_was_stopped_without_words_was_filtered() {
        let text = Block::Text { text: "I will".to_owned(), cache: None };
        let refusal = Block::Refusal { text: "no".to_owned() };
        for (block, status) in [(text, r#""status":"incomplete""#), (refusal, r#""status":"completed""#)] {
            let answer =
                ChatAnswer { id: None, model: None, blocks: vec![block], stop: Stop::Refusal, usage: None };
            let written = write_answer(&answer, &context());
            let text = std::str::from_utf8(&written).unwrap();
            assert_eq!(text.matches(status).count(), 2, "the answer and its item: {text}");
        }
    }

    #[test]
    fn no_answer_is_said_so() {
        let failed =
            br#"{"id":"x","status":"failed","error":{"code":"server_error","message":"boom"},"output":[]}"#;
        assert_eq!(read_answer(failed), Err(Unreadable("boom".to_owned())));
        for body in [&b"{}"[..], b"[]", br#"{"output":{}}"#, br#"{"output":[{"type":"function_call"}]}"#] {
            assert!(read_answer(body).is_err());
        }
    }
}
