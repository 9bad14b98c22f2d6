//! What is said in a conversation.

use std::borrow::Cow;
use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::InvalidInput;
use crate::json::{self, Json};

/// Who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Who runs the application.
    System,
    /// Who uses it.
    User,
    /// The model.
    Assistant,
    /// A tool that the model has called.
    Tool,
}

impl Role {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::System, Self::User, Self::Assistant, Self::Tool].into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A part of a message that is not one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    text: Option<String>,
    json: Json,
}

impl Part {
    /// A text.
    pub fn of_text(text: String) -> Self {
        let json = Json::from(&serde_json::json!({"type": "text", "text": text}));
        Self { text: Some(text), json }
    }

    /// Its text, if that is what it is.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The part as it was given.
    pub const fn json(&self) -> &Json {
        &self.json
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing: an answer that only calls tools.
    Nothing,
    /// A text.
    Text(String),
    /// Texts, pictures, files and so on.
    Parts(Vec<Part>),
}

/// A message in the shape of Chat Completions. Everything but its role and texts is kept as it was
/// given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: Content,
    /// Its other members, such as `tool_calls`, `tool_call_id` and `name`, in order.
    pub rest: Vec<(String, Json)>,
}

impl Message {
    /// A message that is one text.
    pub fn text_of(role: Role, text: impl Into<String>) -> Self {
        Self { role, content: Content::Text(text.into()), rest: vec![] }
    }

    /// All its texts, one after another on lines of their own.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.content {
            Content::Nothing => Cow::Borrowed(""),
            Content::Text(text) => Cow::Borrowed(text),
            Content::Parts(parts) => {
                let texts: Vec<_> = parts.iter().filter_map(Part::text).collect();
                match texts.as_slice() {
                    [text] => Cow::Borrowed(text),
                    texts => Cow::Owned(texts.join("\n")),
                }
            }
        }
    }

    /// How many characters its texts have.
    pub fn characters(&self) -> u64 {
        let count = |text: &str| u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        match &self.content {
            Content::Nothing => 0,
            Content::Text(text) => count(text),
            Content::Parts(parts) => parts.iter().filter_map(Part::text).map(count).sum(),
        }
    }

    /// The message with another text in the place of all its texts; pictures and the like stay.
    #[must_use]
    pub fn with_text(self, text: String) -> Self {
        let content = match self.content {
            Content::Nothing | Content::Text(_) => Content::Text(text),
            Content::Parts(parts) => {
                let at = parts.iter().position(|part| part.text.is_some()).unwrap_or(0);
                let before = parts[..at].to_vec();
                let after = parts.into_iter().skip(at).filter(|part| part.text.is_none());
                Content::Parts(before.into_iter().chain([Part::of_text(text)]).chain(after).collect())
            }
        };
        Self { content, ..self }
    }

    /// Reads a message; `path` is where it stands, for the error.
    pub(crate) fn read(raw: &RawValue, path: &str) -> Result<Self, InvalidInput> {
        let members =
            json::members(raw.get()).ok_or_else(|| InvalidInput::field(path, "must be an object"))?;
        let (mut role, mut content, mut rest) = (None, Content::Nothing, Vec::new());
        for (name, value) in members {
            match name.as_ref() {
                "role" => role = Some(read_role(value, path)?),
                "content" => content = read_content(value, &format!("{path}.content"))?,
                other => {
                    if let Some(meant) = ["role", "content"].iter().find(|name| json::reads_as(other, name)) {
                        return Err(InvalidInput::ambiguous(&format!("{path}.{meant}")));
                    }
                    rest.push((other.to_owned(), Json::from(value)));
                }
            }
        }
        let role = role.ok_or_else(|| InvalidInput::field(format!("{path}.role"), "is required"))?;
        let calls_tools = || rest.iter().any(|(name, value)| name == "tool_calls" && !value.is_null());
        if content == Content::Nothing && !(role == Role::Assistant && calls_tools()) {
            return Err(InvalidInput::field(
                format!("{path}.content"),
                "must be a string or a list of parts",
            ));
        }
        Ok(Self { role, content, rest })
    }
}

/// How many tokens messages are taken to have: a quarter of their characters, rounded up.
pub fn estimate_tokens<'a>(messages: impl IntoIterator<Item = &'a Message>) -> u64 {
    messages.into_iter().map(Message::characters).sum::<u64>().div_ceil(4)
}

fn read_role(value: &RawValue, path: &str) -> Result<Role, InvalidInput> {
    let name = serde_json::from_str::<Cow<'_, str>>(value.get()).ok();
    name.and_then(|name| Role::parse(&name)).ok_or_else(|| {
        InvalidInput::field(format!("{path}.role"), "must be `system`, `user`, `assistant` or `tool`")
    })
}

