//! What an answer looks like: which members it has, and of which types.
//!
//! A shape is JSON. A text names a type, or several with `|` between them, of which `'a'` is the text
//! `a`; a list of one shape is a list of such items; an object has exactly these members, where `?`
//! behind a name says that it may be missing.

use serde_json::{Map, Value, json};

/// Ends the test with every place in which an answer is not of a shape.
pub(super) fn assert_shape(what: &str, shape: &Value, answer: &Value) {
    let mut faults = Vec::new();
    compare("$", shape, answer, &mut faults);
    assert!(faults.is_empty(), "{what}: {}\n{answer:#}", faults.join("; "));
}

/// A shape, or null.
pub(super) fn or_null(shape: &Value) -> Value {
    json!({"|": [shape, "null"]})
}

/// A shape with more members.
pub(super) fn with(shape: &Value, more: &Value) -> Value {
    let mut shape = shape.clone();
    for (name, member) in more.as_object().into_iter().flatten() {
        shape[name] = member.clone();
    }
    shape
}

/// A page of a list of such items.
pub(super) fn page_of(item: &Value) -> Value {
    json!({"items": [item], "page": "int", "pageSize": "int", "total": "int"})
}

/// What an answer says that refuses: the code, and what may stand beside it.
pub(super) fn refusal() -> Value {
    json!({"error": "text", "message?": "text", "field?": "text", "errors?": "object", "requestId?": "uuid"})
}

fn compare(path: &str, shape: &Value, value: &Value, faults: &mut Vec<String>) {
    match shape {
        Value::String(types) => {
            if !types.split('|').any(|name| is(name, value)) {
                faults.push(format!("{path} is no {types}"));
            }
        }
        Value::Array(items) => match value {
            Value::Array(values) => {
                for (number, value) in values.iter().enumerate() {
                    compare(&format!("{path}[{number}]"), &items[0], value, faults);
                }
            }
            _ => faults.push(format!("{path} is no list")),
        },
        Value::Object(members) => match (members.get("|"), value) {
            (Some(Value::Array(ways)), _) => any(path, ways, value, faults),
            (_, Value::Object(values)) => same_members(path, members, values, faults),
            _ => faults.push(format!("{path} is no object")),
        },
        _ => faults.push(format!("{path}: {shape} is no shape")),
    }
}

fn any(path: &str, ways: &[Value], value: &Value, faults: &mut Vec<String>) {
    let tried = ways.iter().map(|way| {
        let mut faults = Vec::new();
        compare(path, way, value, &mut faults);
        faults
    });
    let tried: Vec<_> = tried.collect();
    if tried.iter().all(|faults| !faults.is_empty()) {
        faults.extend(tried.into_iter().next().unwrap_or_default());
    }
}

fn same_members(
    path: &str,
    shape: &Map<String, Value>,
    values: &Map<String, Value>,
    faults: &mut Vec<String>,
) {
    for (name, shape) in shape {
        let (name, is_optional) = name.strip_suffix('?').map_or((name.as_str(), false), |name| (name, true));
        match values.get(name) {
            Some(value) => compare(&format!("{path}.{name}"), shape, value, faults),
            None if is_optional => {}
            None => faults.push(format!("{path}.{name} is missing")),
        }
    }
    for name in values.keys() {
        if !shape.contains_key(name) && !shape.contains_key(&format!("{name}?")) {
            faults.push(format!("{path}.{name} is not expected"));
        }
    }
}

fn is(name: &str, value: &Value) -> bool {
    let text = value.as_str();
    match name {
        "str" => text.is_some(),
        "text" => text.is_some_and(|text| !text.is_empty()),
        "uuid" => text.is_some_and(|text| pattern(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")),
        "time" => text.is_some_and(is_time),
        "date" => text.is_some_and(|text| pattern(text, "0000-00-00")),
        "bool" => value.is_boolean(),
        "int" => value.is_i64() || value.is_u64(),
        "num" => value.is_number(),
        "null" => value.is_null(),
        "object" => value.is_object(),
        "list" => value.is_array(),
        literal => text.is_some_and(|text| literal == format!("'{text}'")),
    }
}

/// RFC 3339 in UTC.
fn is_time(text: &str) -> bool {
    let Some(text) = text.strip_suffix('Z') else { return false };
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_fraction = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    pattern(seconds, "0000-00-00T00:00:00") && is_fraction
}

/// Whether a text is like a model, in which `0` is a digit and `x` a small hexadecimal one.
fn pattern(text: &str, model: &str) -> bool {
    let fits = |(byte, model): (u8, u8)| match model {
        b'0' => byte.is_ascii_digit(),
        b'x' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        other => byte == other,
    };
    text.len() == model.len() && text.bytes().zip(model.bytes()).all(fits)
}

#[test]
fn a_shape_says_what_differs() {
    let shape = json!({"id": "uuid", "note": "str|null", "at?": "time", "kind": "'a'|'b'",
        "rows": [{"n": "int"}], "more": or_null(&json!({"x": "bool"}))});
    let id = "018f4e6e-0000-7000-8000-0000000000ff";
    let faults = |answer: Value| {
        let mut faults = Vec::new();
        compare("$", &shape, &answer, &mut faults);
        faults
    };
    let mut answer = json!({"id": id, "note": null, "kind": "b", "rows": [{"n": 1}], "more": null});
    assert!(faults(answer.clone()).is_empty());
    answer["more"] = json!({"x": true});
    answer["at"] = "2026-01-02T03:04:05.123456Z".into();
    assert!(faults(answer.clone()).is_empty());
    for (path, wrong, said) in [
        ("/id", json!("018F4E6E-0000-7000-8000-0000000000FF"), "$.id is no uuid"),
        ("/note", json!(7), "$.note is no str|null"),
        ("/at", json!("2026-01-02T03:04:05+01:00"), "$.at is no time"),
        ("/kind", json!("c"), "$.kind is no 'a'|'b'"),
        ("/rows/0/n", json!(1.5), "$.rows[0].n is no int"),
        ("/rows", json!(null), "$.rows is no list"),
        ("/more/x", json!("true"), "$.more.x is no bool"),
    ] {
        let mut answer = answer.clone();
        *answer.pointer_mut(path).unwrap() = wrong;
        assert_eq!(faults(answer), [said]);
    }
    let mut answer = answer.clone();
    answer["extra"] = json!(1);
    answer.as_object_mut().unwrap().remove("note");
    assert_eq!(faults(answer), ["$.note is missing", "$.extra is not expected"]);
}
