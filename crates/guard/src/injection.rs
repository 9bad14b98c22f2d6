//! Injected instructions and attempts to talk a model out of its own, by rules and by their wording.
//!
//! A text is folded (small letters, no accents), one pass finds the words of a lexicon of some thirty
//! languages, and [`grammar`] and [`structure`] weigh how they stand together. Each kind of sign counts
//! once, with its strongest occurrence; the kinds join as independent evidence,
//! `1 - (1 - a)(1 - b)…`, so that a strong one alone passes 0.5 and weak ones only add. The [`classifier`]
//! judges the wording of the same text; both join to one score.

mod classifier;
mod eight;
mod features;
mod grammar;
mod lexicon;
mod structure;
pub mod training;

use std::ops::Range;

use self::classifier::{Classifier, Wording};
use self::grammar::{Grammar, Sign};
use self::lexicon::{Cipher, Folded, Hit, Lexicon, Oddities};
use crate::{Category, Certainty, Finding, Text};

/// Where a text came from. What a tool or a document says to the model weighs more than what its user says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// What the user wrote.
    User,
    /// What a tool answered.
    Tool,
    /// What was looked up or handed in: a page, a file, a mail.
    Document,
    /// What the operator told the model.
    System,
    /// What the model answered.
    Assistant,
}

impl Channel {
    /// Whether nobody of the conversation wrote it.
    fn is_fed(self) -> bool {
        matches!(self, Self::Tool | Self::Document)
    }

    /// How much a sign counts that has this weight in a user's text.
    fn weigh(self, weight: f32) -> f32 {
        match self {
            Self::User => weight,
            Self::Tool | Self::Document => 1.0 - (1.0 - weight).powf(1.3),
            Self::System => weight * 0.25,
            Self::Assistant => weight * 0.6,
        }
    }
}

/// What a text was found to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// How much speaks for an attack, from 0 to 1.
    pub score: f32,
    /// What speaks for it, in the order of the text.
    pub findings: Vec<Finding>,
}

/// The detector of injected instructions.
#[derive(Debug)]
pub struct Injection {
    lexicon: Lexicon,
    grammar: Grammar,
    classifier: Classifier<'static>,
}

/// A sign that is worth no mention.
const FAINT: f32 = 0.04;
/// How much a sign counts more where it stood in disguise.
const DISGUISE: f32 = 0.3;

impl Default for Injection {
    fn default() -> Self {
        Self::new()
    }
}

impl Injection {
    /// Builds the detector. It is meant to be built once and shared.
    pub fn new() -> Self {
        Self { lexicon: Lexicon::new(), grammar: Grammar::new(), classifier: Classifier::shipped() }
    }

    /// Judges a text.
    pub fn judge(&self, text: &Text<'_>, channel: Channel) -> Judgement {
        let channel = structure::channel(text.plain(), channel);
        let mut found: Vec<(Sign, Range<usize>)> = Vec::new();
        let folded = Folded::of(text.plain());
        let (signs, mut wording) = self.read(&folded, channel);
        for sign in signs {
            let span = text.original_span(folded.plain(sign.span.start)..folded.plain(sign.span.end));
            found.push((sign, span));
        }
        let mut decoded_at = None;
        for layer in text.layers() {
            let folded = Folded::of(layer.plain());
            let (signs, decoded) = self.read(&folded, channel);
            for mut sign in signs {
                let plain = folded.plain(sign.span.start)..folded.plain(sign.span.end);
                if let Some(span) = layer.original_span(plain) {
                    if sign.weight > 0.3 {
                        sign.weight = 1.0 - (1.0 - sign.weight) * (1.0 - DISGUISE);
                    }
                    found.push((sign, span));
                }
            }
            if decoded.logit > wording.logit
                && let Some(span) = layer.original_span(0..layer.plain().len())
            {
                (wording, decoded_at) = (decoded, Some(span));
            }
        }
        let Judgement { score: rules, mut findings } = judgement(found, channel);
        let score = classifier::join(evidence(rules), &wording, channel);
        if findings.is_empty() && score >= WORTH_A_FINDING {
            let window = classifier::place(folded.text(), &wording);
            let window = folded.plain(window.start)..folded.plain(window.end);
            findings.push(Finding {
                category: Category::Injection,
                kind: "suspicious_wording".into(),
                span: decoded_at.unwrap_or_else(|| text.original_span(window)),
                certainty: Certainty::Shape,
            });
        }
        Judgement { score, findings }
    }

