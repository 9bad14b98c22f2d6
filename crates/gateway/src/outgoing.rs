//! What guardrails do with an answer: their rules for what models say, and then the values back in place
//! of their tokens. Between the two stands what is recorded, so that no record ever holds the values.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use promptgate_firewall::guardrails::{
    AnswerGuard, AnswerPart, Blocked, Channel, Part, Policy, Restorer, Vault, Verdict,
};
use promptgate_providers::Operation;
use promptgate_translate::{Block, ChatAnswer};
use promptgate_wire::{
    StopReason, StreamTexts, TextEdit, TextFilter, TextForm, TextPart, TextTrack, Texts, Unreadable, Written,
};

/// What guardrails do with the answer to one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outgoing {
    policy: Option<Arc<Policy>>,
    vault: Option<Arc<Vault>>,
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    /// That of a model.
    By(Operation),
    /// What a provider keeps: responses, conversations and their items.
    Kept,
}

impl Answered {
    fn texts(self, body: &Bytes) -> Result<Texts<'_>, Unreadable> {
        match self {
            Self::By(operation) => Texts::of_answer(operation, body),
            Self::Kept => match Texts::of_answer(Operation::Responses, body) {
                Ok(texts) if !texts.is_empty() => Ok(texts),
                _ => Texts::of_items(body),
            },
        }
    }

    /// Whether there are no words in it, only numbers.
    const fn is_vectors(self) -> bool {
        matches!(self, Self::By(Operation::Embeddings | Operation::CountTokens))
    }
}

/// An answer that a rule wants to read cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GuardFailed;

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

    /// Whether nothing is done with the answer.
    pub(crate) const fn is_idle(&self) -> bool {
        self.policy.is_none() && self.vault.is_none()
    }

    /// Puts a whole answer through the rules. What cannot be read does not pass, unless it has no texts.
    pub(crate) fn inspect(&self, answered: Answered, body: Bytes) -> Result<Passed, GuardFailed> {
        let unchanged = |body| Ok(Passed { body, ..Passed::default() });
        let Some(policy) = &self.policy else { return unchanged(body) };
        if policy.is_closed() {
            return Err(GuardFailed);
        }
        let begun = Instant::now();
        let texts = match answered.texts(&body) {
            Ok(texts) => texts,
            Err(_) if answered.is_vectors() => return unchanged(body),
            Err(_) => return Err(GuardFailed),
        };
        let parts = match answered {
            Answered::By(_) => texts.answered(),
            Answered::Kept => Written::Items.parts(&texts),
        };
        let inspection = policy.inspect_answer(&parts, |part| texts.path(part));
        let changed = texts.replaced(inspection.replacements);
        let body = changed.unwrap_or_else(|| body.clone());
        Ok(Passed { body, verdict: inspection.verdict, micros: since(begun) })
    }

    /// The same for an answer in no vendor's words, whose texts are changed where they stand. Arguments
    /// of tools are read as the JSON that they are.
    pub(crate) fn inspect_chat(&self, answer: &mut ChatAnswer) -> Result<Passed, GuardFailed> {
        let Some(policy) = &self.policy else { return Ok(Passed::default()) };
        if policy.is_closed() {
            return Err(GuardFailed);
        }
        let begun = Instant::now();
        let mut verdict = Verdict::default();
        for (at, block) in answer.blocks.iter_mut().enumerate() {
            match block {
                Block::Text { text, .. } | Block::Refusal { text } => {
                    verdict.join(in_place(policy, text, false, at));
                }
                Block::Thinking { text, signature, .. } => {
                    verdict.join(in_place(policy, text, signature.is_some(), at));
                }
                Block::ToolCall { arguments, .. } => {
                    let body = Bytes::from(std::mem::take(arguments));
                    let (said, more) = in_arguments(policy, &body, at);
                    verdict.join(more);
                    *arguments = String::from_utf8_lossy(&said).into_owned();
                }
                _ => {}
            }
        }
        Ok(Passed { verdict, micros: since(begun), ..Passed::default() })
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
            has_news: false,
            is_closed: policy.is_closed(),
        }))
    }

    /// Opens the way for a stream to its client, if anything has to come back.
    pub(crate) fn values(&self, operation: Operation) -> Option<Box<StreamValues>> {
        let vault = Arc::clone(self.vault.as_ref()?);
        Some(Box::new(StreamValues {
            texts: StreamTexts::new(operation),
            restoring: Restoring { vault, tracks: Vec::new(), has_news: false },
            is_over: false,
        }))
    }
}

/// A stream on its way through the rules for what models say.
#[derive(Debug)]
pub(crate) struct StreamRules {
    texts: StreamTexts,
    guard: AnswerGuard,
    micros: i64,
    /// Whether more of a text came.
    has_news: bool,
    /// Whether nothing may pass, because nobody knows what the rules say.
    is_closed: bool,
}

impl StreamRules {
    /// What may go on of the next piece. After a rule ended the answer, nothing.
    pub(crate) fn push(&mut self, piece: &Bytes) -> Bytes {
        if self.is_closed {
            return self.texts.stop(StopReason::Filtered, None);
        }
        let begun = Instant::now();
        let Self { texts, guard, has_news, .. } = self;
        // What cannot be read cannot be let pass, and ends the answer.
        let passed = texts
            .push(piece, &mut Ruled { guard, has_news })
            .unwrap_or_else(|_| texts.stop(StopReason::Filtered, None));
        self.micros = self.micros.saturating_add(since(begun));
        passed
    }

