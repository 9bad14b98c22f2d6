//! How much text a model will read.

mod own_tools;
mod says;

use std::borrow::Cow;
use std::fmt;

use promptgate_providers::Operation;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::estimate::BYTES_PER_TOKEN;
use crate::members::{self, Member};
use says::says;

/// What a model will read, by its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they say different things about a prompt")]
pub struct PromptSize {
    /// Bytes of text.
    pub text_bytes: u64,
    /// Bytes that its vendor alone can read, such as encrypted thoughts.
    pub opaque_bytes: u64,
    /// Messages, parts of them, and whatever else has a frame of its own.
    pub frames: u64,
    /// Pictures.
    pub images: u64,
    /// Bytes of documents, as they are encoded.
    pub file_bytes: u64,
    /// Documents that are elsewhere.
    pub files_elsewhere: u64,
    /// Bytes of sound, as they are encoded.
    pub audio_bytes: u64,
    /// Whether tools are described.
    pub has_tools: bool,
    /// How often tools may be used at most that the vendor itself runs.
    pub own_tool_uses: u64,
    /// How many tokens each of them may fetch, where the request says it.
    pub fetched: Option<u64>,
    /// The member that asks for something that costs more than its tokens do by the vendor's list.
    pub dearer: Option<&'static str>,
    /// Whether a prefix is to be cached.
    pub caches: bool,
    /// Whether it is to be cached for an hour.
    pub caches_long: bool,
    /// Whether the answer may have sound in it.
    pub wants_audio: bool,
    /// Whether there is more to read that the vendor keeps: an earlier answer, a conversation, a prompt.
    pub has_more_elsewhere: bool,
}

/// What an operation's model reads: texts and text parts, tools and schemas as JSON, tokens of embeddings at
/// the usual size. Images, audio and files are no text.
pub(crate) fn size(operation: Operation, members: &[Member<'_>]) -> PromptSize {
    let mut size = PromptSize::default();
    for member in members {
        let value = member.value;
        match (operation, &*member.name) {
            (Operation::ChatCompletions | Operation::Messages | Operation::CountTokens, "messages")
            | (Operation::Messages | Operation::CountTokens, "system")
            | (Operation::Responses, "input" | "instructions") => text_in(value, 0, &mut size),
            (Operation::Embeddings, "input") => text_in(value, BYTES_PER_TOKEN, &mut size),
            (Operation::ChatCompletions, "tools" | "functions")
            | (Operation::Responses | Operation::Messages | Operation::CountTokens, "tools") => {
                size.has_tools = value.get().len() > 2;
                if says(value, "cache_control") {
                    size.cache(value);
                }
                size.text(length(value));
            }
            (Operation::ChatCompletions, "response_format")
            | (Operation::Responses, "text")
            | (Operation::Messages | Operation::CountTokens, "output_format" | "output_config") => {
                size.text(length(value));
            }
            (Operation::Responses, "prompt") => {
                size.text(length(value));
                size.has_more_elsewhere |= value.get() != "null";
            }
            (Operation::Responses, "previous_response_id" | "conversation") => {
                size.has_more_elsewhere |= value.get() != "null";
            }
            // The vendor finds the prefix by itself.
            (Operation::ChatCompletions | Operation::Messages, "cache_control") => size.cache(value),
            (Operation::ChatCompletions | Operation::Responses, "service_tier")
                if says(value, "priority") =>
            {
                size.dearer = Some("service_tier");
            }
            (Operation::Messages, "speed") if says(value, "fast") => size.dearer = Some("speed"),
            (Operation::Messages, "inference_geo") if says(value, "us") => {
                size.dearer = Some("inference_geo");
            }
            (Operation::ChatCompletions, "audio") => size.wants_audio |= value.get() != "null",
            _ => {}
        }
    }
    (size.own_tool_uses, size.fetched) = own_tools::uses(operation, members);
    size
}

fn text_in(value: &RawValue, per_number: u64, size: &mut PromptSize) {
    let before = *size;
    let mut reader = serde_json::Deserializer::from_str(value.get());
    if (Text { size, per_number }).deserialize(&mut reader).is_err() {
        // Nested too deeply, or with broken escapes: all of it is more than the text in it.
        *size = before;
        size.text(length(value));
    }
}

fn length(value: &RawValue) -> u64 {
    value.get().len() as u64
}

impl PromptSize {
    /// That of a body. One that cannot be read is all text.
    pub fn of(operation: Operation, body: &[u8]) -> Self {
        let members = std::str::from_utf8(body).ok().and_then(|text| members::of_object(text).ok());
        members.map_or_else(
            || Self { text_bytes: body.len() as u64, ..Self::default() },
            |members| size(operation, &members),
        )
    }

    /// Something is to be cached, if `how` says so.
    fn cache(&mut self, how: &RawValue) {
        self.caches |= how.get() != "null";
        self.caches_long |= says(how, "1h");
    }

    fn text(&mut self, bytes: u64) {
        self.text_bytes = self.text_bytes.saturating_add(bytes);
    }
}

/// Adds up what is in a value.
struct Text<'c> {
    size: &'c mut PromptSize,
    per_number: u64,
}

