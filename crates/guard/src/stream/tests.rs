//! The findings of a stream are those of the whole.

use proptest::prelude::*;

use super::*;
use crate::{Keywords, SecretKind, Strictness};

fn secrets(strictness: Strictness) -> Secrets {
    Secrets::new(&SecretKind::all().collect::<Vec<_>>(), strictness)
}

fn whole(secrets: &Secrets, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    secrets.find(&Text::read(text), &mut findings);
    findings.sort_by_key(|finding| finding.span.start);
    findings
}

/// The findings of a text that comes in these pieces; panics where a byte of one went out before it was known.
fn in_pieces<'t>(secrets: &Secrets, pieces: impl Iterator<Item = &'t str>) -> Vec<Finding> {
    let mut scanner = StreamScanner::new(secrets);
    let mut findings: Vec<Finding> = Vec::new();
    let mut released = 0;
    let mut length = 0;
    let mut take = |settled: Settled| {
        for finding in &settled.findings {
            assert!(finding.span.start >= released, "{finding:?} was released to {released}");
            assert!(finding.span.end <= settled.released, "{finding:?} is not released");
        }
        assert!(settled.released >= released);
        assert!(settled.open.is_none_or(|open| open.span.start >= settled.released));
        released = settled.released;
        findings.extend(settled.findings);
        released
    };
    for piece in pieces {
        length += piece.len();
        assert!(take(scanner.push(piece)) <= length);
    }
    assert_eq!(take(scanner.finish()), length);
    findings.sort_by_key(|finding| finding.span.start);
    findings
}

fn split<'t>(text: &'t str, at: &'t [usize]) -> impl Iterator<Item = &'t str> {
    let mut cuts: Vec<usize> = at.iter().map(|at| text.floor_char_boundary(at % (text.len() + 1))).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    (1..cuts.len()).map(move |index| &text[cuts[index - 1]..cuts[index]])
}

/// Texts with something in them, and with what only looks like it.
const TEXTS: [&str; 12] = [
    "use 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, then go",
    "password: \"h7!kQ#9z\" and `api_key`: `k3j9x0q2m7v8z1c4b6n5`",
    "# aws_secret_access_key\nXuctdej1zWmTyNI+pBYFj0TPkQslNNx3UwdA+4+w\nnext line",
    "postgres://app:4oWgwYYeBarc8vJWue@db.internal:5432/prod or https://x",
    "-----BEGIN EC PRIVATE KEY-----\nMDECAQEEIFTMRrXWwSA9VVg56kNcETcpzqbFeqsJSlkvVdCwUOCXoAoGCCqGSM49\nAwEH\n-----END EC PRIVATE KEY-----\nthat was it",
    "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c end",
    "https://hooks.slack.com/services/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, 7213808860:AAH1bjqpKKW3maRSPAxzIU-0v6xNuq2-NjM.",
    " dGhlIGtleSBpcyBnaHBfd1dQdzVrNGFYY2FUNGZOUDBVY25ad0pVVkZrNkxPMHBJTlV4IG9rYXk= is encoded",
    "Grüße: ghp\u{200b}_wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx, %67hp_wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx",
    "nothing but plain words, one after the other, and a number: 1234567890",
    "commit 7a907713a90a33ea55f9dcb4c977b1e8624794e1 \"sha512-ddOJmkssr0dINdEKiUfb2LVomnw8OE+zRfujB7pi7ka4rCrEX1+/xF2pCgE3ECA31jHKoXCcws+H0kz8K/b0cw==\"",
    "{\"auth\":{\"token\":\"h5c58Aq3dXC4g9vX4p4r6TNPzThtIpcV\",\"x\":1},\"SK\":\"SK60980ca3d1989c2039753a39027308e8\"}",
];

#[test]
fn every_split_gives_the_findings_of_the_whole() {
    for strictness in [Strictness::Standard, Strictness::Lenient] {
        let secrets = secrets(strictness);
        for text in TEXTS {
            let expected = whole(&secrets, text);
            for at in 0..=text.len() {
                assert_eq!(in_pieces(&secrets, split(text, &[at])), expected, "{text} at {at}");
            }
            let characters = text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]);
            assert_eq!(in_pieces(&secrets, characters), expected, "{text}");
        }
    }
}

