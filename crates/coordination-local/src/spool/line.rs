//! One call, one line: the CRC-32 of the rest in eight hexadecimal digits, a space, the event as JSON.
//! What was said in the call comes behind it as it is, because to escape one JSON within another takes
//! longer than everything else: a mark that JSON never holds, a head in JSON that says how long the texts
//! are, the mark again, and the texts.
//!
//! No line holds a line break in its middle, so that a torn line spoils only itself. Where a text has
//! one, the content is the last member of the event's JSON instead, `content`, as older versions wrote it.

use std::ops::Range;

use promptgate_usage::{CallContent, FinishedCall, ToolCallRecord, UsageEvent};
use serde::{Deserialize, Serialize};

use super::call::size;

const CHECKSUM_LENGTH: usize = 8;
/// Most lines without a content are shorter.
const USUAL_LENGTH: usize = 2048;
const CONTENT: &[u8] = b",\"content\":";
/// Stands before the head of a content, and behind it.
const MARK: u8 = 0x1e;

/// What a line turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// A call.
    Call(Box<FinishedCall>),
    /// Not what was written: the process or the power ended in the middle of it.
    Torn,
    /// Whole, but no event of this version: the JSON.
    Foreign(Vec<u8>),
}

#[derive(Deserialize)]
struct ContentOfLine {
    content: Option<CallContent>,
}

/// What is known of a content whose texts follow as they are. Of which call it is, its event says.
#[derive(Serialize, Deserialize)]
struct Head<T> {
    /// How long the prompt is, the request and the answer, in bytes.
    texts: [Option<usize>; 3],
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    prompt_in_request: Option<Range<usize>>,
    tool_calls: T,
    truncated: bool,
}

/// The line of a call, line break included.
pub(super) fn encode(call: &FinishedCall) -> serde_json::Result<Vec<u8>> {
    encode_parts(&call.event, call.content.as_ref())
}

/// The line of a call without what was said in it, line break included.
pub(super) fn encode_event(event: &UsageEvent) -> serde_json::Result<Vec<u8>> {
    encode_parts(event, None)
}

fn encode_parts(event: &UsageEvent, content: Option<&CallContent>) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(USUAL_LENGTH + content.map_or(0, size));
    line.resize(CHECKSUM_LENGTH + 1, b' ');
    serde_json::to_writer(&mut line, event)?;
    match content {
        Some(content) if can_stand_as_it_is(event, content) => append_as_it_is(&mut line, content)?,
        Some(content) => {
            line.pop();
            line.extend_from_slice(CONTENT);
            serde_json::to_writer(&mut line, content)?;
            line.push(b'}');
        }
        None => {}
    }
    let checksum = format!("{:08x}", crc32fast::hash(&line[CHECKSUM_LENGTH + 1..]));
    line[..CHECKSUM_LENGTH].copy_from_slice(checksum.as_bytes());
    line.push(b'\n');
    Ok(line)
}

fn texts(content: &CallContent) -> [Option<&str>; 3] {
    [content.prompt.as_deref(), content.request.as_deref(), content.response.as_deref()]
}

fn can_stand_as_it_is(event: &UsageEvent, content: &CallContent) -> bool {
    let is_of_event =
        (content.call_id, content.at, content.project_id) == (event.id, event.at, event.project_id);
    let has_break = |text: &str| memchr::memchr(b'\n', text.as_bytes()).is_some();
    is_of_event && !texts(content).into_iter().flatten().any(has_break)
}

fn append_as_it_is(line: &mut Vec<u8>, content: &CallContent) -> serde_json::Result<()> {
    let head = Head {
        texts: texts(content).map(|text| text.map(str::len)),
        prompt_in_request: content.prompt_in_request.clone(),
        tool_calls: &content.tool_calls,
        truncated: content.truncated,
    };
    line.push(MARK);
    serde_json::to_writer(&mut *line, &head)?;
    line.push(MARK);
    for text in texts(content).into_iter().flatten() {
        line.extend_from_slice(text.as_bytes());
    }
    Ok(())
}

/// Reads the head and the texts behind it; `None` if they are of another version.
fn content_as_it_is(event: &UsageEvent, rest: &[u8]) -> Option<CallContent> {
    let (head, mut said) = rest.split_at_checked(memchr::memchr(MARK, rest)?)?;
    let head: Head<Vec<ToolCallRecord>> = serde_json::from_slice(head).ok()?;
    said = said.strip_prefix(&[MARK])?;
    let mut texts = [None, None, None];
    for (text, length) in texts.iter_mut().zip(head.texts) {
        if let Some(length) = length {
            let (bytes, rest) = said.split_at_checked(length)?;
            *text = Some(str::from_utf8(bytes).ok()?.to_owned());
            said = rest;
        }
    }
    let [prompt, request, response] = texts;
    Some(CallContent {
        prompt,
        prompt_in_request: head.prompt_in_request,
        request,
        response,
        tool_calls: head.tool_calls,
        truncated: head.truncated,
        ..CallContent::of_call(event.id, event.at, event.project_id)
    })
}

