//! An answer that arrives piece by piece, on its way from the provider to the client.

mod cap;
mod drain;
mod patience;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use promptgate_providers::{Feature, Operation};
use promptgate_usage::Outcome;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::allowance::Held;
use crate::attend::drain_permit;
use crate::candidate::Candidate;
use crate::exchange::failed;
use crate::failures;
use crate::fault::Fault;
use crate::guardrails::GuardRefusal;
use crate::meter::{self, OpenStream};
use crate::outgoing::{StreamRules, StreamValues};
use crate::passage::Passing;
use crate::ports::{UpstreamBody, UpstreamError};
use crate::record::{Ending, Record};
use crate::refusal::Refusal;
use crate::resilience::UnderWay;
use crate::said::Tap;
use crate::settle::{cancelled, ending_of};
use cap::Cap;
pub(crate) use cap::apart;
use drain::spent_on;
use patience::Patience;

pub(crate) use drain::drain;

/// A stream that has begun for good: what was held back until then, and what is still to come.
pub(crate) struct Opened {
    upstream: UpstreamBody,
    passing: Passing,
    held: VecDeque<Bytes>,
    /// Whether the provider is done already, and all that it said is held.
    is_finished: bool,
    idle_timeout: Duration,
    /// Some services just close a complete stream, without the vendor's end mark.
    may_end_without_mark: bool,
    under_way: Option<UnderWay>,
    tap: Option<Tap>,
    ways: Ways,
    /// How long it may be, where that is limited.
    cap: Option<Box<Cap>>,
}

/// What guardrails do with a stream, behind everything else.
#[derive(Default)]
pub(crate) struct Ways {
    /// The rules for what models say.
    pub(crate) rules: Option<Box<StreamRules>>,
    /// What puts values back, for the client alone.
    pub(crate) values: Option<Box<StreamValues>>,
}

impl Ways {
    /// Whether anything is kept.
    fn holds(&self) -> bool {
        self.rules.as_ref().is_some_and(|rules| rules.holds())
            || self.values.as_ref().is_some_and(|values| values.holds())
    }

    /// Whether more of a text came since this was asked last.
    fn take_news(&mut self) -> bool {
        let ruled = self.rules.as_mut().is_some_and(|rules| rules.take_news());
        self.values.as_mut().is_some_and(|values| values.take_news()) || ruled
    }
}

impl Opened {
    pub(crate) fn new(
        upstream: UpstreamBody,
        passing: Passing,
        held: Vec<Bytes>,
        idle_timeout: Duration,
        candidate: &Candidate,
        ways: Ways,
    ) -> Self {
        let has_end_mark = candidate.capabilities.has(Feature::StreamEndMark);
        Self {
            may_end_without_mark: passing.is_unread() || !has_end_mark,
            upstream,
            passing,
            held: held.into(),
            is_finished: false,
            idle_timeout,
            under_way: None,
            tap: None,
            ways,
            cap: None,
        }
    }

    /// Bounds it by what its call has reserved.
    pub(crate) fn bound(&mut self, held: Option<&Held>, operation: Operation) {
        self.cap = Cap::of(held, operation).map(Box::new);
    }

    /// The provider is done already.
    pub(crate) fn finished(self) -> Self {
        Self { is_finished: true, upstream: stream::empty().boxed(), ..self }
    }

    /// Counts the call for as long as the stream lasts.
    pub(crate) fn watch(&mut self, under_way: UnderWay) {
        self.under_way = Some(under_way);
    }

    /// Listens to what is said.
    pub(crate) fn listen(&mut self, tap: Tap) {
        self.tap = Some(tap);
    }

    /// As much of a piece as may go on at once; the rest comes next.
    fn first_of(&mut self, piece: Bytes) -> Bytes {
        let Some(cap) = &self.cap else { return piece };
        let (first, rest) = apart(piece, cap.room(self.passing.text_bytes()));
        if !rest.is_empty() {
            let upstream = std::mem::replace(&mut self.upstream, stream::empty().boxed());
            self.upstream = stream::iter(rest).chain(upstream).boxed();
        }
        first
    }

    /// The next piece as it is recorded.
    fn pass(&mut self, chunk: Bytes) -> Bytes {
        let piece = self.passing.push(chunk);
        self.ruled(piece)
    }

    /// What the rules let pass of a piece.
    fn ruled(&mut self, piece: Bytes) -> Bytes {
        let piece = match &mut self.ways.rules {
            Some(rules) if !piece.is_empty() => rules.push(&piece),
            _ => piece,
        };
        self.hear(&piece);
        piece
    }

    /// What is left to pass when the provider is done: its last words, and what the rules kept.
    fn rest(&mut self, last: Bytes) -> Bytes {
        let rest = self.ruled(last);
        let kept = self.kept();
        if kept.is_empty() { rest } else { [rest, kept].concat().into() }
    }

