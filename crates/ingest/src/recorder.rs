//! Bringing batches into a store that may be away, or refuse one call in many.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use promptgate_kernel::{CallId, Clock, RepositoryError};
use promptgate_usage::{DeadLetter, FinishedCall};
use tokio::time::{Instant, sleep};

use crate::Ledger;
use crate::payload::id_of_foreign;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How often a store that answers may refuse a batch before its calls are tried one by one.
const PATIENCE: u32 = 3;
/// How often a call is tried alone before it is set aside: two that write at once may have been in each
/// other's way.
const ATTEMPTS_ALONE: u32 = 3;
/// The pause between these.
const PAUSE: Duration = Duration::from_millis(50);

/// The batch is not stored; try again when the recorder is [due](Recorder::is_due).
#[derive(Debug, PartialEq, Eq)]
pub struct NotNow;

/// The store, for everybody of a process who brings calls into it.
pub struct Recording {
    ledger: Box<dyn Ledger>,
    clock: Arc<dyn Clock>,
    /// Calls that the store took, ever.
    taken: AtomicU64,
}

impl Recording {
    /// Into this store.
    pub fn new(ledger: Box<dyn Ledger>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { ledger, clock, taken: AtomicU64::new(0) })
    }

    /// The store itself.
    pub fn ledger(&self) -> &dyn Ledger {
        &*self.ledger
    }
}

/// Records the batches of one source.
pub struct Recorder {
    shared: Arc<Recording>,
    /// Failures since the last success.
    failures: u32,
    /// Those of them while the store answered otherwise.
    refusals: u32,
    /// What the store had taken when it refused calls alone, for the first time among these failures.
    refused_at: HashMap<CallId, u64>,
    due: Option<Instant>,
}

/// A call that the store refused, and why.
type Refused<'a> = (&'a Arc<FinishedCall>, RepositoryError);

impl Recorder {
    /// A recorder that has not failed yet.
    pub fn new(shared: Arc<Recording>) -> Self {
        Self { shared, failures: 0, refusals: 0, refused_at: HashMap::new(), due: None }
    }

    /// Whether it makes sense to try, or to try again.
    pub fn is_due(&self) -> bool {
        self.due.is_none_or(|due| due <= Instant::now())
    }

    /// When it is worth trying again, after a failure.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Records calls; some may have been set aside instead.
    pub async fn record(&mut self, calls: &[Arc<FinishedCall>]) -> Result<(), NotNow> {
        if calls.is_empty() {
            return Ok(());
        }
        let Err(error) = self.attempt(calls).await else {
            self.succeeded();
            return Ok(());
        };
        if !is_about_a_call(&error) {
            let answers = self.shared.ledger.answers().await;
            self.refusals = if answers { self.refusals + 1 } else { 0 };
            if self.refusals < PATIENCE {
                return Err(self.failed(&error));
            }
        }
        self.record_one_by_one(calls, error).await
    }

    /// Puts off the next attempt because of something else, such as a disk that cannot be read.
    pub fn put_off(&mut self) -> NotNow {
        let wait = FIRST_WAIT * 2_u32.saturating_pow(self.failures.min(16));
        self.due = Some(Instant::now() + wait.min(LONGEST_WAIT));
        self.failures = self.failures.saturating_add(1);
        NotNow
    }

    /// Sets aside what is not even an event.
    pub async fn set_aside_foreign(&mut self, json: &str) -> Result<(), NotNow> {
        let at = self.shared.clock.now();
        let reason = "not a usage event of this version";
        let letter = DeadLetter::now(id_of_foreign(json), json.to_owned(), reason, 1, at);
        self.set_aside(&[letter]).await
    }

    /// Sets calls aside without trying them.
    pub async fn give_up(&mut self, calls: &[(Arc<FinishedCall>, u32)], reason: &str) -> Result<(), NotNow> {
        let at = self.shared.clock.now();
        let letters: Vec<_> =
            calls.iter().filter_map(|(call, attempts)| letter(call, reason, *attempts, at)).collect();
        self.set_aside(&letters).await
    }

