//! Rules, compiled: what is to be done with the texts of a call.

mod contextual;

use std::ops::Range;

use promptgate_guard::{Certainty, Injection, Text};

use super::access::AccessPolicy;
use super::channel::{Channel, Suspect};
use super::contextual::Spotted;
use super::detectors::{Detectors, Hit};
use super::guardrail::{Guardrail, Mode};
use super::redaction::Vault;
use super::rules::{ContentLengthRule, PromptInjectionRule, Rules};
use super::verdict::{Blocked, MOST_MATCHES, Match, Verdict};
use contextual::Contextual;

pub use contextual::Asking;

/// From which score on a user's words count as an attack, and results of tools and documents, in
/// thousandths: at most one harmless text in two hundred is refused.
pub(super) const THRESHOLD: u16 = 800;
pub(super) const TOOL_THRESHOLD: u16 = 650;
/// How far below the threshold a score is still worth a note.
const NOTE_BELOW: u16 = 200;
/// What stands between two texts that are read as one.
const JOINT: char = '\n';

/// A text of a call.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// Who wrote it.
    pub channel: Channel,
    /// The text.
    pub text: &'a str,
    /// Whether it has to stay as it is, because somebody signed it: what would be replaced there is
    /// only written down.
    pub is_fixed: bool,
}

/// A span of a text that is to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The text, by its position among the parts.
    pub part: usize,
    /// What of it goes, in bytes.
    pub span: Range<usize>,
    /// What takes its place.
    pub text: String,
}

/// What came of reading the texts of a call.
#[derive(Debug, Default)]
pub struct Inspection {
    /// What was decided.
    pub verdict: Verdict,
    /// What is to be replaced, in the order of the texts; nothing when the call is refused.
    pub replacements: Vec<Replacement>,
    /// What left under tokens.
    pub vault: Vault,
}

/// The rules of all levels of a call, compiled. It is made once for the same rules, and never changes.
#[derive(Debug, Default)]
pub struct Policy {
    access: AccessPolicy,
    input: Detectors,
    output: Detectors,
    /// What the rules for answers say, as they are written.
    output_rules: Option<String>,
    injection: Option<Judge>,
    length: Option<ContentLengthRule>,
    contextual: Option<Contextual>,
}

impl Policy {
    /// Compiles what all levels say together.
    pub fn compile(rules: &Rules) -> Self {
        Self {
            access: AccessPolicy::compile(&rules.ip_allowlist, &rules.time_window),
            input: Detectors::input(rules),
            output: Detectors::output(rules),
            output_rules: written(rules),
            injection: rules.enabled(Guardrail::PromptInjection).then(|| Judge::of(&rules.prompt_injection)),
            length: rules.enabled(Guardrail::ContentLength).then(|| rules.content_length.clone()),
            contextual: Contextual::compile(rules),
        }
    }

    /// A policy that lets nothing pass, in place of one that cannot be read.
    pub fn closed() -> Self {
        Self { access: AccessPolicy::closed(), ..Self::default() }
    }

    /// Whether it lets nothing pass, because nobody knows what the guardrails say: neither what clients
    /// write nor what models answer.
    pub fn is_closed(&self) -> bool {
        self.access.is_closed()
    }

    /// The guardrails that look at no text.
    pub fn access(&self) -> &AccessPolicy {
        &self.access
    }

    /// Whether it wants to see what clients write; one that is closed does, to refuse it.
    pub fn reads_input(&self) -> bool {
        self.is_closed() || !self.input.is_empty() || self.injection.is_some() || self.length.is_some()
    }

    /// What the rules for answers say, where there are some: answers that went through the same rules are
    /// alike.
    pub fn output_rules(&self) -> Option<&str> {
        self.output_rules.as_deref()
    }

    /// Whether it wants to see what models answer; one that is closed does, to refuse it.
    pub fn reads_output(&self) -> bool {
        self.is_closed() || !self.output.is_empty()
    }

    /// Reads what a model answered, when it is there as a whole. Nothing is redacted there: what is
    /// replaced stays so.
    pub fn inspect_answer(&self, parts: &[Part<'_>], path: impl Fn(usize) -> String) -> Inspection {
        let mut inspection = Inspection::default();
        let mut blocked: Vec<Hit> = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let hits = self.output.find(&Text::read(part.text));
            if hits.is_empty() {
                continue;
            }
            let found = Found { part, path: inspection.verdict.place(|| path(at)), hits };
            for (span, text) in settle(found, &mut inspection, |hit| blocked.push(hit)) {
                inspection.replacements.push(Replacement { part: at, span, text });
            }
        }
        inspection.verdict.refusal = refusal(&blocked, None, None);
        if inspection.verdict.refusal.is_some() {
            inspection.replacements.clear();
        }
        inspection
    }

