//! JSON and numbers as they are spelt.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A piece of JSON that passes as it is: schemas, arguments, options. The order of members and the
/// spelling of numbers survive.
#[derive(Clone)]
pub struct Json(Box<RawValue>);

impl Json {
    /// Keeps `text` if it is JSON.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<&RawValue>(text).ok().map(|raw| Self(raw.to_owned()))
    }

    /// The JSON as text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl From<&RawValue> for Json {
    fn from(raw: &RawValue) -> Self {
        Self(raw.to_owned())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self)
    }
}

/// A number as it is spelt: `0.70` does not become `0.7`, nor a large one a float.
#[derive(Clone, PartialEq, Eq)]
pub struct Number(Json);

impl Number {
    /// Keeps `text` if it is a JSON number.
    pub fn parse(text: &str) -> Option<Self> {
        let json = Json::parse(text)?;
        let first = json.as_str().bytes().next()?;
        (first == b'-' || first.is_ascii_digit()).then_some(Self(json))
    }

    /// The number as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Its value, as near as a float comes.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_str().parse().ok()
    }

    /// Its value, if it is a whole number from zero, however it is spelt.
    pub fn as_u64(&self) -> Option<u64> {
        let text = self.as_str();
        let whole = match text.split_once('.') {
            Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole,
            _ => text,
        };
        whole.parse().ok()
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self(Json::parse(&number.to_string()).expect("digits are JSON"))
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