    async fn set_aside(&mut self, letters: &[DeadLetter]) -> Result<(), NotNow> {
        if letters.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.shared.ledger.set_aside(letters).await {
            return Err(self.failed(&error));
        }
        for DeadLetter { id, error, attempts, .. } in letters {
            tracing::error!(
                call.id = %id,
                error,
                attempts,
                "a usage event could not be recorded; it waits in the list of dead letters"
            );
        }
        metrics::counter!("promptgate_usage_dead_letters_total").increment(letters.len() as u64);
        Ok(())
    }

    /// Halves the batch until the calls that are refused stand alone. A call is set aside only
    /// when the store took another one after it had refused this one, or said that it is about this
    /// one: a full disk refuses everything, and must not empty the spool into the list.
    async fn record_one_by_one(
        &mut self,
        calls: &[Arc<FinishedCall>],
        first: RepositoryError,
    ) -> Result<(), NotNow> {
        let mut refused: Vec<Refused<'_>> = Vec::new();
        let mut parts = Vec::new();
        self.split(calls, first, &mut parts, &mut refused);
        while let Some(part) = parts.pop() {
            match self.attempt(part).await {
                Ok(()) => {}
                Err(error) if !is_about_a_call(&error) && !self.shared.ledger.answers().await => {
                    return Err(self.failed(&error));
                }
                Err(error) => self.split(part, error, &mut parts, &mut refused),
            }
        }
        let taken = self.shared.taken.load(Ordering::Relaxed);
        let took_one_since =
            |call: &FinishedCall| self.refused_at.get(&call.event.id).is_some_and(|then| taken > *then);
        let in_doubt = refused.iter().find(|(call, error)| !is_about_a_call(error) && !took_one_since(call));
        if let Some((_, error)) = in_doubt {
            return Err(self.failed(error));
        }
        let refused = self.try_alone(refused).await?;
        let (at, attempts) = (self.shared.clock.now(), self.failures + ATTEMPTS_ALONE);
        let letters: Vec<_> = refused
            .iter()
            .filter_map(|(call, error)| letter(call, &with_causes(error), attempts, at))
            .collect();
        self.set_aside(&letters).await?;
        self.succeeded();
        Ok(())
    }

    /// Tries calls that were refused alone a few times more; gives back those that still are.
    async fn try_alone<'a>(&mut self, mut refused: Vec<Refused<'a>>) -> Result<Vec<Refused<'a>>, NotNow> {
        for _ in 1..ATTEMPTS_ALONE {
            if refused.is_empty() {
                break;
            }
            sleep(PAUSE).await;
            let mut still = Vec::new();
            for (call, _) in refused {
                match self.attempt(std::slice::from_ref(call)).await {
                    Ok(()) => {}
                    Err(error) if !is_about_a_call(&error) && !self.shared.ledger.answers().await => {
                        return Err(self.failed(&error));
                    }
                    Err(error) => still.push((call, error)),
                }
            }
            refused = still;
        }
        Ok(refused)
    }

    async fn attempt(&self, calls: &[Arc<FinishedCall>]) -> Result<(), RepositoryError> {
        let recorded = self.shared.ledger.record(calls).await;
        let outcome = if recorded.is_ok() { "stored" } else { "failed" };
        metrics::counter!("promptgate_usage_batches_total", "outcome" => outcome).increment(1);
        recorded?;
        self.shared.taken.fetch_add(calls.len() as u64, Ordering::Relaxed);
        metrics::counter!("promptgate_usage_events_stored_total").increment(calls.len() as u64);
        Ok(())
    }

    fn failed(&mut self, error: &RepositoryError) -> NotNow {
        if self.failures == 0 {
            let error = with_causes(error);
            tracing::warn!(error, "the store does not take usage events; they wait");
        }
        self.put_off()
    }

    fn succeeded(&mut self) {
        if self.failures > 0 {
            tracing::info!(attempts = self.failures, "the store takes usage events again");
        }
        (self.failures, self.refusals, self.due) = (0, 0, None);
        self.refused_at.clear();
    }

    /// Puts the halves of a refused part on the stack, or a single call among the refused.
    fn split<'a>(
        &mut self,
        part: &'a [Arc<FinishedCall>],
        error: RepositoryError,
        parts: &mut Vec<&'a [Arc<FinishedCall>]>,
        refused: &mut Vec<Refused<'a>>,
    ) {
        if let [call] = part {
            let taken = self.shared.taken.load(Ordering::Relaxed);
            self.refused_at.entry(call.event.id).or_insert(taken);
            refused.push((call, error));
        } else {
            let (left, right) = part.split_at(part.len() / 2);
            parts.extend([right, left]);
        }
    }
}