#[test]
fn a_long_key_is_one_finding_however_it_comes() {
    let secrets = secrets(Strictness::Standard);
    let lines = "MIIEpAIBAAKCAQEAClBnZADAHBTjeyDJyF7YsnA8wc9EdGABAUBS7f6NMQPfPDRP\n".repeat(26);
    let text = format!(
        "key:\n-----BEGIN RSA PRIVATE KEY-----\n{lines}-----END RSA PRIVATE KEY-----\nand the rest\n{lines}"
    );
    let expected = whole(&secrets, &text);
    assert_eq!(expected.len(), 1);
    for length in [1, 7, 64, 65, 300, 1000] {
        let cuts: Vec<usize> = (0..text.len()).step_by(length).collect();
        assert_eq!(in_pieces(&secrets, split(&text, &cuts)), expected, "pieces of {length}");
    }
}

#[test]
fn phrases_are_found_at_every_split() {
    let keywords = Keywords::new(["project blue moon", "secret"]);
    let text = "The Project  blue moon is a project blue moon, and top SECRETS of s e c r e t sorts.";
    let mut expected = Vec::new();
    keywords.find(&Text::read(text), &mut expected);
    assert!(expected.len() > 1);
    for at in 0..=text.len() {
        let mut scanner = StreamScanner::new(&keywords);
        let first = scanner.push(&text[..at]);
        let second = scanner.push(&text[at..]);
        assert!(second.findings.iter().all(|finding| finding.span.start >= first.released), "{at}");
        let mut found = [first.findings, second.findings, scanner.finish().findings].concat();
        found.sort_by_key(|finding| finding.span.start);
        expected.sort_by_key(|finding| finding.span.start);
        assert_eq!(found, expected, "{at}");
    }
}

#[test]
fn plain_words_go_on_at_once() {
    let secrets = secrets(Strictness::Standard);
    let mut scanner = StreamScanner::new(&secrets);
    assert_eq!(scanner.push("The quick brown fo").released, 16);
    assert_eq!(scanner.push("x jumps").released, 20);
    assert_eq!(scanner.push(" over ").released, 31);
}

/// Looks at everything, and counts how often.
struct Counted<'s>(&'s Secrets, std::cell::Cell<usize>, bool);

impl Detect for &Counted<'_> {
    fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        self.1.set(self.1.get() + 1);
        self.0.find(text, findings);
    }

    fn waits_from(&self, tail: &str) -> usize {
        self.0.waits_from(tail)
    }

    fn passes(&self, words: &str) -> bool {
        self.2 && self.0.passes(words)
    }
}

/// What a stream in pieces of four bytes releases and finds, and how often it was looked at.
fn looked_at(secrets: &Secrets, text: &str, passes: bool) -> (Vec<Settled>, usize) {
    let counted = Counted(secrets, std::cell::Cell::new(0), passes);
    let mut scanner = StreamScanner::new(&counted);
    let cuts: Vec<usize> = (0..text.len()).step_by(4).collect();
    let mut settled: Vec<Settled> = split(text, &cuts).map(|piece| scanner.push(piece)).collect();
    settled.push(scanner.finish());
    (settled, counted.1.get())
}

#[test]
fn plain_words_are_not_looked_at_and_what_is_found_stays_the_same() {
    let secrets = secrets(Strictness::Lenient);
    let prose = "The quiet report describes the recent garden, and then \"it\" moved. ".repeat(6);
    for text in TEXTS {
        let text = format!("{prose}{text} {prose}");
        let (seen, often) = looked_at(&secrets, &text, false);
        let (passed, rarely) = looked_at(&secrets, &text, true);
        assert_eq!(passed, seen, "{text}");
        assert!(rarely < often, "{rarely} of {often}");
    }
    assert_eq!(looked_at(&secrets, &prose, true).1, 1, "at its end");
}

#[test]
fn what_a_typesetter_writes_is_found_in_a_stream_as_in_a_whole_text() {
    let keywords = Keywords::new(["don't", "foo - bar"]);
    for text in ["please don\u{2019}t do that now", "some foo \u{2013} bar here and there"] {
        let mut whole = Vec::new();
        keywords.find(&Text::read(text), &mut whole);
        assert_eq!(whole.len(), 1, "{text}");
        let mut scanner = StreamScanner::new(&keywords);
        let mut found = Vec::new();
        for word in text.split_inclusive(' ') {
            found.extend(scanner.push(word).findings);
        }
        found.extend(scanner.finish().findings);
        assert_eq!(found, whole, "{text}");
    }
}

#[test]
fn what_waits_is_bounded() {
    let secrets = secrets(Strictness::Standard);
    let mut scanner = StreamScanner::new(&secrets);
    let mut pushed = 0;
    for _ in 0..4000 {
        let piece = "abcdEFGH01/";
        pushed += piece.len();
        assert!(pushed - scanner.push(piece).released <= LONGEST_RUN + piece.len() + STEP);
    }
}

