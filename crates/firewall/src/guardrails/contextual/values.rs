//! Where values that a model names stand in a text.

use std::ops::Range;

use serde_json::Value;

use super::ContextualKind;
use super::alignment::{Found, LONGEST};

/// More values than a text that is sent has; the rest does not count.
const MOST_VALUES: usize = 500;

/// What a model says that it found: objects such as `{"type": "PERSON", "text": "Ada"}`, or the values
/// alone. A label alone, such as `PERSON`, says nothing of a place.
pub(super) fn named(found: &[Value], wanted: &[ContextualKind]) -> Vec<(String, ContextualKind)> {
    let values = found.iter().take(MOST_VALUES).filter_map(|entry| value(entry, wanted));
    values.filter(|(value, kind)| wanted.contains(kind) && is_plausible(value)).collect()
}

fn value(entry: &Value, wanted: &[ContextualKind]) -> Option<(String, ContextualKind)> {
    let member = |names: [&str; 2]| names.into_iter().find_map(|name| entry.get(name)?.as_str());
    match entry {
        Value::Object(_) => {
            let kind = ContextualKind::called(member(["type", "label"])?)?;
            Some((member(["text", "value"])?.trim().to_owned(), kind))
        }
        Value::String(text) if ContextualKind::called(text).is_none() => {
            let kind = match wanted {
                [only] => *only,
                // No name has a digit in it, and hardly an address none.
                _ if text.contains(|one: char| one.is_ascii_digit()) => ContextualKind::Address,
                _ => ContextualKind::PersonName,
            };
            Some((text.trim().to_owned(), kind))
        }
        _ => None,
    }
}

/// Whether it can be a name or an address: two letters at least, and not a whole text.
fn is_plausible(value: &str) -> bool {
    value.chars().filter(|one| one.is_alphabetic()).nth(1).is_some() && value.chars().count() <= LONGEST
}

/// Everywhere that a value stands in a text as words of its own.
pub(super) fn places(text: &str, value: &str, kind: ContextualKind) -> Vec<Found> {
    let whole = |span: &Range<usize>| {
        let before = text[..span.start].chars().next_back().zip(value.chars().next());
        let after = value.chars().next_back().zip(text[span.end..].chars().next());
        !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
    };
    let spans = text.match_indices(value).map(|(at, found)| at..at + found.len());
    spans.filter(whole).map(|span| (span, kind)).collect()
}

/// Whether a word goes on from one character to the next. Scripts without blanks between words have no
/// upper and lower case either, and there nobody can tell.
fn goes_on((one, next): (char, char)) -> bool {
    let is_of_word = |one: char| one.is_lowercase() || one.is_uppercase() || one.is_numeric();
    is_of_word(one) && is_of_word(next)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PERSON: ContextualKind = ContextualKind::PersonName;
    const ADDRESS: ContextualKind = ContextualKind::Address;

    fn of(found: &Value, wanted: &[ContextualKind]) -> Vec<(String, ContextualKind)> {
        named(found.as_array().unwrap(), wanted)
    }

    #[test]
    fn values_come_as_objects_or_alone_and_labels_say_nothing() {
        let found = json!([
            {"type": "PERSON", "text": " Ada "}, {"label": "address", "value": "12 Elm St"},
            {"type": "city", "text": "Bath"}, {"type": "PERSON"}, "PERSON", "Bob Hope", "9 Oak Rd", 7,
            {"type": "PERSON", "text": "x"}, {"type": "PERSON", "text": "7 8 9"},
        ]);
        let expected = [("Ada", PERSON), ("12 Elm St", ADDRESS), ("Bob Hope", PERSON), ("9 Oak Rd", ADDRESS)];
        assert_eq!(of(&found, &[PERSON, ADDRESS]), expected.map(|(value, kind)| (value.to_owned(), kind)));
        let only = of(&found, &[ADDRESS]);
        assert!(only.iter().all(|(_, kind)| *kind == ADDRESS) && only.len() == 3, "{only:?}");
        let long = "ab".repeat(LONGEST);
        assert_eq!(of(&json!([long]), &[PERSON]), []);
    }

    #[test]
    fn a_value_is_found_where_it_is_a_word_of_its_own() {
        let spans = |text: &str, value: &str| {
            places(text, value, PERSON).into_iter().map(|(span, _)| span.start).collect::<Vec<_>>()
        };
        assert_eq!(spans("Al, also Al. Ali and 7Al", "Al"), [0, 9]);
        assert_eq!(spans("我叫王小明。", "王小明"), ["我叫".len()]);
        assert!(spans("nobody", "Ada").is_empty());
    }
}
