//! What is looked for in a text that goes one way, and what happens with it.

use std::borrow::Cow;
use std::ops::Range;

use promptgate_guard::{
    Category, Certainty, Detect, Finding, Keywords, Patterns, Pii, PiiKind, SecretKind, Secrets,
    Strictness as Sure, Text,
};

use super::contextual::ContextualKind;
use super::guardrail::{Direction, Guardrail, Mode, Strictness};
use super::redaction::{RedactionKind, token_kind};
use super::rules::{CustomPattern, Rules};
use super::verdict::Match;

/// Something found, and what the rules make of it.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) guardrail: Guardrail,
    pub(crate) kind: Cow<'static, str>,
    pub(crate) label: Cow<'static, str>,
    pub(crate) mode: Mode,
    pub(crate) certainty: Certainty,
    /// In bytes of the text.
    pub(crate) span: Range<usize>,
}

impl Hit {
    /// What stands in the token that takes its place.
    pub(crate) fn token_kind(&self, value: &str) -> String {
        let personal = matches!(self.guardrail, Guardrail::ReversibleRedaction | Guardrail::PiiFilter);
        if let Some(kind) = ContextualKind::named(&self.kind).filter(|_| personal) {
            return kind.label().to_owned();
        }
        let known = PiiKind::of_name(&self.kind).filter(|_| personal);
        match known.and_then(|kind| RedactionKind::of(kind, value)) {
            Some(kind) => token_kind(kind.name()),
            None => token_kind(&self.kind),
        }
    }

    /// As it stands in a verdict.
    pub(crate) fn told(&self, part: &str, span: Range<usize>) -> Match {
        Match {
            guardrail: self.guardrail,
            kind: self.kind.to_string(),
            label: self.label.to_string(),
            mode: self.mode,
            certainty: self.certainty,
            score: None,
            part: part.to_owned(),
            span,
        }
    }

    /// What takes its place for good.
    pub(crate) fn mask(&self) -> String {
        format!("[{} REDACTED]", self.label)
    }
}

/// Which kinds of personal data somebody asked for, and what for.
#[derive(Debug)]
struct Wanted {
    guardrail: Guardrail,
    mode: Mode,
    strictness: Sure,
    kinds: Vec<PiiKind>,
    /// Of a kind, only what is this: IPv4 and IPv6 addresses are one kind of personal data and two of
    /// redaction.
    redactions: Vec<RedactionKind>,
    patterns: Option<Patterns>,
}

/// Everything that is looked for in the texts of one direction.
#[derive(Debug, Default)]
pub(crate) struct Detectors {
    pii: Option<Pii>,
    wanted: Vec<Wanted>,
    secrets: Option<(Secrets, Mode)>,
    keywords: Option<(Keywords, Mode)>,
}

impl Detectors {
    /// What the rules want to be found in what clients write.
    pub(crate) fn input(rules: &Rules) -> Self {
        Self::compile(rules, Direction::reads_input, true)
    }

    /// What they want to be found in what models answer. Nothing comes back from there, so that what
    /// would be redacted is masked.
    pub(crate) fn output(rules: &Rules) -> Self {
        Self::compile(rules, Direction::reads_output, false)
    }