    /// What the rules kept until now.
    fn kept(&mut self) -> Bytes {
        let kept = self.ways.rules.as_mut().map_or_else(Bytes::new, |rules| rules.end());
        self.hear(&kept);
        kept
    }

    /// What the rules keep, judged as if it ended here.
    fn let_go(&mut self) -> Bytes {
        let kept = self.ways.rules.as_mut().map_or_else(Bytes::new, |rules| rules.release());
        self.hear(&kept);
        kept
    }

    /// Whether values come back into it, which are for its client alone.
    pub(crate) const fn has_values(&self) -> bool {
        self.ways.values.is_some()
    }

    /// Whether a rule ended the answer.
    fn is_stopped(&self) -> bool {
        self.ways.rules.as_ref().is_some_and(|rules| rules.is_stopped())
    }

    fn hear(&mut self, piece: &Bytes) {
        if let Some(cap) = &mut self.cap {
            cap.hear(piece);
        }
        if let Some(tap) = &mut self.tap {
            tap.hear(piece);
        }
    }
}

/// The body of a streamed answer: hands every piece on as it arrives, and books the call before
/// its last byte goes out. Dropped before that, it ends or drains the upstream call and books what
/// was seen.
pub(crate) struct RelayedStream {
    state: Option<Flow>,
    status: u16,
    patience: Patience,
    /// How long what is kept waits for what decides it; `None` for as long as it takes.
    hold_back: Option<Patience>,
    /// A piece for the client that waits until it is known whether the answer may go on.
    waiting: Option<Bytes>,
    _open: OpenStream,
}

struct Flow {
    opened: Box<Opened>,
    record: Box<Record>,
    /// Whether a rule ended the answer.
    is_blocked: bool,
}

impl RelayedStream {
    pub(crate) fn new(opened: Box<Opened>, record: Box<Record>, status: u16) -> Self {
        Self {
            patience: Patience::new(opened.idle_timeout),
            hold_back: record.shared.limits.guardrails_hold_back.map(Patience::new),
            state: Some(Flow { opened, record, is_blocked: false }),
            waiting: None,
            status,
            _open: OpenStream::begin(),
        }
    }

    /// Whether the answer is complete, or has failed. Its last piece may still be to come.
    pub(crate) fn is_over(&self) -> bool {
        self.state.as_ref().is_none_or(|flow| flow.record.is_settled())
    }

    /// The next piece for the client; `None` when there is no more.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let span = match &self.state {
            Some(flow) => flow.record.span.clone(),
            None => return Poll::Ready(None),
        };
        let _entered = span.enter();
        loop {
            let Some(flow) = &mut self.state else { return Poll::Ready(None) };
            if let Some(piece) = self.waiting.take() {
                let Poll::Ready(end) = flow.poll_end(self.status, cx) else {
                    self.waiting = Some(piece);
                    return Poll::Pending;
                };
                let piece = if end.is_empty() { piece } else { [piece, end].concat().into() };
                if piece.is_empty() {
                    continue;
                }
                return Poll::Ready(Some(piece));
            }
            if flow.is_blocked {
                // A rule ended the answer, and its last words are out: the provider is not listened to
                // any longer.
                self.state = None;
                return Poll::Ready(None);
            }
            if let Some(piece) = flow.opened.held.pop_front() {
                self.waiting = Some(flow.held(piece, self.status));
                continue;
            }
            let next = match flow.opened.upstream.poll_next_unpin(cx) {
                Poll::Ready(next) => next,
                Poll::Pending => {
                    flow.record.transcript.listen_at_leisure();
                    if let Some(hold_back) = &mut self.hold_back
                        && flow.poll_let_go(hold_back, cx).is_ready()
                    {
                        let piece = flow.let_go(self.status);
                        if !piece.is_empty() {
                            return Poll::Ready(Some(piece));
                        }
                        continue;
                    }
                    ready!(self.patience.poll_over(cx));
                    Some(Err(UpstreamError::IdleTimeout))
                }
            };
            let piece = match next {
                Some(Ok(chunk)) => {
                    self.patience.renew();
                    let first = flow.opened.first_of(chunk);
                    self.waiting = Some(flow.pass(first, self.status));
                    continue;
                }
                Some(Err(error)) => self.fail(error),
                None => self.end(),
            };
            // What is withheld from the client leaves an empty piece, which would look like the end
            // of a chunked body.
            if !piece.is_empty() {
                return Poll::Ready(Some(piece));
            }
        }
    }

    /// The upstream is done. What is still for the client goes out after the call is booked.
    fn end(&mut self) -> Bytes {
        let Some(mut flow) = self.state.take() else { return Bytes::new() };
        let is_finished = flow.opened.is_finished;
        let tail = if is_finished { Bytes::new() } else { flow.opened.passing.end() };
        let observed = flow.opened.passing.observed();
        if !(observed.ended || observed.error_event || flow.opened.may_end_without_mark) {
            return flow.fail(Fault::Broken, self.status);
        }
        let rest = flow.opened.rest(tail);
        flow.record.transcript.hear(&rest);
        if flow.opened.is_stopped() {
            flow.block(self.status);
        } else {
            flow.settle(self.status);
        }
        let told = flow.told(rest);
        flow.with_the_last(told)
    }

    fn fail(&mut self, error: UpstreamError) -> Bytes {
        match self.state.take() {
            Some(mut flow) if !flow.record.is_settled() => {
                let fault = failed(error, &mut flow.record);
                flow.fail(fault, self.status)
            }
            // After the answer was complete nothing can fail any more.
            _ => Bytes::new(),
        }
    }
}

