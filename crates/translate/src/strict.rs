//! Schemas that OpenAI follows exactly,
//! <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>.
//!
//! Anthropic follows more than those: there a property may be missing. OpenAI's services refuse the
//! whole request then, so such a schema goes without the promise, and that is reported.

use serde_json::{Map, Value};

use crate::Json;
use crate::demands::Dropped;

/// Whether a schema is followed exactly: what the client asked, as far as it is possible.
pub(crate) fn as_possible(
    asked: Option<bool>,
    schema: Option<&Json>,
    name: &str,
    dropped: &mut Dropped,
) -> Option<bool> {
    if asked != Some(true) || schema.is_none_or(|schema| fits(schema.as_str())) {
        return asked;
    }
    dropped.note(name);
    Some(false)
}

fn fits(schema: &str) -> bool {
    serde_json::from_str::<Value>(schema).is_ok_and(|schema| schema.is_object() && is_exact(&schema))
}

fn is_exact(schema: &Value) -> bool {
    let Value::Object(schema) = schema else { return true };
    let impossible = ["allOf", "oneOf", "not", "if", "dependentRequired", "dependentSchemas"];
    if impossible.iter().any(|word| schema.contains_key(*word)) {
        return false;
    }
    if is_of_objects(schema) && !names_all(schema) {
        return false;
    }
    let all = |word: &str| match schema.get(word) {
        Some(Value::Object(inner)) => inner.values().all(is_exact),
        _ => true,
    };
    let each = || match schema.get("anyOf") {
        Some(Value::Array(inner)) => inner.iter().all(is_exact),
        _ => true,
    };
    all("properties")
        && all("$defs")
        && all("definitions")
        && each()
        && schema.get("items").is_none_or(is_exact)
}

fn is_of_objects(schema: &Map<String, Value>) -> bool {
    schema.contains_key("properties")
        || match schema.get("type") {
            Some(Value::String(kind)) => kind == "object",
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
            _ => false,
        }
}

/// Whether an object has all of its properties, and no others.
fn names_all(schema: &Map<String, Value>) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &String| required.is_some_and(|names| names.iter().any(|known| known == name));
    let properties = schema.get("properties").and_then(Value::as_object);
    schema.get("additionalProperties") == Some(&Value::Bool(false))
        && properties.is_none_or(|properties| properties.keys().all(is_required))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_schemas_without_choices_are_exact() {
        for exact in [
            r#"{"type":"object","properties":{"a":{"type":["string","null"]}},"required":["a"],"additionalProperties":false}"#,
            r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/b"}},"required":["a"],"additionalProperties":false,
                "$defs":{"b":{"type":"array","items":{"anyOf":[{"type":"string"},{"type":"null"}]}}}}"##,
            r#"{"type":"object","properties":{},"additionalProperties":false}"#,
        ] {
            assert!(fits(exact), "{exact}");
        }
        for loose in [
            r#"{"type":"object","properties":{"a":{}},"additionalProperties":false}"#,
            r#"{"type":"object","properties":{"a":{}},"required":["a"]}"#,
            r#"{"type":"array","items":{"type":"object","properties":{"a":{}},"additionalProperties":false}}"#,
            r#"{"properties":{"a":{"oneOf":[{}]}},"required":["a"],"additionalProperties":false}"#,
            "[]",
        ] {
            assert!(!fits(loose), "{loose}");
        }
        let deep = format!("{}{}", r#"{"items":"#.repeat(200_000), "{}");
        assert!(!fits(&deep));
    }

    #[test]
    fn a_promise_that_cannot_be_kept_is_reported() {
        let (loose, mut dropped) = (Json::parse(r#"{"type":"object"}"#), Dropped::default());
        assert_eq!(as_possible(Some(true), loose.as_ref(), "tools.strict", &mut dropped), Some(false));
        assert_eq!(as_possible(Some(false), loose.as_ref(), "x", &mut dropped), Some(false));
        assert_eq!(as_possible(None, None, "x", &mut dropped), None);
        assert_eq!(dropped.names(), ["tools.strict"]);
    }
}
