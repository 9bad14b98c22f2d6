//! Texts that hold so much to find that nobody would write them for another reason than to keep a detector busy.
//!
//! What is found in each is as it is in a short one, and it takes as long as it does by length, or the runner ends
//! the test: where each finding has to look at all others it takes minutes.

use promptgate_guard::{Finding, Keywords, Patterns, Pii, PiiKind, SecretKind, Secrets, Strictness, Text};

const LENGTH: usize = 1 << 20;

/// How much is decoded of a text at most.
const DECODED: usize = 64 << 10;

/// A text of so many bytes of the one, and then as much of the other as is decoded.
fn crowded(plain: &str, encoded: &str, length: usize) -> String {
    plain.repeat(length / plain.len()) + "\n" + &encoded.repeat(DECODED / encoded.len())
}

/// How often something is found in plain, and encoded. What is found twice is counted once.
fn found(text: &str, find: impl FnOnce(&Text<'_>, &mut Vec<Finding>)) -> (usize, usize) {
    let mut findings = Vec::new();
    find(&Text::read(text), &mut findings);
    findings.sort_by_key(|one| (one.span.start, one.span.end));
    findings.dedup();
    let encoded = findings.iter().filter(|one| text[one.span.clone()].contains('%')).count();
    (findings.len() - encoded, encoded)
}

fn secrets(strictness: Strictness) -> Secrets {
    Secrets::new(&SecretKind::all().collect::<Vec<_>>(), strictness)
}

#[test]
fn keywords_in_plain_and_then_encoded() {
    let text = crowded("so ", "s%6f ", LENGTH);
    let (plain, encoded) = found(&text, |text, findings| Keywords::new(["so"]).find(text, findings));
    assert_eq!(plain, LENGTH / 3);
    assert!(encoded > 5_000, "{encoded}");
}

#[test]
fn matches_in_plain_and_then_encoded() {
    let patterns = Patterns::new([("so", "so")]).expect("the pattern is sound");
    let text = crowded("so ", "s%6f ", LENGTH);
    let (plain, encoded) = found(&text, |text, findings| patterns.find(text, findings));
    assert_eq!(plain, LENGTH / 3);
    assert!(encoded > 5_000, "{encoded}");
}

#[test]
fn addresses_in_plain_and_then_encoded() {
    let pii = Pii::new(&[PiiKind::Email], Strictness::Standard);
    let text = crowded("c@d.co ", "c%40d.co ", 4 * LENGTH);
    let (plain, encoded) = found(&text, |text, findings| pii.find(text, findings));
    assert_eq!(plain, 4 * LENGTH / 7);
    assert!(encoded > 3_000, "{encoded}");
}

#[test]
fn passwords_in_plain_and_then_encoded() {
    let text = crowded("pwd=aB3$xY9! ", "pwd%3DaB3%24xY9! ", LENGTH);
    let (plain, encoded) = found(&text, |text, findings| secrets(Strictness::Standard).find(text, findings));
    assert_eq!(plain, LENGTH / 13);
    assert!(encoded > 1_500, "{encoded}");
}

#[test]
fn tokens_that_begin_within_each_other() {
    for strictness in [Strictness::Standard, Strictness::Lenient] {
        let text = "eyJhbGciOi.".repeat(LENGTH / 11);
        let found_whole = usize::from(strictness == Strictness::Lenient);
        assert_eq!(found(&text, |text, findings| secrets(strictness).find(text, findings)), (found_whole, 0));
    }
}

#[test]
fn tokens_that_dots_without_end_follow() {
    let text = "eyJhbGciOi.".repeat(LENGTH / 22) + &".".repeat(LENGTH / 2);
    assert_eq!(found(&text, |text, findings| secrets(Strictness::Lenient).find(text, findings)), (1, 0));
}