impl Flow {
    /// Hands a piece on that was held back.
    fn held(&mut self, piece: Bytes, status: u16) -> Bytes {
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
    fn pass(&mut self, chunk: Bytes, status: u16) -> Bytes {
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
    fn poll_let_go(&mut self, hold_back: &mut Patience, cx: &mut Context<'_>) -> Poll<()> {
        if self.opened.ways.take_news() {
            hold_back.renew();
        }
        if self.opened.ways.holds() { hold_back.poll_over(cx) } else { Poll::Pending }
    }

    /// Hands on what is kept, as if it ended here.
    fn let_go(&mut self, status: u16) -> Bytes {
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
    fn block(&mut self, status: u16) {
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
        self.opened.under_way = None;
        self.opened.tap = None;
        self.opened.upstream = stream::empty().boxed();
    }

    /// Ready when it is known whether the answer may go on: with nothing if it may, else with its end.
    fn poll_end(&mut self, status: u16, cx: &mut Context<'_>) -> Poll<Bytes> {
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

    /// Ends an answer that may not go on, with what it has: it is paid for like any other.
    fn cut(&mut self, status: u16) -> Bytes {
        let kept = self.opened.kept();
        self.record.transcript.hear(&kept);
        if self.opened.is_stopped() {
            self.block(status);
            let kept = self.told(kept);
            return self.with_the_last(kept);
        }
        let kept = self.told(kept);
        let kept = self.with_the_last(kept);
        let end = self.opened.cap.as_mut().map_or_else(Bytes::new, |cap| cap.end());
        self.is_blocked = true;
        self.guarded();
        let spent = spent_on(&self.opened);
        let (tokens, _) = self.record.count(&spent);
        self.record.note("ended at what was reserved for it: its limits have no room for more");
        meter::cut();
        self.record.timing.call_ends();
        self.record.settle(&Ending { outcome: Outcome::Completed, status, code: None, spent });
        if let Some(tap) = self.opened.tap.take() {
            tap.end(true, tokens);
        }
        // Nobody listens to the provider any longer.
        self.opened.under_way = None;
        self.opened.upstream = stream::empty().boxed();
        self.opened.held.clear();
        [kept, end].concat().into()
    }

    /// Takes down what the rules found.
    fn guarded(&mut self) {
        if let Some(rules) = &mut self.opened.ways.rules {
            let (verdict, micros) = rules.verdict();
            self.record.guarded(&verdict, micros);
        }
    }

    /// Books a call whose answer is complete.
    fn settle(&mut self, status: u16) {
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
    fn told(&mut self, piece: Bytes) -> Bytes {
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
    fn with_the_last(&mut self, piece: Bytes) -> Bytes {
        match self.opened.ways.values.as_mut().map(|values| values.end()) {
            Some(last) if !last.is_empty() => [piece, last].concat().into(),
            _ => piece,
        }
    }

    /// Books a call whose answer fails in the middle, and says so in the words of the surface.
    fn fail(mut self, fault: Fault, status: u16) -> Bytes {
        // What was kept goes out before the failure is told: it was said.
        let kept = self.opened.kept();
        self.record.transcript.hear(&kept);
        if self.opened.is_stopped() {
            self.block(status);
            let kept = self.told(kept);
            return self.with_the_last(kept);
        }
        let kept = self.told(kept);
        let kept = self.with_the_last(kept);
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

impl Drop for RelayedStream {
    fn drop(&mut self) {
        let Some(Flow { mut opened, mut record, .. }) = self.state.take() else { return };
        if record.is_settled() {
            return;
        }
        let runtime = Handle::try_current().ok();
        if let (Some((permit, limit)), Some(runtime)) = (drain_permit(&record.shared), runtime) {
            let tasks = record.shared.tasks.clone();
            tasks.spawn_on(
                async move {
                    let _permit = permit;
                    let deadline = Instant::now() + limit;
                    drain(opened, record, deadline).await;
                },
                &runtime,
            );
        } else {
            if let Some(rules) = &mut opened.ways.rules {
                let (verdict, micros) = rules.verdict();
                record.guarded(&verdict, micros);
            }
            cancelled(&mut record, spent_on(&opened));
        }
    }
}
