//! Earlier configurations of an endpoint.

use std::collections::BTreeSet;
use std::fmt;

use promptgate_kernel::{ActorId, EndpointId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Endpoint, EndpointConfig};

/// How a version came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum VersionNote {
    /// The endpoint was created.
    Created,
    /// It was changed.
    Updated,
    /// An older version was restored.
    Restored {
        /// Its number.
        from: u32,
    },
}

impl fmt::Display for VersionNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("created"),
            Self::Updated => f.write_str("updated"),
            Self::Restored { from } => write!(f, "restored from v{from}"),
        }
    }
}

/// The configuration of an endpoint as it was saved. Versions are never changed and never removed.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointVersion {
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// Its number, from 1.
    pub number: u32,
    /// The configuration, as JSON with the field names of the public contract.
    pub snapshot: Map<String, Value>,
    /// How it came to be.
    pub note: VersionNote,
    /// Who saved it.
    pub author: Option<ActorId>,
    /// When it was saved.
    pub created_at: Timestamp,
}

/// A field that two versions disagree about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// The field.
    pub field: String,
    /// Its value before, for people: texts as they are, JSON over several lines, `None` for nothing.
    pub before: Option<String>,
    /// Its value after.
    pub after: Option<String>,
}

impl EndpointVersion {
    pub(crate) fn of(endpoint: &Endpoint, note: VersionNote, author: Option<ActorId>) -> Self {
        Self {
            endpoint_id: endpoint.id,
            number: endpoint.latest_version,
            snapshot: fields_of(&endpoint.config),
            note,
            author,
            created_at: endpoint.updated_at,
        }
    }

    /// The configuration; fields that are younger than the version have their defaults.
    pub fn config(&self) -> Option<EndpointConfig> {
        serde_json::from_value(Value::Object(self.snapshot.clone())).ok()
    }

    /// What changes from this version to another one: only the fields that differ, by name.
    pub fn diff(&self, to: &Self) -> Vec<FieldChange> {
        let (from, to) = (self.fields(), to.fields());
        let names: BTreeSet<_> = from.keys().chain(to.keys()).collect();
        let value = |fields: &Map<String, Value>, name: &str| {
            fields.get(name).filter(|value| !value.is_null()).cloned()
        };
        names
            .into_iter()
            .filter_map(|field| {
                let (before, after) = (value(&from, field), value(&to, field));
                (before != after).then(|| FieldChange {
                    field: field.clone(),
                    before: before.as_ref().map(pretty),
                    after: after.as_ref().map(pretty),
                })
            })
            .collect()
    }

    /// The fields as a version of today has them; as they are where that cannot be said.
    fn fields(&self) -> Map<String, Value> {
        self.config().map_or_else(|| self.snapshot.clone(), |config| fields_of(&config))
    }
}

fn fields_of(config: &EndpointConfig) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(fields)) => fields,
        other => unreachable!("a configuration is a JSON object, not {other:?}"),
    }
}

fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => format!("{other:#}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewEndpoint;
    use crate::samples::{self, AT};
    use serde_json::json;

    fn versions(second: NewEndpoint) -> [EndpointVersion; 2] {
        let first = samples::create(samples::manual());
        let second = first.endpoint.replace(second, &samples::Shelf, None, AT).unwrap();
        [first.version, second.version]
    }

    #[test]
    fn only_what_differs_is_told() {
        let [first, second] = versions(NewEndpoint {
            prompt: Some("two".to_owned()),
            temperature: None,
            input_schema: Some(json!({"type": "object"})),
            ..samples::manual()
        });
        let change = |field: &str, before: Option<&str>, after: Option<&str>| FieldChange {
            field: field.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        assert_eq!(
            first.diff(&second),
            [
                change("input_schema", None, Some("{\n  \"type\": \"object\"\n}")),
                change("prompt", Some("Be kind."), Some("two")),
                change("temperature", Some("0.5"), None),
            ]
        );
        assert_eq!(second.diff(&second), []);
    }

    #[test]
    fn a_version_that_is_older_than_a_field_has_its_default() {
        let [first, _] = versions(samples::manual());
        let mut older = first.clone();
        older.snapshot.retain(|field, _| ["name", "slug", "prompt"].contains(&field.as_str()));
        let config = older.config().unwrap();
        assert_eq!((config.failover.len(), config.timeouts), (0, crate::EndpointTimeouts::default()));
        assert!(
            older.diff(&first).iter().all(|change| change.field != "variables" && change.field != "timeouts")
        );
        older.snapshot.remove("name");
        assert_eq!(older.config(), None);
    }

    #[test]
    fn the_snapshot_has_the_names_and_units_of_the_contract() {
        let [first, _] = versions(samples::manual());
        assert_eq!(first.snapshot["monthly_budget_usd"], json!(12.5));
        assert_eq!(first.snapshot["provider_model"], json!("gpt-4o"));
        assert!(!first.snapshot.contains_key("guardrails") && !first.snapshot.contains_key("is_active"));
        assert_eq!(VersionNote::Restored { from: 3 }.to_string(), "restored from v3");
    }
}