/// The letter of a call, without what was said: nobody would remove that from the list when its time is
/// over.
fn letter(
    call: &FinishedCall,
    reason: &str,
    attempts: u32,
    at: promptgate_kernel::Timestamp,
) -> Option<DeadLetter> {
    let written = serde_json::to_string(&call.event);
    let event = written.inspect_err(|error| tracing::error!(%error, "a usage event is no JSON")).ok()?;
    Some(DeadLetter::now(call.event.id, event, reason, attempts, at))
}

fn is_about_a_call(error: &RepositoryError) -> bool {
    match error {
        RepositoryError::Conflict { .. } | RepositoryError::Corrupt { .. } => true,
        RepositoryError::Unavailable { .. } => false,
    }
}

fn with_causes(error: &RepositoryError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::testing::{self, Behaviour, FakeLedger};

    fn recording() -> (Arc<Recording>, Arc<Mutex<Behaviour>>) {
        let ledger = FakeLedger::default();
        let behaviour = Arc::clone(&ledger.0);
        (Recording::new(Box::new(ledger), testing::clock()), behaviour)
    }

    fn set_aside(behaviour: &Mutex<Behaviour>) -> usize {
        behaviour.lock().unwrap().letters.len()
    }

    #[tokio::test(start_paused = true)]
    async fn one_bad_event_is_set_aside_and_the_others_are_stored() {
        let (recording, behaviour) = recording();
        let mut recorder = Recorder::new(recording);
        let calls: Vec<_> = (0..50).map(testing::call).collect();
        behaviour.lock().unwrap().poison.insert(calls[17].event.id);
        assert_eq!(recorder.record(&calls).await, Err(NotNow));
        assert_eq!(recorder.record(&calls).await, Err(NotNow));
        assert_eq!(recorder.record(&calls).await, Ok(()));
        let behaviour = behaviour.lock().unwrap();
        assert_eq!(behaviour.taken.len(), 49);
        let [letter] = &behaviour.letters[..] else { panic!("one letter") };
        assert_eq!((letter.id, letter.attempts), (calls[17].event.id, 5));
        assert_eq!(letter.error, "the store is unavailable: no");
        assert_eq!(letter.read().unwrap(), calls[17].event);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_only_in_anothers_way_is_not_set_aside() {
        let (recording, behaviour) = recording();
        let mut recorder = Recorder::new(recording);
        let calls: Vec<_> = (0..4).map(testing::call).collect();
        // Three times in the batch, once among two, once alone; then it goes through.
        behaviour.lock().unwrap().grudges.insert(calls[2].event.id, 5);
        for _ in 0..2 {
            assert_eq!(recorder.record(&calls).await, Err(NotNow));
        }
        assert_eq!(recorder.record(&calls).await, Ok(()));
        assert_eq!((set_aside(&behaviour), behaviour.lock().unwrap().taken.len()), (0, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_takes_nothing_fills_no_list() {
        let (recording, behaviour) = recording();
        let mut recorder = Recorder::new(recording);
        let calls: Vec<_> = (0..5).map(testing::call).collect();
        behaviour.lock().unwrap().full = true;
        for _ in 0..10 {
            assert_eq!(recorder.record(&calls).await, Err(NotNow));
        }
        behaviour.lock().unwrap().full = false;
        assert_eq!(recorder.record(&calls).await, Ok(()));
        assert_eq!((set_aside(&behaviour), behaviour.lock().unwrap().taken.len()), (0, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_bad_event_waits_for_proof_that_it_is_not_the_store() {
        let (recording, behaviour) = recording();
        let (mut bad, mut other) = (Recorder::new(Arc::clone(&recording)), Recorder::new(recording));
        let call = testing::call(1);
        behaviour.lock().unwrap().poison.insert(call.event.id);
        for _ in 0..5 {
            assert_eq!(bad.record(std::slice::from_ref(&call)).await, Err(NotNow));
        }
        assert_eq!(set_aside(&behaviour), 0);
        assert_eq!(other.record(&[testing::call(2)]).await, Ok(()));
        assert_eq!(bad.record(&[call]).await, Ok(()));
        assert_eq!(set_aside(&behaviour), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_store_took_before_it_refused_a_call_proves_nothing() {
        let (recording, behaviour) = recording();
        let (mut bad, mut other) = (Recorder::new(Arc::clone(&recording)), Recorder::new(recording));
        let calls: Vec<_> = (0..4).map(testing::call).collect();
        behaviour.lock().unwrap().away = true;
        assert_eq!(bad.record(&calls).await, Err(NotNow));
        behaviour.lock().unwrap().away = false;
        assert_eq!(other.record(&[testing::call(8)]).await, Ok(()));
        behaviour.lock().unwrap().poison.extend(calls.iter().map(|call| call.event.id));
        for _ in 0..5 {
            assert_eq!(bad.record(&calls).await, Err(NotNow));
        }
        assert_eq!(set_aside(&behaviour), 0);
        assert_eq!(other.record(&[testing::call(9)]).await, Ok(()));
        assert_eq!(bad.record(&calls).await, Ok(()));
        assert_eq!(set_aside(&behaviour), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_of_a_batch_is_set_aside_when_the_others_are_taken_again() {
        let (recording, behaviour) = recording();
        let mut recorder = Recorder::new(recording);
        let calls: Vec<_> = (0..4).map(testing::call).collect();
        behaviour.lock().unwrap().poison.insert(calls[3].event.id);
        for _ in 0..3 {
            assert_eq!(recorder.record(&calls).await, Err(NotNow));
        }
        assert_eq!(recorder.record(&calls).await, Ok(()));
        assert_eq!((set_aside(&behaviour), behaviour.lock().unwrap().taken.len()), (1, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_event_waits_for_a_list_that_takes_it() {
        let (recording, behaviour) = recording();
        let mut recorder = Recorder::new(recording);
        behaviour.lock().unwrap().away = true;
        assert_eq!(recorder.set_aside_foreign("{\"later\":1}").await, Err(NotNow));
        behaviour.lock().unwrap().away = false;
        assert_eq!(recorder.set_aside_foreign("{\"later\":1}").await, Ok(()));
        assert_eq!(behaviour.lock().unwrap().letters[0].event, "{\"later\":1}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_away_is_asked_less_and_less_often() {
        let (recording, behaviour) = recording();
        let mut recorder = Recorder::new(recording);
        behaviour.lock().unwrap().away = true;
        for wait in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
            assert!(recorder.is_due());
            assert_eq!(recorder.record(&[testing::call(1)]).await, Err(NotNow));
            tokio::time::advance(Duration::from_millis(wait - 1)).await;
            assert!(!recorder.is_due(), "{wait}");
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        behaviour.lock().unwrap().away = false;
        assert_eq!(recorder.record(&[testing::call(1)]).await, Ok(()));
        assert!(recorder.is_due());
    }
}
