//! Golden sets: inputs of an endpoint with what is expected of its answers.

mod judge;
mod run;

use promptgate_kernel::{EndpointId, EvalId, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ChatInput, FieldErrors, Schema};

pub use judge::{Failure, FailureKind, Observed};
pub use run::{EvalRun, ItemResult, RunDiff, RunStart, RunSummary};

/// A golden set of one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct EvalSet {
    /// Its identity.
    pub id: EvalId,
    /// The endpoint's project.
    pub project_id: ProjectId,
    /// The endpoint it asks.
    pub endpoint_id: EndpointId,
    /// Its name.
    pub name: String,
    /// A note for people.
    pub description: Option<String>,
    /// What it asks, in order.
    pub items: Vec<EvalItem>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// What a golden set is made from, or replaced with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewEvalSet {
    /// Its name.
    pub name: String,
    /// A note for people.
    pub description: Option<String>,
    /// Its items, a JSON array as it was given.
    pub items: Option<Value>,
}

/// One question of a golden set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalItem {
    /// Its label, unique in the set: runs are compared by it.
    pub name: String,
    /// The body of the request.
    pub input: Map<String, Value>,
    /// What is expected of the answer.
    #[serde(default)]
    pub expected: Expected,
}

/// What is expected of an answer. What is left out is not looked at.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Expected {
    /// Each is in the text, whatever its case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// None is in the text, whatever its case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_contains: Vec<String>,
    /// The text is JSON that fits this schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches_schema: Option<Value>,
    /// The fewest tokens, prompt and answer together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_total_tokens: Option<u64>,
    /// The most tokens, prompt and answer together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_tokens: Option<u64>,
}

impl EvalSet {
    /// The most items.
    pub const MAX_ITEMS: usize = 200;

    /// Creates a golden set, or says everything that is wrong with it.
    pub fn create(
        id: EvalId,
        project_id: ProjectId,
        endpoint_id: EndpointId,
        new: NewEvalSet,
        at: Timestamp,
    ) -> Result<Self, FieldErrors> {
        let (name, description, items) = check(new)?;
        Ok(Self {
            id,
            project_id,
            endpoint_id,
            name,
            description,
            items,
            created_at: at,
            updated_at: at,
            version: 1,
        })
    }

    /// Replaces everything but the endpoint.
    pub fn replace(self, new: NewEvalSet, at: Timestamp) -> Result<Self, FieldErrors> {
        let (name, description, items) = check(new)?;
        Ok(Self { name, description, items, updated_at: at, version: self.version + 1, ..self })
    }
}

const MAX_ITEM_BYTES: usize = 256 * 1024;

type Checked = (String, Option<String>, Vec<EvalItem>);

fn check(new: NewEvalSet) -> Result<Checked, FieldErrors> {
    let mut errors = FieldErrors::default();
    let name = new.name.trim();
    if !is_name(name) {
        errors.add("name", NAME_RULE);
    }
    let description = new.description.filter(|text| !text.trim().is_empty());
    if description.as_ref().is_some_and(|text| text.len() > 2_000) {
        errors.add("description", "must have at most 2000 bytes");
    }
    let items = match new.items {
        Some(Value::Array(items)) if (1..=EvalSet::MAX_ITEMS).contains(&items.len()) => items,
        _ => {
            errors.add("items", "must be a list of 1 to 200 items");
            vec![]
        }
    };
    let mut checked = Vec::<EvalItem>::with_capacity(items.len());
    for (index, value) in items.into_iter().enumerate() {
        let path = format!("items.{index}");
        if value.to_string().len() > MAX_ITEM_BYTES {
            errors.add(path, "must have at most 256 KiB");
            continue;
        }
        let unknown = unknown_fields(&value);
        for field in &unknown {
            errors.add(format!("{path}.{field}"), "is not known");
        }
        if let Ok(item) = serde_json::from_value::<EvalItem>(value.clone()) {
            check_item(&item, &path, &mut errors);
            if checked.iter().any(|earlier| earlier.name == item.name) {
                errors.add(format!("{path}.name"), "is the name of an earlier item");
            }
            checked.push(item);
        } else {
            let before = errors.as_slice().len();
            shape_errors(&value, &path, &mut errors);
            if errors.as_slice().len() == before {
                errors.add(path, ITEM_RULE);
            }
        }
    }
    errors.unless((name.to_owned(), description, checked))
}

const ITEM_RULE: &str = "must be an object with name, input and expected";
const NAME_RULE: &str = "must have 1 to 120 characters that are no control characters";

fn is_name(name: &str) -> bool {
    (1..=120).contains(&name.chars().count()) && !name.contains(char::is_control)
}

