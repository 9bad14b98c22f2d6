//! What guardrails do with an answer: their rules for what models say, and then the values back in place
//! of their tokens. Between the two stands what is recorded, so that no record ever holds the values.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use promptgate_firewall::guardrails::{AnswerGuard, Blocked, Part, Policy, Restorer, Vault, Verdict};
use promptgate_guard::Channel;
use promptgate_providers::Operation;
use promptgate_translate::{Block, ChatAnswer};
use promptgate_wire::{StreamTexts, TextEdit, TextFilter, TextForm, TextPart, TextTrack, Texts};

use crate::guardrails::channel;

/// What guardrails do with the answer to one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outgoing {
    policy: Option<Arc<Policy>>,
    vault: Option<Arc<Vault>>,
}

/// An answer that went through the rules.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// As it is recorded.
    pub(crate) body: Bytes,
    /// What was decided.
    pub(crate) verdict: Verdict,
    /// How long it took.
    pub(crate) micros: i64,
}

impl Outgoing {
    /// The policy of a call, as far as it reads answers, and what of the request left under tokens.
    pub(crate) fn new(policy: &Arc<Policy>, vault: Option<Arc<Vault>>) -> Self {
        Self { policy: policy.reads_output().then(|| Arc::clone(policy)), vault }
    }

    /// Puts a whole answer through the rules. One in which no text can be found passes: it is an error,
    /// or vectors.
    pub(crate) fn inspect(&self, operation: Operation, body: Bytes) -> Passed {
        let unchanged = |body| Passed { body, ..Passed::default() };
        let Some(policy) = &self.policy else { return unchanged(body) };
        let begun = Instant::now();
        let Ok(texts) = Texts::of_answer(operation, &body) else { return unchanged(body) };
        let parts: Vec<Part<'_>> = texts
            .parts()
            .map(|part| Part { channel: channel(part.channel), text: part.text, is_fixed: part.is_signed })
            .collect();
        let inspection = policy.inspect_answer(&parts, |part| texts.path(part));
        let edits: Vec<TextEdit> = inspection
            .replacements
            .into_iter()
            .map(|change| TextEdit { part: change.part, span: change.span, text: change.text })
            .collect();
        let changed = (!edits.is_empty()).then(|| texts.rewrite(&edits));
        Passed {
            body: changed.unwrap_or_else(|| body.clone()),
            verdict: inspection.verdict,
            micros: since(begun),
        }
    }

    /// The same for an answer in no vendor's words, whose texts are changed where they stand.
    pub(crate) fn inspect_chat(&self, answer: &mut ChatAnswer) -> Passed {
        let Some(policy) = &self.policy else { return Passed::default() };
        let begun = Instant::now();
        let mut said: Vec<(&mut String, bool)> = answer.blocks.iter_mut().filter_map(said).collect();
        let parts: Vec<Part<'_>> = said
            .iter()
            .map(|(text, is_fixed)| Part { channel: Channel::Assistant, text, is_fixed: *is_fixed })
            .collect();
        let inspection = policy.inspect_answer(&parts, |part| format!("answer[{part}]"));
        for change in inspection.replacements.into_iter().rev() {
            said[change.part].0.replace_range(change.span, &change.text);
        }
        Passed { verdict: inspection.verdict, micros: since(begun), ..Passed::default() }
    }

    /// A whole answer as the client gets it, with the values in place of their tokens, where that is
    /// another than the one that is recorded.
    pub(crate) fn restored(&self, operation: Operation, body: &Bytes) -> Option<Bytes> {
        let vault = self.vault.as_ref()?;
        let texts = Texts::of_answer(operation, body).ok()?;
        let restore = |part: TextPart<'_>| {
            let restored = vault.restorations(part.text);
            restored.into_iter().map(move |(span, text)| TextEdit { part: part.index, span, text })
        };
        let edits: Vec<TextEdit> = texts.parts().filter(|part| !part.is_signed).flat_map(restore).collect();
        (!edits.is_empty()).then(|| texts.rewrite(&edits))
    }

    /// Opens the way for a stream through the rules, if there are any.
    pub(crate) fn rules(&self, operation: Operation) -> Option<Box<StreamRules>> {
        let policy = self.policy.as_ref()?;
        Some(Box::new(StreamRules {
            texts: StreamTexts::new(operation),
            guard: AnswerGuard::new(Arc::clone(policy)),
            micros: 0,
        }))
    }

    /// Opens the way for a stream to its client, if anything has to come back.
    pub(crate) fn values(&self, operation: Operation) -> Option<Box<StreamValues>> {
        let vault = Arc::clone(self.vault.as_ref()?);
        Some(Box::new(StreamValues {
            texts: StreamTexts::new(operation),
            restoring: Restoring { vault, tracks: Vec::new() },
        }))
    }
}

