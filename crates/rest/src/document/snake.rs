//! The objects of the JSON API that the public contract has too, with its names.

use serde_json::Value;
use utoipa::openapi::{OpenApi, RefOr, Schema};

use crate::casing::snake;

/// What the public contract's copies begin with.
const PREFIX: &str = "Managed";
const POINTER: &str = "#/components/schemas/";

/// Adds a copy of a schema, and of all that it is made of, whose members have the names of the public
/// contract.
pub(super) fn add(document: &mut OpenApi, name: &str) {
    let schemas = &mut document.components.get_or_insert_default().schemas;
    let mut pending = vec![name.to_owned()];
    while let Some(name) = pending.pop() {
        let schema = schemas.get(&name).and_then(|schema| serde_json::to_value(schema).ok());
        let schema = schema.map(|schema| renamed(schema, &mut pending));
        let schema = schema.and_then(|schema| serde_json::from_value::<RefOr<Schema>>(schema).ok());
        let schema = schema.expect("what was written as a schema is read as one");
        schemas.insert(format!("{PREFIX}{name}"), schema);
    }
}

/// A schema with renamed members; the schemas that it refers to are noted.
fn renamed(schema: Value, referred: &mut Vec<String>) -> Value {
    match schema {
        Value::Object(members) => {
            let member = |(key, value): (String, Value)| {
                let value = match (key.as_str(), value) {
                    ("properties", Value::Object(properties)) => properties
                        .into_iter()
                        .map(|(name, value)| (snake(&name), renamed(value, referred)))
                        .collect(),
                    ("required", Value::Array(names)) => {
                        names.iter().filter_map(Value::as_str).map(snake).collect()
                    }
                    ("$ref", Value::String(pointer)) => {
                        let name = pointer.trim_start_matches(POINTER).to_owned();
                        let copy = format!("{POINTER}{PREFIX}{name}");
                        referred.push(name);
                        copy.into()
                    }
                    ("description", Value::String(text)) => names_in(&text).into(),
                    ("allOf" | "oneOf" | "anyOf" | "items", value) => renamed(value, referred),
                    (_, value) => value,
                };
                (key, value)
            };
            Value::Object(members.into_iter().map(member).collect())
        }
        Value::Array(items) => items.into_iter().map(|item| renamed(item, referred)).collect(),
        other => other,
    }
}

/// A text whose names of members, which stand in backticks, are those of the public contract.
fn names_in(text: &str) -> String {
    let mut is_name = true;
    let mut part = |part: &str| {
        is_name = !is_name;
        let is_member = part.chars().all(char::is_alphanumeric);
        if is_name && is_member { snake(part) } else { part.to_owned() }
    };
    text.split('`').map(&mut part).collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_renamed_and_nothing_else() {
        let schema = json!({"type": "object", "description": "Without `maxLength`, `a b`.", "required": ["maxLength"],
            "properties": {"maxLength": {"type": "string", "maxLength": 3}, "nextOne": {"$ref": "#/components/schemas/X"}}});
        let mut referred = Vec::new();
        let expected = json!({"type": "object", "description": "Without `max_length`, `a b`.",
            "required": ["max_length"], "properties": {"max_length": {"type": "string", "maxLength": 3},
            "next_one": {"$ref": "#/components/schemas/ManagedX"}}});
        assert_eq!(renamed(schema, &mut referred), expected);
        assert_eq!(referred, ["X"]);
    }
}