impl Text<'_> {
    fn again(&mut self) -> Text<'_> {
        Text { size: self.size, per_number: self.per_number }
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
        self.size.text(text.len() as u64);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.size.text(self.per_number);
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.size.text(self.per_number);
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.size.text(self.per_number);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self.again())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.size.frames += 1;
        while let Some(role) = map.next_key::<Role>()? {
            match role {
                Role::Walked => map.next_value_seed(self.again())?,
                Role::AsJson => {
                    let value: &RawValue = map.next_value()?;
                    self.size.text(length(value));
                }
                Role::Source => source(map.next_value()?, self.size),
                Role::Unread => drop(map.next_value::<IgnoredAny>()?),
                Role::Opaque => self.size.opaque_bytes += length(map.next_value()?),
                Role::Image => {
                    map.next_value::<IgnoredAny>()?;
                    self.size.images += 1;
                }
                Role::Sound => self.size.audio_bytes += length(map.next_value()?),
                Role::File => {
                    let value: &RawValue = map.next_value()?;
                    self.size.file_bytes += length(value);
                    self.size.files_elsewhere += u64::from(says(value, "file_id"));
                }
                Role::FileElsewhere => {
                    map.next_value::<IgnoredAny>()?;
                    self.size.files_elsewhere += 1;
                }
                Role::Cache => self.size.cache(map.next_value()?),
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
    /// The model does not read it.
    Unread,
    /// Only the model's vendor can read it.
    Opaque,
    /// A picture.
    Image,
    /// Sound.
    Sound,
    /// A document.
    File,
    /// A document that is elsewhere.
    FileElsewhere,
    /// A prefix ends here that is to be cached.
    Cache,
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
                    "type" | "role" | "id" | "tool_call_id" | "tool_use_id" | "call_id" => Role::Unread,
                    "signature" | "encrypted_content" | "data" => Role::Opaque,
                    "image_url" => Role::Image,
                    "input_audio" | "audio" => Role::Sound,
                    "file" | "file_data" => Role::File,
                    "file_id" | "file_url" => Role::FileElsewhere,
                    "cache_control" => Role::Cache,
                    "input" => Role::AsJson,
                    "source" => Role::Source,
                    _ => Role::Walked,
                })
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}