fn read_content(value: &RawValue, path: &str) -> Result<Content, InvalidInput> {
    match value.get().as_bytes().first() {
        Some(b'n') => Ok(Content::Nothing),
        Some(b'"') => {
            let text = serde_json::from_str(value.get())
                .map_err(|_| InvalidInput::field(path, "must be a string or a list of parts"))?;
            Ok(Content::Text(text))
        }
        Some(b'[') => {
            let parts: Vec<&RawValue> = serde_json::from_str(value.get())
                .map_err(|_| InvalidInput::field(path, "must be a string or a list of parts"))?;
            let read = |(index, part)| read_part(part, &format!("{path}[{index}]"));
            parts.into_iter().enumerate().map(read).collect::<Result<_, _>>().map(Content::Parts)
        }
        _ => Err(InvalidInput::field(path, "must be a string or a list of parts")),
    }
}

fn read_part(raw: &RawValue, path: &str) -> Result<Part, InvalidInput> {
    let members = json::members(raw.get()).ok_or_else(|| InvalidInput::field(path, "must be an object"))?;
    let string = |name: &str| {
        let value = members.iter().find(|(given, _)| given == name).map(|(_, value)| value.get());
        value.and_then(|value| serde_json::from_str::<String>(value).ok())
    };
    for name in ["type", "text"] {
        if members.iter().any(|(given, _)| given != name && json::reads_as(given, name)) {
            return Err(InvalidInput::ambiguous(&format!("{path}.{name}")));
        }
    }
    let kind =
        string("type").ok_or_else(|| InvalidInput::field(format!("{path}.type"), "must be a string"))?;
    let text = match kind.as_str() {
        "text" => {
            let text = string("text");
            Some(text.ok_or_else(|| InvalidInput::field(format!("{path}.text"), "must be a string"))?)
        }
        _ => None,
    };
    Ok(Part { text, json: Json::from(raw) })
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => Value::Null.serialize(to),
            Self::Text(text) => text.serialize(to),
            Self::Parts(parts) => to.collect_seq(parts.iter().map(|part| &part.json)),
        }
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut object = to.serialize_map(Some(2 + self.rest.len()))?;
        object.serialize_entry("role", self.role.as_str())?;
        object.serialize_entry("content", &self.content)?;
        for (name, value) in &self.rest {
            object.serialize_entry(name, value)?;
        }
        object.end()
    }
}

impl<'de> Deserialize<'de> for Message {
    /// Reads JSON text; other formats have no raw values.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        Self::read(&raw, "message").map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Message, InvalidInput> {
        Message::read(serde_json::from_str(text).unwrap(), "messages[0]")
    }

    #[test]
    fn what_is_not_text_survives_byte_for_byte() {
        let given = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a", "function":{"name":"f","arguments":"{}"}}],"n":1.50}"#;
        let message = read(given).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), given);
        let parts = r#"{"role":"user","content":[{"z":1,"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#;
        let message = read(parts).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), parts);
        assert_eq!(message.text(), "a\nb");
        let reread: Message = serde_json::from_str(parts).unwrap();
        assert_eq!(reread, message);
        let other = serde_json::to_string(&message.with_text("c".into())).unwrap();
        assert_eq!(
            other,
            r#"{"role":"user","content":[{"z":1,"type":"image_url","image_url":{"url":"x"}},{"text":"c","type":"text"}]}"#
        );
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        for (text, field) in [
            ("[]", "messages[0]"),
            (r#"{"content":"x"}"#, "messages[0].role"),
            (r#"{"role":"developer","content":"x"}"#, "messages[0].role"),
            (r#"{"role":1,"content":"x"}"#, "messages[0].role"),
            (r#"{"role":"user"}"#, "messages[0].content"),
            (r#"{"role":"user","content":null}"#, "messages[0].content"),
            (r#"{"role":"assistant","content":null,"tool_calls":null}"#, "messages[0].content"),
            (r#"{"role":"user","content":7}"#, "messages[0].content"),
            (r#"{"role":"user","content":["x"]}"#, "messages[0].content[0]"),
            (r#"{"role":"user","content":[{"text":"x"}]}"#, "messages[0].content[0].type"),
            (r#"{"role":"user","content":[{"type":"text"}]}"#, "messages[0].content[0].text"),
            (
                r#"{"role":"user","content":[{"type":"text","text":"x","Text":"y"}]}"#,
                "messages[0].content[0].text",
            ),
            (r#"{"role":"user","content":"x","Content":"y"}"#, "messages[0].content"),
        ] {
            assert_eq!(read(text).unwrap_err().field.as_deref(), Some(field), "{text}");
        }
    }

    #[test]
    fn four_characters_are_a_token() {
        let message = |text: &str| Message::text_of(Role::User, text);
        assert_eq!(estimate_tokens(&[]), 0);
        assert_eq!(estimate_tokens(&[message("abcd")]), 1);
        assert_eq!(estimate_tokens(&[message("abc"), message("dé")]), 2);
        assert_eq!(estimate_tokens(&[message("ééééé")]), 2);
    }
}
