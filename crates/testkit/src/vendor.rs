//! A service that speaks every vendor's wire format, as strictly as the vendors do.
//!
//! ```
//! use promptgate_testkit::{upstream::ScriptedUpstream, vendor};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! let upstream = ScriptedUpstream::start().await?;
//! upstream.handle(vendor::answer);
//! # Ok(())
//! # }
//! ```
//!
//! What it answers depends on what it is asked, in all formats alike:
//!
//! | asked | answered |
//! | --- | --- |
//! | a conversation that ends with results of tools | `Results: ` and the results, in order |
//! | a picture | `Image: ` media type or address, and how many characters of base64 |
//! | a document | `File: ` media type |
//! | a schema for the answer | [`STRUCTURED`] |
//! | tools, unless the choice is `none` | both calls of [`CALLS`], or the one that the choice names |
//! | a text with `[busy]` | 429 with `retry-after: 7`, in the vendor's words |
//! | a text with `[wrong]` | 400 in the vendor's words |
//! | a text with `[refuse]` | the vendor's refusal |
//! | a text with `[think]` | a thought with a signature, then the text |
//! | anything else | `Hello from ` the format, and the last words of the user |
//!
//! A request that the vendor would refuse (a required member is missing, a member has another
//! type, a role is unknown) is refused with 400 and the reason.

mod chat;
mod cohere;
mod embeddings;
mod gemini;
mod messages;
mod responses;

use serde_json::{Value, json};

use crate::upstream::{Reply, SeenRequest};

