//! What clients see of answers that come in pieces, wherever they are cut.

mod shapes;

use promptgate_firewall::guardrails::Rules;
use promptgate_translate::Stop;
use proptest::prelude::*;
use serde_json::{Value, json};

use self::shapes::{SHAPES, Said, Shown, answer, arguments_of, request, stream, text_of};
use super::*;

const EMAIL: &str = "ada.lovelace@example.org";
const SECRET: &str = "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";
/// What of a value shows too much of it.
const TOO_MUCH: usize = 6;

fn policy(rules: Value) -> Arc<Policy> {
    let rules: Rules = serde_json::from_value(rules).unwrap();
    Arc::new(Policy::compile(&rules))
}

fn answers(mode: &str) -> Outgoing {
    let policy = policy(json!({
        "pii_filter": {"enabled": true, "direction": "output", "mode": mode},
        "secret_scanner": {"enabled": true, "direction": "output", "mode": mode},
    }));
    Outgoing::new(&policy, None)
}

/// What goes on of a stream that comes in these pieces, and whether a rule ended it.
fn ruled<'p>(
    outgoing: &Outgoing,
    operation: Operation,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (Shown, bool) {
    let mut rules = outgoing.rules(operation).unwrap();
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&rules.push(&Bytes::copy_from_slice(piece)));
    }
    out.extend_from_slice(&rules.end());
    assert_eq!(rules.refusal().is_some(), rules.is_stopped());
    (Shown::of(out), rules.is_stopped())
}

#[test]
fn nothing_passes_rules_that_nobody_can_read() {
    let outgoing = Outgoing::new(&Arc::new(Policy::closed()), None);
    for operation in SHAPES {
        let whole: Bytes = answer(operation, "hello", "{}").to_string().into();
        for answered in [Answered::By(operation), Answered::Kept] {
            assert_eq!(outgoing.inspect(answered, whole.clone()).unwrap_err(), GuardFailed, "{operation:?}");
        }
        let said = stream(operation, Said::Text, &["hello"]);
        let mut rules = outgoing.rules(operation).unwrap();
        let mut out = Vec::new();
        for piece in said.as_bytes().chunks(7) {
            out.extend_from_slice(&rules.push(&Bytes::copy_from_slice(piece)));
        }
        out.extend_from_slice(&rules.end());
        assert!(rules.is_stopped() && Shown::of(out).text.is_empty(), "{operation:?}");
    }
    let text = Block::Text { text: "hello".to_owned(), cache: None };
    let mut answer = ChatAnswer { id: None, model: None, blocks: vec![text], stop: Stop::End, usage: None };
    assert_eq!(outgoing.inspect_chat(&mut answer).unwrap_err(), GuardFailed);
}

/// Panics where a part of a value is shown: in the text that the pieces make, or anywhere else.
#[track_caller]
fn assert_hidden(value: &str, shown: &Shown, told: &str) {
    for part in value.as_bytes().windows(TOO_MUCH) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(!shown.text.contains(part), "{told}: {part} is shown in {:?}", shown.text);
        assert!(!shown.raw.contains(part), "{told}: {part} is shown in\n{}", shown.raw);
    }
}

