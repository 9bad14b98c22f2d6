//! Bringing batches into a store that may be away, or refuse one event in many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use promptgate_kernel::RepositoryError;
use promptgate_usage::FinishedCall;
use tokio::time::Instant;

use super::ledger::Ledger;
use super::quarantine::Quarantine;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How often a store that answers may refuse a batch before its events are tried one by one.
const PATIENCE: u32 = 3;

/// The batch is not stored; try again when the recorder is [due](Recorder::is_due).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotNow;

/// The store, for every spool that one drainer looks after.
pub(super) struct Recording {
    ledger: Box<dyn Ledger>,
    quarantine: Quarantine,
    /// Events that the store took, ever.
    taken: AtomicU64,
}

impl Recording {
    pub(super) fn new(ledger: Box<dyn Ledger>, quarantine: Quarantine) -> Arc<Self> {
        Arc::new(Self { ledger, quarantine, taken: AtomicU64::new(0) })
    }
}

/// Records the batches of one spool.
pub(super) struct Recorder {
    shared: Arc<Recording>,
    /// Failures since the last success.
    failures: u32,
    /// Those of them while the store answered otherwise.
    refusals: u32,
    /// What the store had taken before the first of them.
    taken_before: u64,
    due: Option<Instant>,
}

impl Recorder {
    pub(super) fn new(shared: Arc<Recording>) -> Self {
        Self { shared, failures: 0, refusals: 0, taken_before: 0, due: None }
    }

    /// Whether it makes sense to try, or to try again.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_none_or(|due| due <= Instant::now())
    }

    /// When it is worth trying again, after a failure.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Records calls; some may have been set aside instead.
    pub(super) async fn record(&mut self, calls: &[Arc<FinishedCall>]) -> Result<(), NotNow> {
        if calls.is_empty() {
            return Ok(());
        }
        if self.failures == 0 {
            self.taken_before = self.shared.taken.load(Ordering::Relaxed);
        }
        let Err(error) = self.attempt(calls).await else {
            self.succeeded();
            return Ok(());
        };
        if !is_about_an_event(&error) {
            let answers = self.shared.ledger.answers().await;
            self.refusals = if answers { self.refusals + 1 } else { 0 };
            if self.refusals < PATIENCE {
                return Err(self.failed(&error));
            }
        }
        self.record_one_by_one(calls, error).await
    }

    /// Puts off the next attempt because of something else, such as a disk that cannot be read.
    pub(super) fn put_off(&mut self) -> NotNow {
        let wait = FIRST_WAIT * 2_u32.saturating_pow(self.failures.min(16));
        self.due = Some(Instant::now() + wait.min(LONGEST_WAIT));
        self.failures = self.failures.saturating_add(1);
        NotNow
    }

    /// Sets aside what is not even an event.
    pub(super) fn set_aside(&mut self, json: &[u8], reason: &str) -> Result<(), NotNow> {
        self.shared.quarantine.add(json, reason).map_err(|error| {
            tracing::error!(%error, "cannot write to the quarantine of usage events");
            self.put_off()
        })
    }

    /// Halves the batch until the events that are refused stand alone. An event is set aside only
    /// when the store took another one after it had refused this one, or said that it is about this
    /// one: a full disk refuses everything, and must not empty the spool into the quarantine.
    async fn record_one_by_one(
        &mut self,
        calls: &[Arc<FinishedCall>],
        first: RepositoryError,
    ) -> Result<(), NotNow> {
        let mut refused: Vec<(&FinishedCall, RepositoryError)> = Vec::new();
        let mut parts = Vec::new();
        split(calls, first, &mut parts, &mut refused);
        while let Some(part) = parts.pop() {
            match self.attempt(part).await {
                Ok(()) => {}
                Err(error) if !is_about_an_event(&error) && !self.shared.ledger.answers().await => {
                    return Err(self.failed(&error));
                }
                Err(error) => split(part, error, &mut parts, &mut refused),
            }
        }
        let took_one = self.shared.taken.load(Ordering::Relaxed) > self.taken_before;
        if let Some((_, error)) = refused.iter().find(|(_, error)| !took_one && !is_about_an_event(error)) {
            return Err(self.failed(error));
        }
        for (call, error) in &refused {
            // Without what was said: nobody would remove that from the file when its time is over.
            let Ok(json) = serde_json::to_vec(&call.event) else { return Err(self.put_off()) };
            self.set_aside(&json, &with_causes(error))?;
        }
        self.succeeded();
        Ok(())
    }

    async fn attempt(&self, calls: &[Arc<FinishedCall>]) -> Result<(), RepositoryError> {
        self.shared.ledger.record(calls).await?;
        self.shared.taken.fetch_add(calls.len() as u64, Ordering::Relaxed);
        metrics::counter!("promptgate_usage_events_stored_total").increment(calls.len() as u64);
        Ok(())
    }

    fn failed(&mut self, error: &RepositoryError) -> NotNow {
        if self.failures == 0 {
            let error = with_causes(error);
            tracing::warn!(error, "the store does not take usage events; they wait in the spool");
        }
        self.put_off()
    }

    fn succeeded(&mut self) {
        if self.failures > 0 {
            tracing::info!(attempts = self.failures, "the store takes usage events again");
        }
        (self.failures, self.refusals, self.due) = (0, 0, None);
    }
}

