//! Values on their way into a statement.

use std::borrow::Cow;

use promptgate_kernel::SortDirection;
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::types::Json;

const NUL: char = '\0';
const REPLACEMENT: &str = "\u{fffd}";

/// Longer than any folded name, so that cutting a search text here finds nothing that it would not.
const MAX_SEARCH: usize = 1_000;

/// A text that both engines take: U+0000, which PostgreSQL refuses, becomes U+FFFD.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    let has_nul = memchr::memchr(0, text.as_bytes()).is_some();
    if has_nul { Cow::Owned(text.replace(NUL, REPLACEMENT)) } else { Cow::Borrowed(text) }
}

/// [`text`] of a text that may be missing.
pub(crate) fn optional_text(value: Option<&String>) -> Option<Cow<'_, str>> {
    value.map(|value| text(value))
}

/// [`text`] of each text of a list.
pub(crate) fn texts(list: &[String]) -> Json<Vec<Cow<'_, str>>> {
    Json(list.iter().map(|entry| text(entry)).collect())
}

/// A document that both engines take, as [`text`] in all its names and texts.
pub(crate) fn document(map: &Map<String, Value>) -> Json<Cow<'_, Map<String, Value>>> {
    let clean = map.iter().all(|(name, value)| !name.contains(NUL) && is_clean(value));
    Json(if clean { Cow::Borrowed(map) } else { Cow::Owned(clean_map(map)) })
}

/// A document whose every letter counts, for a column of text: neither engine looks into it. U+0000 is
/// escaped in JSON, so that nothing has to be replaced.
pub(crate) fn verbatim<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("what the domain keeps as a document has names for its members")
}

fn is_clean(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.contains(NUL),
        Value::Array(values) => values.iter().all(is_clean),
        Value::Object(map) => map.iter().all(|(name, value)| !name.contains(NUL) && is_clean(value)),
    }
}

fn clean_map(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter().map(|(name, value)| (text(name).into_owned(), clean_value(value))).collect()
}

fn clean_value(value: &Value) -> Value {
    match value {
        Value::String(value) => Value::String(text(value).into_owned()),
        Value::Array(values) => Value::Array(values.iter().map(clean_value).collect()),
        Value::Object(map) => Value::Object(clean_map(map)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// A count as a column keeps it; what does not fit becomes the largest that does.
pub(crate) fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A `LIKE` pattern, to be used with `ESCAPE '\'`, for texts that contain this one.
pub(crate) fn containing(search: &str) -> String {
    containing_folded(&search.to_lowercase())
}

/// [`containing`] for texts of which only the letters A to Z are folded, as both engines do it.
pub(crate) fn containing_letters(search: &str) -> String {
    containing_folded(&search.to_ascii_lowercase())
}

fn containing_folded(search: &str) -> String {
    let mut pattern = String::from("%");
    for character in search.chars().take(MAX_SEARCH) {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    text(&pattern).into_owned()
}

/// How a page is sorted: what is missing comes last, equal ones go by id, the older first, either way.
pub(crate) fn order_by(column: &str, direction: SortDirection) -> String {
    let direction = match direction {
        SortDirection::Ascending => "ASC",
        SortDirection::Descending => "DESC",
    };
    format!(" ORDER BY {column} {direction} NULLS LAST, id ASC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nul_is_replaced_wherever_it_hides() {
        let Value::Object(dirty) = json!({"a\0": ["\0", {"b": "x\0y"}], "n": 1}) else { unreachable!() };
        let Value::Object(clean) = json!({"a\u{fffd}": ["\u{fffd}", {"b": "x\u{fffd}y"}], "n": 1}) else {
            unreachable!()
        };
        assert_eq!(document(&dirty).0.into_owned(), clean);
        assert!(matches!(document(&clean).0, Cow::Borrowed(_)));
    }
}
