//! What the fuzzers check, over their committed corpora and what they once found.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

#[path = "../../fuzz/src/checks.rs"]
mod checks;

#[test]
fn the_corpora_hold() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for target in ["texts", "stream_texts"] {
        let mut inputs = 0;
        for input in fs::read_dir(corpora.join(target)).expect("a corpus of every target") {
            checks::run(target, &fs::read(input.expect("an input").path()).expect("bytes"));
            inputs += 1;
        }
        assert!(inputs >= 3, "the corpus of {target} is gone");
    }
}

/// JSON of the names that mean something in requests and answers.
fn any_json() -> impl Strategy<Value = Value> {
    let words = [
        "thinking",
        "document",
        "reasoning.encrypted",
        "text",
        "user",
        "tool",
        "{\"a\":\"b@c\"}",
        "a@b.c",
        "data:,;base64,",
    ];
    let words = prop_oneof![prop::sample::select(words.to_vec()).prop_map(str::to_owned), "\\PC{0,6}"];
    let leaf = prop_oneof![
        4 => words.prop_map(Value::from),
        1 => Just(Value::Null),
        1 => (0_u32..20_000).prop_map(Value::from),
    ];
    let names = [
        "annotations",
        "arguments",
        "choices",
        "citations",
        "content",
        "data",
        "default",
        "description",
        "enum",
        "events",
        "format",
        "function",
        "headers",
        "input",
        "input_schema",
        "items",
        "message",
        "messages",
        "metadata",
        "name",
        "output",
        "parameters",
        "properties",
        "reasoning_details",
        "required",
        "role",
        "search_results",
        "signature",
        "source",
        "stop",
        "system",
        "text",
        "thinking",
        "title",
        "tools",
        "type",
        "user",
        "x@y",
    ];
    leaf.prop_recursive(6, 48, 5, move |inner| {
        let member = (prop::sample::select(names.to_vec()).prop_map(str::to_owned), inner.clone());
        prop_oneof![
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
            3 => prop::collection::vec(member, 0..5).prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn what_the_fuzzers_check_holds_of_all_that_means_something(json in any_json()) {
        for kind in b"crmeCRMaixn" {
            checks::run("texts", &[&[*kind], json.to_string().as_bytes()].concat());
        }
    }
}
