//! Whether an answer is what was expected.

use serde::{Deserialize, Serialize};

use crate::{Expected, Schema};

/// What can be wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Something that must be there is not.
    Missing,
    /// Something that must not be there is.
    Forbidden,
    /// It is not JSON, or does not fit the schema.
    Schema,
    /// It used too few tokens.
    TokensLow,
    /// It used too many tokens.
    TokensHigh,
    /// There was no answer.
    ExecError,
}

/// One thing that is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What is wrong.
    pub kind: FailureKind,
    /// The text that is missing or forbidden, the numbers, or the error.
    pub detail: String,
}

/// An answer as far as it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed<'a> {
    /// Its text.
    pub text: &'a str,
    /// The tokens of prompt and answer.
    pub total_tokens: u64,
}

impl Expected {
    /// Everything that is wrong with an answer; nothing means that it passes.
    pub fn judge(&self, answer: Observed<'_>) -> Vec<Failure> {
        let text = answer.text.to_lowercase();
        let within = |part: &&String| text.contains(&part.to_lowercase());
        let missing = self.contains.iter().filter(|part| !within(part));
        let forbidden = self.not_contains.iter().filter(within);
        let mut failures: Vec<_> = missing
            .map(|part| Failure { kind: FailureKind::Missing, detail: part.clone() })
            .chain(forbidden.map(|part| Failure { kind: FailureKind::Forbidden, detail: part.clone() }))
            .collect();
        if let Some(schema) = &self.matches_schema {
            let judged = match Schema::compile(schema) {
                Ok(schema) => schema.check_text(answer.text).map_err(|error| error.to_string()),
                Err(error) => Err(format!("matches_schema {error}")),
            };
            failures.extend(judged.err().map(|detail| Failure { kind: FailureKind::Schema, detail }));
        }
        let total = answer.total_tokens;
        if let Some(min) = self.min_total_tokens.filter(|min| total < *min) {
            let detail = format!("{total} tokens, at least {min} expected");
            failures.push(Failure { kind: FailureKind::TokensLow, detail });
        }
        if let Some(max) = self.max_total_tokens.filter(|max| total > *max) {
            let detail = format!("{total} tokens, at most {max} expected");
            failures.push(Failure { kind: FailureKind::TokensHigh, detail });
        }
        failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn expected(value: serde_json::Value) -> Expected {
        serde_json::from_value(value).unwrap()
    }

    fn kinds(expected: &Expected, text: &str, total_tokens: u64) -> Vec<FailureKind> {
        let failures = expected.judge(Observed { text, total_tokens });
        failures.into_iter().map(|failure| failure.kind).collect()
    }

    #[test]
    fn every_expectation_must_hold_and_all_failures_are_told() {
        let all = expected(json!({
            "contains": ["Straße", "b"],
            "not_contains": ["SORRY"],
            "matches_schema": {"type": "object"},
            "min_total_tokens": 5,
            "max_total_tokens": 10,
        }));
        assert_eq!(kinds(&all, r#"{"x":"STRASSE straße B"}"#, 5), []);
        assert_eq!(kinds(&all, r#"{"x":"STRASSE straße B"}"#, 10), []);
        let failures = all.judge(Observed { text: "i am sorry", total_tokens: 11 });
        let told: Vec<_> = failures.iter().map(|f| (f.kind, f.detail.as_str())).collect();
        assert_eq!(
            told,
            [
                (FailureKind::Missing, "Straße"),
                (FailureKind::Missing, "b"),
                (FailureKind::Forbidden, "SORRY"),
                (FailureKind::Schema, "the answer is not JSON"),
                (FailureKind::TokensHigh, "11 tokens, at most 10 expected"),
            ]
        );
        assert_eq!(kinds(&expected(json!({"min_total_tokens": 5})), "", 4), [FailureKind::TokensLow]);
    }

    #[test]
    fn without_expectations_every_answer_passes() {
        assert_eq!(kinds(&expected(json!({})), "", 0), []);
    }

    proptest! {
        #[test]
        fn an_answer_contains_its_own_parts(before in ".{0,20}", part in "[A-Za-z]{1,20}", after in ".{0,20}") {
            let text = format!("{before}{}{after}", part.to_uppercase());
            let contains = Expected { contains: vec![part.clone()], ..Expected::default() };
            let answer = Observed { text: &text, total_tokens: 0 };
            prop_assert_eq!(contains.judge(answer), vec![]);
            let forbidden = Expected { not_contains: vec![part], ..Expected::default() };
            prop_assert_eq!(forbidden.judge(answer).len(), 1);
        }
    }
}