/// The source of an image or a document: its text, or what it is encoded in.
fn source(source: &RawValue, size: &mut PromptSize) {
    #[derive(Deserialize)]
    struct Source<'a> {
        #[serde(borrow, default)]
        r#type: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        media_type: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
        #[serde(borrow, default)]
        content: Option<&'a RawValue>,
    }
    let Ok(read) = serde_json::from_str::<Source<'_>>(source.get()) else {
        size.text(length(source));
        return;
    };
    let is_image = read.media_type.is_some_and(|kind| kind.starts_with("image/"));
    match read.r#type.as_deref() {
        Some("text") => {
            if let Some(data) = read.data {
                text_in(data, 0, size);
            }
            return;
        }
        Some("base64") if is_image => size.images += 1,
        Some("base64") => size.file_bytes += read.data.map_or(0, length),
        Some("url" | "file") => size.files_elsewhere += 1,
        Some("content") => {}
        // Nobody knows what is read of it.
        _ => {
            size.text(length(source));
            return;
        }
    }
    if let Some(content) = read.content {
        text_in(content, 0, size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members;

    fn read(operation: Operation, body: &str) -> u64 {
        sized(operation, body).text_bytes
    }

    fn sized(operation: Operation, body: &str) -> PromptSize {
        size(operation, &members::of_object(body).unwrap())
    }

    #[test]
    fn what_is_no_text_is_counted_beside_it() {
        let chat = sized(
            Operation::ChatCompletions,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"345"},
                {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
                {"type":"input_audio","input_audio":{"data":"AA","format":"wav"}},
                {"type":"file","file":{"file_id":"f"}}]}],"tools":[{}],"audio":{"voice":"x"}}"#,
        );
        assert_eq!((chat.images, chat.audio_bytes, chat.files_elsewhere), (1, 28, 1));
        assert_eq!((chat.frames, chat.has_tools, chat.wants_audio), (5, true, true));
        let messages = sized(
            Operation::Messages,
            r#"{"messages":[{"role":"user","content":[
                {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},
                {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"}},
                {"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}]},
              {"role":"assistant","content":[{"type":"redacted_thinking","data":"EqQB"}]}]}"#,
        );
        assert_eq!((messages.images, messages.file_bytes, messages.opaque_bytes), (1, 6, 6));
        assert!(messages.caches && messages.caches_long);
        for (ttl, is_long) in [(r#","ttl":"1h""#, true), (r#","ttl":"5m""#, false), ("", false)] {
            let tools = format!(
                r#"{{"tools":[{{"name":"f","cache_control":{{"type":"ephemeral"{ttl}}}}}],"messages":[]}}"#
            );
            let size = sized(Operation::Messages, &tools);
            assert_eq!((size.caches, size.caches_long), (true, is_long), "{tools}");
        }
        for tools in [r#"[{"cache\u005fcontrol":{"ttl":"1h"}}]"#, r#"[{"cache_control":{"ttl":"\u0031h"}}]"#]
        {
            let size = sized(Operation::Messages, &format!(r#"{{"tools":{tools},"messages":[]}}"#));
            assert!(size.caches && size.caches_long, "{tools}");
        }
        for (top, expected) in [
            (r#"{"type":"ephemeral","ttl":"\u0031h"}"#, (true, true)),
            (r#"{"type":"ephemeral"}"#, (true, false)),
            (r#"{"type":"ephemeral","ttl":"1h"}"#, (true, true)),
            ("null", (false, false)),
        ] {
            let size = sized(Operation::Messages, &format!(r#"{{"cache_control":{top},"messages":[]}}"#));
            assert_eq!((size.caches, size.caches_long), expected, "{top}");
        }
        let dearer = |operation, member: &str| sized(operation, &format!("{{{member}}}")).dearer;
        assert_eq!(dearer(Operation::Responses, r#""service_tier":"priority""#), Some("service_tier"));
        assert_eq!(dearer(Operation::ChatCompletions, r#""service_tier":"flex""#), None);
        assert_eq!(dearer(Operation::Messages, r#""speed":"fast""#), Some("speed"));
        assert_eq!(dearer(Operation::Messages, r#""inference_geo":"us""#), Some("inference_geo"));
        for (operation, member) in [
            (Operation::ChatCompletions, r#""service_tier":"\u0070riority""#),
            (Operation::Responses, r#""service_tier":"priorit\u0079""#),
            (Operation::Messages, r#""speed":"f\u0061st""#),
            (Operation::Messages, r#""inference_geo":"\u0075s""#),
        ] {
            assert!(dearer(operation, member).is_some(), "{member}");
        }
        let continued = sized(Operation::Responses, r#"{"input":"x","previous_response_id":"resp_1"}"#);
        assert!(continued.has_more_elsewhere && !continued.has_tools);
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
    fn sources_count_however_their_kind_is_written() {
        let of = |source: &str| {
            let block = format!(r#"{{"type":"document","source":{source}}}"#);
            let size = sized(
                Operation::Messages,
                &format!(r#"{{"messages":[{{"role":"user","content":[{block}]}}]}}"#),
            );
            (size.text_bytes, size.images, size.file_bytes, size.files_elsewhere)
        };
        assert_eq!(of(r#"{"type":"t\u0065xt","data":"plain"}"#), (5, 0, 0, 0));
        assert_eq!(
            of(r#"{"type":"bas\u006564","media_type":"application/pdf","data":"AAAA"}"#),
            (0, 0, 6, 0)
        );
        assert_eq!(of(r#"{"type":"base64","media_type":"im\u0061ge/png","data":"AAAA"}"#), (0, 1, 0, 0));
        assert_eq!(of(r#"{"type":"\u0066ile","file_id":"f"}"#), (0, 0, 0, 1));
        let content = r#"{"type":"content","content":[{"type":"text","text":"four"}]}"#;
        assert_eq!(of(content), (4, 0, 0, 0));
        // What nobody knows counts whole.
        for unknown in [r#"{"type":"new","data":"x"}"#, r#"{"data":"x"}"#, r#"{"type":7,"data":"x"}"#] {
            assert_eq!(of(unknown), (unknown.len() as u64, 0, 0, 0), "{unknown}");
        }
        let file = r#"{"messages":[{"content":[{"type":"file","file":{"file\u005fid":"f"}}]}]}"#;
        assert_eq!(sized(Operation::ChatCompletions, file).files_elsewhere, 1);
    }

    #[test]
    fn what_an_answer_has_to_look_like_is_read_too() {
        for name in ["output_format", "output_config"] {
            for operation in [Operation::Messages, Operation::CountTokens] {
                let body = format!(r#"{{"messages":[],"{name}":{{"a":1}}}}"#);
                assert_eq!(read(operation, &body), 7, "{name}");
            }
        }
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