    fn compile(rules: &Rules, reads: fn(Direction) -> bool, comes_back: bool) -> Self {
        let mode = |mode: Mode| if mode == Mode::Redact && !comes_back { Mode::Mask } else { mode };
        let mut wanted = Vec::new();
        let redaction = &rules.reversible_redaction;
        if comes_back && redaction.enabled == Some(true) {
            let redactions = match &redaction.types {
                None => RedactionKind::ALL.to_vec(),
                Some(names) => names.iter().filter_map(|name| RedactionKind::named(name)).collect(),
            };
            wanted.push(Wanted {
                guardrail: Guardrail::ReversibleRedaction,
                mode: Mode::Redact,
                strictness: sure(redaction.strictness),
                kinds: redactions.iter().flat_map(|kind| kind.covers()).copied().collect(),
                redactions,
                patterns: patterns(redaction.custom_patterns.as_deref()),
            });
        }
        let pii = &rules.pii_filter;
        if pii.enabled == Some(true) && reads(pii.direction.unwrap_or_default()) {
            wanted.push(Wanted {
                guardrail: Guardrail::PiiFilter,
                mode: mode(pii.mode.unwrap_or(Mode::Mask)),
                strictness: sure(pii.strictness),
                kinds: match &pii.types {
                    None => PiiKind::ALL.to_vec(),
                    Some(names) => names.iter().filter_map(|name| PiiKind::of_name(name)).collect(),
                },
                redactions: Vec::new(),
                patterns: patterns(pii.custom_patterns.as_deref()),
            });
        }
        let secrets = &rules.secret_scanner;
        let secrets =
            (secrets.enabled == Some(true) && reads(secrets.direction.unwrap_or_default())).then(|| {
                let kinds: Vec<_> = match &secrets.patterns {
                    None => SecretKind::all().collect(),
                    Some(names) => names.iter().filter_map(|name| SecretKind::named(name)).collect(),
                };
                (Secrets::new(&kinds, sure(secrets.strictness)), mode(secrets.mode.unwrap_or(Mode::Block)))
            });
        let keywords = &rules.keyword_blocklist;
        let words = keywords.words.as_deref().unwrap_or_default();
        let reads_words = keywords.enabled == Some(true)
            && reads(keywords.direction.unwrap_or_default())
            && !words.is_empty();
        Self {
            pii: personal(&wanted),
            wanted,
            secrets,
            keywords: reads_words.then(|| (Keywords::new(words), keywords.mode.unwrap_or(Mode::Block))),
        }
    }

    /// Whether nothing is looked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.secrets.is_none() && self.keywords.is_none()
    }

    /// Everything in a text that the rules make something of, in no certain order.
    pub(crate) fn find(&self, text: &Text<'_>) -> Vec<Hit> {
        let mut found = Vec::new();
        let mut hits = Vec::new();
        if let Some(pii) = &self.pii {
            pii.find(text, &mut found);
        }
        for wanted in &self.wanted {
            hits.extend(found.iter().filter_map(|finding| wanted.hit(finding, Some(text.original()))));
            let mut own = Vec::new();
            if let Some(patterns) = &wanted.patterns {
                patterns.find(text, &mut own);
            }
            hits.extend(own.into_iter().map(|finding| wanted.own(finding)));
        }
        found.clear();
        self.find_others(text, &mut found);
        hits.extend(found.into_iter().filter_map(|finding| self.other(finding)));
        hits
    }

    /// The same for a text that comes in pieces: what is found, before the rules make something of it.
    /// Only for what models answer, where one guardrail at most looks for personal data.
    pub(crate) fn collect(&self, text: &Text<'_>, found: &mut Vec<Finding>) {
        if let Some(pii) = &self.pii {
            pii.find(text, found);
        }
        for patterns in self.wanted.iter().filter_map(|wanted| wanted.patterns.as_ref()) {
            patterns.find(text, found);
        }
        self.find_others(text, found);
    }

    /// What the rules make of that.
    pub(crate) fn hits(&self, found: Vec<Finding>) -> Vec<Hit> {
        let mut hits = Vec::new();
        for finding in found {
            if finding.category != Category::Pii {
                hits.extend(self.other(finding));
                continue;
            }
            let Some(wanted) = self.wanted.first() else { continue };
            match PiiKind::of_name(&finding.kind) {
                Some(_) => hits.extend(wanted.hit(&finding, None)),
                None => hits.push(wanted.own(finding)),
            }
        }
        hits
    }

    /// Where in the end of a text something may stand that what comes next decides.
    pub(crate) fn waits_from(&self, tail: &str) -> usize {
        let mut from = tail.len();
        if let Some(pii) = &self.pii {
            from = from.min(pii.waits_from(tail));
        }
        if let Some((secrets, _)) = &self.secrets {
            from = from.min(secrets.waits_from(tail));
        }
        if let Some((keywords, _)) = &self.keywords {
            from = from.min(keywords.waits_from(tail));
        }
        // Nobody knows where a pattern of somebody's own begins.
        if self.wanted.iter().any(|wanted| wanted.patterns.is_some()) { 0 } else { from }
    }

    /// Whether nothing begins in plain words that anything is looked for.
    pub(crate) fn passes(&self, words: &str) -> bool {
        !self.wanted.iter().any(|wanted| wanted.patterns.is_some())
            && self.pii.as_ref().is_none_or(|pii| pii.passes(words))
            && self.secrets.as_ref().is_none_or(|(secrets, _)| secrets.passes(words))
            && self.keywords.as_ref().is_none_or(|(keywords, _)| keywords.passes(words))
    }

    fn find_others(&self, text: &Text<'_>, found: &mut Vec<Finding>) {
        if let Some((secrets, _)) = &self.secrets {
            secrets.find(text, found);
        }
        if let Some((keywords, _)) = &self.keywords {
            keywords.find(text, found);
        }
    }

    fn other(&self, finding: Finding) -> Option<Hit> {
        match finding.category {
            Category::Secret => {
                let (_, mode) = self.secrets.as_ref()?;
                let known = SecretKind::named(&finding.kind);
                let label = known.map_or_else(|| finding.kind.clone(), |kind| kind.label().into());
                Some(hit(Guardrail::SecretScanner, *mode, finding, label))
            }
            Category::Keyword => {
                let (_, mode) = self.keywords.as_ref()?;
                let label = if *mode == Mode::Mask { "Keyword".into() } else { finding.kind.clone() };
                Some(hit(Guardrail::KeywordBlocklist, *mode, finding, label))
            }
            Category::Pii | Category::Injection => None,
        }
    }
}

