//! The workers, which are those of apalis.
//!
//! apalis hands what it is given to a handler, some at once, and ends in order. What is to be done it
//! gets from an [`Inbox`], into which the queue in our own store is emptied: see ADR 10.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::layers::Identity;
use apalis_core::task::Task;
use apalis_core::task::data::Data;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::context::WorkerContext;
use promptgate_schedule::Run;
use tokio::sync::mpsc;

use crate::carrier::Carrier;
use crate::places::Place;

/// A run that this process claimed, and the place among those at once that it takes.
pub(crate) struct Claimed {
    pub(crate) run: Run,
    pub(crate) place: Place,
}

/// Where claimed runs arrive.
struct Inbox(mpsc::Receiver<Claimed>);

impl Backend for Inbox {
    type Task = Task<Claimed>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        self.0.poll_recv(cx).map(|claimed| claimed.map(|claimed| Ok(Task::new(claimed))))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for Inbox {
    type Args = Claimed;
    type Id = ();
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}

/// Carries out what arrives, until `context` is told to stop.
pub(crate) async fn work(context: WorkerContext, inbox: mpsc::Receiver<Claimed>, carrier: Arc<Carrier>) {
    let worker = WorkerBuilder::new(context).backend(Inbox(inbox)).data(carrier).build(handle);
    if let Err(error) = worker.run().await {
        tracing::error!(%error, "the workers of the scheduler ended: {error}");
    }
}

async fn handle(claimed: Claimed, carrier: Data<Arc<Carrier>>) {
    carrier.carry_out(claimed.run).await;
    drop(claimed.place);
}