    /// What is kept, judged as if its texts ended here. They go on.
    pub(crate) fn release(&mut self) -> Bytes {
        let begun = Instant::now();
        let Self { texts, guard, has_news, .. } = self;
        let passed = texts.release(&mut Ruled { guard, has_news });
        self.micros = self.micros.saturating_add(since(begun));
        passed
    }

    /// Whether anything is kept.
    pub(crate) fn holds(&self) -> bool {
        !self.is_stopped() && self.guard.holds()
    }

    /// Whether more of a text came since this was asked last.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// What was kept, when nothing more comes.
    pub(crate) fn end(&mut self) -> Bytes {
        let Self { texts, guard, has_news, .. } = self;
        texts.end(&mut Ruled { guard, has_news }).unwrap_or_else(|_| texts.stop(StopReason::Filtered, None))
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

struct Ruled<'g> {
    guard: &'g mut AnswerGuard,
    has_news: &'g mut bool,
}

impl TextFilter for Ruled<'_> {
    fn push(&mut self, track: &TextTrack, text: &str, out: &mut String) -> ControlFlow<()> {
        if !track.channel.is_model() {
            // What a provider repeats of the request its client wrote.
            out.push_str(text);
            return ControlFlow::Continue(());
        }
        *self.has_news = true;
        let part = AnswerPart { text: track.id, path: &track.path, is_fixed: track.is_signed };
        flow(&self.guard.push(&part, text, out))
    }

    fn end(&mut self, track: &TextTrack, out: &mut String) -> ControlFlow<()> {
        let part = AnswerPart { text: track.id, path: &track.path, is_fixed: track.is_signed };
        flow(&self.guard.end(&part, out))
    }

    fn release(&mut self, track: &TextTrack, out: &mut String) -> ControlFlow<()> {
        let part = AnswerPart { text: track.id, path: &track.path, is_fixed: track.is_signed };
        flow(&self.guard.release(&part, out))
    }
}

fn flow(passed: &Result<(), Blocked>) -> ControlFlow<()> {
    if passed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// A stream whose client gets the values in place of their tokens.
#[derive(Debug)]
pub(crate) struct StreamValues {
    texts: StreamTexts,
    restoring: Restoring,
    /// Whether nothing can be read any more.
    is_over: bool,
}

impl StreamValues {
    /// What the client gets of the next piece. Behind an event that cannot be read everything passes as
    /// it is: with tokens, but whole.
    pub(crate) fn push(&mut self, piece: &Bytes) -> Bytes {
        let Self { texts, restoring, is_over } = self;
        if *is_over {
            return piece.clone();
        }
        texts.push(piece, restoring).unwrap_or_else(|_| {
            *is_over = true;
            piece.clone()
        })
    }

    /// What is kept because a token may begin in it.
    pub(crate) fn release(&mut self) -> Bytes {
        let Self { texts, restoring, is_over } = self;
        if *is_over { Bytes::new() } else { texts.release(restoring) }
    }

    /// Whether anything is kept.
    pub(crate) fn holds(&self) -> bool {
        !self.is_over && self.restoring.tracks.iter().any(|(_, restorer)| restorer.holds())
    }

    /// Whether more of a text came since this was asked last.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.restoring.has_news)
    }

    /// What is left, when nothing more comes.
    pub(crate) fn end(&mut self) -> Bytes {
        let Self { texts, restoring, is_over } = self;
        if *is_over { Bytes::new() } else { texts.end(restoring).unwrap_or_default() }
    }
}

#[derive(Debug)]
struct Restoring {
    vault: Arc<Vault>,
    tracks: Vec<(u64, Restorer)>,
    /// Whether more of a text came.
    has_news: bool,
}

impl TextFilter for Restoring {
    fn push(&mut self, track: &TextTrack, text: &str, out: &mut String) -> ControlFlow<()> {
        if track.is_signed || track.form == TextForm::Number {
            out.push_str(text);
            return ControlFlow::Continue(());
        }
        self.has_news = true;
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

    fn release(&mut self, track: &TextTrack, out: &mut String) -> ControlFlow<()> {
        if let Some((_, restorer)) = self.tracks.iter_mut().find(|(id, _)| *id == track.id) {
            out.push_str(&restorer.release(&self.vault));
        }
        ControlFlow::Continue(())
    }
}

/// Puts a text through the rules where it stands.
fn in_place(policy: &Policy, text: &mut String, is_fixed: bool, at: usize) -> Verdict {
    let part = Part { channel: Channel::Assistant, text: text.as_str(), is_fixed };
    let inspection = policy.inspect_answer(&[part], |_| format!("answer[{at}]"));
    for change in inspection.replacements.into_iter().rev() {
        text.replace_range(change.span, &change.text);
    }
    inspection.verdict
}

/// Puts the arguments of a tool through the rules; what is no JSON is one text.
fn in_arguments(policy: &Policy, body: &Bytes, at: usize) -> (Bytes, Verdict) {
    let Ok(texts) = Texts::of_arguments(body) else {
        let mut text = String::from_utf8_lossy(body).into_owned();
        let verdict = in_place(policy, &mut text, false, at);
        return (text.into(), verdict);
    };
    let parts: Vec<Part<'_>> = texts
        .parts()
        .map(|part| Part { channel: Channel::Assistant, text: part.text, is_fixed: part.is_signed })
        .collect();
    let inspection =
        policy.inspect_answer(&parts, |part| format!("answer[{at}].arguments.{}", texts.path(part)));
    let edits: Vec<TextEdit> = inspection
        .replacements
        .into_iter()
        .map(|change| TextEdit { part: change.part, span: change.span, text: change.text })
        .collect();
    (texts.rewrite(&edits), inspection.verdict)
}

fn since(begun: Instant) -> i64 {
    i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