/// Reads a line, line break included.
pub(super) fn decode(line: &[u8]) -> Line {
    let Some(json) = checked(line) else { return Line::Torn };
    if let Some(mark) = memchr::memchr(MARK, json) {
        return match serde_json::from_slice(&json[..mark]) {
            Ok(event) => {
                let content = content_as_it_is(&event, &json[mark + 1..]);
                Line::Call(Box::new(FinishedCall { event, content }))
            }
            // Without what was said: nobody would remove that from where it is put.
            Err(_) => Line::Foreign(json[..mark].to_vec()),
        };
    }
    match serde_json::from_slice(json) {
        // An event is worth more than a content of another version.
        Ok(event) => {
            let content = serde_json::from_slice(json).ok().and_then(|line: ContentOfLine| line.content);
            Line::Call(Box::new(FinishedCall { event, content }))
        }
        Err(_) => Line::Foreign(json.to_vec()),
    }
}

fn checked(line: &[u8]) -> Option<&[u8]> {
    let (checksum, rest) = line.strip_suffix(b"\n")?.split_at_checked(CHECKSUM_LENGTH)?;
    let json = rest.strip_prefix(b" ")?;
    let checksum = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
    (checksum == crc32fast::hash(json)).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn with_checksum(json: &[u8]) -> Vec<u8> {
        [format!("{:08x} ", crc32fast::hash(json)).as_bytes(), json, b"\n"].concat()
    }

    #[test]
    fn a_call_survives_and_any_missing_end_is_noticed() {
        let event = sample::event(1);
        let full = CallContent {
            prompt: Some(String::new()),
            prompt_in_request: Some(1..3),
            request: Some("{\"x\":\"\\n\u{1e}é\"}".to_owned()),
            tool_calls: vec![ToolCallRecord {
                id: "1".into(),
                name: "f".into(),
                arguments: "{\n}".into(),
                injected: true,
            }],
            truncated: true,
            ..CallContent::of_call(event.id, event.at, event.project_id)
        };
        let pretty = CallContent { response: Some("{\n}".to_owned()), ..full.clone() };
        for content in [None, Some(sample::content(1, 100)), Some(full), Some(pretty)] {
            let call = FinishedCall { event: sample::event(1), content };
            let line = encode(&call).unwrap();
            let event = FinishedCall { event: call.event.clone(), content: None };
            assert_eq!(decode(&encode_event(&call.event).unwrap()), Line::Call(Box::new(event)));
            assert_eq!(decode(&line), Line::Call(Box::new(call)));
            for length in 0..line.len() {
                assert_eq!(decode(&line[..length]), Line::Torn, "cut at {length}");
            }
            let mut changed = line;
            changed[40] ^= 1;
            assert_eq!(decode(&changed), Line::Torn);
        }
        assert_eq!(decode(&[0; 64]), Line::Torn);
    }

    #[test]
    fn what_another_version_wrote_is_kept_apart() {
        let json = b"{\"later\":true}";
        assert_eq!(decode(&with_checksum(json)), Line::Foreign(json.to_vec()));
    }

    #[test]
    fn a_content_of_another_version_does_not_cost_the_event() {
        let mut json = serde_json::to_value(sample::event(1)).unwrap();
        json["content"] = serde_json::json!({"later": true});
        let line = with_checksum(&serde_json::to_vec(&json).unwrap());
        assert_eq!(decode(&line), Line::Call(Box::new(FinishedCall::clone(&sample::call(1)))));
    }

    #[test]
    fn what_an_older_version_wrote_is_read() {
        let mut json = serde_json::to_value(sample::event(1)).unwrap();
        json["content"] = serde_json::to_value(sample::content(1, 10)).unwrap();
        let line = with_checksum(&serde_json::to_vec(&json).unwrap());
        assert_eq!(decode(&line), Line::Call(Box::new(FinishedCall::clone(&sample::long_call(1, 10)))));
    }

    #[test]
    fn texts_of_another_version_do_not_cost_the_event() {
        let event = serde_json::to_vec(&sample::event(1)).unwrap();
        let short = br#"{"texts":[null,9,null],"tool_calls":[],"truncated":false}"#;
        for rest in [&b""[..], b"{}", b"{}\x1e", &[&short[..], b"\x1ex"].concat()] {
            let line = with_checksum(&[&event[..], b"\x1e", rest].concat());
            assert_eq!(decode(&line), Line::Call(Box::new(FinishedCall::clone(&sample::call(1)))));
        }
        let foreign = with_checksum(b"{\"later\":true}\x1esecret");
        assert_eq!(decode(&foreign), Line::Foreign(b"{\"later\":true}".to_vec()));
    }
}
