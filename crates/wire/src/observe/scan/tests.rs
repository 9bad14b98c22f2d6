use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn scan(json: &str) -> Scan {
    let mut scan = Scan::new(Words::Anywhere);
    scan.feed(json.as_bytes());
    scan
}

#[test]
fn the_members_that_matter_are_kept() {
    let scan = scan(
        r#"{"id":"c-1","model":"gpt\u002d4o","x":{"usage":{"no":1},"model":"no","error":1},
            "choices":[{"index":0,"message":{"role":"assistant","content":"a\u00e9\n","id":"no"}}],
            "usage": {"prompt_tokens":1,"d":{"s":"}"}} ,"error":null}"#,
    );
    assert!(scan.complete());
    assert_eq!(scan.usage(), Some(&br#"{"prompt_tokens":1,"d":{"s":"}"}}"#[..]));
    assert_eq!((scan.model().unwrap(), scan.id().unwrap()), ("gpt-4o".to_owned(), "c-1".to_owned()));
    assert_eq!((scan.choices, scan.marks.error, scan.text_bytes), (Choices::Filled, false, 1 + 3 + 1));
}

#[test]
fn what_the_model_wrote_is_counted() {
    for (json, bytes) in [
        (r#"{"choices":[{"delta":{"content":"four","role":"assistant"}}]}"#, 4),
        (r#"{"choices":[{"delta":{"tool_calls":[{"id":"x","function":{"arguments":"{}"}}]}}]}"#, 2),
        (r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}"#, 2),
        (r#"{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"EqQB"}}"#, 0),
        (r#"{"content":[{"type":"tool_use","id":"t","input":{"a":"b"}},{"type":"text","text":"x"}]}"#, 10),
        (r#"{"data":[{"embedding":"AAAA","index":0}],"text":"top"}"#, 0),
        (r#"{"choices":[{"message":{"content":["a","b"]}}]}"#, 2),
    ] {
        assert_eq!(scan(json).text_bytes, bytes, "{json}");
    }
}

#[test]
fn what_a_response_repeats_is_counted_once() {
    for (json, bytes) in [
        (r#"{"type":"response.output_text.delta","delta":"four","item_id":"m"}"#, 4),
        (r#"{"type":"response.function_call_arguments.delta","delta":"{\"a\""}"#, 4),
        (r#"{"type":"response.output_text.done","text":"four"}"#, 0),
        (r#"{"type":"response.content_part.done","part":{"type":"output_text","text":"four"}}"#, 0),
        (r#"{"type":"response.completed","response":{"output":[{"content":[{"text":"four"}]}]}}"#, 0),
        (r#"{"output":[{"content":[{"text":"four"}]},{"arguments":"{}","name":"f"}],"text":{"x":"y"}}"#, 6),
        (r#"{"instructions":[{"content":[{"text":"asked"}]}],"output":[]}"#, 0),
    ] {
        let mut scan = Scan::new(Words::OfResponse);
        scan.feed(json.as_bytes());
        assert_eq!((scan.text_bytes, scan.complete()), (bytes, true), "{json}");
    }
}

#[test]
fn calls_and_ends_are_acts() {
    for (json, acts) in [
        (
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}}]}"#,
            true,
        ),
        (r#"{"choices":[{"delta":{"function_call":{"name":"f"}}}]}"#, true),
        (r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, true),
        (
            r#"{"choices":[{"delta":{"role":"assistant","content":"","tool_calls":[]},"finish_reason":null}]}"#,
            false,
        ),
    ] {
        assert_eq!(scan(json).marks.acts, acts, "{json}");
    }
}

#[test]
fn choices_are_told_apart() {
    for (json, choices) in [
        ("{}", Choices::Absent),
        (r#"{"choices":[ ]}"#, Choices::Empty),
        (r#"{"choices":null}"#, Choices::Empty),
        (r#"{"choices":[null]}"#, Choices::Filled),
        (r#"{"x":{"choices":[1]}}"#, Choices::Absent),
    ] {
        assert_eq!(scan(json).choices, choices, "{json}");
    }
}

#[test]
fn what_is_no_document_is_never_complete() {
    let deep = format!(r#"{{"a":{}"#, "[".repeat(200));
    for wrong in
        ["", " ", "[DONE]", "[]", "7", "\"x\"", "{", r#"{"a":1"#, r#"{"a" 1}"#, r#"{"a":]}"#, "{]", &deep]
    {
        let mut scan = scan(wrong);
        assert!(!scan.complete(), "{wrong}");
        scan.begin();
        scan.feed(b"{}");
        assert!(scan.complete(), "a wrong document does not spoil the next");
    }
}

#[test]
fn what_is_too_long_is_not_kept() {
    let long = "x".repeat(MAX_USAGE);
    let document = json!({"model": long, "id": long, "usage": {"a": long}, "b": 1}).to_string();
    let scan = scan(&document);
    assert!(scan.complete());
    assert_eq!((scan.model(), scan.id(), scan.usage()), (None, None, None));
}

fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("usage".to_owned()),
        Just("choices".to_owned()),
        Just("message".to_owned()),
        Just("model".to_owned()),
        Just("content".to_owned()),
        ".{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(|number| Value::from(f64::from(number) / 4.0)),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_parser_that_sees_everything_agrees(members in prop::collection::vec(any_json(), 5), cut: usize, pretty: bool) {
        let [model, usage, choices, error, other] = <[Value; 5]>::try_from(members).unwrap();
        let document = json!({"model": model, "usage": usage, "choices": choices, "error": error, "z": other});
        let json = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) };
        let json = json.unwrap();
        let cut = cut % (json.len() + 1);
        let mut scan = Scan::new(Words::Anywhere);
        scan.feed(&json.as_bytes()[..cut]);
        scan.feed(&json.as_bytes()[cut..]);
        prop_assert!(scan.complete());
        prop_assert_eq!(scan.model(), model.as_str().filter(|model| !model.is_empty()).map(str::to_owned));
        let kept = scan.usage().map(|json| serde_json::from_slice::<Value>(json).unwrap());
        prop_assert_eq!(kept, usage.is_object().then_some(usage));
        prop_assert_eq!(scan.marks.error, !error.is_null());
        let filled = match &choices {
            Value::Array(choices) => !choices.is_empty(),
            Value::Object(choices) => !choices.is_empty(),
            _ => false,
        };
        prop_assert_eq!(scan.choices == Choices::Filled, filled);
    }

    #[test]
    fn any_bytes_are_safe(pieces: Vec<Vec<u8>>) {
        let mut scan = Scan::new(Words::Anywhere);
        for piece in &pieces {
            scan.feed(piece);
        }
        prop_assert!(scan.usage.len() <= MAX_USAGE && scan.model.len() <= MAX_LABEL);
    }
}
