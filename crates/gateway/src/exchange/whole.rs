//! Answers that are here as a whole.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use promptgate_firewall::guardrails::Verdict;
use promptgate_providers::Operation;
use promptgate_translate::{Block, ChatAnswer, read_error};
use promptgate_usage::Outcome;
use promptgate_wire::{Observed, observe_whole};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use super::{Exchange, Failed};
use crate::bodies::NoRoom;
use crate::failures;
use crate::fault::Fault;
use crate::guardrails::GuardRefusal;
use crate::outgoing::{Answered, GuardFailed, Passed};
use crate::passage::Passage;
use crate::ports::{UpstreamBody, UpstreamError};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::relay::Answer;
use crate::reported::plain_error;

/// An answer that is here as a whole.
#[derive(Default)]
pub(super) struct Whole {
    pub(super) body: Bytes,
    pub(super) observed: Observed,
    pub(super) chat: Option<Box<ChatAnswer>>,
    /// Whether the model stopped without being done.
    pub(super) is_broken_off: bool,
    /// Why the client does not get it.
    pub(super) refused: Option<Box<Refusal>>,
}

impl Exchange<'_> {
    /// A whole answer, as the guardrails let it pass, with what it took.
    pub(super) async fn answer(&self, whole: Whole, record: &mut Record) -> Answer {
        let Whole { body, observed, chat, is_broken_off, refused } = whole;
        let spent = self.spent(observed);
        // It may wait for a reader, and its client may leave.
        record.note_spent(&spent);
        let body = match self.ids(false, record) {
            Some(ids) => ids.whole(&body),
            None => body,
        };
        let (outcome, code) = if is_broken_off {
            record.note("the model broke off its answer");
            (Outcome::UpstreamFailed, Some(Fault::Broken.code()))
        } else {
            (Outcome::Completed, None)
        };
        let (body, shown, refused) = match refused {
            None if chat.is_none() => match self.ruled(body, record).await {
                Ok((body, shown)) => (body, shown, None),
                Err(refusal) => (Bytes::new(), None, Some(refusal)),
            },
            refused => (body, None, refused),
        };
        Answer::Whole { body, spent, outcome, code, chat, shown, refused }
    }

    /// A body as the rules for what models say let it pass, and as its client gets it, where that is
    /// another.
    async fn ruled(&self, body: Bytes, record: &mut Record) -> Result<(Bytes, Option<Bytes>), Box<Refusal>> {
        let outgoing = self.prepared.outgoing.clone();
        if outgoing.is_idle() {
            return Ok((body, None));
        }
        let operation = self.prepared.operation;
        let answered = match self.passage {
            Passage::Unread => Answered::Kept,
            _ => Answered::By(operation),
        };
        let reading = record.shared.readers.read(body.len(), move || {
            let passed = outgoing.inspect(answered, body)?;
            let shown = outgoing.restored(operation, &passed.body);
            Ok((passed, shown))
        });
        match reading.await.unwrap_or(Err(GuardFailed)) {
            Ok((Passed { body, verdict, micros }, shown)) => {
                guarded(verdict, micros, record)?;
                Ok((body, shown))
            }
            Err(GuardFailed) => Err(Box::new(Refusal::GuardFailed)),
        }
    }

    /// The same for an answer in no vendor's words, which has so many bytes.
    pub(super) async fn ruled_chat(
        &self,
        mut answer: ChatAnswer,
        bytes: u64,
        record: &mut Record,
    ) -> Result<Box<ChatAnswer>, Box<Refusal>> {
        let outgoing = self.prepared.outgoing.clone();
        if outgoing.is_idle() {
            return Ok(Box::new(answer));
        }
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let reading = record.shared.readers.read(bytes, move || {
            let passed = outgoing.inspect_chat(&mut answer)?;
            Ok((passed, Box::new(answer)))
        });
        let (Passed { verdict, micros, .. }, answer) = reading
            .await
            .unwrap_or(Err(GuardFailed))
            .map_err(|GuardFailed| Box::new(Refusal::GuardFailed))?;
        guarded(verdict, micros, record)?;
        Ok(answer)
    }

    /// What a whole answer is whose status says that all is well.
    pub(super) fn same(
        &self,
        operation: Operation,
        body: Bytes,
        record: &mut Record,
    ) -> Result<Whole, Failed> {
        let observed = observe_whole(operation, &body);
        if !observed.ended && serde_json::from_slice::<&RawValue>(&body).is_err() {
            record.note("the provider answered with something that is not JSON");
            return Err(Fault::Broken.into());
        }
        if observed.error_event {
            let error = read_error(operation.into(), &body).or_else(|| plain_error(&body));
            return Err(self.reported(&error.unwrap_or_default(), record));
        }
        Ok(Whole { body, observed, ..Whole::default() })
    }

    pub(super) async fn read_whole(
        &self,
        body: &mut UpstreamBody,
        limit: usize,
        record: &mut Record,
    ) -> Result<Bytes, UpstreamError> {
        let mut first: Option<Bytes> = None;
        let mut buffer = BytesMut::new();
        let mut size = 0;
        loop {
            let pause = Instant::now() + self.times.idle;
            let next = match timeout_at(pause.min(self.deadline), body.next()).await {
                Ok(next) => next,
                Err(_) if pause < self.deadline => return Err(UpstreamError::IdleTimeout),
                Err(_) => return Err(UpstreamError::TotalTimeout),
            };
            let Some(chunk) = next.transpose()? else { break };
            if record.worked {
                record.note_first_byte();
            }
            size += chunk.len();
            if size > limit {
                return Err(UpstreamError::TooLarge);
            }
            let room = record.shared.bodies.grow(&mut record.answer_room, size);
            room.map_err(|NoRoom| UpstreamError::NoRoom)?;
            record.answer_bytes = size as u64;
            // Most answers are one piece, which needs no copy.
            if first.is_none() && buffer.is_empty() {
                first = Some(chunk);
            } else {
                if let Some(first) = first.take() {
                    buffer.extend_from_slice(&first);
                }
                buffer.extend_from_slice(&chunk);
            }
        }
        Ok(first.unwrap_or_else(|| buffer.freeze()))
    }
}

/// Takes down what the rules found, and says whether the answer is refused.
fn guarded(verdict: Verdict, micros: i64, record: &mut Record) -> Result<(), Box<Refusal>> {
    record.guarded(&verdict, micros);
    let Some(blocked) = verdict.refusal else { return Ok(()) };
    let refusal = Refusal::from(GuardRefusal::Blocked(blocked));
    failures::note(&Arc::clone(&record.shared), record, record.caller.as_deref(), &refusal);
    Err(Box::new(refusal))
}

/// What an answer took, as the translation saw it.
pub(super) fn observed(answer: &ChatAnswer) -> Observed {
    let bytes = answer.blocks.iter().map(|block| match block {
        Block::Text { text, .. } | Block::Thinking { text, .. } | Block::Refusal { text } => text.len(),
        Block::ToolCall { name, arguments, .. } => name.len() + arguments.len(),
        _ => 0,
    });
    let output_bytes = bytes.sum::<usize>() as u64;
    Observed {
        tokens: answer.usage.filter(|tokens| tokens.total() > 0 || output_bytes == 0),
        output_bytes,
        model: answer.model.clone(),
        response_id: answer.id.clone(),
        ended: true,
        ..Observed::default()
    }
}
