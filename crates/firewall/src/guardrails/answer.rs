//! The rules for what models say, on an answer that comes in pieces.

use std::collections::HashMap;
use std::sync::Arc;

use promptgate_guard::{Detect, Finding, HOLD_BACK, Settled, StreamScanner, Text};

use super::detectors::Hit;
use super::guardrail::Mode;
use super::policy::{Policy, Ruler, message, replacements, sort};
use super::redaction::Vault;
use super::verdict::{Blocked, Verdict};

/// Puts the texts of one answer through the rules for what models say while they come. Each text has a
/// number of its own; several may be under way at the same time.
///
/// Of every text at most [`HOLD_BACK`] bytes are kept until it is certain what they are, but for things
/// that were found and have no end yet; a text of plain words goes on word by word. Nothing is kept for a
/// time: what waits, waits for what decides it or for the end of its text, unless somebody lets it go.
#[derive(Debug)]
pub struct AnswerGuard {
    policy: Arc<Policy>,
    texts: HashMap<u64, Under>,
    verdict: Verdict,
    refusal: Option<Blocked>,
}

/// One of the texts of an answer.
#[derive(Debug, Clone, Copy)]
pub struct AnswerPart<'a> {
    /// Its number.
    pub text: u64,
    /// Where it stands, such as `choices[0].delta.content`.
    pub path: &'a str,
    /// Whether it has to stay as it is, because somebody signed it.
    pub is_fixed: bool,
}

/// A text under way.
#[derive(Debug)]
struct Under {
    scanner: StreamScanner<Rules>,
    /// What has not gone on.
    held: String,
    /// Where in the text that begins, in bytes and in characters.
    bytes: usize,
    characters: usize,
    /// Whether it went on already.
    is_fixed: bool,
}

/// The rules for answers, as a scanner of streams wants them.
#[derive(Debug, Clone)]
struct Rules(Arc<Policy>);

impl Detect for Rules {
    fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        self.0.output().collect(text, findings);
    }

    fn waits_from(&self, tail: &str) -> usize {
        self.0.output().waits_from(tail)
    }

    fn passes(&self, words: &str) -> bool {
        self.0.output().passes(words)
    }
}

impl AnswerGuard {
    /// At the beginning of an answer.
    pub fn new(policy: Arc<Policy>) -> Self {
        Self { policy, texts: HashMap::new(), verdict: Verdict::default(), refusal: None }
    }

    /// Takes more of a text, and puts behind `out` what may go on: of a fixed text everything, at once. The
    /// answer ends when a rule refuses it.
    pub fn push(&mut self, part: &AnswerPart<'_>, more: &str, out: &mut String) -> Result<(), Blocked> {
        let policy = &self.policy;
        let under = self.texts.entry(part.text).or_insert_with(|| Under {
            scanner: StreamScanner::new(Rules(Arc::clone(policy))),
            held: String::new(),
            bytes: 0,
            characters: 0,
            is_fixed: part.is_fixed,
        });
        under.held.push_str(more);
        let settled = under.scanner.push(more);
        if part.is_fixed {
            out.push_str(more);
        }
        self.pass(part, settled, out)
    }

    /// Nothing came for long: judges what is kept of a text as if it ended here, and puts it behind `out`.
    /// Then the text goes on, and what comes is still read as what follows.
    pub fn release(&mut self, part: &AnswerPart<'_>, out: &mut String) -> Result<(), Blocked> {
        let Some(under) = self.texts.get_mut(&part.text).filter(|under| !under.is_fixed) else {
            return Ok(());
        };
        let settled = under.scanner.release();
        self.pass(part, settled, out)
    }

    /// Whether anything is kept.
    pub fn holds(&self) -> bool {
        self.texts.values().any(|under| !under.is_fixed && !under.held.is_empty())
    }

    /// A text is over: puts behind `out` what was kept of it.
    pub fn end(&mut self, part: &AnswerPart<'_>, out: &mut String) -> Result<(), Blocked> {
        let Some(under) = self.texts.get_mut(&part.text) else { return Ok(()) };
        let anew = StreamScanner::new(Rules(Arc::clone(&self.policy)));
        let scanner = std::mem::replace(&mut under.scanner, anew);
        let passed = self.pass(part, scanner.finish(), out);
        self.texts.remove(&part.text);
        passed
    }

    /// What was found since this was asked last.
    pub fn take_verdict(&mut self) -> Verdict {
        std::mem::take(&mut self.verdict)
    }

    /// Why the answer was refused, when it was.
    pub fn refusal(&self) -> Option<&Blocked> {
        self.refusal.as_ref()
    }

