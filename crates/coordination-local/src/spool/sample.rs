//! Events for tests, and a store that fails as told.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{CallId, GroupId, Money, ProjectId, RepositoryError, Revision, Timestamp, TokenId};
use promptgate_usage::{CallContent, FinishedCall, Outcome, TokenCounts, UsageEvent};

use super::ledger::Ledger;

/// How a [`FakeLedger`] behaves, and what it holds.
#[derive(Default)]
pub(super) struct Behaviour {
    /// It does not answer.
    pub(super) away: bool,
    /// It answers, and takes nothing.
    pub(super) full: bool,
    /// What it does not take.
    pub(super) poison: HashSet<CallId>,
    /// How often it was asked.
    pub(super) attempts: u32,
    /// What it took.
    pub(super) taken: HashSet<CallId>,
    /// What was said in those, as far as it came with them.
    pub(super) contents: Vec<CallContent>,
}

/// Clones are the same ledger.
#[derive(Default, Clone)]
pub(super) struct FakeLedger(pub(super) Arc<Mutex<Behaviour>>);

#[async_trait]
impl Ledger for FakeLedger {
    async fn record(&self, calls: &[Arc<FinishedCall>]) -> Result<(), RepositoryError> {
        let mut behaviour = self.0.lock().expect("no test panics with it");
        behaviour.attempts += 1;
        let poisoned = calls.iter().any(|call| behaviour.poison.contains(&call.event.id));
        if behaviour.away || behaviour.full || poisoned {
            return Err(RepositoryError::Unavailable { source: "no".into() });
        }
        behaviour.taken.extend(calls.iter().map(|call| call.event.id));
        behaviour.contents.extend(calls.iter().filter_map(|call| call.content.clone()));
        Ok(())
    }

    async fn answers(&self) -> bool {
        !self.0.lock().expect("no test panics with it").away
    }
}

/// The event with this number; the same number is the same event.
pub(super) fn event(number: u64) -> UsageEvent {
    let clock = TestClock::at_millis(1_700_000_000_000 + i64::try_from(number).expect("a small number"));
    let id = CallId::mint(&clock, &SeededEntropy::new(number));
    let (clock, entropy) = (TestClock::at_millis(1_600_000_000_000), SeededEntropy::new(1));
    UsageEvent {
        request_id: format!("request-{number}"),
        requested_model: Some("echo:echo\nü".to_owned()),
        provider: Some("echo".to_owned()),
        model: Some("echo".to_owned()),
        streamed: true,
        tokens: TokenCounts { input: 10, output: 20, ..TokenCounts::default() },
        cost: Money::from_nanos(1_000),
        price_version: "2026-11-01".to_owned(),
        price_basis: "exact".to_owned(),
        latency_us: 1_000,
        time_to_first_byte_us: Some(500),
        attempts: 1,
        client_ip: Some("127.0.0.1".to_owned()),
        revision: Revision::from_number(1),
        trace: vec!["matched the alias".to_owned()],
        holder: Some(id.as_uuid()),
        above: vec![TokenId::mint(&clock, &entropy)],
        groups: vec![GroupId::mint(&clock, &entropy)],
        ..UsageEvent::of_call(
            id,
            Timestamp::from_micros(1_700_000_000_000_000),
            ProjectId::mint(&clock, &entropy),
            TokenId::mint(&clock, &entropy),
            "chat_completions",
            Outcome::Completed,
            200,
        )
    }
}

/// The call with this number, nothing of what was said in it.
pub(super) fn call(number: u64) -> Arc<FinishedCall> {
    Arc::new(FinishedCall { event: event(number), content: None })
}

/// The call with this number, and a prompt of so many bytes that was said in it.
pub(super) fn long_call(number: u64, bytes: usize) -> Arc<FinishedCall> {
    Arc::new(FinishedCall { event: event(number), content: Some(content(number, bytes)) })
}

/// What was said in the call with this number: a prompt of so many bytes.
pub(super) fn content(number: u64, bytes: usize) -> CallContent {
    let event = event(number);
    let prompt = Some("\"p\"\n".repeat(bytes.div_ceil(4)));
    CallContent { prompt, ..CallContent::of_call(event.id, event.at, event.project_id) }
}
