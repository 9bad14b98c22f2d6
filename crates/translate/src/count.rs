//! An estimate for `count_tokens`, where nobody counts.

use bytes::Bytes;

use crate::members::{Members, Value};
use crate::{Untranslatable, compose};

/// How many bytes of text a token is taken to be.
const BYTES_PER_TOKEN: u64 = 4;

/// What a message costs besides what is said in it.
const PER_MESSAGE: u64 = 4;

/// What an image costs at most, as
/// <https://docs.anthropic.com/en/docs/build-with-claude/vision#calculate-image-costs> says.
const PER_IMAGE: u64 = 1_600;

/// What a page of a document costs, as
/// <https://docs.anthropic.com/en/docs/build-with-claude/pdf-support> says; documents are taken to
/// have one page for so many bytes.
const PER_PAGE: u64 = 2_000;
const BYTES_PER_PAGE: u64 = 64 * 1024;

/// How deep a request may be nested before it is only measured.
const DEEPEST: u32 = 64;

/// The answer to a `count_tokens` request: an estimate, which whoever sends it must call one.
pub fn estimate(body: &[u8]) -> Result<Bytes, Untranslatable> {
    let members = Members::parse(body)?;
    let messages = members.need("messages")?.items()?;
    let mut tally = Tally::default();
    for name in ["system", "messages"] {
        if let Some(value) = members.get(name) {
            tally.read(&value, DEEPEST);
        }
    }
    for name in ["tools", "output_config", "output_format"] {
        if let Some(value) = members.get(name) {
            tally.bytes += value.json().as_str().len() as u64;
        }
    }
    let tokens = tally.bytes.div_ceil(BYTES_PER_TOKEN) + tally.tokens + PER_MESSAGE * messages.len() as u64;
    let mut body = Vec::new();
    compose::object(&mut body, |body| body.set("input_tokens", &tokens));
    Ok(body.into())
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Tally {
    bytes: u64,
    tokens: u64,
}

impl Tally {
    fn read(&mut self, value: &Value<'_>, depth: u32) {
        if depth == 0 {
            self.bytes += value.json().as_str().len() as u64;
        } else if value.is_text() {
            self.bytes += value.text().map_or(0, |text| text.len() as u64);
        } else if let Ok(items) = value.items() {
            for item in &items {
                self.read(item, depth - 1);
            }
        } else if let Ok(members) = value.members() {
            self.read_object(&members, depth - 1);
        }
    }

    fn read_object(&mut self, members: &Members<'_>, depth: u32) {
        match members.lenient_text("type").as_deref() {
            Some("image") => self.tokens += PER_IMAGE,
            Some("document") => self.read_document(members, depth),
            Some("tool_use") => {
                let input = members.json("input");
                self.bytes += input.map_or(0, |input| input.as_str().len() as u64);
                self.bytes += members.lenient_text("name").map_or(0, |name| name.len() as u64);
            }
            _ => {
                for name in ["text", "thinking", "content"] {
                    if let Some(value) = members.get(name) {
                        self.read(&value, depth);
                    }
                }
            }
        }
    }

    fn read_document(&mut self, document: &Members<'_>, depth: u32) {
        for name in ["title", "context"] {
            self.bytes += document.lenient_text(name).map_or(0, |text| text.len() as u64);
        }
        let Some(source) = document.lenient_members("source") else { return };
        let data = source.lenient_text("data").map_or(0, |data| data.len() as u64);
        match source.lenient_text("type").as_deref() {
            Some("text") => self.bytes += data,
            Some("content") => {
                if let Some(content) = source.get("content") {
                    self.read(&content, depth);
                }
            }
            _ => self.tokens += PER_PAGE * data.div_ceil(BYTES_PER_PAGE).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(body: &str) -> u64 {
        let answer = estimate(body.as_bytes()).unwrap();
        let members = Members::parse(&answer).unwrap();
        members.count("input_tokens").unwrap().unwrap()
    }

    #[test]
    fn texts_are_counted_by_their_bytes() {
        assert_eq!(tokens(r#"{"messages":[{"role":"user","content":"12345678"}]}"#), 2 + 4);
        let blocks = r#"{"system":[{"type":"text","text":"1234"}],"messages":[{"role":"user","content":[
            {"type":"text","text":"1234"},{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"1234"}]}]},
            {"role":"assistant","content":[{"type":"tool_use","id":"t","name":"fun1","input":{"a":12}}]}],
            "tools":[{"name":"fun1"}]}"#;
        assert_eq!(tokens(blocks), (4 + 4 + 4 + 4 + 8 + 17_u64).div_ceil(4) + 8);
    }

    #[test]
    fn images_and_documents_have_a_price_of_their_own() {
        let image = r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"AAAA"}}]}]}"#;
        assert_eq!(tokens(image), PER_IMAGE + 4);
        let document = r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","data":"AAAA"}}]}]}"#;
        assert_eq!(tokens(document), PER_PAGE + 4);
        let text = r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","data":"AAAA"}}]}]}"#;
        assert_eq!(tokens(text), 1 + 4);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert_eq!(estimate(b"nonsense").unwrap_err().code, "invalid_json");
        assert_eq!(estimate(b"{}").unwrap_err().code, "missing_field");
        let deep = format!(r#"{{"messages":[{}{}]}}"#, "[".repeat(5_000), "]".repeat(5_000));
        assert!(tokens(&deep) > 2_000);
    }
}