    /// The signs in a folded text, and what its wording is worth.
    fn read(&self, folded: &Folded, channel: Channel) -> (Vec<Sign>, Wording) {
        let (mut signs, mut wording) = self.straight(folded.text(), channel);
        for (part, meant) in self.lexicon.readings(folded.text()) {
            let (more, bare) = self.straight(&meant, channel);
            signs.extend(more.into_iter().map(|sign| Sign { span: part.clone(), ..sign }));
            wording = wording.or_disguised(bare);
        }
        (signs, wording)
    }

    /// The signs in a text as it stands, and what its wording is worth.
    fn straight(&self, folded: &str, channel: Channel) -> (Vec<Sign>, Wording) {
        let mut signs = Vec::new();
        let (hits, odd, mut wording) = self.survey(folded);
        self.grammar.read(folded, &hits, channel, &mut signs);
        structure::read(folded, &hits, channel, &mut signs);
        for range in odd.disguised(folded) {
            let disguised = &folded[range.clone()];
            let (spelt, plain) = (lexicon::spelt(disguised), lexicon::unleet(disguised));
            let mut search = self.lexicon.unmask(&spelt, &plain);
            wording = wording.or_disguised(self.classifier.judge_with(&spelt, &mut search));
            let before = signs.len();
            self.grammar.read(&plain, &search.end(), channel, &mut signs);
            for sign in &mut signs[before..] {
                sign.span = sign.span.start + range.start..sign.span.end + range.start;
            }
        }
        let bare = [
            self.joined(folded, &odd, channel, &mut signs),
            self.parted(folded, &odd, channel, &mut signs),
            self.turned(folded, &hits, channel, &mut signs),
        ];
        let wording = bare.into_iter().flatten().fold(wording, Wording::or_disguised);
        (signs, wording)
    }

    /// The words of the lexicon in a folded text, what may be more of them, and what its wording is worth.
    fn survey(&self, folded: &str) -> (Vec<Hit>, Oddities, Wording) {
        let mut search = self.lexicon.survey(folded);
        let wording = self.classifier.judge_with(folded, &mut search);
        let (hits, odd) = search.end();
        (hits, odd, wording)
    }

    /// Adds the signs of words that other marks than blanks join, and returns what their wording is worth.
    fn joined(
        &self,
        folded: &str,
        odd: &Oddities,
        channel: Channel,
        signs: &mut Vec<Sign>,
    ) -> Option<Wording> {
        let mut highest = None;
        for range in &odd.chains {
            let plain = lexicon::unjoined(&folded[range.clone()]);
            let from = signs.len();
            let wording = self.bared(&plain, channel, signs);
            highest = higher(highest, wording);
            for sign in &mut signs[from..] {
                sign.span = sign.span.start + range.start..sign.span.end + range.start;
            }
        }
        highest
    }

    /// Adds the signs of words that nothing parts, and returns what their wording is worth.
    fn parted(
        &self,
        folded: &str,
        odd: &Oddities,
        channel: Channel,
        signs: &mut Vec<Sign>,
    ) -> Option<Wording> {
        let mut highest = None;
        let mut end = 0;
        for word in odd.glued.iter().filter(|word| !folded[word.start..word.end].contains(' ')) {
            if word.start < end {
                continue;
            }
            let blank = |letter: char| letter == ' ' || letter == '\n';
            let start = folded[..word.start].rfind(blank).map_or(0, |at| at + 1).max(end);
            end = folded[word.end..].find(blank).map_or(folded.len(), |at| word.end + at);
            let Some(plain) = self.lexicon.part(&folded[start..end]) else { continue };
            let from = signs.len();
            let wording = self.bared(&plain, channel, signs);
            highest = higher(highest, wording);
            for sign in &mut signs[from..] {
                sign.span = start..end;
            }
        }
        highest
    }