#[test]
fn a_finding_without_an_end_is_found_in_pieces() {
    let secrets = secrets(Strictness::Standard);
    let mut scanner = StreamScanner::new(&secrets);
    let mut found = 0..0;
    let token = format!("x eyJhbGciOiJIUzI1NiJ9.eyJ{} y", "a1B2".repeat(40_000));
    for start in (0..token.len()).step_by(1000) {
        let settled = scanner.push(&token[start..token.len().min(start + 1000)]);
        for finding in settled.findings {
            assert!(found.end == 0 || finding.span.start == found.end);
            found = if found.end == 0 { finding.span } else { found.start..finding.span.end };
        }
    }
    assert_eq!(found, 2..token.len() - 2);
    assert_eq!(scanner.finish().released, token.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn many_splits_give_the_findings_of_the_whole(
        parts in prop::collection::vec((0..TEXTS.len(), "[a-z ]{0,30}|[a-zA-Z0-9/+_.-]{0,60}|\\PC{0,12}"), 1..9),
        at in prop::collection::vec(0usize..4000, 0..60),
        lenient: bool,
    ) {
        let secrets = secrets(if lenient { Strictness::Lenient } else { Strictness::Standard });
        let text: String = parts.iter().flat_map(|(text, between)| [TEXTS[*text], between.as_str()]).collect();
        prop_assert_eq!(in_pieces(&secrets, split(&text, &at)), whole(&secrets, &text), "{}", text);
    }
}

#[test]
fn what_waits_may_be_let_go_and_what_comes_behind_is_still_found() {
    let secrets = secrets(Strictness::Standard);
    let token = "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";
    for cut in 1..token.len() {
        let mut scanner = StreamScanner::new(&secrets);
        let (before, behind) = (format!("use {}", &token[..cut]), format!("{}, then go", &token[cut..]));
        scanner.push(&before);
        let let_go = scanner.release();
        assert_eq!(
            (let_go.released, &let_go.findings[..]),
            (before.len(), &[][..]),
            "{cut}: half a token is none"
        );
        assert_eq!(scanner.release().released, before.len());
        let mut found = scanner.push(&behind).findings;
        found.extend(scanner.finish().findings);
        assert_eq!(found.len(), 1, "{cut}");
        assert_eq!(found[0].span, 4..44, "{cut}");
    }
}

#[test]
fn a_finding_that_goes_on_behind_what_was_let_go_is_found_to_its_end() {
    let secrets = secrets(Strictness::Standard);
    let body = "MDECAQEEIFTMRrXWwSA9VVg56kNcETcpzqbFeqsJSlkvVdCwUOCXoAoGCCqGSM49\n".repeat(40);
    let key = format!("-----BEGIN EC PRIVATE KEY-----\n{body}-----END EC PRIVATE KEY-----");
    for cut in [400, 800, 2000] {
        let mut scanner = StreamScanner::new(&secrets);
        let mut found = scanner.push(&key[..cut]).findings;
        let let_go = scanner.release();
        assert_eq!(let_go.released, cut);
        found.extend(let_go.findings);
        found.extend(scanner.push(&key[cut..]).findings);
        found.extend(scanner.push("\nthat was it").findings);
        found.extend(scanner.finish().findings);
        let mut hidden = vec![false; key.len()];
        for finding in found.into_iter().filter(|finding| finding.span.start < key.len()) {
            hidden[finding.span.start..finding.span.end.min(key.len())].fill(true);
        }
        let secret = key.find("-----END").unwrap();
        assert!(hidden[..secret].iter().all(|hidden| *hidden), "cut at {cut}");
    }
}

#[test]
fn what_has_no_end_is_swallowed_where_it_stands() {
    let secrets = secrets(Strictness::Standard);
    let body = "MDECAQEEIFTMRrXWwSA9VVg56kNcETcpzqbFeqsJSlkvVdCwUOCXoAoGCCqGSM49\n".repeat(1100);
    let key = format!("-----BEGIN EC PRIVATE KEY-----\n{body}");
    let mut scanner = StreamScanner::new(&secrets);
    assert!(scanner.push(&key).findings.iter().any(|finding| finding.span == (0..key.len())));
    let more = "AwEH+ and then 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, with many plain words behind it";
    let found: Vec<_> = scanner.push(more).findings.into_iter().map(|finding| finding.span).collect();
    assert_eq!(found, [key.len()..key.len() + 5, key.len() + 15..key.len() + 55]);
}