/// What the model says, and what of it goes on where it is masked.
fn sayings(said: Said) -> [(String, &'static str, String); 2] {
    [(EMAIL, "[E-Mail REDACTED]"), (SECRET, "[GitHub personal access token REDACTED]")].map(
        |(value, mask)| {
            let text = said.of(&format!("so: {value}, and \"ö\" more"));
            let masked = text.replace(value, mask);
            (text, value, masked)
        },
    )
}

#[test]
fn wherever_the_model_cuts_a_value_no_client_sees_it() {
    let (mask, block) = (answers("mask"), answers("block"));
    for operation in SHAPES {
        for said in [Said::Text, Said::Arguments] {
            for (text, value, masked) in sayings(said) {
                let mut ways: Vec<Vec<&str>> = (0..=text.len())
                    .filter(|cut| text.is_char_boundary(*cut))
                    .map(|cut| vec![&text[..cut], &text[cut..]])
                    .collect();
                ways.push(text.split_inclusive(|_| true).collect());
                for pieces in ways {
                    let told = format!("{operation:?} {said:?} {pieces:?}");
                    let sent = stream(operation, said, &pieces);
                    let (shown, stopped) = ruled(&mask, operation, [sent.as_bytes()]);
                    assert_eq!((&shown.text, stopped), (&masked, false), "{told}");
                    assert_hidden(value, &shown, &told);
                    let (shown, stopped) = ruled(&block, operation, [sent.as_bytes()]);
                    assert!(stopped, "{told}");
                    assert_hidden(value, &shown, &told);
                }
            }
        }
    }
}

#[test]
fn wherever_the_network_cuts_a_stream_no_client_sees_a_value() {
    let (mask, block) = (answers("mask"), answers("block"));
    for operation in SHAPES {
        for said in [Said::Text, Said::Arguments] {
            for (text, value, masked) in sayings(said) {
                let at = text.find(value).unwrap() + 7;
                let sent = stream(operation, said, &[&text[..at], &text[at..]]);
                let sent = sent.as_bytes();
                let (whole, _) = ruled(&mask, operation, [sent]);
                assert_eq!(whole.text, masked);
                assert_hidden(value, &whole, "whole");
                let (refused, _) = ruled(&block, operation, [sent]);
                assert_hidden(value, &refused, "whole, refused");
                assert!(refused.is_ended_by(operation), "{}", refused.raw);
                // The rule is the same for both; one of them is enough for every cut.
                let (outgoing, expected) = if value == EMAIL { (&mask, &whole) } else { (&block, &refused) };
                for cut in 0..=sent.len() {
                    let shown = ruled(outgoing, operation, [&sent[..cut], &sent[cut..]]).0;
                    assert_eq!(&shown, expected, "{operation:?} {said:?} at {cut}");
                }
                assert_eq!(ruled(&mask, operation, sent.chunks(1)).0, whole);
                assert_eq!(ruled(&block, operation, sent.chunks(1)).0, refused);
            }
        }
    }
}

#[test]
fn what_waits_can_be_let_go_anywhere_and_the_stream_stays_whole() {
    let outgoing = answers("mask");
    for operation in SHAPES {
        for said in [Said::Text, Said::Arguments] {
            let text = said.of("so: \u{1f600} \"ö\" write to ada.lovelace@exam");
            for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
                let mut rules = outgoing.rules(operation).unwrap();
                let mut out = Vec::new();
                for event in stream(operation, said, &[&text[..cut], &text[cut..]]).split_inclusive("\n\n") {
                    out.extend_from_slice(&rules.push(&Bytes::copy_from_slice(event.as_bytes())));
                    out.extend_from_slice(&rules.release());
                    assert!(!rules.holds());
                }
                out.extend_from_slice(&rules.end());
                let shown = Shown::of(out);
                assert_eq!(shown.text, text, "{operation:?} {said:?} {cut}");
                if operation == Operation::Responses {
                    let done =
                        shown.raw.lines().filter(|line| line.contains(".done") || line.contains("completed"));
                    let repeated = serde_json::to_string(&text).unwrap();
                    let repeats = done.filter(|line| line.starts_with("data: ") && line.contains(&repeated));
                    assert!(repeats.count() >= 3, "{}", shown.raw);
                }
            }
        }
    }
}

