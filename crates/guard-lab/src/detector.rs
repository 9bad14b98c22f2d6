//! The guard's detectors, set up as a policy would, and timed.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Instant;

use promptgate_guard::{Channel, Finding, Injection, Pii, PiiKind, SecretKind, Secrets, Strictness, Text};

use crate::channel::channel;
use crate::prediction::{self, Prediction, Span};
use crate::row::{Family, Row};

/// The kinds of personal data that are always looked for.
const KINDS: [PiiKind; 8] = [
    PiiKind::Email,
    PiiKind::IpAddress,
    PiiKind::Iban,
    PiiKind::CreditCard,
    PiiKind::SsnUs,
    PiiKind::PhoneUs,
    PiiKind::PhoneDe,
    PiiKind::PhoneGeneric,
];

/// The score from which on a user's text counts as an attack, as the firewall has it unless told otherwise.
const THRESHOLD: f32 = 0.8;
/// The same for what a tool or a document says.
const TOOL_THRESHOLD: f32 = 0.65;

/// One detector of each family.
pub(crate) struct Bench {
    injection: Injection,
    pii: Pii,
    secrets: Secrets,
}

impl Bench {
    /// Sets the detectors up for rows. Kinds of personal data that the rows name are looked for besides
    /// the usual ones.
    pub(crate) fn new(lenient: bool, rows: &[Row]) -> Self {
        let strictness = if lenient { Strictness::Lenient } else { Strictness::Standard };
        let named: BTreeSet<String> =
            rows.iter().flat_map(|row| &row.spans).map(|span| span.kind.to_ascii_lowercase()).collect();
        let mut kinds: BTreeSet<PiiKind> = KINDS.into();
        kinds.extend(named.iter().filter_map(|name| PiiKind::of_name(name)));
        Self {
            injection: Injection::new(),
            pii: Pii::new(&kinds.into_iter().collect::<Vec<_>>(), strictness),
            secrets: Secrets::new(&SecretKind::all().collect::<Vec<_>>(), strictness),
        }
    }

    /// Judges a row: once to warm up, once against the clock.
    pub(crate) fn judge(&self, family: Family, row: &Row) -> Prediction {
        self.run(family, row);
        let start = Instant::now();
        let (score, findings) = self.run(family, row);
        let us = start.elapsed().as_secs_f64() * 1e6;
        let mut spans = prediction::spans(&row.text, &findings);
        if family == Family::Pii {
            spans = labelled(spans);
        }
        let threshold = match channel(row) {
            Channel::Tool | Channel::Document => TOOL_THRESHOLD,
            _ => THRESHOLD,
        };
        let flag = score.map_or(!findings.is_empty(), |score| score >= threshold);
        Prediction { id: row.id.clone(), flag, score, spans, us }
    }

    fn run(&self, family: Family, row: &Row) -> (Option<f32>, Vec<Finding>) {
        let text = Text::read(black_box(&row.text));
        let mut findings = Vec::new();
        match family {
            Family::Injection => {
                let judgement = self.injection.judge(&text, channel(row));
                return (Some(judgement.score), judgement.findings);
            }
            Family::Pii => self.pii.find(&text, &mut findings),
            Family::Secrets => self.secrets.find(&text, &mut findings),
        }
        (None, findings)
    }

    /// Microseconds to read texts, and to run one detector on texts that were read.
    pub(crate) fn time(&self, family: Family, texts: &[String]) -> (f64, f64) {
        let channel = Channel::User;
        let start = Instant::now();
        let read: Vec<Text<'_>> = texts.iter().map(|text| Text::read(black_box(text))).collect();
        let reading = start.elapsed().as_secs_f64() * 1e6;
        let start = Instant::now();
        for text in &read {
            let mut findings = Vec::new();
            match family {
                Family::Injection => findings = self.injection.judge(text, channel).findings,
                Family::Pii => self.pii.find(text, &mut findings),
                Family::Secrets => self.secrets.find(text, &mut findings),
            }
            black_box(findings);
        }
        (reading, start.elapsed().as_secs_f64() * 1e6)
    }
}

/// The names that labelled rows have for what is found.
fn labelled(spans: Vec<Span>) -> Vec<Span> {
    let name = |kind: &str| match kind {
        "ip_address" => "IP".to_owned(),
        "ssn_us" => "SSN".to_owned(),
        kind if kind.starts_with("phone_") => "PHONE".to_owned(),
        kind => kind.to_ascii_uppercase(),
    };
    spans.into_iter().map(|span| Span { kind: name(&span.kind), ..span }).collect()
}