fn unknown_fields(item: &Value) -> Vec<String> {
    const ITEM: [&str; 3] = ["name", "input", "expected"];
    const EXPECTED: [&str; 5] =
        ["contains", "not_contains", "matches_schema", "min_total_tokens", "max_total_tokens"];
    let strange = |value: Option<&Value>, known: &[&str], prefix: &str| {
        let names = value.and_then(Value::as_object).into_iter().flat_map(Map::keys);
        let strange = names.filter(|name| !known.contains(&name.as_str()));
        strange.map(|name| format!("{prefix}{name}")).collect::<Vec<_>>()
    };
    let mut unknown = strange(Some(item), &ITEM, "");
    unknown.extend(strange(item.get("expected"), &EXPECTED, "expected."));
    unknown
}

/// What keeps a value from being an item, member by member.
fn shape_errors(item: &Value, path: &str, errors: &mut FieldErrors) {
    let Value::Object(item) = item else {
        return errors.add(path, ITEM_RULE);
    };
    if !item.get("name").is_some_and(Value::is_string) {
        errors.add(format!("{path}.name"), NAME_RULE);
    }
    if !item.get("input").is_some_and(Value::is_object) {
        errors.add(format!("{path}.input"), "must be an object, as a client would send it");
    }
    let expected = match item.get("expected") {
        None => return,
        Some(Value::Object(expected)) => expected,
        Some(_) => return errors.add(format!("{path}.expected"), "must be an object"),
    };
    let texts = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    for field in ["contains", "not_contains"] {
        if !expected.get(field).is_none_or(texts) {
            errors.add(format!("{path}.expected.{field}"), "must be a list of texts");
        }
    }
    for field in ["min_total_tokens", "max_total_tokens"] {
        if !expected.get(field).is_none_or(|value| value.is_null() || value.is_u64()) {
            errors.add(format!("{path}.expected.{field}"), "must be a whole number that is not negative");
        }
    }
}

fn check_item(item: &EvalItem, path: &str, errors: &mut FieldErrors) {
    if !is_name(&item.name) {
        errors.add(format!("{path}.name"), NAME_RULE);
    }
    if let Err(error) = ChatInput::from_stored(&item.input) {
        errors.add(format!("{path}.input"), error.to_string());
    }
    let expected = &item.expected;
    for (field, parts) in [("contains", &expected.contains), ("not_contains", &expected.not_contains)] {
        if parts.iter().any(String::is_empty) {
            errors.add(format!("{path}.expected.{field}"), "must have no empty text");
        }
    }
    if let Some(Err(error)) = expected.matches_schema.as_ref().map(Schema::compile) {
        errors.add(format!("{path}.expected.matches_schema"), error.to_string());
    }
    if let (Some(min), Some(max)) = (expected.min_total_tokens, expected.max_total_tokens)
        && min > max
    {
        errors.add(format!("{path}.expected.max_total_tokens"), "must not be smaller than min_total_tokens");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn create(items: Value) -> Result<EvalSet, FieldErrors> {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        let new = NewEvalSet { name: "golden".into(), description: None, items: Some(items) };
        EvalSet::create(
            id.parse().unwrap(),
            id.parse().unwrap(),
            id.parse().unwrap(),
            new,
            Timestamp::default(),
        )
    }

    #[test]
    fn a_set_is_kept_as_it_was_given() {
        let items = json!([
            {"name": "a", "input": {"message": "x"}, "expected": {"contains": ["y"], "max_total_tokens": 9}},
            {"name": "b", "input": {"messages": [{"role": "user", "content": "x"}]}, "expected": {}},
        ]);
        let set = create(items.clone()).unwrap();
        assert_eq!(serde_json::to_value(&set.items).unwrap(), items);
        let renamed = NewEvalSet { name: "other".into(), description: None, items: Some(items) };
        let replaced = set.clone().replace(renamed, Timestamp::from_micros(5)).unwrap();
        assert_eq!((replaced.name.as_str(), replaced.version, replaced.id), ("other", 2, set.id));
        // `null` is as good as left out.
        assert!(
            create(json!([{"name": "a", "input": {"message": "x"}, "expected": {"matches_schema": null}}]))
                .is_ok()
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told() {
        let errors = create(json!([
            {"name": "", "input": {}, "expected": {"contains": [""], "matches_schema": {"type": 1}}},
            {"name": "b", "input": {"message": "x"}, "expected": {"min_total_tokens": 2, "max_total_tokens": 1}},
            {"name": "b", "input": {"message": "x"}, "weight": 1, "expected": {"score": 1}},
            {"input": {"message": "x"}},
            {"name": "e", "input": "x", "expected": {"contains": "x", "max_total_tokens": -1}},
            7,
        ]))
        .unwrap_err();
        let fields: Vec<_> = errors.as_slice().iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "items.0.name",
                "items.0.input",
                "items.0.expected.contains",
                "items.0.expected.matches_schema",
                "items.1.expected.max_total_tokens",
                "items.2.weight",
                "items.2.expected.score",
                "items.2.name",
                "items.3.name",
                "items.4.input",
                "items.4.expected.contains",
                "items.4.expected.max_total_tokens",
                "items.5",
            ]
        );
        assert!(create(json!([])).is_err() && create(json!({})).is_err());
    }
}
