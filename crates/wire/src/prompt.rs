//! How much text a model will read.

use std::fmt;

use promptgate_providers::Operation;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::estimate::BYTES_PER_TOKEN;
use crate::members::Member;

/// Bytes of text in the members that an operation's model reads: texts and text parts, tools and
/// schemas as JSON, tokens of embeddings at the usual size. Images, audio and files do not count.
pub(crate) fn bytes_read(operation: Operation, members: &[Member<'_>]) -> u64 {
    members
        .iter()
        .map(|member| match (operation, &*member.name) {
            (Operation::ChatCompletions | Operation::Messages | Operation::CountTokens, "messages")
            | (Operation::Messages | Operation::CountTokens, "system")
            | (Operation::Responses, "input" | "instructions") => text_in(member.value, 0),
            (Operation::Embeddings, "input") => text_in(member.value, BYTES_PER_TOKEN),
            (Operation::ChatCompletions, "tools" | "functions" | "response_format")
            | (Operation::Responses, "tools" | "text" | "prompt")
            | (Operation::Messages | Operation::CountTokens, "tools" | "output_format") => {
                length(member.value)
            }
            _ => 0,
        })
        .fold(0, u64::saturating_add)
}

fn text_in(value: &RawValue, per_number: u64) -> u64 {
    let mut bytes = 0;
    let mut reader = serde_json::Deserializer::from_str(value.get());
    match (Text { bytes: &mut bytes, per_number }).deserialize(&mut reader) {
        Ok(()) => bytes,
        // Nested too deeply, or with broken escapes: all of it is more than the text in it.
        Err(_) => length(value),
    }
}

fn length(value: &RawValue) -> u64 {
    value.get().len() as u64
}

/// Adds up the text in a value.
struct Text<'c> {
    bytes: &'c mut u64,
    per_number: u64,
}

impl Text<'_> {
    fn again(&mut self) -> Text<'_> {
        Text { bytes: self.bytes, per_number: self.per_number }
    }
}

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        *self.bytes += text.len() as u64;
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        *self.bytes += self.per_number;
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        *self.bytes += self.per_number;
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        *self.bytes += self.per_number;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self.again())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(role) = map.next_key::<Role>()? {
            match role {
                Role::Walked => map.next_value_seed(self.again())?,
                Role::AsJson => *self.bytes += length(map.next_value()?),
                Role::Source => *self.bytes += source_text(map.next_value()?),
                Role::Unread => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// What the name of a member says about its value.
enum Role {
    /// Text may be in it.
    Walked,
    /// The model reads it as JSON.
    AsJson,
    /// The source of an image or a document.
    Source,
    /// The model does not read it as text.
    Unread,
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Role;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Role, E> {
                Ok(match name {
                    "type" | "role" | "id" | "tool_call_id" | "tool_use_id" | "cache_control" | "call_id"
                    | "signature" | "encrypted_content" | "image_url" | "input_audio" | "audio" | "file"
                    | "file_data" | "data" => Role::Unread,
                    "input" => Role::AsJson,
                    "source" => Role::Source,
                    _ => Role::Walked,
                })
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}

/// The text in the source of a document; none in that of an image or of an encoded file.
fn source_text(source: &RawValue) -> u64 {
    #[derive(Deserialize)]
    struct Source<'a> {
        #[serde(borrow, default)]
        r#type: Option<&'a RawValue>,
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
        #[serde(borrow, default)]
        content: Option<&'a RawValue>,
    }
    let Ok(source) = serde_json::from_str::<Source<'_>>(source.get()) else { return length(source) };
    let read = match source.r#type.map(RawValue::get) {
        Some("\"text\"") => source.data,
        _ => source.content,
    };
    read.map_or(0, |read| text_in(read, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members;

    fn read(operation: Operation, body: &str) -> u64 {
        bytes_read(operation, &members::of_object(body).unwrap())
    }

    #[test]
    fn texts_and_text_parts_count() {
        let body = r#"{"messages":[
            {"role":"system","content":"12"},
            {"role":"user","content":[{"type":"text","text":"345"},
                {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
            {"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",
                "function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"call_1","content":"\u00e9"}],
            "tools":[1],"temperature":0.5,"user":"not read"}"#;
        assert_eq!(read(Operation::ChatCompletions, body), 2 + 3 + 1 + 2 + 2 + 3);
    }

    #[test]
    fn anthropics_blocks_count_and_encoded_files_do_not() {
        let body = r#"{"system":[{"type":"text","text":"sys","cache_control":{"type":"ephemeral"}}],
            "messages":[{"role":"user","content":[
                {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},
                {"type":"document","source":{"type":"text","media_type":"text/plain","data":"plain"}},
                {"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"ok"}]}]},
              {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"EqQB"},
                {"type":"tool_use","id":"t","name":"f","input":{"a":1}}]}]}"#;
        assert_eq!(read(Operation::Messages, body), 3 + 5 + 2 + 2 + 1 + 7);
    }

    #[test]
    fn items_of_responses_count() {
        let body = r#"{"instructions":"12","input":[
            {"role":"user","content":[{"type":"input_text","text":"345"},{"type":"input_image","image_url":"data:image/png;base64,AAAA"},
                {"type":"input_file","file_data":"AAAA"}]},
            {"type":"function_call","call_id":"call_1","id":"fc_1","arguments":"{}"},
            {"type":"function_call_output","call_id":"call_1","output":"ok"},
            {"type":"reasoning","id":"rs_1","encrypted_content":"gAAA","summary":[]}],
            "tools":[1],"previous_response_id":"resp_1"}"#;
        assert_eq!(read(Operation::Responses, body), 2 + 3 + 2 + 2 + 3);
        assert_eq!(read(Operation::Responses, r#"{"input":"four"}"#), 4);
    }

    #[test]
    fn texts_and_tokens_to_embed_count() {
        assert_eq!(read(Operation::Embeddings, r#"{"input":"four"}"#), 4);
        assert_eq!(read(Operation::Embeddings, r#"{"input":["a","bc"]}"#), 3);
        assert_eq!(read(Operation::Embeddings, r#"{"input":[[1,2],[3]]}"#), 12);
    }

    #[test]
    fn what_is_nested_without_end_counts_whole() {
        let deep = format!(r#"{{"messages":[{}{}]}}"#, "[".repeat(5_000), "]".repeat(5_000));
        assert_eq!(read(Operation::ChatCompletions, &deep), 10_002);
    }
}