impl Wanted {
    fn hit(&self, finding: &Finding, text: Option<&str>) -> Option<Hit> {
        let kind = PiiKind::of_name(&finding.kind).filter(|kind| self.kinds.contains(kind))?;
        if !self.strictness.accepts(finding.certainty) {
            return None;
        }
        if self.guardrail == Guardrail::ReversibleRedaction {
            let value = text?.get(finding.span.clone())?;
            RedactionKind::of(kind, value).filter(|kind| self.redactions.contains(kind))?;
        }
        Some(hit(self.guardrail, self.mode, finding.clone(), kind.label().into()))
    }

    /// A pattern of somebody's own matched.
    fn own(&self, finding: Finding) -> Hit {
        let label = finding.kind.clone();
        hit(self.guardrail, self.mode, finding, label)
    }
}

fn hit(guardrail: Guardrail, mode: Mode, finding: Finding, label: Cow<'static, str>) -> Hit {
    Hit { guardrail, kind: finding.kind, label, mode, certainty: finding.certainty, span: finding.span }
}

/// One reader for everybody who wants personal data: what is not sure enough for somebody, or not his
/// kind, he leaves.
fn personal(wanted: &[Wanted]) -> Option<Pii> {
    let mut kinds: Vec<PiiKind> = Vec::new();
    for kind in wanted.iter().flat_map(|wanted| &wanted.kinds) {
        if !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    let lenient = wanted.iter().any(|wanted| wanted.strictness == Sure::Lenient);
    let strictness = if lenient { Sure::Lenient } else { Sure::Standard };
    (!kinds.is_empty()).then(|| Pii::new(&kinds, strictness))
}

fn patterns(patterns: Option<&[CustomPattern]>) -> Option<Patterns> {
    let patterns = patterns.unwrap_or_default();
    let pairs = || patterns.iter().map(|pattern| (pattern.label.trim(), pattern.pattern.as_str()));
    // Rules are checked before they are stored. Should one be unreadable all the same, the others count.
    let all = Patterns::new(pairs())
        .or_else(|_| Patterns::new(pairs().filter(|pair| Patterns::new([*pair]).is_ok())));
    all.ok().filter(|_| !patterns.is_empty())
}

fn sure(strictness: Option<Strictness>) -> Sure {
    match strictness.unwrap_or_default() {
        Strictness::Standard => Sure::Standard,
        Strictness::Lenient => Sure::Lenient,
    }
}