/// Puts the halves of a refused part on the stack, or a single event among the refused.
fn split<'a>(
    part: &'a [Arc<FinishedCall>],
    error: RepositoryError,
    parts: &mut Vec<&'a [Arc<FinishedCall>]>,
    refused: &mut Vec<(&'a FinishedCall, RepositoryError)>,
) {
    if let [call] = part {
        refused.push((call, error));
    } else {
        let (left, right) = part.split_at(part.len() / 2);
        parts.extend([right, left]);
    }
}

fn is_about_an_event(error: &RepositoryError) -> bool {
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

    use super::super::sample::{self, Behaviour, FakeLedger};
    use super::*;

    fn recording(root: &std::path::Path) -> (Arc<Recording>, Arc<Mutex<Behaviour>>) {
        let ledger = FakeLedger::default();
        let behaviour = Arc::clone(&ledger.0);
        (Recording::new(Box::new(ledger), Quarantine::in_root(Some(root))), behaviour)
    }

    fn quarantined(root: &std::path::Path) -> usize {
        std::fs::read_to_string(root.join("quarantine.jsonl")).map_or(0, |text| text.lines().count())
    }

    #[tokio::test]
    async fn one_bad_event_is_set_aside_and_the_others_are_stored() {
        let root = tempfile::tempdir().unwrap();
        let (recording, behaviour) = recording(root.path());
        let mut recorder = Recorder::new(recording);
        let calls: Vec<_> = (0..50).map(sample::call).collect();
        behaviour.lock().unwrap().poison.insert(calls[17].event.id);
        assert_eq!(recorder.record(&calls).await, Err(NotNow));
        assert_eq!(recorder.record(&calls).await, Err(NotNow));
        assert_eq!(recorder.record(&calls).await, Ok(()));
        assert_eq!(behaviour.lock().unwrap().taken.len(), 49);
        let text = std::fs::read_to_string(root.path().join("quarantine.jsonl")).unwrap();
        assert_eq!(quarantined(root.path()), 1);
        assert!(text.contains("\"reason\":\"the store is unavailable: no\"") && text.contains("request-17"));
    }

    #[tokio::test]
    async fn a_store_that_takes_nothing_fills_no_quarantine() {
        let root = tempfile::tempdir().unwrap();
        let (recording, behaviour) = recording(root.path());
        let mut recorder = Recorder::new(recording);
        let calls: Vec<_> = (0..5).map(sample::call).collect();
        behaviour.lock().unwrap().full = true;
        for _ in 0..10 {
            assert_eq!(recorder.record(&calls).await, Err(NotNow));
        }
        behaviour.lock().unwrap().full = false;
        assert_eq!(recorder.record(&calls).await, Ok(()));
        assert_eq!((quarantined(root.path()), behaviour.lock().unwrap().taken.len()), (0, 5));
    }

    #[tokio::test]
    async fn a_single_bad_event_waits_for_proof_that_it_is_not_the_store() {
        let root = tempfile::tempdir().unwrap();
        let (recording, behaviour) = recording(root.path());
        let (mut bad, mut other) = (Recorder::new(Arc::clone(&recording)), Recorder::new(recording));
        let call = sample::call(1);
        behaviour.lock().unwrap().poison.insert(call.event.id);
        for _ in 0..5 {
            assert_eq!(bad.record(std::slice::from_ref(&call)).await, Err(NotNow));
        }
        assert_eq!(quarantined(root.path()), 0);
        assert_eq!(other.record(&[sample::call(2)]).await, Ok(()));
        assert_eq!(bad.record(&[call]).await, Ok(()));
        assert_eq!(quarantined(root.path()), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_away_is_asked_less_and_less_often() {
        let root = tempfile::tempdir().unwrap();
        let (recording, behaviour) = recording(root.path());
        let mut recorder = Recorder::new(recording);
        behaviour.lock().unwrap().away = true;
        for wait in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
            assert!(recorder.is_due());
            assert_eq!(recorder.record(&[sample::call(1)]).await, Err(NotNow));
            tokio::time::advance(Duration::from_millis(wait - 1)).await;
            assert!(!recorder.is_due(), "{wait}");
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        behaviour.lock().unwrap().away = false;
        assert_eq!(recorder.record(&[sample::call(1)]).await, Ok(()));
        assert!(recorder.is_due());
    }
}
