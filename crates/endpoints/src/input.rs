//! The body of a call.

use std::borrow::Cow;

use promptgate_kernel::AiSessionId;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::json::{self, Json, Members};
use crate::{Message, Role};

/// A body that cannot be a call. A client gets it as 400, a body that is too large as 413.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidInput {
    /// The path of what is wrong, such as `messages[2].role`.
    pub field: Option<String>,
    /// What is wrong, for people. It names the member, never its content.
    pub message: String,
    /// What is wrong, for programs: `invalid_json`, `invalid_field`, `ambiguous_field` or
    /// `body_too_large`.
    pub code: &'static str,
}

impl InvalidInput {
    fn json(message: impl Into<String>) -> Self {
        Self { field: None, message: message.into(), code: "invalid_json" }
    }

    pub(crate) fn field(path: impl Into<String>, what: &str) -> Self {
        let path = path.into();
        Self { message: format!("`{path}` {what}"), field: Some(path), code: "invalid_field" }
    }

    pub(crate) fn ambiguous(path: &str) -> Self {
        Self {
            message: format!("`{path}` stands in the body twice, or in another spelling"),
            field: Some(path.to_owned()),
            code: "ambiguous_field",
        }
    }
}

/// How the caller has said what it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// With `messages`.
    Messages,
    /// With the short form `message`.
    Message,
    /// With members of its own only: the user's message is then the JSON of them. Only endpoints with
    /// variables or an input schema understand that.
    OwnMembers,
}

/// The body of a call of an endpoint, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatInput {
    /// What is said, at least one message.
    pub messages: Vec<Message>,
    /// How it is said.
    pub spoken: Spoken,
    /// Whether a stream is wanted.
    pub stream: bool,
    /// The conversation that goes on.
    pub session_id: Option<AiSessionId>,
    /// The tools that the model may call, a list as it was given.
    pub tools: Option<Json>,
    /// Whether it must.
    pub tool_choice: Option<Json>,
    body: Json,
    dispatched: bool,
}

/// Members that the gateway itself reads.
const KNOWN: [&str; 6] = ["message", "messages", "stream", "session_id", "tools", "tool_choice"];

impl ChatInput {
    /// The largest body: 10 MiB.
    pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
    /// The most messages of a body.
    pub const MAX_MESSAGES: usize = 10_000;

    /// Reads the body of `POST /api/{uuid}/{slug}`.
    pub fn read(body: &[u8]) -> Result<Self, InvalidInput> {
        let (text, members) = open(body)?;
        Self::of_members(text, &members, false)
    }

    /// Reads the body of `POST /api/{uuid}/chat/completions`: the slug of the endpoint, and the call.
    pub fn read_dispatched(body: &[u8]) -> Result<(String, Self), InvalidInput> {
        let (text, members) = open(body)?;
        refuse_variants(&members, &["endpoint"])?;
        let slug = find(&members, "endpoint").and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        let slug = slug.ok_or_else(|| InvalidInput::field("endpoint", "must be the slug of an endpoint"))?;
        Ok((slug, Self::of_members(text, &members, true)?))
    }

    /// What an input schema validates: the whole body; without `endpoint` where that only says which
    /// endpoint is meant.
    pub fn payload(&self) -> Value {
        let mut payload = self.body.to_value();
        if self.dispatched
            && let Value::Object(members) = &mut payload
        {
            members.remove("endpoint");
        }
        payload
    }

    /// The call that a stored body asks for, such as an item of a golden set. It is never a stream and
    /// belongs to no conversation.
    pub fn from_stored(body: &Map<String, Value>) -> Result<Self, InvalidInput> {
        let text = serde_json::to_vec(body).map_err(|error| InvalidInput::json(error.to_string()))?;
        Ok(Self { stream: false, session_id: None, ..Self::read(&text)? })
    }

    fn of_members(text: &str, members: &Members<'_>, dispatched: bool) -> Result<Self, InvalidInput> {
        refuse_variants(members, &KNOWN)?;
        let (messages, spoken) = read_messages(members, dispatched)?;
        let body = Json::parse(text).ok_or_else(|| InvalidInput::json("the body is not valid JSON"))?;
        Ok(Self {
            messages,
            spoken,
            stream: read_stream(members)?,
            session_id: read_session(members)?,
            tools: read_tools(members)?,
            tool_choice: read_tool_choice(members)?,
            body,
            dispatched,
        })
    }
}

