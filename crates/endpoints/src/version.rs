//! Earlier configurations of an endpoint.

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
        let snapshot = match serde_json::to_value(&endpoint.config) {
            Ok(Value::Object(fields)) => fields,
            other => unreachable!("a configuration is a JSON object, not {other:?}"),
        };
        Self {
            endpoint_id: endpoint.id,
            number: endpoint.latest_version,
            snapshot,
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
        let fields: std::collections::BTreeSet<_> = self.snapshot.keys().chain(to.snapshot.keys()).collect();
        let value = |version: &Self, field: &str| {
            version.snapshot.get(field).filter(|value| !value.is_null()).cloned()
        };
        fields
            .into_iter()
            .filter_map(|field| {
                let (before, after) = (value(self, field), value(to, field));
                (before != after).then(|| FieldChange {
                    field: field.clone(),
                    before: before.as_ref().map(pretty),
                    after: after.as_ref().map(pretty),
                })
            })
            .collect()
    }
}

fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => format!("{other:#}"),
    }
}
