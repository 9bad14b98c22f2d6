//! Whether a value says something, however it is written.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Whether `text` is a text or a name anywhere in a value, escapes resolved. What cannot be read may say anything.
pub(super) fn says(value: &RawValue, text: &str) -> bool {
    let json = value.get();
    // No other escape stands for a letter.
    if !json.contains("\\u") {
        return json.contains(&format!("\"{text}\""));
    }
    Says(text).deserialize(&mut serde_json::Deserializer::from_str(json)).unwrap_or(true)
}

#[derive(Clone, Copy)]
struct Says<'t>(&'t str);

impl<'de> DeserializeSeed<'de> for Says<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Says<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(text == self.0)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(element) = seq.next_element_seed(self)? {
            found |= element;
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(name) = map.next_key_seed(self)? {
            found |= name;
            found |= map.next_value_seed(self)?;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_found_in_whichever_way() {
        for (json, expected) in [
            (r#""one""#, true),
            (r#""\u006fne""#, true),
            (r#"[{"a":[null,true,-1,1.5,"o\u006ee"]}]"#, true),
            (r#"[{"\u006fne":"x"}]"#, true),
            (r#""\\u006fne""#, false),
            (r#"["one more","\u00e9"]"#, false),
            (r#""\ud800""#, true),
        ] {
            let value: &RawValue = serde_json::from_str(json).unwrap();
            assert_eq!(says(value, "one"), expected, "{json}");
        }
        let deep = format!("{}\"\\u0061\"{}", "[".repeat(500), "]".repeat(500));
        let value: &RawValue = serde_json::from_str(&deep).unwrap();
        assert!(says(value, "one"), "nested too deeply");
    }
}
