//! The step that asks a model: what it is asked, and what becomes of what it found.

use promptgate_guard::{Certainty, Text};

use super::{Inspection, Part, Policy, replacements, sort};
use crate::guardrails::channel::Channel;
use crate::guardrails::contextual::{ContextualKind, Question, Replaced, Spotted, Writer};
use crate::guardrails::detectors::Hit;
use crate::guardrails::guardrail::{Guardrail, Mode};
use crate::guardrails::redaction::Vault;
use crate::guardrails::rules::Rules;

/// What a model is to find in what clients write, and what happens with it.
#[derive(Debug)]
pub(super) struct Contextual {
    kinds: Vec<ContextualKind>,
    mode: Mode,
}

/// Whether a model is to be asked about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asking {
    /// No: no rule wants it, or there are no words to ask about.
    Nothing,
    /// No: the texts have more characters than may be asked about.
    TooLong,
    /// Yes.
    Ask(Question),
}

impl Contextual {
    /// What rules want a model to find. Kinds count only where they are named: a call for every request
    /// is nothing that somebody gets without having asked for it.
    pub(super) fn compile(rules: &Rules) -> Option<Self> {
        let pii = &rules.pii_filter;
        let kinds: Vec<_> = ContextualKind::ALL
            .into_iter()
            .filter(|kind| pii.types.iter().flatten().any(|name| name == kind.name()))
            .collect();
        let reads = pii.enabled == Some(true) && pii.direction.unwrap_or_default().reads_input();
        let mode = pii.mode.unwrap_or(Mode::Mask);
        (reads && !kinds.is_empty()).then_some(Self { kinds, mode })
    }

    fn rules(&self) -> Vec<String> {
        self.kinds.iter().map(|kind| format!("{}.{kind}", Guardrail::PiiFilter)).collect()
    }

    /// What a model found in one of the parts, as one of the things that were found there.
    pub(super) fn hits(&self, at: usize, known: &[Spotted]) -> impl Iterator<Item = Hit> {
        known.iter().filter(move |one| one.part == at && self.kinds.contains(&one.kind)).map(|one| Hit {
            guardrail: Guardrail::PiiFilter,
            kind: one.kind.name().into(),
            label: one.kind.label().into(),
            mode: self.mode,
            certainty: Certainty::Likely,
            span: one.span.clone(),
        })
    }
}

impl Policy {
    /// Whether a model is to look for something in what clients write.
    pub fn asks_model(&self) -> bool {
        self.contextual.is_some()
    }

    /// The ids of the rules that only a model can say something of, such as `pii_filter.person_name`.
    pub fn rules_of_model(&self) -> Vec<String> {
        self.contextual.as_ref().map(Contextual::rules).unwrap_or_default()
    }

    /// What a model is to be asked about the texts of a call, if they have at most so many characters.
    /// Descriptions of tools are none of them: nobody's data, and most of the text of many calls. Nothing
    /// that was found already is in it, whatever the rules do with it; words of a list are.
    pub fn question(&self, parts: &[Part<'_>], most_characters: usize) -> Asking {
        let Some(contextual) = &self.contextual else { return Asking::Nothing };
        let is_asked =
            |part: &&Part<'_>| !matches!(part.channel, Channel::ToolDefinition | Channel::ToolOffer);
        let lengths = parts.iter().filter(is_asked).map(|part| part.text.chars().count());
        if lengths.sum::<usize>() > most_characters {
            return Asking::TooLong;
        }
        let mut writer = Writer::default();
        for (at, part) in parts.iter().enumerate().filter(|(_, part)| is_asked(part)) {
            writer.add(at, part.text, self.hidden(part.text));
        }
        writer.finish(&contextual.kinds).map_or(Asking::Nothing, Asking::Ask)
    }

    /// Everything that patterns find in a text, masked.
    fn hidden(&self, text: &str) -> Vec<Replaced> {
        let mut hits = self.input.find(&Text::read(text));
        hits.retain(|hit| hit.guardrail != Guardrail::KeywordBlocklist);
        for hit in &mut hits {
            hit.mode = Mode::Mask;
        }
        sort(&mut hits);
        replacements(text, &hits, &mut Vault::default())
    }

    /// As [`inspect`](Self::inspect), with what a model has found in the parts.
    pub fn inspect_knowing(
        &self,
        known: &[Spotted],
        parts: &[Part<'_>],
        comes_back: bool,
        path: impl Fn(usize) -> String,
    ) -> Inspection {
        self.read(parts, known, comes_back, self.length.as_ref(), path)
    }

    /// As [`inspect_items`](Self::inspect_items), with what a model has found in the parts.
    pub fn inspect_items_knowing(
        &self,
        known: &[Spotted],
        parts: &[Part<'_>],
        path: impl Fn(usize) -> String,
    ) -> Inspection {
        self.read(parts, known, false, None, path)
    }
}

impl Rules {
    /// The ids of the rules that are on and that only a model can say something of.
    pub fn rules_of_model(&self) -> Vec<String> {
        Contextual::compile(self).as_ref().map(Contextual::rules).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
