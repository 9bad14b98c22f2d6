//! Typed variables: what a caller fills in instead of writing text.

mod coerce;
mod definition;

use std::borrow::Cow;
use std::collections::BTreeMap;

use fancy_regex::{Regex, RegexBuilder};
use serde_json::Value;

pub(crate) use definition::parse;
pub use definition::{VariableDefinition, VariableKind};

use crate::{FieldErrors, json, placeholder};

/// How far a pattern may backtrack before it counts as not matching.
const BACKTRACK_LIMIT: usize = 100_000;
/// The largest compiled pattern, in bytes.
const PATTERN_SIZE: usize = 1024 * 1024;

/// What is wrong with what a caller filled in. It names the variable, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// It is not a JSON object.
    #[error("the content of the last user message must be a JSON object with the variables: {names}")]
    NoObject {
        /// The declared names.
        names: String,
    },
    /// A name stands in it twice.
    #[error("a variable is given twice")]
    Twice,
    /// A name is not declared.
    #[error("unknown variable `{name}`; the endpoint has: {names}")]
    Unknown {
        /// The name, shortened to 64 characters.
        name: String,
        /// The declared names.
        names: String,
    },
    /// A required one is not there.
    #[error("variable `{name}` is required")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A value is not what the definition says.
    #[error("variable `{name}` {rule}")]
    Value {
        /// Its name.
        name: String,
        /// What it must be.
        rule: String,
    },
}

impl VariableError {
    /// The variable that is wrong, where it is one.
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::NoObject { .. } | Self::Twice => None,
            Self::Unknown { name, .. } | Self::Missing { name } | Self::Value { name, .. } => Some(name),
        }
    }
}

/// The variables of an endpoint, ready to be filled in.
#[derive(Debug, Clone, Default)]
pub struct Variables(Vec<Variable>);

#[derive(Debug, Clone)]
struct Variable {
    definition: VariableDefinition,
    pattern: Option<Regex>,
}

/// What a caller filled in, as the text that goes into the prompts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values(BTreeMap<String, String>);

impl Variables {
    /// Compiles definitions.
    pub fn compile(definitions: &[VariableDefinition]) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let mut variables = Vec::with_capacity(definitions.len());
        for (index, definition) in definitions.iter().enumerate() {
            let pattern = match definition.pattern.as_deref().map(compile_pattern) {
                None => None,
                Some(Ok(pattern)) => Some(pattern),
                Some(Err(error)) => {
                    let message = format!("is not a regular expression: {error}");
                    errors.add(format!("variables.{index}.pattern"), message);
                    None
                }
            };
            variables.push(Variable { definition: definition.clone(), pattern });
        }
        errors.unless(Self(variables))
    }

    /// Whether none is declared, so that callers send text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads what a caller filled in: a JSON object of declared names. What is optional and left out,
    /// or `null`, is the empty text.
    pub fn read(&self, payload: &str) -> Result<Values, VariableError> {
        let given: Value = serde_json::from_str(payload).map_err(|_| self.no_object())?;
        let Value::Object(given) = given else { return Err(self.no_object()) };
        if json::check_unique(payload).is_err() {
            return Err(VariableError::Twice);
        }
        if let Some(name) = given.keys().find(|name| !self.0.iter().any(|own| own.definition.name == **name))
        {
            return Err(VariableError::Unknown {
                name: name.chars().take(64).collect(),
                names: self.names(),
            });
        }
        let read = |variable: &Variable| {
            let text = match given.get(&variable.definition.name) {
                None | Some(Value::Null) if variable.definition.required => {
                    return Err(VariableError::Missing { name: variable.definition.name.clone() });
                }
                None | Some(Value::Null) => String::new(),
                Some(value) => variable.read(value)?,
            };
            Ok((variable.definition.name.clone(), text))
        };
        self.0.iter().map(read).collect::<Result<_, _>>().map(Values)
    }

    /// What was filled in, a line for each: the user's message where the endpoint has no template.
    pub(crate) fn lines(&self, values: &Values) -> String {
        let line = |variable: &Variable| {
            let name = &variable.definition.name;
            let text = values.get(name).filter(|text| !text.is_empty())?;
            Some(format!("{name}: {text}"))
        };
        self.0.iter().filter_map(line).collect::<Vec<_>>().join("\n")
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|variable| variable.definition.name.as_str()).collect();
        names.join(", ")
    }

    fn no_object(&self) -> VariableError {
        VariableError::NoObject { names: self.names() }
    }
}

impl Values {
    /// The text of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Puts the values in the place of `{{name}}`.
    pub(crate) fn fill(&self, template: &str) -> String {
        placeholder::fill(template, |name| self.get(name))
    }
}

