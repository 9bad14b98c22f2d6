use serde_json::{Value, json};

use super::*;
use crate::guardrails::{Match, Outcome};

const TYPES: &str = r#"["email","person_name","address"]"#;

fn policy(rules: &str) -> Policy {
    let rules: Rules = serde_json::from_str(rules).unwrap();
    rules.check().unwrap();
    Policy::compile(&rules)
}

fn filter(mode: &str) -> Policy {
    policy(&format!(r#"{{"pii_filter":{{"enabled":true,"mode":"{mode}","types":{TYPES}}}}}"#))
}

fn said(channel: Channel, text: &str) -> Part<'_> {
    Part { channel, text, is_fixed: false }
}

fn asked(policy: &Policy, parts: &[Part<'_>]) -> Question {
    match policy.question(parts, 1_000) {
        Asking::Ask(question) => question,
        nothing => panic!("{nothing:?}"),
    }
}

/// What becomes of a text when a model answers so.
fn sent(policy: &Policy, text: &str, redacted: &str) -> (String, Inspection) {
    let parts = [said(Channel::User, text)];
    let answer: Value = json!({"redacted": redacted, "found": []});
    let known = asked(policy, &parts).read(&answer.to_string()).unwrap();
    let inspection = policy.inspect_knowing(&known, &parts, true, |_| "message".to_owned());
    let mut text = text.to_owned();
    for change in inspection.replacements.iter().rev() {
        text.replace_range(change.span.clone(), &change.text);
    }
    (text, inspection)
}

const TEXT: &str = "Ada Lovelace, ada@example.org, 12 Elm St. Call Ada Lovelace!";
const REDACTED: &str = "[PERSON REDACTED], [E-Mail REDACTED], [ADDRESS REDACTED]. Call [PERSON REDACTED]!";

#[test]
fn every_mode_does_with_names_what_it_does_with_the_rest() {
    let (masked, inspection) = sent(&filter("mask"), TEXT, REDACTED);
    assert_eq!(masked, REDACTED);
    let rules: Vec<_> = inspection.verdict.matches.iter().map(Match::rule).collect();
    let person = "pii_filter.person_name";
    assert_eq!(rules, [person, "pii_filter.email", "pii_filter.address", person]);
    assert_eq!(inspection.verdict.matches[0].span, 0..12);

    let (redacted, inspection) = sent(&filter("redact"), TEXT, REDACTED);
    assert_eq!(redacted, "[[PERSON_001]], [[EMAIL_001]], [[ADDRESS_001]]. Call [[PERSON_001]]!");
    assert_eq!(inspection.vault.restore(&redacted), TEXT);

    let (noted, inspection) = sent(&filter("audit"), TEXT, REDACTED);
    assert_eq!((noted.as_str(), inspection.verdict.outcome), (TEXT, Outcome::Noted));

    let names = "Ada Lovelace, 12 Elm St";
    let (_, inspection) = sent(&filter("block"), names, "[PERSON REDACTED], [ADDRESS REDACTED]");
    let refusal = inspection.verdict.refusal.unwrap();
    assert_eq!(refusal.message, "blocked by the PII filter: ADDRESS, PERSON");
}

#[test]
fn a_model_is_asked_only_for_what_a_rule_names() {
    let asks = |rule: &str| policy(&format!(r#"{{"pii_filter":{{"enabled":true{rule}}}}}"#)).asks_model();
    assert!(
        asks(r#","types":["address"]"#) && asks(r#","types":["email","person_name"],"direction":"both""#)
    );
    assert!(!asks(""), "all built-in kinds are those that need no model");
    assert!(!asks(r#","types":[]"#) && !asks(r#","types":["person_name"],"direction":"output""#));
    assert!(!policy(r#"{"pii_filter":{"types":["person_name"]}}"#).asks_model());
    assert!(policy(r#"{"pii_filter":{"enabled":true,"types":["person_name"]}}"#).reads_input());
    assert_eq!(filter("mask").rules_of_model(), ["pii_filter.person_name", "pii_filter.address"]);
}

#[test]
fn what_was_found_already_is_not_asked_about_whatever_its_rule_does() {
    let text = "Ada, ada@example.org, zebra, ghp_0123456789abcdefghijABCDEFGHIJ4dWWYt";
    for mode in ["audit", "mask", "redact"] {
        let policy = policy(&format!(
            r#"{{"pii_filter":{{"enabled":true,"mode":"{mode}","types":{TYPES}}},
                "secret_scanner":{{"enabled":true,"mode":"{mode}"}},
                "keyword_blocklist":{{"enabled":true,"mode":"audit","words":["zebra"]}}}}"#
        ));
        let question = asked(&policy, &[said(Channel::User, text)]);
        let asked = question.text();
        assert!(
            asked.starts_with("Ada, [E-Mail REDACTED], zebra, [GitHub") && !asked.contains("ghp_"),
            "{asked}"
        );
    }
}

#[test]
fn descriptions_of_tools_are_not_asked_about_and_long_texts_neither() {
    let policy = filter("mask");
    let tool = "x".repeat(5_000);
    let parts =
        [said(Channel::System, "Ada"), said(Channel::ToolDefinition, &tool), said(Channel::Tool, "Bób")];
    let question = asked(&policy, &parts);
    assert_eq!(question.text(), "Ada\nBób");
    let known = question.read(r#"{"found":[{"type":"PERSON","text":"Bób"}]}"#).unwrap();
    assert_eq!(known, [Spotted { kind: ContextualKind::PersonName, part: 2, span: 0..4 }]);
    assert!(matches!(policy.question(&parts, 6), Asking::Ask(_)), "characters, not bytes");
    assert_eq!(policy.question(&parts, 5), Asking::TooLong);
    assert_eq!(policy.question(&[said(Channel::User, "1 + 1")], 9), Asking::Nothing);
    assert_eq!(Policy::default().question(&parts, 9_000), Asking::Nothing);
}

#[test]
fn a_signed_text_stays_and_what_does_not_come_back_is_masked() {
    let policy = filter("redact");
    let known = [Spotted { kind: ContextualKind::PersonName, part: 0, span: 0..3 }];
    let fixed = [Part { is_fixed: true, ..said(Channel::Assistant, "Ada is here") }];
    let inspection = policy.inspect_knowing(&known, &fixed, true, |_| String::new());
    assert_eq!((inspection.verdict.outcome, inspection.replacements.len()), (Outcome::Noted, 0));
    let items = [said(Channel::User, "Ada is here")];
    let inspection = policy.inspect_items_knowing(&known, &items, |_| String::new());
    assert_eq!(inspection.replacements[0].text, "[PERSON REDACTED]");
}
