//! JSON that passes as it is, and JSON that can be read in one way only.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// A piece of JSON that passes as it is: the order of members and the spelling of numbers survive.
#[derive(Clone)]
pub struct Json(Box<RawValue>);

impl Json {
    /// Keeps `text` if it is JSON.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<&RawValue>(text).ok().map(|raw| Self(raw.to_owned()))
    }

    /// The JSON of something that can be written as JSON.
    pub(crate) fn of(value: &impl Serialize) -> Self {
        Self(serde_json::value::to_raw_value(value).expect("messages and values can be written as JSON"))
    }

    /// The JSON as text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The value that it says.
    pub fn to_value(&self) -> Value {
        serde_json::from_str(self.as_str()).unwrap_or(Value::Null)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.as_str() == "null"
    }
}

impl From<&RawValue> for Json {
    fn from(raw: &RawValue) -> Self {
        Self(raw.to_owned())
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Self::of(value)
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
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self)
    }
}

/// The members of an object, in order, each with its value as written.
pub(crate) type Members<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// The members of the object that `text` is; `None` when it is no object.
pub(crate) fn members(text: &str) -> Option<Members<'_>> {
    serde_json::from_str::<Object<'_>>(text).ok().map(|object| object.0)
}

/// Checks that `text` is JSON of bounded depth in which no object has a member twice, however deep:
/// readers differ in which of the two they take.
pub(crate) fn check_unique(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<Unique>(text).map(|Unique| ())
}

/// Whether a reader that ignores case takes `given` for `name`; some fold U+017F and U+212A too.
pub(crate) fn reads_as(given: &str, name: &str) -> bool {
    given.eq_ignore_ascii_case(name)
        || (!given.is_ascii()
            && given.replace('\u{17f}', "s").replace('\u{212a}', "k").eq_ignore_ascii_case(name))
}

/// Writes a value with the members of every object in the order of their names, without blanks, so
/// that equal values give equal bytes.
pub(crate) fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    let text = |text: &str, out: &mut Vec<u8>| {
        serde_json::to_writer(&mut *out, text).expect("a text can be written as JSON");
    };
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            out.push(b'{');
            for (index, (name, value)) in fields.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                text(name, out);
                out.push(b':');
                write_canonical(value, out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        Value::String(string) => text(string, out),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            out.extend_from_slice(value.to_string().as_bytes());
        }
    }
}

#[derive(Deserialize, PartialEq, Eq, Hash)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] &'a RawValue);

struct Object<'a>(Members<'a>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((Name(name), Borrowed(value))) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// Any JSON without duplicate members.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueReader)
    }
}

struct UniqueReader;

impl<'de> Visitor<'de> for UniqueReader {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        while let Some(Unique) = items.next_element()? {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            map.next_value::<Unique>()?;
            if let Some(Name(name)) = seen.replace(name) {
                let name: String = name.chars().take(64).collect();
                return Err(de::Error::custom(format_args!("the member `{name}` stands twice in an object")));
            }
        }
        Ok(Unique)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_member_that_stands_twice_is_found_at_any_depth() {
        assert!(check_unique(r#"{"a":[{"b":1},{"b":2}],"c":{"a":null}}"#).is_ok());
        for twice in [r#"{"a":1,"a":1}"#, r#"[{"x":{"b":1,"b":2}}]"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(check_unique(twice).unwrap_err().to_string().contains("stands twice"), "{twice}");
        }
    }

    #[test]
    fn depth_is_bounded_and_broken_text_refused() {
        for wrong in ["[".repeat(100_000), "[".repeat(200) + &"]".repeat(200), String::new(), "{\"a\"".into()]
        {
            assert!(check_unique(&wrong).is_err());
        }
        assert!(check_unique(r#"{"a":"\ud800"}"#).is_err());
    }

    #[test]
    fn equal_values_are_written_alike() {
        let mut out = vec![];
        write_canonical(&json!({"b": [1, 2.5, "x\"y"], "a": {"d": null, "c": true}}), &mut out);
        assert_eq!(out, br#"{"a":{"c":true,"d":null},"b":[1,2.5,"x\"y"]}"#);
    }

    #[test]
    fn other_spellings_of_a_name_are_seen() {
        for variant in ["stream", "Stream", "\u{17f}tream"] {
            assert!(reads_as(variant, "stream"));
        }
        assert!(!reads_as("streams", "stream"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,200}") {
            let _ = check_unique(&text);
            let _ = members(&text);
        }
    }
}