impl Variable {
    fn read(&self, value: &Value) -> Result<String, VariableError> {
        let wrong = |rule: Cow<'_, str>| VariableError::Value {
            name: self.definition.name.clone(),
            rule: rule.into_owned(),
        };
        let text = coerce::coerce(&self.definition, value).map_err(wrong)?;
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(text.as_str()).unwrap_or(false)) {
            return Err(wrong("does not match the pattern of the endpoint".into()));
        }
        Ok(text)
    }
}

fn compile_pattern(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .backtrack_limit(BACKTRACK_LIMIT)
        .delegate_size_limit(PATTERN_SIZE)
        .build()
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn variables(definitions: &Value) -> Variables {
        let mut errors = FieldErrors::default();
        let definitions = parse(Some(definitions), &mut errors);
        assert!(errors.is_empty(), "{errors}");
        Variables::compile(&definitions).unwrap()
    }

    fn mail() -> Variables {
        variables(&json!([
            {"name": "tone", "type": "enum", "enum": ["kind", "dry"]},
            {"name": "body", "type": "text", "max_length": 5, "pattern": "^[a-zö]*$"},
            {"name": "count", "type": "int", "required": false, "min": 1, "max": 3},
        ]))
    }

    #[test]
    fn values_become_text_and_what_is_left_out_is_empty() {
        let values = mail().read(r#"{"tone":"dry","body":"ab"}"#).unwrap();
        assert_eq!(values.fill("{{tone}}/{{body}}/{{count}}/{{x}}"), "dry/ab//{{x}}");
        let values = mail().read(r#"{"tone":"dry","body":"ab","count":null}"#).unwrap();
        assert_eq!(mail().lines(&values), "tone: dry\nbody: ab");
    }

    #[test]
    fn errors_name_the_variable_and_never_say_its_value() {
        for (payload, message) in [
            (
                "no json",
                "the content of the last user message must be a JSON object with the variables: tone, body, count",
            ),
            (
                "[1]",
                "the content of the last user message must be a JSON object with the variables: tone, body, count",
            ),
            (r#"{"tone":"dry"}"#, "variable `body` is required"),
            (r#"{"tone":"dry","body":null}"#, "variable `body` is required"),
            (
                r#"{"tone":"dry","body":"a","x":"s3cret"}"#,
                "unknown variable `x`; the endpoint has: tone, body, count",
            ),
            (r#"{"tone":"s3cret","body":"a"}"#, "variable `tone` must be one of: kind, dry"),
            (r#"{"tone":"dry","body":"s3cret"}"#, "variable `body` must have at most 5 characters"),
            (
                r#"{"tone":"dry","body":"s3cre"}"#,
                "variable `body` does not match the pattern of the endpoint",
            ),
            (r#"{"tone":"dry","body":true}"#, "variable `body` must be a text"),
            (r#"{"tone":"dry","body":"a","count":"s3cret"}"#, "variable `count` must be a whole number"),
            (r#"{"tone":"dry","body":"a","count":0}"#, "variable `count` must be at least 1"),
            (r#"{"tone":"dry","body":"a","count":4}"#, "variable `count` must be at most 3"),
            (r#"{"tone":"dry","body":"a","body":"b"}"#, "a variable is given twice"),
        ] {
            let error = mail().read(payload).unwrap_err();
            assert_eq!(error.to_string(), message, "{payload}");
            assert!(!error.to_string().contains("s3cre"));
        }
        assert_eq!(mail().read(r#"{"tone":"dry"}"#).unwrap_err().variable(), Some("body"));
    }

    #[test]
    fn length_counts_characters() {
        assert!(mail().read(r#"{"tone":"dry","body":"ööööö"}"#).is_ok());
    }

    #[test]
    fn patterns_look_around_and_never_run_away() {
        let look = variables(&json!([{"name": "x", "type": "string", "pattern": "^(?!admin).+$"}]));
        assert!(look.read(r#"{"x":"user"}"#).is_ok());
        assert!(look.read(r#"{"x":"admin1"}"#).is_err());
        let slow = variables(&json!([{"name": "x", "type": "string", "pattern": r"^(a+)+\1$"}]));
        assert!(slow.read(&json!({"x": "a".repeat(60) + "b"}).to_string()).is_err());
        let errors = Variables::compile(&[VariableDefinition {
            pattern: Some("(".to_owned()),
            ..VariableDefinition::new("x", VariableKind::String)
        }])
        .unwrap_err();
        assert_eq!(errors.as_slice()[0].field, "variables.0.pattern");
    }

    proptest! {
        #[test]
        fn any_payload_is_read_or_refused_without_its_values(payload in ".{0,100}", value in "[A-Z]{8}") {
            let _ = mail().read(&payload);
            for name in ["tone", "body", "count"] {
                if let Err(error) = mail().read(&json!({name: value}).to_string()) {
                    prop_assert!(!error.to_string().contains(&value));
                }
            }
        }
    }
}
