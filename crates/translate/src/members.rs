//! Reading JSON without forgetting anything: members in their order, values as they are spelt, and
//! the path of each for the message that refuses it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{Json, Number, Untranslatable};

/// The most items of an array that are looked at. Nobody says more, and each takes memory.
const MAX_ITEMS: usize = 100_000;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Value<'a> {
    path: String,
    raw: &'a RawValue,
}

/// An object and where it stands. A member that is `null` counts as missing, as all vendors have it.
#[derive(Debug, Clone)]
pub(crate) struct Members<'a> {
    path: String,
    list: Vec<(Cow<'a, str>, &'a RawValue)>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

struct List<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for List<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    list.push((name, value));
                }
                Ok(list)
            }
        }
        deserializer.deserialize_map(Object).map(List)
    }
}

impl<'a> Value<'a> {
    /// The value as it is spelt.
    pub(crate) fn json(&self) -> Json {
        Json::from(self.raw)
    }

    /// Where it stands.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is a text.
    pub(crate) fn is_text(&self) -> bool {
        self.raw.get().starts_with('"')
    }

    /// Whether it is an array.
    pub(crate) fn is_array(&self) -> bool {
        self.raw.get().starts_with('[')
    }

    /// Whether it is an object.
    pub(crate) fn is_object(&self) -> bool {
        self.raw.get().starts_with('{')
    }

    /// The text that it must be.
    pub(crate) fn text(&self) -> Result<String, Untranslatable> {
        serde_json::from_str(self.raw.get()).map_err(|_| self.invalid("a string"))
    }

    /// The text, or what can be read of it; nothing if it is none.
    pub(crate) fn lenient_text(&self) -> Option<String> {
        self.text().ok().or_else(|| mended(self.raw.get()))
    }

    /// As it was written.
    pub(crate) fn raw_json(&self) -> &'a str {
        self.raw.get()
    }

    /// The array that it must be.
    pub(crate) fn items(&self) -> Result<Vec<Value<'a>>, Untranslatable> {
        let items: Vec<&'a RawValue> =
            serde_json::from_str(self.raw.get()).map_err(|_| self.invalid("an array"))?;
        if items.len() > MAX_ITEMS {
            return Err(self.invalid(&format!("an array of at most {MAX_ITEMS} items")));
        }
        let item = |(index, raw)| Value { path: format!("{}[{index}]", self.path), raw };
        Ok(items.into_iter().enumerate().map(item).collect())
    }

    /// The last item, if it is an array. For what refuses nothing: the item does not know its place.
    pub(crate) fn last_item(&self) -> Option<Value<'a>> {
        let mut items: Vec<&'a RawValue> = serde_json::from_str(self.raw.get()).ok()?;
        Some(Value { path: String::new(), raw: items.pop()? })
    }

    /// The object that it must be.
    pub(crate) fn members(&self) -> Result<Members<'a>, Untranslatable> {
        let List(list) = serde_json::from_str(self.raw.get()).map_err(|_| self.invalid("an object"))?;
        Ok(Members { path: self.path.clone(), list })
    }

    /// A refusal of it.
    pub(crate) fn invalid(&self, expected: &str) -> Untranslatable {
        Untranslatable::invalid(self.path.clone(), expected)
    }
}

/// A text in which halves of characters stand as replacement characters.
fn mended(raw: &str) -> Option<String> {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    if !raw.starts_with('"') {
        return None;
    }
    let bytes = serde_json::Deserializer::from_str(raw).deserialize_bytes(Bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

impl<'a> Members<'a> {
    /// The object that a whole body must be.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Untranslatable> {
        let List(list) = serde_json::from_slice(body)
            .map_err(|error| Untranslatable::json(format!("the body is not a JSON object: {error}")))?;
        Ok(Self { path: String::new(), list })
    }

    /// The object that the data of an event must be.
    pub(crate) fn of(data: &'a str) -> Option<Self> {
        let List(list) = serde_json::from_str(data).ok()?;
        Some(Self { path: String::new(), list })
    }

    /// Where a member of it stands.
    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A member. Of several with the same name the last one counts, as in the vendors' parsers.
    pub(crate) fn get(&self, name: &str) -> Option<Value<'a>> {
        let (_, raw) = self.list.iter().rev().find(|(member, _)| member == name)?;
        (raw.get() != "null").then(|| Value { path: self.path_of(name), raw })
    }

    /// A member that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<Value<'a>, Untranslatable> {
        self.get(name).ok_or_else(|| Untranslatable::missing(self.path_of(name)))
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Untranslatable> {
        self.get(name).map(|value| value.text()).transpose()
    }

    /// A text that must be there.
    pub(crate) fn need_text(&self, name: &str) -> Result<String, Untranslatable> {
        self.need(name)?.text()
    }

    /// A text, or nothing if it is none: for answers, where trifles are forgiven, such as half of a
    /// character that a provider cut in two.
    pub(crate) fn lenient_text(&self, name: &str) -> Option<String> {
        self.get(name)?.lenient_text()
    }

    /// An object.
    pub(crate) fn members(&self, name: &str) -> Result<Option<Members<'a>>, Untranslatable> {
        self.get(name).map(|value| value.members()).transpose()
    }

    /// An object, or nothing if it is none.
    pub(crate) fn lenient_members(&self, name: &str) -> Option<Members<'a>> {
        self.get(name)?.members().ok()
    }

    /// An array; missing is empty.
    pub(crate) fn items(&self, name: &str) -> Result<Vec<Value<'a>>, Untranslatable> {
        self.get(name).map_or_else(|| Ok(Vec::new()), |value| value.items())
    }

    /// An array, or nothing if it is none.
    pub(crate) fn lenient_items(&self, name: &str) -> Vec<Value<'a>> {
        self.get(name).and_then(|value| value.items().ok()).unwrap_or_default()
    }

    /// A whole number from zero. `5.0` is one, too: some clients write it so.
    pub(crate) fn count(&self, name: &str) -> Result<Option<u64>, Untranslatable> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = self.number(name)?.ok_or_else(|| value.invalid("a number"))?;
        number.as_u64().map(Some).ok_or_else(|| value.invalid("a whole number from zero"))
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<Number>, Untranslatable> {
        let Some(value) = self.get(name) else { return Ok(None) };
        Number::parse(value.raw.get()).map(Some).ok_or_else(|| value.invalid("a number"))
    }

    /// Yes or no.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Untranslatable> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.raw.get() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(value.invalid("true or false")),
        }
    }

    /// JSON that passes as it is.
    pub(crate) fn json(&self, name: &str) -> Option<Json> {
        self.get(name).map(|value| value.json())
    }

    /// Every member that is not `null`, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Value<'a>)> {
        self.list
            .iter()
            .filter(|(_, raw)| raw.get() != "null")
            .map(|(name, raw)| (name.as_ref(), Value { path: self.path_of(name), raw }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_does_not_hide_the_rest_of_an_answer() {
        let members = Members::of(r#"{"text":"so \ud83d","number":1}"#).unwrap();
        let text = members.lenient_text("text").unwrap();
        assert!(text.starts_with("so \u{fffd}"), "{text}");
        assert_eq!(members.lenient_text("number"), None);
        assert_eq!(members.text("text").unwrap_err().code, "invalid_field");
    }

    #[test]
    fn an_endless_array_is_refused() {
        let body = format!(r#"{{"messages":[{}1]}}"#, "1,".repeat(MAX_ITEMS));
        let members = Members::parse(body.as_bytes()).unwrap();
        assert_eq!(members.items("messages").unwrap_err().code, "invalid_field");
    }
}