    /// What it looks for in what models answer.
    pub(crate) fn output(&self) -> &Detectors {
        &self.output
    }

    /// Reads what a client wrote. Where nothing `comes_back` to whoever wrote it, what would be redacted
    /// is masked. `path` says where a part stands, such as `messages[0].content`; it is asked only of
    /// parts in which something is found.
    pub fn inspect(
        &self,
        parts: &[Part<'_>],
        comes_back: bool,
        path: impl Fn(usize) -> String,
    ) -> Inspection {
        self.inspect_knowing(&[], parts, comes_back, path)
    }

    /// Reads what a client wrote that is no call of a model: nothing of it comes back, and it may be as
    /// short or long as it is.
    pub fn inspect_items(&self, parts: &[Part<'_>], path: impl Fn(usize) -> String) -> Inspection {
        self.inspect_items_knowing(&[], parts, path)
    }

    fn read(
        &self,
        parts: &[Part<'_>],
        known: &[Spotted],
        comes_back: bool,
        length: Option<&ContentLengthRule>,
        path: impl Fn(usize) -> String,
    ) -> Inspection {
        let mut inspection = Inspection {
            vault: Vault::for_texts(parts.iter().map(|part| part.text)),
            ..Inspection::default()
        };
        let mut blocked: Vec<Hit> = Vec::new();
        let mut lengths: Vec<usize> = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let mut length = part.text.chars().count();
            let counts = part.channel.is_content();
            if !self.input.is_empty() {
                let mut hits = self.input.find(&Text::read(part.text));
                hits.extend(self.contextual.iter().flat_map(|contextual| contextual.hits(at, known)));
                if !comes_back {
                    for hit in hits.iter_mut().filter(|hit| hit.mode == Mode::Redact) {
                        hit.mode = Mode::Mask;
                    }
                }
                if hits.is_empty() {
                    lengths.extend(counts.then_some(length));
                    continue;
                }
                let found = Found { part, path: inspection.verdict.place(|| path(at)), hits };
                for (span, text) in settle(found, &mut inspection, |hit| blocked.push(hit)) {
                    length = (length + text.chars().count())
                        .saturating_sub(part.text[span.clone()].chars().count());
                    inspection.replacements.push(Replacement { part: at, span, text });
                }
            }
            lengths.extend(counts.then_some(length));
        }
        let injected = self.judge(parts, &mut inspection.verdict, path);
        let too_long = length.and_then(|rule| measure(rule, &lengths, &mut inspection.verdict));
        inspection.verdict.refusal = refusal(&blocked, injected, too_long);
        if inspection.verdict.refusal.is_some() {
            inspection.replacements.clear();
        }
        inspection
    }

    /// Whether somebody attacks: the words of each that is judged, read as one text, so that an attack that
    /// is spread over messages is seen.
    fn judge(
        &self,
        parts: &[Part<'_>],
        verdict: &mut Verdict,
        path: impl Fn(usize) -> String,
    ) -> Option<Blocked> {
        let Judge { injection, rule, suspects } = self.injection.as_ref()?;
        let mode = rule.mode.unwrap_or(Mode::Block);
        let mut refusal = None;
        for suspect in suspects {
            let joined = Joined::of(parts, *suspect);
            if joined.text.is_empty() {
                continue;
            }
            let judgement = injection.judge(&Text::read(&joined.text), suspect.heard_as());
            let Some(findings) = suspect.telling(judgement.findings) else { continue };
            let score = thousandths(judgement.score);
            verdict.injection_score = verdict.injection_score.max(Some(score));
            let threshold = suspect.threshold(rule);
            let mode = match score {
                score if score >= threshold => mode,
                score if score >= threshold.saturating_sub(NOTE_BELOW) => Mode::Audit,
                _ => continue,
            };
            let mut families: Vec<(String, Range<usize>, Certainty)> = findings
                .into_iter()
                .map(|finding| (finding.kind.into_owned(), finding.span, finding.certainty))
                .collect();
            if families.is_empty() {
                families.push(("classifier".to_owned(), 0..joined.text.len(), Certainty::Likely));
            }
            if mode == Mode::Block && refusal.is_none() {
                refusal = Some(injection_refusal(&families[0].0, &path(joined.place(families[0].1.start).0)));
            }
            families.truncate(MOST_MATCHES);
            for (kind, span, certainty) in families {
                let (at, begin) = joined.place(span.start);
                let text = parts[at].text;
                let end = (span.end - span.start + begin).min(text.len());
                verdict.note(Match {
                    guardrail: Guardrail::PromptInjection,
                    label: kind.replace('_', " "),
                    kind,
                    mode,
                    certainty,
                    score: Some(score),
                    part: verdict.place(|| path(at)),
                    span: Ruler::new(text).characters(&(begin..end)),
                });
            }
        }
        refusal
    }
}

/// The detector of attacks, and whom it judges.
#[derive(Debug)]
struct Judge {
    injection: Injection,
    rule: PromptInjectionRule,
    suspects: Vec<Suspect>,
}

impl Judge {
    fn of(rule: &PromptInjectionRule) -> Self {
        Self { injection: Injection::new(), rule: rule.clone(), suspects: Suspect::of_rule(rule) }
    }
}

/// Whether texts of these lengths are too short or too long together.
fn measure(rule: &ContentLengthRule, lengths: &[usize], verdict: &mut Verdict) -> Option<Blocked> {
    // As if the texts stood in lines.
    let joints = lengths.len().saturating_sub(1);
    let length = (lengths.iter().sum::<usize>() + joints) as u64;
    let (kind, message) = match (rule.min, rule.max) {
        (_, Some(max)) if length > max => {
            ("max", format!("the content has {length} characters, more than the {max} that are allowed"))
        }
        (Some(min), _) if length < min => {
            ("min", format!("the content has {length} characters, fewer than the {min} that are needed"))
        }
        _ => return None,
    };
    let mode = rule.mode.unwrap_or(Mode::Block);
    verdict.note(Match {
        guardrail: Guardrail::ContentLength,
        kind: kind.to_owned(),
        label: format!("Content length {length}"),
        mode,
        certainty: Certainty::Certain,
        score: None,
        part: String::new(),
        span: 0..lengths.iter().sum(),
    });
    (mode == Mode::Block).then_some(Blocked { guardrail: Guardrail::ContentLength, message })
}

/// The rules that answers go through, if there are some.
fn written(rules: &Rules) -> Option<String> {
    let for_answers = Rules {
        pii_filter: rules.pii_filter.clone(),
        secret_scanner: rules.secret_scanner.clone(),
        keyword_blocklist: rules.keyword_blocklist.clone(),
        ..Rules::default()
    };
    let reads = !Detectors::output(&for_answers).is_empty();
    reads.then(|| serde_json::to_string(&for_answers).unwrap_or_default())
}

/// What was found in one text.
struct Found<'a> {
    part: &'a Part<'a>,
    path: String,
    hits: Vec<Hit>,
}

/// Decides what happens with everything that was found in one text, and answers what of it has to be
/// replaced. Values that leave under tokens are no longer there for the others; neither are masked ones
/// for the blocklist.
fn settle(
    found: Found<'_>,
    inspection: &mut Inspection,
    mut blocks: impl FnMut(Hit),
) -> Vec<(Range<usize>, String)> {
    let Found { part, path, mut hits } = found;
    if part.is_fixed {
        for hit in hits.iter_mut().filter(|hit| hit.mode != Mode::Block) {
            hit.mode = Mode::Audit;
        }
    }
    sort(&mut hits);
    let (hidden, masked) = (Spans::of(&hits, Mode::Redact), Spans::of(&hits, Mode::Mask));
    hits.retain(|hit| match hit.guardrail {
        _ if hit.mode == Mode::Redact => true,
        Guardrail::KeywordBlocklist => {
            !hidden.hold(&hit.span) && (hit.mode == Mode::Mask || !masked.hold(&hit.span))
        }
        _ => !hidden.hold(&hit.span),
    });
    let mut ruler = Ruler::new(part.text);
    for hit in &hits {
        inspection.verdict.note(hit.told(&path, ruler.characters(&hit.span)));
        if hit.mode == Mode::Block {
            blocks(hit.clone());
        }
    }
    replacements(part.text, &hits, &mut inspection.vault)
}

/// Everything that is to be masked or redacted, and what takes its place. Where such things overlap, the
/// whole of them is replaced as the first in rank is, so that no edge of another stays. The hits are
/// [sorted](sort).
pub(crate) fn replacements(text: &str, hits: &[Hit], vault: &mut Vault) -> Vec<(Range<usize>, String)> {
    let mut changes = hits.iter().filter(|hit| matches!(hit.mode, Mode::Mask | Mode::Redact)).peekable();
    let mut replacements = Vec::new();
    while let Some(first) = changes.next() {
        let (mut best, mut span) = (first, first.span.clone());
        while let Some(next) = changes.next_if(|next| next.span.start < span.end) {
            span.end = span.end.max(next.span.end);
            if rank(next) < rank(best) {
                best = next;
            }
        }
        let value = &text[span.clone()];
        let replaced = match best.mode {
            Mode::Redact => vault.token(&best.token_kind(value), value),
            _ => best.mask(),
        };
        replacements.push((span, replaced));
    }
    replacements
}

/// Puts hits in the order of their places.
pub(crate) fn sort(hits: &mut [Hit]) {
    hits.sort_by_key(|hit| (hit.span.start, std::cmp::Reverse(hit.span.end), rank(hit)));
}

/// Which of several replacements of the same place counts.
fn rank(hit: &Hit) -> (bool, Guardrail) {
    (hit.mode != Mode::Redact, hit.guardrail)
}

/// Several texts, read as one.
struct Joined {
    text: String,
    /// Where each begins, its position among the parts, and how long it is.
    begins: Vec<(usize, usize, usize)>,
}

impl Joined {
    fn of(parts: &[Part<'_>], suspect: Suspect) -> Self {
        let mut joined = Self { text: String::new(), begins: Vec::new() };
        for (at, part) in parts.iter().enumerate().filter(|(_, part)| suspect.speaks(part.channel)) {
            if !joined.begins.is_empty() {
                joined.text.push(JOINT);
            }
            joined.begins.push((joined.text.len(), at, part.text.len()));
            joined.text.push_str(part.text);
        }
        joined
    }

    /// The part that a byte is of, and where in it.
    fn place(&self, byte: usize) -> (usize, usize) {
        let after = self.begins.partition_point(|(begin, ..)| *begin <= byte);
        let (begin, at, length) = self.begins[after.saturating_sub(1)];
        (at, (byte - begin).min(length))
    }
}

/// Why a call is refused, the first guardrail in order first.
fn refusal(blocked: &[Hit], injected: Option<Blocked>, too_long: Option<Blocked>) -> Option<Blocked> {
    let of = |guardrail: Guardrail| {
        let hits: Vec<_> = blocked.iter().filter(|hit| hit.guardrail == guardrail).collect();
        (!hits.is_empty()).then(|| Blocked { guardrail, message: message(guardrail, &hits) })
    };
    of(Guardrail::PiiFilter)
        .or(injected)
        .or_else(|| of(Guardrail::SecretScanner))
        .or_else(|| of(Guardrail::KeywordBlocklist))
        .or(too_long)
}

/// What whoever called is told. Kinds only, never what was found; a word of the blocklist is its kind.
pub(crate) fn message(guardrail: Guardrail, hits: &[&Hit]) -> String {
    let mut labels: Vec<&str> = hits.iter().map(|hit| &*hit.label).collect();
    labels.sort_unstable();
    labels.dedup();
    match guardrail {
        Guardrail::SecretScanner => format!("blocked by the secret scanner: {}", labels.join(", ")),
        Guardrail::KeywordBlocklist => {
            format!("blocked by the keyword blocklist: the text contains `{}`", hits[0].label)
        }
        _ => format!("blocked by the PII filter: {}", labels.join(", ")),
    }
}

fn injection_refusal(family: &str, part: &str) -> Blocked {
    let message = format!("blocked: prompt injection detected ({}) in {part}", family.replace('_', " "));
    Blocked { guardrail: Guardrail::PromptInjection, message }
}

/// Spans that do not overlap, in their order.
struct Spans(Vec<Range<usize>>);

impl Spans {
    /// What the hits of a mode cover; they are [sorted](sort).
    fn of(hits: &[Hit], mode: Mode) -> Self {
        let mut spans: Vec<Range<usize>> = Vec::new();
        for hit in hits.iter().filter(|hit| hit.mode == mode) {
            match spans.last_mut().filter(|last| hit.span.start < last.end) {
                Some(last) => last.end = last.end.max(hit.span.end),
                None => spans.push(hit.span.clone()),
            }
        }
        Self(spans)
    }

    /// Whether all of a span is in one of them.
    fn hold(&self, span: &Range<usize>) -> bool {
        let after = self.0.partition_point(|known| known.start <= span.start);
        after > 0 && span.end <= self.0[after - 1].end
    }
}

/// Turns bytes of a text into characters of it, from its beginning to its end.
pub(crate) struct Ruler<'a> {
    text: &'a str,
    byte: usize,
    character: usize,
}

impl<'a> Ruler<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, byte: 0, character: 0 }
    }

    /// A span that does not begin before the ones asked for earlier.
    pub(crate) fn characters(&mut self, bytes: &Range<usize>) -> Range<usize> {
        let count = |bytes: Range<usize>| self.text.get(bytes).map_or(0, |text| text.chars().count());
        let begin = self.character + count(self.byte..bytes.start.max(self.byte));
        let end = begin + count(bytes.clone());
        (self.byte, self.character) = (bytes.start.max(self.byte), begin);
        begin..end
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 1000")]
fn thousandths(score: f32) -> u16 {
    (score.clamp(0.0, 1.0) * 1_000.0).round() as u16
}

#[cfg(test)]
mod tests;
