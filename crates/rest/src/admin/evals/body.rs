//! What a golden set is made from, or changed by.

use promptgate_endpoints::NewEvalSet;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::view::EvalItemView;
use crate::body::Patch;
use crate::casing::{rename, snake};

/// A golden set. `name` and `items` are required when it is created; on change, what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EvalBody {
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 120)]
    name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Patch<String>,
    /// What it asks, in order.
    #[serde(default)]
    #[schema(value_type = Option<Vec<EvalItemView>>, min_items = 1, max_items = 200)]
    items: Patch<Value>,
}

impl EvalBody {
    /// What is given, on top of what is there.
    pub(super) fn onto(self, mut new: NewEvalSet) -> NewEvalSet {
        if let Some(name) = self.name.into_change() {
            new.name = name.unwrap_or_default();
        }
        if let Some(description) = self.description.into_change() {
            new.description = description;
        }
        if let Some(items) = self.items.into_change() {
            new.items = items.map(snaked);
        }
        new
    }
}

fn snaked(items: Value) -> Value {
    let expected = |mut item: Map<String, Value>| {
        if let Some(expected) = item.remove("expected") {
            item.insert("expected".to_owned(), rename(expected, snake));
        }
        item
    };
    match items {
        Value::Array(items) => items
            .into_iter()
            .map(|item| match item {
                Value::Object(item) => Value::Object(expected(item)),
                other => other,
            })
            .collect(),
        other => other,
    }
}
