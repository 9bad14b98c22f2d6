//! Request bodies, read strictly.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use http::StatusCode;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::error::ApiError;

/// The largest body that is read: 1 MiB.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A JSON body: exactly one value, with no members but the known ones. The content type does not
/// matter.
pub(crate) struct StrictJson<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for StrictJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = read(request.into_body()).await?;
        parse(&bytes).map(Self)
    }
}

/// A JSON body that may be left out, which is the default.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        parse_optional(&read(request.into_body()).await?).map(Self)
    }
}

/// What a body says; the default if there is none.
pub(crate) fn parse_optional<T: DeserializeOwned + Default>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(T::default());
    }
    parse(bytes)
}

/// How long a client may take to send a body.
const UPLOAD: Duration = Duration::from_secs(30);

pub(crate) async fn read(body: Body) -> Result<axum::body::Bytes, ApiError> {
    let collected = tokio::time::timeout(UPLOAD, Limited::new(body, MAX_BODY_BYTES).collect()).await;
    let Ok(collected) = collected else {
        return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout")
            .message(format!("the body did not arrive within {} s", UPLOAD.as_secs())));
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large")
                .message(format!("the body is larger than {MAX_BODY_BYTES} bytes")))
        }
        Err(_) => Err(ApiError::bad_request("invalid_request_body").message("the body ended too early")),
    }
}

pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let invalid = || ApiError::bad_request("invalid_request_body");
    // Without this, an array would be taken for the members in their order.
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {}
        Some(_) => return Err(invalid().message("the body must be a JSON object")),
        None => return Err(invalid().message("the body is empty; a JSON object is needed")),
    }
    let bytes = whole_numbers(bytes);
    let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        let said = invalid().message(in_plain_words(&message));
        match field(&path, &message) {
            Some(field) => said.field(field),
            None => said,
        }
    })?;
    deserializer.end().map_err(|_| invalid().message("there is something after the JSON object"))?;
    Ok(value)
}

/// The same JSON with `28` for `28.0`, which is the same number: some languages write it so where they
/// compute with fractions. The fraction is blanked, so that messages name the places that were sent.
fn whole_numbers(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut plain = Cow::Borrowed(bytes);
    let (mut at, mut in_text) = (0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => in_text = !in_text,
            b'\\' if in_text => at += 1,
            b'.' if !in_text => {
                let zeros = bytes[at + 1..].iter().take_while(|byte| **byte == b'0').count();
                let ends = matches!(
                    bytes.get(at + 1 + zeros),
                    Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n')
                );
                let is_fraction = at > 0 && bytes[at - 1].is_ascii_digit() && zeros > 0 && ends;
                if is_fraction {
                    plain.to_mut()[at..=at + zeros].fill(b' ');
                }
                at += zeros;
            }
            _ => {}
        }
        at += 1;
    }
    plain
}

/// Reads a member that may be left out, and takes `null` for that: many frontends send it for a field that
/// nobody has filled in.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A message of the parser without the value that it is about, which may be long or a secret, and
/// without the names of Rust's types.
fn in_plain_words(message: &str) -> String {
    let (what, place) = message.rsplit_once(" at line ").unwrap_or((message, ""));
    let wrong = ["invalid type: ", "invalid value: "].iter().find_map(|prefix| what.strip_prefix(prefix));
    let said = match wrong.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((given, expected)) => {
            // What was given is its kind, and maybe the value behind it.
            let kind = given.split(['`', '"']).next().unwrap_or_default().trim_end();
            format!("{} cannot stand here; expected {}", in_json(kind), in_json(expected))
        }
        None if what.starts_with("UUID parsing failed") => "this is not a UUID".to_owned(),
        None => what.to_owned(),
    };
    if place.is_empty() { said } else { format!("{said} at line {place}") }
}

/// The name of a type as JSON calls it.
fn in_json(kind: &str) -> &str {
    match kind {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65,535",
        "u32" => "a whole number from 0 to 4,294,967,295",
        "u64" | "usize" => "a whole number from 0 to 18,446,744,073,709,551,615",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        "a formatted UUID string" => "a UUID",
        "map" => "an object",
        "sequence" => "a list",
        "string" => "a text",
        "boolean" => "true or false",
        "integer" | "floating point" => "this number",
        structure if structure.starts_with("struct ") => "an object",
        other => other,
    }
}

/// The member that a message is about: an unknown or a repeated one is named in the message, and
/// maybe not in the path.
fn field(path: &str, message: &str) -> Option<String> {
    let named = message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("duplicate field `"));
    match (path, named.and_then(|rest| rest.split('`').next())) {
        ("." | "?", None) => None,
        ("." | "?", Some(name)) => Some(name.to_owned()),
        (path, Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => {
            Some(format!("{path}.{name}"))
        }
        (path, _) => Some(path.to_owned()),
    }
}

/// A member of a partial change: absent, `null`, or a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Patch<T> {
    /// It was not there: keep what is.
    #[default]
    Keep,
    /// It was `null`: clear what is.
    Clear,
    /// It was a value: take it.
    Set(T),
}

impl<T> Patch<T> {
    /// In the words of the domain's changes: `None` keeps, `Some(None)` clears.
    #[expect(clippy::option_option, reason = "the domain's changes say it so")]
    pub(crate) fn into_change(self) -> Option<Option<T>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }

    /// Whether it was a value.
    pub(crate) const fn is_set(&self) -> bool {
        matches!(self, Self::Set(_))
    }

    /// Turns the value into something else, unless that fails.
    pub(crate) fn try_map<U, E>(self, turn: impl FnOnce(T) -> Result<U, E>) -> Result<Patch<U>, E> {
        Ok(match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(turn(value)?),
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| value.map_or(Self::Clear, Self::Set))
    }
}

