//! An answer that arrives piece by piece, on its way from the provider to the client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use promptgate_providers::ProviderKind;
use promptgate_usage::Outcome;
use promptgate_wire::Observer;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::attend::drain_permit;
use crate::fault::Fault;
use crate::meter::OpenStream;
use crate::ports::{UpstreamBody, UpstreamError};
use crate::record::{Ending, Record, Spent};
use crate::refusal::Refusal;
use crate::relay::failed;
use crate::settle::{cancelled, ending_of};

/// The body of a streamed answer: hands every piece on as it arrives, and books the call before
/// its last byte goes out. Dropped before that, it ends or drains the upstream call and books what
/// was seen.
pub(crate) struct RelayedStream {
    state: Option<Flow>,
    status: u16,
    patience: Patience,
    /// For the pieces after the first.
    idle_timeout: Duration,
    _open: OpenStream,
}

struct Flow {
    upstream: UpstreamBody,
    observer: Box<Observer>,
    record: Record,
}

impl RelayedStream {
    pub(crate) fn new(
        upstream: UpstreamBody,
        observer: Box<Observer>,
        record: Record,
        status: u16,
        (first_byte_timeout, idle_timeout): (Duration, Duration),
    ) -> Self {
        Self {
            state: Some(Flow { upstream, observer, record }),
            status,
            patience: Patience::new(first_byte_timeout),
            idle_timeout,
            _open: OpenStream::begin(),
        }
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
            let next = match flow.upstream.poll_next_unpin(cx) {
                Poll::Ready(next) => next,
                Poll::Pending => {
                    ready!(self.patience.poll_over(cx));
                    Some(Err(UpstreamError::IdleTimeout))
                }
            };
            let piece = match next {
                Some(Ok(chunk)) => {
                    self.patience.renew(self.idle_timeout);
                    flow.pass(chunk, self.status)
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
        let rest = flow.observer.end();
        let observed = flow.observer.observed();
        if observed.ended || observed.error_event || flow.may_end_without_mark() {
            flow.record.settle(&ending_of(observed, self.status));
            flow.told(rest)
        } else {
            flow.fail(Fault::Broken, self.status)
        }
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
    /// Hands a piece on. The one that completes the answer is booked first: a client may leave as
    /// soon as it has it.
    fn pass(&mut self, chunk: Bytes, status: u16) -> Bytes {
        self.record.note_first_byte();
        let piece = self.observer.observe(chunk);
        if !self.record.is_settled() && self.observer.has_ended() {
            self.record.settle(&ending_of(self.observer.observed(), status));
        }
        self.told(piece)
    }

    /// A piece as the client gets it: what reports an error is passed on as whole events, in which a
    /// provider may repeat its credential.
    fn told(&self, piece: Bytes) -> Bytes {
        match &self.record.provider {
            Some(provider) if self.observer.has_reported() => provider.without_credential(piece),
            _ => piece,
        }
    }

    /// Books a call whose answer fails in the middle, and says so in the words of the surface.
    fn fail(mut self, fault: Fault, status: u16) -> Bytes {
        let provider = self.record.provider.as_ref();
        let provider = provider.map_or_else(String::new, |compiled| compiled.provider.name.to_string());
        let refusal = Refusal::Upstream { provider, fault };
        let problem = refusal.problem();
        let event = self.observer.fail(self.record.surface, &problem);
        self.record.note(format!("failed in the middle of the answer: {}", problem.code));
        self.record.settle(&Ending {
            outcome: Outcome::UpstreamFailed,
            status,
            code: Some(problem.code),
            spent: Spent::Seen(self.observer.observed()),
        });
        event
    }

    /// Some compatible services just close a complete stream, without the vendor's end mark.
    fn may_end_without_mark(&self) -> bool {
        self.record
            .provider
            .as_ref()
            .is_some_and(|compiled| compiled.provider.kind == ProviderKind::OpenAiCompatible)
    }
}

impl Drop for RelayedStream {
    fn drop(&mut self) {
        let Some(Flow { upstream, observer, mut record }) = self.state.take() else { return };
        if record.is_settled() {
            return;
        }
        let runtime = Handle::try_current().ok();
        if let (Some((permit, limit)), Some(runtime)) = (drain_permit(&record.shared), runtime) {
            let (tasks, status, idle_timeout) = (record.shared.tasks.clone(), self.status, self.idle_timeout);
            tasks.spawn_on(
                async move {
                    let _permit = permit;
                    let deadline = Instant::now() + limit;
                    drain(upstream, observer, record, status, idle_timeout, deadline).await;
                },
                &runtime,
            );
        } else {
            drop(upstream);
            cancelled(&mut record, self.status, Spent::Seen(observer.observed()));
        }
    }
}

/// Reads an answer to its end that no client waits for, but not beyond `deadline`, and books what was
/// seen.
pub(crate) async fn drain(
    mut upstream: UpstreamBody,
    mut observer: Box<Observer>,
    mut record: Record,
    status: u16,
    idle_timeout: Duration,
    deadline: Instant,
) {
    while !observer.has_ended() {
        let until = deadline.min(Instant::now() + idle_timeout);
        match tokio::time::timeout_at(until, upstream.next()).await {
            Ok(Some(Ok(chunk))) => drop(observer.observe(chunk)),
            Ok(Some(Err(_)) | None) | Err(_) => break,
        }
    }
    cancelled(&mut record, status, Spent::Seen(observer.observed()));
}

/// Waits for an upstream, and for no slow client: time counts only while the upstream has nothing.
struct Patience {
    span: Duration,
    waiting_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    fn new(span: Duration) -> Self {
        Self { span, waiting_since: None, timer: None }
    }

    /// Something arrived.
    fn renew(&mut self, span: Duration) {
        self.span = span;
        self.waiting_since = None;
    }

    /// Ready when the upstream has been silent for too long. The timer is moved only when it fires,
    /// not with every piece.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let over = since + self.span;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(over)));
        if timer.deadline() > over {
            timer.as_mut().reset(over);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= over {
                return Poll::Ready(());
            }
            timer.as_mut().reset(over);
        }
    }
}