    fn pass(&mut self, part: &AnswerPart<'_>, settled: Settled, out: &mut String) -> Result<(), Blocked> {
        let Some(under) = self.texts.get_mut(&part.text) else { return Ok(()) };
        let released = settled.released.saturating_sub(under.bytes).min(under.held.len());
        let mut hits = self.policy.output().hits(settled.findings);
        for hit in &mut hits {
            hit.span = hit.span.start.saturating_sub(under.bytes)
                ..hit.span.end.saturating_sub(under.bytes).min(released);
        }
        hits.retain(|hit| hit.span.start < hit.span.end);
        if part.is_fixed {
            for hit in hits.iter_mut().filter(|hit| hit.mode != Mode::Block) {
                hit.mode = Mode::Audit;
            }
        }
        sort(&mut hits);
        let mut ruler = Ruler::new(&under.held);
        for hit in &hits {
            let within = ruler.characters(&hit.span);
            self.verdict
                .note(hit.told(part.path, under.characters + within.start..under.characters + within.end));
        }
        let blocks: Vec<&Hit> = hits.iter().filter(|hit| hit.mode == Mode::Block).collect();
        if let Some(first) = blocks.first() {
            let same: Vec<&Hit> =
                blocks.iter().copied().filter(|hit| hit.guardrail == first.guardrail).collect();
            let blocked = Blocked { guardrail: first.guardrail, message: message(first.guardrail, &same) };
            self.verdict.refusal = Some(blocked.clone());
            self.refusal = Some(blocked.clone());
            return Err(blocked);
        }
        if !part.is_fixed {
            let mut copied = 0;
            for (span, replacement) in replacements(&under.held[..released], &hits, &mut Vault::default()) {
                out.push_str(&under.held[copied..span.start]);
                out.push_str(&replacement);
                copied = span.end;
            }
            out.push_str(&under.held[copied..released]);
        }
        under.characters += under.held[..released].chars().count();
        under.bytes += released;
        under.held.drain(..released);
        Ok(())
    }
}

