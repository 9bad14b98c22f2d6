//! Request bodies, read strictly.

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

async fn read(body: Body) -> Result<axum::body::Bytes, ApiError> {
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large")
                .message(format!("the body is larger than {MAX_BODY_BYTES} bytes")))
        }
        Err(_) => Err(ApiError::bad_request("invalid_request_body").message("the body ended too early")),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let invalid = || ApiError::bad_request("invalid_request_body");
    // Without this, an array would be taken for the members in their order.
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {}
        Some(_) => return Err(invalid().message("the body must be a JSON object")),
        None => return Err(invalid().message("the body is empty; a JSON object is needed")),
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        match field(&path, &message) {
            Some(field) => invalid().message(message).field(field),
            None => invalid().message(message),
        }
    })?;
    deserializer.end().map_err(|_| invalid().message("there is something after the JSON object"))?;
    Ok(value)
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
    fn null_and_absent_are_told_apart() {
        let name = |body: &str| parse::<Outer>(body.as_bytes()).unwrap().name;
        assert_eq!(name("{}"), Patch::Keep);
        assert_eq!(name(r#"{"name":null}"#), Patch::Clear);
        assert_eq!(name(r#"{"name":"x"} "#), Patch::Set("x".into()));
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