/// The calls that the vendor wants made: id, tool and arguments. The second's arguments have what is
/// easily broken: quotes, an escape, a character of four bytes.
pub const CALLS: [(&str, &str, &str); 2] = [
    ("call_paris_1", "get_weather", r#"{"city":"Paris","days":3}"#),
    ("call_time_2", "get_time", r#"{"zone":"Europe/\"Paris\"","note":"a\\b é 😀"}"#),
];

/// The answer to a request with a schema.
pub const STRUCTURED: &str = r#"{"name":"Ada","age":36}"#;

/// The thought and its signature.
pub const THOUGHT: (&str, &str) = ("Let me think about it.", "c2lnbmF0dXJlLW9mLWEtdGhvdWdodA==");

/// What every answer takes: read anew, read from the cache, written.
pub const USAGE: (u64, u64, u64) = (11, 3, 7);

/// What a request asks, in no vendor's words.
#[derive(Debug, Default)]
struct Asked {
    model: String,
    stream: bool,
    /// The client wants usage in an OpenAI stream.
    usage: bool,
    /// The last words of the user.
    text: String,
    results: Vec<String>,
    image: Option<String>,
    file: Option<String>,
    schema: bool,
    tools: Vec<String>,
    choice: Option<String>,
    forced: Option<String>,
    system: Option<String>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    Text { thought: bool, text: String },
    Calls(Vec<(&'static str, &'static str, &'static str)>),
    Refusal,
}

/// Why a request is refused.
#[derive(Debug)]
struct Wrong {
    status: u16,
    message: String,
}

impl Wrong {
    fn new(message: impl Into<String>) -> Self {
        Self { status: 400, message: message.into() }
    }
}

/// Answers a request to any of the vendors' addresses.
pub fn answer(request: &SeenRequest) -> Reply {
    let path = request.path.split('?').next().unwrap_or_default();
    let has = |name: &str| request.header(name).is_some_and(|value| !value.is_empty());
    let bearer = request.header("authorization").is_some_and(|value| value.len() > "Bearer ".len());
    if path.ends_with("/chat/completions") {
        return if bearer || has("api-key") { chat::answer(request) } else { unauthorised() };
    }
    if path.ends_with("/responses") {
        return if bearer || has("api-key") { responses::answer(request) } else { unauthorised() };
    }
    if path.ends_with("/messages/count_tokens") {
        return if has("x-api-key") || bearer {
            Reply::json(&json!({"input_tokens": 42}))
        } else {
            unauthorised()
        };
    }
    if path.ends_with("/messages") {
        return if (has("x-api-key") || bearer) && has("anthropic-version") {
            messages::answer(request)
        } else {
            unauthorised()
        };
    }
    if path.contains(":generateContent") || path.contains(":streamGenerateContent") {
        return if has("x-goog-api-key") { gemini::answer(request) } else { unauthorised() };
    }
    if path.ends_with("/v2/chat") {
        return if bearer { cohere::answer(request) } else { unauthorised() };
    }
    if path.ends_with("/v2/embed") {
        return if bearer { embeddings::cohere(request) } else { unauthorised() };
    }
    if path.ends_with("/embeddings") {
        return if bearer || has("api-key") { embeddings::openai(request) } else { unauthorised() };
    }
    Reply::status(404).with_json(&json!({"error": {"message": format!("no such address: {path}")}}))
}

fn unauthorised() -> Reply {
    Reply::status(401)
        .with_json(&json!({"error": {"message": "no credential", "type": "authentication_error"}}))
}

/// What is answered to what is asked.
fn say(asked: &Asked, format: &str) -> Result<Said, Wrong> {
    let text = |text: String| Ok(Said::Text { thought: asked.text.contains("[think]"), text });
    if asked.text.contains("[busy]") {
        return Err(Wrong { status: 429, message: "slow down".to_owned() });
    }
    if asked.text.contains("[wrong]") {
        return Err(Wrong::new("this cannot be answered"));
    }
    if asked.text.contains("[refuse]") {
        return Ok(Said::Refusal);
    }
    if !asked.results.is_empty() {
        return text(format!("Results: {}", asked.results.join(", ")));
    }
    if let Some(image) = &asked.image {
        return text(format!("Image: {image}"));
    }
    if let Some(file) = &asked.file {
        return text(format!("File: {file}"));
    }
    if asked.schema {
        return text(STRUCTURED.to_owned());
    }
    if !asked.tools.is_empty() && asked.choice.as_deref() != Some("none") {
        let calls: Vec<_> = CALLS
            .into_iter()
            .filter(|(_, name, _)| asked.tools.iter().any(|tool| tool == name))
            .filter(|(_, name, _)| asked.forced.as_deref().is_none_or(|forced| forced == *name))
            .collect();
        return if calls.is_empty() {
            Err(Wrong::new("none of the tools is known"))
        } else {
            Ok(Said::Calls(calls))
        };
    }
    let system = asked.system.as_deref().map(|system| format!(" ({system})")).unwrap_or_default();
    text(format!("Hello from {format}{system}: {}", asked.text))
}

/// The words of a text, each with the blank after it.
fn words(text: &str) -> Vec<&str> {
    text.split_inclusive(' ').collect()
}

/// A text in pieces of one, two, three, one, … characters, so that escapes are torn apart.
fn crumbs(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.chars();
    for length in [1, 2, 3].into_iter().cycle() {
        let piece: String = rest.by_ref().take(length).collect();
        if piece.is_empty() {
            break;
        }
        pieces.push(piece);
    }
    pieces
}

/// One event of a stream.
fn event(name: Option<&str>, data: &Value) -> String {
    let name = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
    format!("{name}data: {data}\n\n")
}

/// A member that must be there.
fn need<'v>(value: &'v Value, name: &str) -> Result<&'v Value, Wrong> {
    value.get(name).ok_or_else(|| Wrong::new(format!("{name}: field required")))
}

fn need_text(value: &Value, name: &str) -> Result<String, Wrong> {
    let found = need(value, name)?;
    found.as_str().map(str::to_owned).ok_or_else(|| Wrong::new(format!("{name}: must be a string")))
}

/// Members that the vendor does not know are refused, as OpenAI and Anthropic do.
fn only(value: &Value, known: &[&str]) -> Result<(), Wrong> {
    let members = value.as_object().ok_or_else(|| Wrong::new("the body must be an object"))?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Wrong::new(format!("{name}: unknown field"))),
        None => Ok(()),
    }
}

/// A base64 picture, told from its data URL.
fn data_url(url: &str) -> Option<(&str, &str)> {
    let (media_type, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    Some((media_type, data))
}

fn picture(media_type: &str, data: &str) -> String {
    format!("{media_type} of {} characters", data.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crumbs_are_the_whole_text() {
        for (_, _, arguments) in CALLS {
            assert_eq!(crumbs(arguments).concat(), arguments);
            assert!(serde_json::from_str::<Value>(arguments).is_ok());
        }
    }
}