/// How many bytes of a text wait at most, if nothing in it was found that has no end yet.
pub const ANSWER_HOLD_BACK: usize = HOLD_BACK;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::guardrails::{self, Outcome, Part};

    fn policy(rules: &str) -> Arc<Policy> {
        Arc::new(Policy::compile(&serde_json::from_str::<guardrails::Rules>(rules).unwrap()))
    }

    const ALL: &str = r#"{
        "pii_filter":{"enabled":true,"direction":"output"},
        "secret_scanner":{"enabled":true,"direction":"both","mode":"mask"},
        "keyword_blocklist":{"enabled":true,"direction":"output","mode":"mask","words":["zebra"]}
    }"#;

    const PART: AnswerPart<'_> = AnswerPart { text: 1, path: "choices[0].delta.content", is_fixed: false };
    const OTHER: AnswerPart<'_> = AnswerPart { text: 2, path: "choices[1].delta.content", is_fixed: false };

    /// What goes out of a text that comes in these pieces, piece by piece.
    fn shown(policy: &Arc<Policy>, pieces: &[&str]) -> (Vec<String>, Verdict, bool) {
        let mut guard = AnswerGuard::new(Arc::clone(policy));
        let mut shown = Vec::new();
        for piece in pieces {
            let mut out = String::new();
            let passed = guard.push(&PART, piece, &mut out);
            shown.push(out);
            if passed.is_err() {
                return (shown, guard.take_verdict(), true);
            }
        }
        let mut out = String::new();
        let refused = guard.end(&PART, &mut out).is_err();
        shown.push(out);
        (shown, guard.take_verdict(), refused)
    }

    fn whole(policy: &Arc<Policy>, text: &str) -> String {
        let part = Part { channel: crate::guardrails::Channel::Assistant, text, is_fixed: false };
        let inspection = policy.inspect_answer(&[part], |_| String::new());
        let mut text = text.to_owned();
        for change in inspection.replacements.into_iter().rev() {
            text.replace_range(change.span, &change.text);
        }
        text
    }

    const TEXT: &str = "Größe: write to ada.lovelace@example.org or call +49 30 901820, a zebra; \
                        key ghp_0123456789abcdefghijABCDEFGHIJ4dWWYt done, DE89 3704 0044 0532 0130 00.";

    #[test]
    fn wherever_it_is_cut_the_answer_is_that_of_the_whole() {
        let policy = policy(ALL);
        let expected = whole(&policy, TEXT);
        assert!(
            !expected.contains('@') && !expected.contains("ghp_") && !expected.contains("zebra"),
            "{expected}"
        );
        for cut in (0..=TEXT.len()).filter(|&cut| TEXT.is_char_boundary(cut)) {
            let (shown, verdict, refused) = shown(&policy, &[&TEXT[..cut], &TEXT[cut..]]);
            assert_eq!((shown.concat(), refused), (expected.clone(), false), "cut at {cut}");
            assert_eq!(verdict.outcome, Outcome::Changed);
        }
    }

    #[test]
    fn a_text_of_plain_words_goes_on_word_by_word() {
        let policy = policy(
            r#"{"pii_filter":{"enabled":true,"direction":"output"},"secret_scanner":{"enabled":true,"direction":"both"}}"#,
        );
        let (shown, _, _) =
            shown(&policy, &["The quick brown fox jumps over ", "the lazy dog ", "and is gone "]);
        assert!(shown[0].len() + shown[1].len() > 20, "{shown:?}");
    }

    #[test]
    fn a_refused_answer_ends_before_what_it_is_refused_for() {
        let policy = policy(r#"{"pii_filter":{"enabled":true,"mode":"block","direction":"output"}}"#);
        let (shown, verdict, refused) = shown(&policy, &["so: ada.love", "lace@example.org ", "and more"]);
        assert!(refused && !shown.concat().contains("ada"), "{shown:?}");
        assert_eq!(verdict.refusal.unwrap().message, "blocked by the PII filter: E-Mail");
        assert_eq!(verdict.matches[0].span, 4..28);
    }

    #[test]
    fn what_is_signed_goes_on_as_it_is_and_can_be_refused() {
        let signed = AnswerPart { is_fixed: true, ..PART };
        let mut guard = AnswerGuard::new(policy(ALL));
        let mut out = String::new();
        guard.push(&signed, "ada@exam", &mut out).unwrap();
        guard.push(&signed, "ple.org", &mut out).unwrap();
        guard.end(&signed, &mut out).unwrap();
        let verdict = guard.take_verdict();
        assert_eq!((&*out, verdict.outcome, verdict.matches.len()), ("ada@example.org", Outcome::Noted, 1));
        let blocking = policy(r#"{"pii_filter":{"enabled":true,"mode":"block","direction":"output"}}"#);
        let mut guard = AnswerGuard::new(blocking);
        guard.push(&signed, "ada@example.org", &mut out).unwrap();
        assert!(guard.end(&signed, &mut out).is_err());
    }

    #[test]
    fn texts_under_way_at_the_same_time_do_not_mix() {
        let mut guard = AnswerGuard::new(policy(ALL));
        let (mut one, mut other) = (String::new(), String::new());
        for (a, b) in [("ada@exa", "bob@"), ("mple.org", "example.com is it")] {
            guard.push(&PART, a, &mut one).unwrap();
            guard.push(&OTHER, b, &mut other).unwrap();
        }
        guard.end(&PART, &mut one).unwrap();
        guard.end(&OTHER, &mut other).unwrap();
        assert_eq!((&*one, &*other), ("[E-Mail REDACTED]", "[E-Mail REDACTED] is it"));
    }

    #[test]
    fn what_waits_can_be_let_go_masked_and_the_text_goes_on() {
        let mut guard = AnswerGuard::new(policy(ALL));
        let mut out = String::new();
        guard.push(&PART, "so: a plain wor", &mut out).unwrap();
        assert!(guard.holds() && !out.contains("wor"), "{out}");
        guard.release(&PART, &mut out).unwrap();
        assert_eq!((&*out, guard.holds()), ("so: a plain wor", false));
        guard.push(&PART, "d, ada@example.org", &mut out).unwrap();
        guard.release(&PART, &mut out).unwrap();
        assert_eq!(out, "so: a plain word, [E-Mail REDACTED]");
        guard.push(&PART, " and ghp_0123456789abcdef", &mut out).unwrap();
        guard.release(&PART, &mut out).unwrap();
        guard.push(&PART, "ghijABCDEFGHIJ4dWWYt done", &mut out).unwrap();
        guard.end(&PART, &mut out).unwrap();
        let expected = "so: a plain word, [E-Mail REDACTED] and ghp_0123456789abcdef[GitHub personal access token REDACTED] done";
        assert_eq!(out, expected);
        let verdict = guard.take_verdict();
        assert_eq!(verdict.matches.len(), 2);
    }

    #[test]
    fn what_is_let_go_can_be_refused() {
        let mut guard = AnswerGuard::new(policy(
            r#"{"pii_filter":{"enabled":true,"mode":"block","direction":"output"}}"#,
        ));
        let mut out = String::new();
        guard.push(&PART, "so: ada@example.org", &mut out).unwrap();
        assert!(guard.release(&PART, &mut out).is_err() && !out.contains("ada"), "{out}");
        assert!(guard.refusal().is_some());
    }

    proptest! {
        #[test]
        fn any_cuts_of_any_text_show_what_the_whole_shows(
            text in "(ada@example\\.org|zebra|ghp_0123456789abcdefghijABCDEFGHIJ4dWWYt|DE89370400440532013000|[a-z@. 0-9ö]{0,9}){0,8}",
            cuts in proptest::collection::vec(0usize..300, 0..8),
        ) {
            let policy = policy(ALL);
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| text.floor_char_boundary(cut)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
            prop_assert_eq!(shown(&policy, &pieces).0.concat(), whole(&policy, &text));
        }
    }
}