#[test]
fn half_a_token_that_is_let_go_stays_as_it_is_and_whole_ones_come_back() {
    let policy = policy(json!({"reversible_redaction": {"enabled": true}}));
    for operation in SHAPES {
        let (_, outgoing) = redacted(&policy, operation, &request(operation, EMAIL));
        for said in [Said::Text, Said::Arguments] {
            let text = said.of("to [[EMAIL_001]], or [[EMAIL_001]].");
            let at = text.rfind("IL_001").unwrap();
            let mut values = outgoing.values(operation).unwrap();
            let mut out = Vec::new();
            for event in stream(operation, said, &[&text[..at], &text[at..]]).split_inclusive("\n\n") {
                out.extend_from_slice(&values.push(&Bytes::copy_from_slice(event.as_bytes())));
                out.extend_from_slice(&values.release());
                assert!(!values.holds());
            }
            out.extend_from_slice(&values.end());
            let expected = said.of(&format!("to {EMAIL}, or [[EMAIL_001]]."));
            assert_eq!(Shown::of(out).text, expected, "{operation:?} {said:?}");
        }
    }
}

/// A request that went through reversible redaction, and what its answer needs.
fn redacted(policy: &Arc<Policy>, operation: Operation, body: &Bytes) -> (Value, Outgoing) {
    let texts = Texts::of_request(operation, body).unwrap();
    let parts: Vec<Part<'_>> = texts
        .parts()
        .map(|part| Part { channel: part.channel, text: part.text, is_fixed: part.is_signed })
        .collect();
    let inspection = policy.inspect(&parts, true, |part| texts.path(part));
    let edits: Vec<TextEdit> = inspection
        .replacements
        .into_iter()
        .map(|change| TextEdit { part: change.part, span: change.span, text: change.text })
        .collect();
    let sent = serde_json::from_slice(&texts.rewrite(&edits)).unwrap();
    (sent, Outgoing::new(policy, Some(Arc::new(inspection.vault))))
}

/// What the client gets of a stream.
fn restored(outgoing: &Outgoing, operation: Operation, sent: &str, piece: usize) -> Shown {
    let mut values = outgoing.values(operation).unwrap();
    let mut out = Vec::new();
    for piece in sent.as_bytes().chunks(piece) {
        out.extend_from_slice(&values.push(&Bytes::copy_from_slice(piece)));
    }
    out.extend_from_slice(&values.end());
    Shown::of(out)
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A model that repeats what it was sent says to the client what the client said to it.
    #[test]
    fn what_was_redacted_comes_back_in_every_shape(
        text in "( ada\\.lovelace@example\\.org | bob@example\\.com | DE89370400440532013000 |4111 1111 1111 1111|\
                 \\[\\[EMAIL_00[1-3]\\]\\]|\\[\\[|\\]\\]|[a-z\"\\\\ \nö😀\\[\\]]{0,8}| ){0,10}",
        cuts in proptest::collection::vec(0usize..300, 0..6),
        piece in 1usize..400,
    ) {
        let policy = policy(json!({"reversible_redaction": {"enabled": true}}));
        for operation in SHAPES {
            let (sent, outgoing) = redacted(&policy, operation, &request(operation, &text));
            let (said, arguments) = (text_of(operation, &sent), arguments_of(operation, &sent));
            prop_assert!(!said.contains("example.org"), "{}", said);

            let whole: Bytes = answer(operation, &said, &arguments).to_string().into();
            let whole = outgoing.restored(operation, &whole).unwrap_or(whole);
            let whole: Value = serde_json::from_slice(&whole).unwrap();
            let expected = answer(operation, &text, &json!({"note": text}).to_string());
            prop_assert_eq!(&whole, &expected, "{:?}", operation);

            for (kind, said) in [(Said::Text, &said), (Said::Arguments, &arguments)] {
                let mut cuts: Vec<_> = cuts.iter().map(|cut| said.floor_char_boundary(*cut)).collect();
                cuts.extend([0, said.len()]);
                cuts.sort_unstable();
                let pieces: Vec<_> = cuts.windows(2).map(|cut| &said[cut[0]..cut[1]]).collect();
                let shown = restored(&outgoing, operation, &stream(operation, kind, &pieces), piece);
                match kind {
                    Said::Text => prop_assert_eq!(&shown.text, &text, "{:?}", operation),
                    Said::Arguments => prop_assert_eq!(json_of(&shown.text), json!({"note": text}), "{:?}", operation),
                }
            }
        }
    }
}