fn open(body: &[u8]) -> Result<(&str, Members<'_>), InvalidInput> {
    if body.len() > ChatInput::MAX_BODY_BYTES {
        return Err(InvalidInput {
            field: None,
            message: "the body is larger than 10 MiB".to_owned(),
            code: "body_too_large",
        });
    }
    let text = std::str::from_utf8(body).map_err(|_| InvalidInput::json("the body is not UTF-8"))?;
    json::check_unique(text).map_err(|error| {
        if error.is_data() {
            let message = format!("the body can be read in two ways: {error}");
            return InvalidInput { code: "ambiguous_field", ..InvalidInput::json(message) };
        }
        InvalidInput::json(format!("the body is not valid JSON: {error}"))
    })?;
    let members = json::members(text).ok_or_else(|| InvalidInput::json("the body must be a JSON object"))?;
    Ok((text, members))
}

fn refuse_variants(members: &Members<'_>, names: &[&str]) -> Result<(), InvalidInput> {
    for (given, _) in members {
        if let Some(meant) = names.iter().find(|name| given != **name && json::reads_as(given, name)) {
            return Err(InvalidInput::ambiguous(meant));
        }
    }
    Ok(())
}

/// The value of a member; `null` is as good as none.
fn find<'a>(members: &Members<'a>, name: &str) -> Option<&'a RawValue> {
    let value = members.iter().find(|(given, _)| given == name).map(|(_, value)| *value);
    value.filter(|value| value.get() != "null")
}

fn read_messages(members: &Members<'_>, dispatched: bool) -> Result<(Vec<Message>, Spoken), InvalidInput> {
    if let Some(raw) = find(members, "messages") {
        let items: Vec<&RawValue> = serde_json::from_str(raw.get())
            .map_err(|_| InvalidInput::field("messages", "must be a list of messages"))?;
        if items.is_empty() || items.len() > ChatInput::MAX_MESSAGES {
            return Err(InvalidInput::field("messages", "must have 1 to 10,000 messages"));
        }
        let read = |(index, item)| Message::read(item, &format!("messages[{index}]"));
        let messages = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
        return Ok((messages, Spoken::Messages));
    }
    if let Some(raw) = find(members, "message") {
        let text = serde_json::from_str::<String>(raw.get())
            .map_err(|_| InvalidInput::field("message", "must be a string"))?;
        return Ok((vec![Message::text_of(Role::User, text)], Spoken::Message));
    }
    let own = members
        .iter()
        .filter(|(name, _)| !(KNOWN.contains(&name.as_ref()) || dispatched && name == "endpoint"));
    let mut text = String::from("{");
    for (name, value) in own {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&Value::from(name.as_ref()).to_string());
        text.push(':');
        text.push_str(value.get());
    }
    text.push('}');
    if text.len() == 2 {
        return Err(InvalidInput::field("messages", "is required; `message` is its short form for one text"));
    }
    Ok((vec![Message::text_of(Role::User, text)], Spoken::OwnMembers))
}

fn read_stream(members: &Members<'_>) -> Result<bool, InvalidInput> {
    match find(members, "stream").map(RawValue::get) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(InvalidInput::field("stream", "must be true or false")),
    }
}

fn read_session(members: &Members<'_>) -> Result<Option<AiSessionId>, InvalidInput> {
    let Some(raw) = find(members, "session_id") else { return Ok(None) };
    let id = serde_json::from_str::<Cow<'_, str>>(raw.get()).ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| InvalidInput::field("session_id", "must be a UUID"))
}

fn read_tools(members: &Members<'_>) -> Result<Option<Json>, InvalidInput> {
    let Some(raw) = find(members, "tools") else { return Ok(None) };
    let tools: Option<Vec<&RawValue>> = serde_json::from_str(raw.get()).ok();
    match tools {
        Some(tools) if tools.is_empty() => Ok(None),
        Some(tools) if tools.iter().all(|tool| tool.get().starts_with('{')) => Ok(Some(Json::from(raw))),
        _ => Err(InvalidInput::field("tools", "must be a list of tools")),
    }
}