/// A stream on its way through the rules for what models say.
#[derive(Debug)]
pub(crate) struct StreamRules {
    texts: StreamTexts,
    guard: AnswerGuard,
    micros: i64,
}

impl StreamRules {
    /// What may go on of the next piece. After a rule ended the answer, nothing.
    pub(crate) fn push(&mut self, piece: &Bytes) -> Bytes {
        let begun = Instant::now();
        let Self { texts, guard, .. } = self;
        // What cannot be read cannot be let pass, and ends the answer.
        let passed = texts.push(piece, &mut Ruled(guard)).unwrap_or_else(|_| texts.stop());
        self.micros = self.micros.saturating_add(since(begun));
        passed
    }

    /// What was kept, when nothing more comes.
    pub(crate) fn end(&mut self) -> Bytes {
        let Self { texts, guard, .. } = self;
        texts.end(&mut Ruled(guard)).unwrap_or_else(|_| texts.stop())
    }

    /// Whether a rule ended the answer.
    pub(crate) const fn is_stopped(&self) -> bool {
        self.texts.is_stopped()
    }

    /// Why, and everything else that was found.
    pub(crate) fn verdict(&mut self) -> (Verdict, i64) {
        (self.guard.take_verdict(), self.micros)
    }

    /// Which rule ended the answer.
    pub(crate) fn refusal(&self) -> Option<&Blocked> {
        self.guard.refusal()
    }
}

struct Ruled<'g>(&'g mut AnswerGuard);

impl TextFilter for Ruled<'_> {
    fn push(&mut self, track: &TextTrack, text: &str, out: &mut String) -> ControlFlow<()> {
        if track.is_signed {
            out.push_str(text);
            return ControlFlow::Continue(());
        }
        flow(&self.0.push(track.id, &track.path, text, out))
    }

    fn end(&mut self, track: &TextTrack, out: &mut String) -> ControlFlow<()> {
        flow(&self.0.end(track.id, &track.path, out))
    }

    fn release(&mut self, _: &TextTrack, _: &mut String) {}
}

fn flow(passed: &Result<(), Blocked>) -> ControlFlow<()> {
    if passed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// A stream whose client gets the values in place of their tokens.
#[derive(Debug)]
pub(crate) struct StreamValues {
    texts: StreamTexts,
    restoring: Restoring,
}

impl StreamValues {
    /// What the client gets of the next piece.
    pub(crate) fn push(&mut self, piece: &Bytes) -> Bytes {
        let Self { texts, restoring } = self;
        // An event that cannot be read holds no token that anybody could see.
        texts.push(piece, restoring).unwrap_or_else(|_| piece.clone())
    }

    /// What is left, when nothing more comes.
    pub(crate) fn end(&mut self) -> Bytes {
        let Self { texts, restoring } = self;
        texts.end(restoring).unwrap_or_default()
    }
}

#[derive(Debug)]
struct Restoring {
    vault: Arc<Vault>,
    tracks: Vec<(u64, Restorer)>,
}

impl TextFilter for Restoring {
    fn push(&mut self, track: &TextTrack, text: &str, out: &mut String) -> ControlFlow<()> {
        if track.is_signed || track.form == TextForm::Number {
            out.push_str(text);
            return ControlFlow::Continue(());
        }
        let at = self.tracks.iter().position(|(id, _)| *id == track.id).unwrap_or_else(|| {
            self.tracks.push((track.id, Restorer::default()));
            self.tracks.len() - 1
        });
        out.push_str(&self.tracks[at].1.push(&self.vault, text));
        ControlFlow::Continue(())
    }

    fn end(&mut self, track: &TextTrack, out: &mut String) -> ControlFlow<()> {
        if let Some(at) = self.tracks.iter().position(|(id, _)| *id == track.id) {
            out.push_str(&self.tracks.swap_remove(at).1.finish(&self.vault));
        }
        ControlFlow::Continue(())
    }

    fn release(&mut self, _: &TextTrack, _: &mut String) {}
}

/// What a model says in a block, and whether it has to stay as it is.
fn said(block: &mut Block) -> Option<(&mut String, bool)> {
    match block {
        Block::Text { text, .. } | Block::Refusal { text } => Some((text, false)),
        Block::Thinking { text, signature, .. } => Some((text, signature.is_some())),
        Block::ToolCall { arguments, .. } => Some((arguments, false)),
        _ => None,
    }
}

fn since(begun: Instant) -> i64 {
    i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX)
}
