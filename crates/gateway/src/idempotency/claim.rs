//! Who makes a call: whoever claims its key first, for as long as it is at it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use promptgate_kernel::{CallId, RepositoryError};
use promptgate_usage::{IdempotencyKey, IdempotencyRecord, RememberedAnswer, Repeated};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::refusal::IdempotencyRefusal;
use crate::meter;
use crate::pipeline::Shared;
use crate::record::{Booking, Record};

/// How long a claim counts that nobody renews: its process is taken for dead.
pub(super) const LEASE: Duration = Duration::from_secs(15);
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How long a repeated request waits for the outcome of the first.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the store may take.
pub(super) const STORE_DEADLINE: Duration = Duration::from_secs(3);
/// How often it is looked for the end of a call that another process makes.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LAST_LOOK: Duration = Duration::from_secs(1);

/// The claimed calls of this process.
#[derive(Default)]
pub(crate) struct Claims(Mutex<HashMap<IdempotencyKey, (CallId, watch::Sender<()>)>>);

impl Claims {
    fn lock(&self) -> MutexGuard<'_, HashMap<IdempotencyKey, (CallId, watch::Sender<()>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells when a call ends, if it is one of this process.
    fn watch(&self, key: &IdempotencyKey) -> Option<watch::Receiver<()>> {
        self.lock().get(key).map(|(_, ended)| ended.subscribe())
    }
}

/// A key that is claimed for a call.
pub(super) struct Claim {
    pub(super) shared: Arc<Shared>,
    pub(super) key: IdempotencyKey,
    pub(super) call: CallId,
}

impl Claim {
    fn new(shared: &Arc<Shared>, key: IdempotencyKey, call: CallId) -> Self {
        shared.claims.lock().insert(key, (call, watch::Sender::new(())));
        Self { shared: Arc::clone(shared), key, call }
    }

    /// Renews the claim for as long as it is polled.
    pub(super) async fn hold(&self) {
        loop {
            sleep(RENEW_EVERY).await;
            let until = self.shared.clock.now().plus(LEASE);
            match in_time(self.shared.idempotency.renew(self.key, self.call, until)).await {
                Some(true) => {}
                Some(false) => {
                    tracing::warn!(call.id = %self.call, "the claim of an idempotency key was lost");
                }
                None => {
                    tracing::warn!(call.id = %self.call, "the claim of an idempotency key was not renewed");
                }
            }
        }
    }
}

impl Drop for Claim {
    /// Whoever waits looks again.
    fn drop(&mut self) {
        let mut claims = self.shared.claims.lock();
        if claims.get(&self.key).is_some_and(|(call, _)| *call == self.call) {
            claims.remove(&self.key);
        }
    }
}

/// An answered call, and its answer.
pub(super) type Answered = (CallId, RememberedAnswer);

/// Claims a key, or waits for the outcome of whoever did.
pub(super) async fn claim(
    key: IdempotencyKey,
    asked: [u8; 32],
    shared: &Arc<Shared>,
    record: &mut Record,
) -> Result<Result<Claim, Answered>, IdempotencyRefusal> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = FIRST_LOOK;
    loop {
        // Before the look, so that no end is missed.
        let ended = shared.claims.watch(&key);
        let now = shared.clock.now();
        let wanted = IdempotencyRecord::begin(key, asked, record.id, now, now.plus(LEASE));
        let Some(taken) = in_time(shared.idempotency.claim(&wanted)).await else {
            meter::once("unavailable");
            return Err(IdempotencyRefusal::Unavailable);
        };
        let Some(taken) = taken else {
            record.booking = Booking::Own;
            meter::once("made");
            return Ok(Ok(Claim::new(shared, key, record.id)));
        };
        match taken.repeated(&asked) {
            Repeated::Differs => {
                meter::once("reused");
                return Err(IdempotencyRefusal::Reused);
            }
            Repeated::Answered(answer) => {
                record.booking = Booking::OfAnother;
                meter::once("repeated");
                record.note("repeats a call that was answered");
                return Ok(Err((taken.call_id, answer.clone())));
            }
            Repeated::InProgress => record.booking = Booking::OfAnother,
        }
        let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        else {
            meter::once("in_progress");
            return Err(IdempotencyRefusal::InProgress);
        };
        match ended {
            // Its end is told; the look is for a claim that was lost.
            Some(mut ended) => {
                let _ = timeout(LAST_LOOK.min(left), ended.changed()).await;
            }
            None => sleep(pause.min(left)).await,
        }
        pause = (pause * 2).min(LAST_LOOK);
    }
}

/// What the store says, if it does in time.
pub(super) async fn in_time<T>(asked: impl Future<Output = Result<T, RepositoryError>>) -> Option<T> {
    match timeout(STORE_DEADLINE, asked).await {
        Ok(Ok(said)) => Some(said),
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "idempotency keys cannot be looked up");
            None
        }
        Err(_) => {
            tracing::warn!("idempotency keys cannot be looked up: the store does not answer in time");
            None
        }
    }
}