    /// Adds the signs of a text that was turned round or moved along the alphabet, if words give it away, and
    /// returns what its wording is worth.
    fn turned(&self, folded: &str, hits: &[Hit], channel: Channel, signs: &mut Vec<Sign>) -> Option<Wording> {
        let mut highest = None;
        for cipher in Cipher::ALL {
            let given = hits.iter().filter(|hit| hit.concepts.meets(cipher.given_away_by()));
            let (words, letters) =
                given.fold((0, 0), |(words, letters), hit| (words + 1, letters + hit.end - hit.start));
            if words < 2 && letters < GIVEN_AWAY {
                continue;
            }
            let from = signs.len();
            let wording = self.bared(&cipher.turn(folded), channel, signs);
            highest = higher(highest, wording);
            for sign in &mut signs[from..] {
                sign.span = 0..folded.len();
            }
        }
        highest
    }

    /// Adds the signs of a text that a disguise was taken off, and returns what its wording is worth: nothing
    /// where it holds too few words of the lexicon to tell.
    fn bared(&self, plain: &str, channel: Channel, signs: &mut Vec<Sign>) -> Option<Wording> {
        let hits = self.lexicon.scan(plain);
        if hits.len() < TELLING {
            return None;
        }
        self.grammar.read(plain, &hits, channel, signs);
        Some(self.classifier.judge(plain, &hits))
    }
}

/// How long a word is that alone gives a cipher away, in bytes.
const GIVEN_AWAY: usize = 7;
/// How many words of the lexicon a text holds at least that a disguise was taken off.
const TELLING: usize = 2;

fn higher(one: Option<Wording>, other: Option<Wording>) -> Option<Wording> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.or_disguised(other)),
        (one, other) => one.or(other),
    }
}

/// From which score on a text whose wording alone speaks against it gets a finding of its own.
const WORTH_A_FINDING: f32 = 0.3;

/// The evidence behind a score of the rules: independent evidence adds up.
fn evidence(rules: f32) -> f32 {
    -(1.0 - rules.clamp(0.0, 0.9999)).ln()
}

/// Joins the signs: the strongest of each kind, as independent evidence.
fn judgement(mut found: Vec<(Sign, Range<usize>)>, channel: Channel) -> Judgement {
    found.retain(|(sign, _)| channel.weigh(sign.weight) > FAINT);
    found.sort_by(|(left, left_span), (right, right_span)| {
        left.kind
            .cmp(right.kind)
            .then(right.weight.total_cmp(&left.weight))
            .then(left_span.start.cmp(&right_span.start))
    });
    found.dedup_by(|later, kept| later.0.kind == kept.0.kind);
    let doubt: f32 = found.iter().map(|(sign, _)| 1.0 - channel.weigh(sign.weight).min(0.99)).product();
    let mut findings: Vec<Finding> =
        found.into_iter().map(|(sign, span)| finding(&sign, span, channel)).collect();
    findings.sort_by_key(|finding| finding.span.start);
    Judgement { score: 1.0 - doubt, findings }
}

fn finding(sign: &Sign, span: Range<usize>, channel: Channel) -> Finding {
    let certainty = match channel.weigh(sign.weight) {
        weight if weight >= 0.75 => Certainty::Certain,
        weight if weight >= 0.4 => Certainty::Likely,
        _ => Certainty::Shape,
    };
    Finding { category: Category::Injection, kind: sign.kind.into(), span, certainty }
}
