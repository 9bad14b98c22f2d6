//! What a person last wrote, for the record.

use std::ops::Range;

use memchr::memmem;
use promptgate_providers::Shape;

use crate::members::{Members, Value};

/// The last text of a request's last message, if that message is the user's. A turn of an agent ends
/// with the result of a tool, and nobody wrote that.
pub fn last_user_text(shape: Shape, body: &[u8]) -> Option<String> {
    last_user_value(shape, body)?.lenient_text()
}

/// Where [`last_user_text`] stands in the body: the bytes of a string in JSON that says the same.
pub fn last_user_range(shape: Shape, body: &[u8]) -> Option<Range<usize>> {
    let value = last_user_value(shape, body).filter(Value::is_text)?;
    let json = value.raw_json();
    // Half of a character has no text of its own, and is mended.
    if memmem::find(json.as_bytes(), b"\\u").is_some() {
        value.text().ok()?;
    }
    let start = json.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    Some(start..start + json.len())
}

fn last_user_value(shape: Shape, body: &[u8]) -> Option<Value<'_>> {
    let members = Members::parse(body).ok()?;
    let input = match shape {
        Shape::ChatCompletions | Shape::Messages => members.get("messages")?,
        Shape::Responses => members.get("input")?,
        Shape::GenerateContent
        | Shape::CohereChat
        | Shape::Embeddings
        | Shape::CohereEmbed
        | Shape::CountTokens => return None,
    };
    if input.is_text() {
        return Some(input);
    }
    let last = input.last_item()?.members().ok()?;
    if last.lenient_text("role").as_deref() != Some("user") {
        return None;
    }
    let content = last.get("content")?;
    if content.is_text() {
        return Some(content);
    }
    let parts = content.items().ok()?;
    let kind = |part: &Value<'_>| part.members().ok()?.lenient_text("type");
    if parts.last().and_then(kind).as_deref() == Some("tool_result") {
        return None;
    }
    parts.iter().rev().find_map(|part| {
        let part = part.members().ok()?;
        matches!(part.lenient_text("type")?.as_str(), "text" | "input_text")
            .then(|| part.get("text").filter(Value::is_text))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(shape: Shape, body: &str) -> Option<String> {
        last_user_text(shape, body.as_bytes())
    }

    #[test]
    fn the_last_text_of_the_user_is_found() {
        let chat = r#"{"messages":[{"role":"user","content":"first"},{"role":"user","content":[
            {"type":"text","text":"one"},{"type":"text","text":"two"},{"type":"image_url","image_url":{"url":"x"}}]}]}"#;
        assert_eq!(last(Shape::ChatCompletions, chat).as_deref(), Some("two"));
        let responses = r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]}"#;
        assert_eq!(last(Shape::Responses, responses).as_deref(), Some("hi"));
        assert_eq!(last(Shape::Responses, r#"{"input":"hello"}"#).as_deref(), Some("hello"));
        let messages = r#"{"messages":[{"role":"user","content":"hi"}]}"#;
        assert_eq!(last(Shape::Messages, messages).as_deref(), Some("hi"));
    }

    #[test]
    fn it_is_found_where_it_stands() {
        let ask = |text: &str| {
            format!(r#"{{"messages":[{{"role":"user","content":"x"}},{{"role":"user","content":{text}}}]}}"#)
        };
        for text in [r#""hi""#, r#""a\n\"\u00e4 🦀""#, "\"\""] {
            let body = ask(text);
            let range = last_user_range(Shape::ChatCompletions, body.as_bytes()).unwrap();
            assert_eq!(&body[range], text);
        }
        let half = ask(r#""a\ud83d""#);
        assert_eq!(last_user_range(Shape::ChatCompletions, half.as_bytes()), None);
        assert_eq!(last_user_range(Shape::ChatCompletions, ask("1").as_bytes()), None);
    }

    #[test]
    fn the_turn_of_an_agent_has_none() {
        let chat = r#"{"messages":[{"role":"user","content":"x"},{"role":"tool","tool_call_id":"c","content":"r"}]}"#;
        assert_eq!(last(Shape::ChatCompletions, chat), None);
        let messages = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"x"},
            {"type":"tool_result","tool_use_id":"t","content":"r"}]}]}"#;
        assert_eq!(last(Shape::Messages, messages), None);
        let responses = r#"{"input":[{"role":"user","content":"x"},{"type":"function_call_output","call_id":"c","output":"r"}]}"#;
        assert_eq!(last(Shape::Responses, responses), None);
        let answered = r#"{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]}"#;
        assert_eq!(last(Shape::Messages, answered), None);
        for wrong in ["", "[]", "{}", r#"{"messages":[]}"#, r#"{"messages":[1]}"#] {
            assert_eq!(last(Shape::Messages, wrong), None, "{wrong}");
        }
    }
}
