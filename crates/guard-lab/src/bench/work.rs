//! What is measured.

use std::hint::black_box;

use promptgate_firewall::guardrails::{Part, Policy, Rules};
use promptgate_guard::{
    Detect, Finding, Injection, Pii, PiiKind, SecretKind, Secrets, StreamScanner, Strictness, Text,
};
use promptgate_providers::Operation;
use promptgate_wire::{Texts, Written};
use serde_json::{Value, json};

use super::bodies::Body;

/// How long the pieces are in which models answer, in bytes.
pub(super) const PIECE: usize = 4;

/// Something to be measured: one pass over all requests.
pub(super) type Work = Box<dyn Fn()>;

/// A measurement, and how it is set up.
pub(super) struct Measure {
    pub(super) name: &'static str,
    pub(super) make: fn(Vec<Body>) -> Work,
}

const fn measure(name: &'static str, make: fn(Vec<Body>) -> Work) -> Measure {
    Measure { name, make }
}

/// What a request costs, part by part; reading the text is in all of them.
pub(super) const MEASURES: [Measure; 11] = [
    measure("reading", |bodies| {
        each_text(bodies, |text, _| {
            black_box(text.plain().len());
        })
    }),
    measure("reading, layers", |bodies| {
        each_text(bodies, |text, _| {
            black_box(text.layers().count());
        })
    }),
    measure("personal data", |bodies| {
        let pii = pii();
        each_text(bodies, move |text, _| {
            let mut found = Vec::new();
            pii.find(text, &mut found);
            black_box(found);
        })
    }),
    measure("secrets", |bodies| {
        let secrets = secrets();
        each_text(bodies, move |text, _| {
            let mut found = Vec::new();
            secrets.find(text, &mut found);
            black_box(found);
        })
    }),
    measure("personal data, secrets", |bodies| {
        let (pii, secrets) = (pii(), secrets());
        each_text(bodies, move |text, _| {
            let mut found = Vec::new();
            pii.find(text, &mut found);
            secrets.find(text, &mut found);
            black_box(found);
        })
    }),
    measure("injection", |bodies| {
        let injection = Injection::new();
        each_text(bodies, move |text, channel| {
            black_box(injection.judge(text, channel));
        })
    }),
    measure("all three", |bodies| {
        let (pii, secrets, injection) = (pii(), secrets(), Injection::new());
        each_text(bodies, move |text, channel| {
            let mut found = Vec::new();
            pii.find(text, &mut found);
            secrets.find(text, &mut found);
            black_box((found, injection.judge(text, channel)));
        })
    }),
    measure("policy: personal data, secrets", |bodies| inspect(bodies, &pii_and_secrets())),
    measure("policy: all guardrails", |bodies| inspect(bodies, &everything())),
    measure("request: JSON, all guardrails", |bodies| {
        let policy = policy(&everything());
        Box::new(move || bodies.iter().for_each(|body| request(&policy, body)))
    }),
    measure("answer: stream of 4-byte pieces", |bodies| {
        let both = Both(pii(), secrets());
        Box::new(move || {
            for (_, text) in bodies.iter().flat_map(|body| &body.parts) {
                answer(&both, text);
            }
        })
    }),
];

/// How many pieces of a stream the texts of requests make.
pub(super) fn pieces(bodies: &[Body]) -> f64 {
    let texts = bodies.iter().flat_map(|body| &body.parts);
    texts.map(|(_, text)| cut(text).count()).sum::<usize>() as f64
}

/// A policy of rules that stand in a document.
pub(super) fn policy(rules: &Value) -> Policy {
    let rules: Rules = serde_json::from_value(rules.clone()).expect("the rules of a benchmark are valid");
    Policy::compile(&rules)
}

/// Reads all texts of requests by a policy.
pub(super) fn inspect(bodies: Vec<Body>, rules: &Value) -> Work {
    let policy = policy(rules);
    Box::new(move || {
        for body in &bodies {
            let parts: Vec<Part<'_>> = body
                .parts
                .iter()
                .map(|(channel, text)| Part { channel: *channel, text, is_fixed: false })
                .collect();
            black_box(policy.inspect(&parts, true, |part| format!("messages[{part}]")));
        }
    })
}

fn pii() -> Pii {
    Pii::new(&PiiKind::ALL, Strictness::Standard)
}

fn secrets() -> Secrets {
    Secrets::new(&SecretKind::all().collect::<Vec<_>>(), Strictness::Standard)
}

fn pii_and_secrets() -> Value {
    json!({
        "pii_filter": {"enabled": true, "direction": "both"},
        "secret_scanner": {"enabled": true, "direction": "both", "mode": "mask"},
    })
}

fn everything() -> Value {
    json!({
        "reversible_redaction": {"enabled": true},
        "pii_filter": {"enabled": true},
        "prompt_injection": {"enabled": true},
        "secret_scanner": {"enabled": true, "mode": "mask"},
        "keyword_blocklist": {"enabled": true, "words": ["project blue moon", "zebrafish"]},
        "content_length": {"enabled": true, "max": 1_000_000},
    })
}

fn each_text(bodies: Vec<Body>, look: impl Fn(&Text<'_>, promptgate_guard::Channel) + 'static) -> Work {
    Box::new(move || {
        for (channel, text) in bodies.iter().flat_map(|body| &body.parts) {
            look(&Text::read(black_box(text)), channel.heard_as());
        }
    })
}

/// What becomes of a request on its way: its JSON is read, judged and written anew where it has to be.
fn request(policy: &Policy, body: &Body) {
    let Ok(texts) = Texts::of_request(Operation::ChatCompletions, black_box(&body.bytes)) else { return };
    let inspection = Written::Request(Operation::ChatCompletions).inspect(policy, &texts);
    black_box(texts.replaced(inspection.replacements));
}

/// What is looked for in an answer.
struct Both(Pii, Secrets);

impl Detect for &Both {
    fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        self.0.find(text, findings);
        self.1.find(text, findings);
    }

    fn waits_from(&self, tail: &str) -> usize {
        self.0.waits_from(tail).min(self.1.waits_from(tail))
    }

    fn passes(&self, words: &str) -> bool {
        self.0.passes(words) && self.1.passes(words)
    }
}

fn answer(both: &Both, text: &str) {
    let mut scanner = StreamScanner::new(both);
    for piece in cut(text) {
        black_box(scanner.push(piece));
    }
    black_box(scanner.finish());
}

fn cut(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, behind) = rest.split_at_checked(rest.ceil_char_boundary(PIECE))?;
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}
