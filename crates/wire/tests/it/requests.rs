//! Requests with whatever else clients put into them.

use bytes::Bytes;
use promptgate_providers::Operation::{self, ChatCompletions, Embeddings, Messages};
use promptgate_wire::{Edits, Envelope};
use proptest::prelude::*;
use serde_json::Value;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,8}", "[a-z/:.-]{1,12}"]
}

/// A JSON string of any spelling: plain, or escaped character by character.
fn spelled(text: &str, escaped: bool) -> String {
    if !escaped {
        return Value::from(text).to_string();
    }
    let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
    format!("\"{}\"", units.concat())
}

fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-0.0".to_owned()),
        Just("1.50e+03".to_owned()),
        Just("12345678901234567890123".to_owned()),
        (text(), any::<bool>()).prop_map(|(text, escaped)| spelled(&text, escaped)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let named =
            (text(), inner.clone()).prop_map(|(name, value)| format!("{} : {value}", spelled(&name, false)));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(" , "))),
            prop::collection::vec(named, 0..4).prop_map(|members| format!("{{{}}}", members.join(",\n"))),
        ]
    })
}

fn blanks() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,3}"
}

fn extra_members() -> impl Strategy<Value = Vec<String>> {
    let member = (text(), any_value(), blanks(), blanks())
        .prop_map(|(name, value, a, b)| format!("{}{a}:{b}{value}", spelled(&format!("x-{name}"), false)));
    prop::collection::vec(member, 0..5)
}

fn stream_options() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        Just(Some("null".to_owned())),
        (extra_members(), prop::option::of("true|false|null"), blanks()).prop_map(
            |(mut members, asked, blanks)| {
                if let Some(asked) = asked {
                    members.insert(members.len() / 2, format!("\"include_usage\"{blanks}:{blanks}{asked}"));
                }
                Some(format!("{{{blanks}{}{blanks}}}", members.join(",")))
            }
        ),
    ]
}

/// Removes the ways in which `outgoing` may differ, and says what `stream_options` asks.
fn normal(body: &[u8]) -> (Value, Value) {
    let mut value: Value = serde_json::from_slice(body).expect("what goes out is JSON");
    let members = value.as_object_mut().expect("and an object");
    members.remove("model");
    let asked = members.get("stream_options").map_or(Value::Null, |options| options["include_usage"].clone());
    match members.get_mut("stream_options") {
        Some(Value::Object(options)) => {
            options.remove("include_usage");
            if options.is_empty() {
                members.remove("stream_options");
            }
        }
        Some(Value::Null) => drop(members.remove("stream_options")),
        _ => {}
    }
    (value, asked)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_what_must_change_changes(
        operation in prop_oneof![Just(ChatCompletions), Just(Messages), Just(Embeddings)],
        model in text().prop_filter("a name", |model| !model.trim().is_empty()),
        escaped: bool,
        new_model in text(),
        content in prop::collection::vec(any_value(), 0..3),
        extra in extra_members(),
        options in stream_options(),
        stream: bool,
        ask: bool,
        order: prop::sample::Index,
        blanks in blanks(),
    ) {
        let name = if operation == Operation::Embeddings { "input" } else { "messages" };
        let mut members = extra;
        members.insert(0, format!("\"{name}\":[{}]", content.join(",")));
        members.push(format!("\"stream\"{blanks}:{blanks}{stream}"));
        if let Some(options) = options {
            members.push(format!("\"stream_options\":{blanks}{options}"));
        }
        members.insert(order.index(members.len() + 1), format!("\"model\"{blanks}:{blanks}{}", spelled(&model, escaped)));
        let turn = order.index(members.len());
        members.rotate_left(turn);
        let body = format!("{blanks}{{{blanks}{}{blanks}}}{blanks}", members.join(&format!("{blanks},")));
        let envelope = Envelope::parse(operation, Bytes::from(body.clone())).unwrap();
        prop_assert_eq!(&envelope.model, &model);

        let outgoing = envelope.outgoing(&Edits { ask_usage: ask, ..Edits::model(&new_model) });
        let sent: Value = serde_json::from_slice(&outgoing).unwrap();
        prop_assert_eq!(&sent["model"], &Value::from(new_model.as_str()));
        let (rest, asked) = normal(body.as_bytes());
        let (sent_rest, sent_asked) = normal(&outgoing);
        prop_assert_eq!(sent_rest, rest);
        let asks = ask && stream && operation == ChatCompletions;
        prop_assert_eq!(sent_asked, if asks { Value::from(true) } else { asked });

        // With the same model and nothing to ask, not a byte differs.
        prop_assert_eq!(envelope.outgoing(&Edits::model(&model)), &body);
        // With another model, nothing but its value.
        let renamed = envelope.outgoing(&Edits::model(&new_model));
        if new_model != model {
            let (old, new) = (spelled(&model, escaped), Value::from(new_model.as_str()).to_string());
            let at = (0..body.len()).find(|at| {
                body[..*at].trim_end().ends_with(':')
                    && body.as_bytes()[*at..].starts_with(old.as_bytes())
                    && renamed[..*at] == body.as_bytes()[..*at]
                    && renamed[*at + new.len()..] == body.as_bytes()[*at + old.len()..]
            });
            prop_assert!(at.is_some_and(|at| renamed[at..].starts_with(new.as_bytes())));
        }
    }

    #[test]
    fn any_bytes_are_safe(body: Vec<u8>) {
        let _ = Envelope::parse(ChatCompletions, Bytes::from(body));
    }
}