/// Query parameters; unknown ones do not matter.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Query(params) = Query::try_from_uri(&parts.uri)
            .map_err(|error| ApiError::bad_request("invalid_query").message(error.body_text()))?;
        Ok(Self(params))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        number: u32,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(default)]
        name: Patch<String>,
        #[serde(default)]
        inner: Vec<Inner>,
    }

    fn wrong(body: &str) -> (Option<String>, String) {
        let error = parse::<Outer>(body.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "invalid_request_body");
        (error.field_name().map(str::to_owned), format!("{error:?}"))
    }

    #[test]
    fn messages_speak_of_json_and_repeat_no_value() {
        for (said, expected) in [
            (
                "invalid type: string \"se, expected cret\", expected u32 at line 1 column 2",
                "a text cannot stand here; expected a whole number from 0 to 4,294,967,295 at line 1 column 2",
            ),
            (
                "invalid value: integer `-1`, expected u64",
                "this number cannot stand here; expected a whole number from 0 to 18,446,744,073,709,551,615",
            ),
            (
                "invalid type: integer `7`, expected struct LimitsBody",
                "this number cannot stand here; expected an object",
            ),
            (
                "invalid type: null, expected a string at line 1 column 19",
                "null cannot stand here; expected a string at line 1 column 19",
            ),
            (
                "UUID parsing failed: invalid length: found 0 at line 1 column 9",
                "this is not a UUID at line 1 column 9",
            ),
            ("duplicate field `a` at line 1 column 9", "duplicate field `a` at line 1 column 9"),
        ] {
            assert_eq!(in_plain_words(said), expected);
        }
        let (_, debug) = wrong(r#"{"inner":"canary"}"#);
        assert!(!debug.contains("canary"), "{debug}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_ends_its_body_is_not_waited_for() {
        let stream = futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>();
        let error = read(Body::from_stream(stream)).await.unwrap_err();
        assert_eq!(error.code(), "request_timeout");
    }

    #[test]
    fn null_and_absent_are_told_apart() {
        let name = |body: &str| parse::<Outer>(body.as_bytes()).unwrap().name;
        assert_eq!(name("{}"), Patch::Keep);
        assert_eq!(name(r#"{"name":null}"#), Patch::Clear);
        assert_eq!(name(r#"{"name":"x"} "#), Patch::Set("x".into()));
    }

    #[test]
    fn null_is_as_good_as_nothing_where_something_may_be_left_out() {
        #[derive(Debug, Default, Deserialize, PartialEq)]
        #[serde(deny_unknown_fields)]
        struct Given {
            #[serde(default, deserialize_with = "or_default")]
            text: String,
            #[serde(default, deserialize_with = "or_default")]
            flag: bool,
            #[serde(default, deserialize_with = "or_default")]
            list: Vec<String>,
        }
        let given = |body: &str| parse::<Given>(body.as_bytes()).ok();
        assert_eq!(given(r#"{"text":null,"flag":null,"list":null}"#), given("{}"));
        let all = Given { text: "x".into(), flag: true, list: vec!["y".into()] };
        assert_eq!(given(r#"{"text":"x","flag":true,"list":["y"]}"#), Some(all));
        for wrong in [r#"{"text":1}"#, r#"{"flag":"true"}"#, r#"{"list":[null]}"#] {
            assert_eq!(given(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_whole_number_may_be_written_with_an_empty_fraction() {
        let number = |text: &str| {
            let outer = parse::<Outer>(format!(r#"{{"inner":[{{"number":{text}}}]}}"#).as_bytes());
            outer.ok().map(|outer| outer.inner[0].number)
        };
        for text in ["28", "28.0", "28.000", "28.0 ", "28.0\n"] {
            assert_eq!(number(text), Some(28), "{text}");
        }
        assert_eq!(number("0.0"), Some(0));
        for text in ["28.", ".0", "28.5", "28.01", "28.0.0", "28.0x", "28.0e1", "-28.0", "\"28.0\""] {
            assert_eq!(number(text), None, "{text}");
        }
        let name = |text: &str| parse::<Outer>(format!(r#"{{"name":{text}}}"#).as_bytes()).unwrap().name;
        for text in ["1.0, 2.0 ", "\\\" 1.0 ", "é1.0 "] {
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(name(&json), Patch::Set(text.to_owned()), "texts stay as they are");
        }
        let (field, debug) = wrong(r#"{"name":"a","inner":[{"number":1.0}],"number":2.0,"more":1}"#);
        assert_eq!(field.as_deref(), Some("number"), "{debug}");
        assert!(debug.contains("column 45"), "{debug}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, field) in [
            ("", None),
            (" \n", None),
            ("[]", None),
            ("{} {}", None),
            ("{}x", None),
            (r#"{"nom":1}"#, Some("nom")),
            (r#"{"name":"a","name":"b"}"#, Some("name")),
            (r#"{"name":1}"#, Some("name")),
            (r#"{"inner":[{"number":1},{"number":-1}]}"#, Some("inner[1].number")),
            (r#"{"inner":[{"numbre":1}]}"#, Some("inner[0].numbre")),
        ] {
            let (named, debug) = wrong(body);
            assert_eq!(named.as_deref(), field, "{body}: {debug}");
        }
    }
}
