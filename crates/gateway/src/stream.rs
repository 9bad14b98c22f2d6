//! An answer that arrives piece by piece, on its way from the provider to the client.

mod cap;
mod drain;
mod flow;
mod incoming;
mod opened;
mod patience;

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::attend::drain_permit;
use crate::exchange::failed;
use crate::fault::Fault;
use crate::meter::OpenStream;
use crate::ports::UpstreamError;
use crate::record::Record;
use crate::settle::cancelled;
use drain::spent_on;
use flow::Flow;
use patience::Patience;

pub(crate) use drain::drain;
pub(crate) use incoming::Incoming;
pub(crate) use opened::{Opened, Ways};

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
            let next = match flow.opened.upstream.poll_next(flow.opened.room(), cx) {
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
                    self.waiting = Some(flow.pass(chunk, self.status));
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
