//! JSON Schema, Draft 7.

use std::fmt;
use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// How many violations are told.
const MAX_TOLD: usize = 5;
/// How far a pattern may backtrack before it counts as violated.
const BACKTRACK_LIMIT: usize = 100_000;
/// The largest compiled pattern, in bytes.
const PATTERN_SIZE: usize = 1024 * 1024;

/// A schema, compiled. Cheap to clone.
#[derive(Clone)]
pub struct Schema(Arc<Validator>);

/// A text that is no schema, or one that names something elsewhere: nothing is ever fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a JSON Schema (Draft 7): {0}")]
pub struct InvalidSchema(String);

/// What does not fit a schema, by path. It says what the schema wants, not what the value is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SchemaViolation {
    /// Each place that does not fit, such as `/items/0/price: value is not of type "number"`; the
    /// first five.
    pub details: Vec<String>,
    /// How many there are.
    pub total: usize,
}

impl fmt::Display for SchemaViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.details.join("; "))?;
        match self.total - self.details.len() {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Why an answer is not what the output schema wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOutput {
    /// It is no JSON.
    #[error("the answer is not JSON")]
    NoJson,
    /// It does not fit.
    #[error("the answer does not fit the output schema: {0}")]
    Schema(#[source] SchemaViolation),
}

impl Schema {
    /// Compiles a schema.
    pub fn compile(schema: &Value) -> Result<Self, InvalidSchema> {
        if !matches!(schema, Value::Object(_) | Value::Bool(_)) {
            return Err(InvalidSchema("it must be an object".to_owned()));
        }
        let patterns =
            PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_LIMIT).size_limit(PATTERN_SIZE);
        jsonschema::options()
            .with_draft(Draft::Draft7)
            .offline()
            .with_pattern_options(patterns)
            .build(schema)
            .map(|validator| Self(Arc::new(validator)))
            .map_err(|error| InvalidSchema(described(&error)))
    }

    /// Checks a value.
    pub fn check(&self, value: &Value) -> Result<(), SchemaViolation> {
        if self.0.is_valid(value) {
            return Ok(());
        }
        let mut details = Vec::new();
        let mut total = 0;
        for error in self.0.iter_errors(value) {
            total += 1;
            if details.len() < MAX_TOLD {
                details.push(described(&error));
            }
        }
        Err(SchemaViolation { details, total })
    }

    /// Checks a text that must be JSON.
    pub fn check_text(&self, text: &str) -> Result<(), InvalidOutput> {
        let value = serde_json::from_str(text).map_err(|_| InvalidOutput::NoJson)?;
        self.check(&value).map_err(InvalidOutput::Schema)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema")
    }
}

fn described(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().to_string();
    let message: String = error.masked().to_string().chars().take(300).collect();
    if path.is_empty() { message } else { format!("{path}: {message}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_does_not_fit_is_told_by_path_without_its_value() {
        let schema = Schema::compile(&json!({
            "type": "object",
            "required": ["name"],
            "additionalProperties": false,
            "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
        }))
        .unwrap();
        assert_eq!(schema.check(&json!({"name": "x", "age": 1})), Ok(()));
        let told = schema.check(&json!({"age": "s3cret"})).unwrap_err().to_string();
        assert!(told.contains("/age: value is not of type \"integer\""), "{told}");
        assert!(told.contains("\"name\" is a required property"), "{told}");
        assert!(!told.contains("s3cret"));
    }

    #[test]
    fn only_the_first_violations_are_told() {
        let schema = Schema::compile(&json!({"items": {"type": "integer"}})).unwrap();
        let violation = schema.check(&json!(["a", "b", "c", "d", "e", "f", "g"])).unwrap_err();
        assert_eq!((violation.details.len(), violation.total), (5, 7));
        assert!(violation.to_string().ends_with("; and 2 more"));
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        for wrong in [
            json!("string"),
            json!({"type": "objekt"}),
            json!({"properties": 1}),
            json!({"pattern": "("}),
            json!({"$ref": "#/definitions/missing"}),
        ] {
            assert!(Schema::compile(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_is_fetched() {
        for elsewhere in
            ["http://127.0.0.1:9/s.json", "https://example.com/s.json", "file:///etc/passwd", "other.json"]
        {
            assert!(Schema::compile(&json!({"$ref": elsewhere})).is_err(), "{elsewhere}");
        }
        let local = json!({"definitions": {"n": {"type": "integer"}}, "$ref": "#/definitions/n"});
        assert!(Schema::compile(&local).unwrap().check(&json!(1)).is_ok());
    }

    #[test]
    fn draft_7_is_what_counts() {
        // `const` and `if` are Draft 7; `dependentRequired` came later and is ignored.
        let schema = Schema::compile(&json!({
            "if": {"properties": {"a": {"const": 1}}, "required": ["a"]},
            "then": {"required": ["b"]},
            "dependentRequired": {"a": ["c"]},
        }))
        .unwrap();
        assert!(schema.check(&json!({"a": 1, "b": 1})).is_ok());
        assert!(schema.check(&json!({"a": 1})).is_err());
    }

    #[test]
    fn a_pattern_that_runs_away_is_a_violation() {
        let schema = Schema::compile(&json!({"pattern": r"^(a+)+\1$"})).unwrap();
        assert!(schema.check(&json!("a".repeat(60) + "b")).is_err());
    }

    #[test]
    fn an_answer_must_be_json() {
        let schema = Schema::compile(&json!({"type": "object"})).unwrap();
        assert_eq!(schema.check_text("```json\n{}\n```"), Err(InvalidOutput::NoJson));
        assert_eq!(schema.check_text(" {} "), Ok(()));
        assert!(matches!(schema.check_text("[]"), Err(InvalidOutput::Schema(_))));
    }

    #[test]
    fn no_keyword_tells_the_value() {
        let schemas = [
            json!({"type": "integer"}),
            json!({"const": 1}),
            json!({"enum": [1, 2]}),
            json!({"format": "email", "pattern": "^x", "maxLength": 2, "minLength": 99}),
            json!({"not": {}}),
            json!(false),
            json!({"oneOf": [{"type": "integer"}, {"type": "null"}]}),
            json!({"anyOf": [{"const": 1}, {"minLength": 99}]}),
            json!({"allOf": [{"const": 1}]}),
            json!({"if": true, "then": {"const": 1}}),
        ];
        let wrapped = [
            json!({"properties": {"k": {"const": 1}}}),
            json!({"additionalProperties": {"const": 1}}),
            json!({"patternProperties": {"k": {"const": 1}}}),
            json!({"maxProperties": 0, "required": ["z"]}),
            json!({"dependencies": {"k": ["z"]}}),
        ];
        let told = |schema: &Value, value: Value| Schema::compile(schema).unwrap().check(&value).unwrap_err();
        for schema in &schemas {
            assert!(!told(schema, json!("s3cret")).to_string().contains("s3cret"), "{schema}");
        }
        for schema in &wrapped {
            assert!(!told(schema, json!({"k": "s3cret"})).to_string().contains("s3cret"), "{schema}");
        }
        for schema in
            [json!({"contains": {"const": 1}}), json!({"uniqueItems": true}), json!({"maxItems": 1})]
        {
            assert!(!told(&schema, json!(["s3cret", "s3cret"])).to_string().contains("s3cret"), "{schema}");
        }
    }

    #[test]
    fn schemas_that_name_themselves_come_to_an_end() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}},
                "$ref": "#/definitions/a"}),
            json!({"items": {"$ref": "#"}, "minItems": 1}),
        ] {
            if let Ok(schema) = Schema::compile(&schema) {
                let deep = (0..100).fold(json!([]), |inner, _| json!([inner]));
                let _ = schema.check(&deep);
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in ".{0,80}") {
            let schema = Schema::compile(&json!({"type": "object", "minProperties": 1})).unwrap();
            let _ = schema.check_text(&text);
        }
    }
}
