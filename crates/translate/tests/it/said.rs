//! An answer in no vendor's words, and any of them.

use promptgate_usage::TokenCounts;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// What a model says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Said {
    pub(crate) thought: String,
    pub(crate) text: String,
    pub(crate) calls: Vec<Call>,
    pub(crate) stop: Why,
    pub(crate) usage: Usage,
}

/// What it wants done. The arguments are JSON without white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

/// Why it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Why {
    #[default]
    End,
    MaxTokens,
    Calls,
}

/// What it took, in the classes that every format can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    /// All that was read.
    pub(crate) read: u64,
    /// What of it came from the cache.
    pub(crate) cached: u64,
    /// All that was written.
    pub(crate) written: u64,
}

impl From<TokenCounts> for Usage {
    fn from(counts: TokenCounts) -> Self {
        Self { read: counts.total_input(), cached: counts.cache_read, written: counts.total_output() }
    }
}

/// Texts with what is easily broken: quotes, escapes, line ends of all kinds, characters of one to
/// four bytes, and what looks like the frame around it.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-z ]{1,8}",
        1 => Just("\"\\".to_owned()),
        1 => Just("\n\ndata: [DONE]\r\n".to_owned()),
        1 => Just("\u{2028}\u{85}é€😀".to_owned()),
        1 => Just("</s>{\"type\":\"x\"}".to_owned()),
        1 => "\\PC{1,4}",
    ];
    vec(piece, 1..6).prop_map(|pieces| format!("a{}z", pieces.concat()))
}

/// Any JSON value.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..4).prop_map(|members| Value::from(Map::from_iter(members))),
        ]
    })
}

/// Arguments of a call.
pub(crate) fn arguments() -> impl Strategy<Value = String> {
    vec(("[a-z_]{1,6}", json()), 0..4).prop_map(|members| Value::from(Map::from_iter(members)).to_string())
}

/// Any answer.
pub(crate) fn said() -> impl Strategy<Value = Said> {
    let calls = vec(("[a-z_]{1,12}", arguments()), 0..4);
    let numbers = (0..5_000_u64, 0..5_000_u64, 1..5_000_u64);
    (option::of(text()), option::of(text()), calls, numbers, any::<bool>(), "[a-zA-Z0-9]{4,10}").prop_map(
        |(thought, text, calls, (fresh, cached, written), cut, id)| {
            let calls: Vec<_> = calls
                .into_iter()
                .enumerate()
                .map(|(number, (name, arguments))| Call {
                    id: format!("call_{id}_{number}"),
                    name,
                    arguments,
                })
                .collect();
            let stop = match (calls.is_empty(), cut) {
                (false, _) => Why::Calls,
                (true, true) => Why::MaxTokens,
                (true, false) => Why::End,
            };
            Said {
                thought: thought.unwrap_or_default(),
                text: text.unwrap_or_default(),
                calls,
                stop,
                usage: Usage { read: fresh + cached, cached, written },
            }
        },
    )
}
