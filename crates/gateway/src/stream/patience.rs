//! How long somebody is waited for.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Waits for an upstream, and for no slow client: time counts only while the upstream has nothing.
pub(super) struct Patience {
    span: Duration,
    waiting_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new(span: Duration) -> Self {
        Self { span, waiting_since: None, timer: None }
    }

    /// Something arrived.
    pub(super) fn renew(&mut self) {
        self.waiting_since = None;
    }

    /// Ready when the upstream has been silent for too long. The timer is moved only when it fires,
    /// not with every piece.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let over = since + self.span;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(over)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= over {
                return Poll::Ready(());
            }
            timer.as_mut().reset(over);
        }
    }
}