fn read_tool_choice(members: &Members<'_>) -> Result<Option<Json>, InvalidInput> {
    let Some(raw) = find(members, "tool_choice") else { return Ok(None) };
    let fits = raw.get().starts_with('{')
        || serde_json::from_str::<Cow<'_, str>>(raw.get())
            .is_ok_and(|choice| ["auto", "none", "required"].contains(&choice.as_ref()));
    if fits {
        Ok(Some(Json::from(raw)))
    } else {
        Err(InvalidInput::field("tool_choice", "must be `auto`, `none`, `required` or an object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(body: &str) -> Result<ChatInput, InvalidInput> {
        ChatInput::read(body.as_bytes())
    }

    #[test]
    fn messages_win_over_the_short_form() {
        let input = read(r#"{"message":"short","messages":[{"role":"user","content":"long"}]}"#).unwrap();
        assert_eq!((input.messages[0].text().as_ref(), input.spoken), ("long", Spoken::Messages));
        let input = read(r#"{"message":"short","messages":null,"stream":true}"#).unwrap();
        assert_eq!((input.messages[0].text().as_ref(), input.spoken), ("short", Spoken::Message));
        assert!(input.stream);
    }

    #[test]
    fn own_members_are_the_message_if_nothing_else_is_said() {
        let input = read(r#"{"city":"Łódź","stream":true,"days": 1.0}"#).unwrap();
        assert_eq!(input.messages[0].text(), r#"{"city":"Łódź","days":1.0}"#);
        assert_eq!(input.spoken, Spoken::OwnMembers);
        assert_eq!(input.payload(), json!({"city": "Łódź", "stream": true, "days": 1.0}));
        assert_eq!(read(r#"{"stream":false}"#).unwrap_err().field.as_deref(), Some("messages"));
    }

    #[test]
    fn the_dispatcher_takes_the_slug_out_of_the_body() {
        let body = br#"{"endpoint":"mail","x":1}"#;
        let (slug, input) = ChatInput::read_dispatched(body).unwrap();
        assert_eq!((slug.as_str(), input.messages[0].text().as_ref()), ("mail", r#"{"x":1}"#));
        assert_eq!(input.payload(), json!({"x": 1}));
        assert_eq!(ChatInput::read(body).unwrap().payload(), json!({"endpoint": "mail", "x": 1}));
        for wrong in [&br#"{"message":"x"}"#[..], br#"{"endpoint":1,"message":"x"}"#] {
            assert_eq!(ChatInput::read_dispatched(wrong).unwrap_err().field.as_deref(), Some("endpoint"));
        }
    }

    #[test]
    fn sessions_and_tools_are_kept_as_they_are() {
        let input = read(
            r#"{"message":"x","session_id":"018f4e6e-0000-7000-8000-000000000001","tools":[{"b":1, "a":2}],"tool_choice":"required"}"#,
        )
        .unwrap();
        assert_eq!(input.session_id.unwrap().to_string(), "018f4e6e-0000-7000-8000-000000000001");
        assert_eq!(input.tools.unwrap().as_str(), r#"[{"b":1, "a":2}]"#);
        assert_eq!(input.tool_choice.unwrap().as_str(), r#""required""#);
        assert_eq!(read(r#"{"message":"x","tools":[]}"#).unwrap().tools, None);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for body in [
            r#"{"message":"x","message":"y"}"#,
            r#"{"message":"x","Messages":[]}"#,
            r#"{"message":"x","\u017ftream":true}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a","text":"b"}]}]}"#,
            r#"{"message":"x","tools":[{"a":1,"a":2}]}"#,
        ] {
            assert_eq!(read(body).unwrap_err().code, "ambiguous_field", "{body}");
        }
    }

    #[test]
    fn wrong_members_are_named() {
        for (body, field) in [
            (r#"{"message":1}"#, "message"),
            (r#"{"messages":{}}"#, "messages"),
            (r#"{"messages":[]}"#, "messages"),
            (r#"{"messages":[1]}"#, "messages[0]"),
            (r#"{"message":"x","stream":"yes"}"#, "stream"),
            (r#"{"message":"x","session_id":"1"}"#, "session_id"),
            (r#"{"message":"x","tools":{}}"#, "tools"),
            (r#"{"message":"x","tools":[1]}"#, "tools"),
            (r#"{"message":"x","tool_choice":"any"}"#, "tool_choice"),
        ] {
            assert_eq!(read(body).unwrap_err().field.as_deref(), Some(field), "{body}");
        }
        for body in ["", "[]", "1", "{", "{\"message\":\"\u{0}\"}"] {
            assert_eq!(read(body).unwrap_err().code, "invalid_json", "{body}");
        }
        assert_eq!(ChatInput::read(b"\xff").unwrap_err().code, "invalid_json");
        assert_eq!(read(&" ".repeat(ChatInput::MAX_BODY_BYTES + 1)).unwrap_err().code, "body_too_large");
    }

    #[test]
    fn a_stored_body_is_no_stream() {
        let body =
            json!({"message": "x", "stream": true, "session_id": "018f4e6e-0000-7000-8000-000000000001"});
        let input = ChatInput::from_stored(body.as_object().unwrap()).unwrap();
        assert!(!input.stream && input.session_id.is_none());
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ChatInput::read(&body);
            let _ = ChatInput::read_dispatched(&body);
        }

        #[test]
        fn every_text_arrives(text in ".{0,200}") {
            let body = serde_json::to_vec(&json!({"messages": [{"role": "user", "content": text}]})).unwrap();
            let input = ChatInput::read(&body).unwrap();
            prop_assert_eq!(input.messages[0].text(), text);
        }
    }
}
