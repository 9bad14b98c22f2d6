//! What goes on of a stream, and how its call is booked.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use promptgate_usage::Outcome;

use super::drain::spent_on;
use super::opened::Opened;
use super::patience::Patience;
use crate::failures;
use crate::fault::Fault;
use crate::guardrails::GuardRefusal;
use crate::meter;
use crate::record::{Ending, Record};
use crate::refusal::Refusal;
use crate::settle::ending_of;

/// A stream on its way, and what books it.
pub(super) struct Flow {
    pub(super) opened: Box<Opened>,
    pub(super) record: Box<Record>,
    /// Whether a rule ended the answer.
    pub(super) is_blocked: bool,
}

impl Flow {
    /// Hands a piece on that was held back.
    pub(super) fn held(&mut self, piece: Bytes, status: u16) -> Bytes {
        let piece = self.opened.ruled(piece);
        self.record.transcript.hear(&piece);
        // The last of them may complete the answer.
        if self.opened.is_stopped() {
            self.block(status);
        } else if self.opened.held.is_empty() && self.opened.passing.has_ended() {
            self.settle(status);
        }
        self.told(piece)
    }

    /// Hands a piece on. The one that completes the answer is booked first: a client may leave as
    /// soon as it has it.
    pub(super) fn pass(&mut self, chunk: Bytes, status: u16) -> Bytes {
        let piece = self.opened.pass(chunk);
        if !self.record.is_settled() {
            self.record.transcript.hear(&piece);
        }
        if self.opened.is_stopped() {
            self.block(status);
        } else if self.opened.passing.has_ended() {
            self.settle(status);
        }
        self.told(piece)
    }

    /// Ready when something is kept, and no text had anything new for too long.
    pub(super) fn poll_let_go(&mut self, hold_back: &mut Patience, cx: &mut Context<'_>) -> Poll<()> {
        if self.opened.ways.take_news() {
            hold_back.renew();
        }
        if self.opened.ways.holds() { hold_back.poll_over(cx) } else { Poll::Pending }
    }

    /// Hands on what is kept, as if it ended here.
    pub(super) fn let_go(&mut self, status: u16) -> Bytes {
        let said = self.opened.let_go();
        if !self.record.is_settled() {
            self.record.transcript.hear(&said);
        }
        if self.opened.is_stopped() {
            self.block(status);
        }
        let told = self.told(said);
        match self.opened.ways.values.as_mut().map(|values| values.release()) {
            Some(kept) if !kept.is_empty() => [told, kept].concat().into(),
            _ => told,
        }
    }

    /// Books a call whose answer a rule ended: what the model said until then is paid for.
    pub(super) fn block(&mut self, status: u16) {
        self.is_blocked = true;
        self.guarded();
        if self.record.is_settled() {
            return;
        }
        let blocked = self.opened.ways.rules.as_ref().and_then(|rules| rules.refusal().cloned());
        let refusal = blocked.map_or(Refusal::GuardFailed, |blocked| GuardRefusal::Blocked(blocked).into());
        failures::note(
            &Arc::clone(&self.record.shared),
            &self.record,
            self.record.caller.as_deref(),
            &refusal,
        );
        self.record.error_message = Some(refusal.message());
        let spent = spent_on(&self.opened);
        let (outcome, code) = (refusal.outcome(), Some(refusal.code()));
        self.record.settle(&Ending { outcome, status, code, spent });
        // Neither is the provider listened to any longer, nor waits anybody for what it would have said.
        self.opened.tap = None;
        self.opened.close();
    }

    /// Ready when it is known whether the answer may go on: with nothing if it may, else with its end.
    pub(super) fn poll_end(&mut self, status: u16, cx: &mut Context<'_>) -> Poll<Bytes> {
        let written = self.opened.passing.text_bytes();
        if self.record.is_settled() {
            return Poll::Ready(Bytes::new());
        }
        let shared = Arc::clone(&self.record.shared);
        let (Some(cap), Some(held)) = (&mut self.opened.cap, &mut self.record.held_allowance) else {
            return Poll::Ready(Bytes::new());
        };
        while cap.is_reached(written) {
            if !ready!(cap.poll_more(held, &shared.limiters, cx)) {
                return Poll::Ready(self.cut(status));
            }
        }
        Poll::Ready(Bytes::new())
    }

    /// Ends an answer that may not go on, with what it has: it is paid for like any other, and says what for.
    fn cut(&mut self, status: u16) -> Bytes {
        let kept = match self.last_words(status) {
            Ok(kept) => kept,
            Err(end) => return end,
        };
        self.is_blocked = true;
        self.guarded();
        let spent = spent_on(&self.opened);
        let (tokens, _) = self.record.count(&spent);
        let end = self.opened.cap.as_mut().map_or_else(Bytes::new, |cap| cap.end(&tokens));
        self.record.note("ended at what was reserved for it: its limits have no room for more");
        meter::cut();
        self.record.timing.call_ends();
        self.record.settle(&Ending { outcome: Outcome::Completed, status, code: None, spent });
        if let Some(tap) = self.opened.tap.take() {
            tap.end(true, tokens);
        }
        // Nobody listens to the provider any longer.
        self.opened.close();
        self.opened.held.clear();
        // It repeats what was said, with values under tokens like everything that is recorded.
        let end = self.told(end);
        self.with_the_last([kept, end].concat().into())
    }

    /// What was kept until now, for the client. An error where a rule ends the answer with it: then it is its end.
    fn last_words(&mut self, status: u16) -> Result<Bytes, Bytes> {
        let kept = self.opened.kept();
        self.record.transcript.hear(&kept);
        let is_stopped = self.opened.is_stopped();
        if is_stopped {
            self.block(status);
        }
        let kept = self.told(kept);
        if is_stopped { Err(self.with_the_last(kept)) } else { Ok(kept) }
    }

    /// Takes down what the rules found.
    fn guarded(&mut self) {
        if let Some(rules) = &mut self.opened.ways.rules {
            let (verdict, micros) = rules.verdict();
            self.record.guarded(&verdict, micros);
        }
    }

    /// Books a call whose answer is complete.
    pub(super) fn settle(&mut self, status: u16) {
        if self.record.is_settled() {
            return;
        }
        self.guarded();
        let spent = spent_on(&self.opened);
        let ending = Ending { spent, ..ending_of(self.opened.passing.observed(), status) };
        let is_complete = ending.outcome == Outcome::Completed;
        if !is_complete {
            self.record.error_message = Some("the provider reported an error in its answer".to_owned());
        }
        self.record.timing.call_ends();
        let (tokens, _) = self.record.count(&ending.spent);
        self.record.settle(&ending);
        // It is under way no longer, whatever the provider still sends.
        self.opened.under_way = None;
        if let Some(tap) = self.opened.tap.take() {
            tap.end(is_complete, tokens);
        }
    }

    /// A piece as the client gets it: what reports an error is passed on as whole events, in which a
    /// provider may repeat its credential.
    pub(super) fn told(&mut self, piece: Bytes) -> Bytes {
        let piece = match &self.record.provider {
            Some(provider) if self.opened.passing.has_reported() => provider.without_credential(piece),
            _ => piece,
        };
        match &mut self.opened.ways.values {
            Some(values) if !piece.is_empty() => values.push(&piece),
            _ => piece,
        }
    }

    /// The last piece, and what was kept until it.
    pub(super) fn with_the_last(&mut self, piece: Bytes) -> Bytes {
        match self.opened.ways.values.as_mut().map(|values| values.end()) {
            Some(last) if !last.is_empty() => [piece, last].concat().into(),
            _ => piece,
        }
    }

    /// Books a call whose answer fails in the middle, and says so in the words of the surface.
    pub(super) fn fail(mut self, fault: Fault, status: u16) -> Bytes {
        // What was kept goes out before the failure is told: it was said.
        let kept = match self.last_words(status) {
            Ok(kept) => self.with_the_last(kept),
            Err(end) => return end,
        };
        self.guarded();
        if let Some(under_way) = &mut self.opened.under_way {
            under_way.failed(&fault, 0.0);
        }
        let provider = self.record.provider.as_ref();
        let provider = provider.map_or_else(String::new, |compiled| compiled.provider.name.to_string());
        let refusal = Refusal::Upstream { provider, fault };
        let problem = refusal.problem();
        // A provider that reported an error said it all: the client hears of one failure.
        let event = if self.opened.passing.has_reported() {
            Bytes::new()
        } else {
            self.opened.passing.fail(self.record.surface, &problem)
        };
        let event = if kept.is_empty() { event } else { [kept, event].concat().into() };
        self.record.note(format!("failed in the middle of the answer: {}", problem.code));
        self.record.error_message = Some(problem.message.clone());
        let spent = spent_on(&self.opened);
        self.record.settle(&Ending {
            outcome: Outcome::UpstreamFailed,
            status,
            code: Some(problem.code),
            spent,
        });
        event
    }
}
