//! Calls for tests, a store that fails as told, and a stream in memory.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{CallId, Clock, Money, ProjectId, RepositoryError, Revision, Timestamp, TokenId};
use promptgate_usage::{CallContent, DeadLetter, FinishedCall, Outcome, TokenCounts, UsageEvent};

use crate::{Feed, FeedError, FeedState, Ledger, StreamAway};

/// How a [`FakeLedger`] behaves, and what it holds.
#[derive(Debug, Default)]
pub struct Behaviour {
    /// It does not answer.
    pub away: bool,
    /// It is asked, and never answers.
    pub hangs: bool,
    /// It answers, and takes nothing.
    pub full: bool,
    /// What it does not take.
    pub poison: HashSet<CallId>,
    /// What it does not take for so many times more.
    pub grudges: HashMap<CallId, u32>,
    /// How often it was asked.
    pub attempts: u32,
    /// What it took.
    pub taken: HashSet<CallId>,
    /// What was said in those, as far as it came with them.
    pub contents: Vec<CallContent>,
    /// What was set aside.
    pub letters: Vec<DeadLetter>,
}

/// A store in memory. Clones are the same one.
#[derive(Debug, Default, Clone)]
pub struct FakeLedger(pub Arc<Mutex<Behaviour>>);

impl FakeLedger {
    async fn reached(&self) {
        if self.0.lock().expect("no test panics with it").hangs {
            std::future::pending::<()>().await;
        }
    }
}

fn refusal() -> RepositoryError {
    RepositoryError::Unavailable { source: "no".into() }
}

#[async_trait]
impl Ledger for FakeLedger {
    async fn record(&self, calls: &[Arc<FinishedCall>]) -> Result<(), RepositoryError> {
        self.0.lock().expect("no test panics with it").attempts += 1;
        self.reached().await;
        let mut behaviour = self.0.lock().expect("no test panics with it");
        let mut refused = behaviour.away || behaviour.full;
        for call in calls {
            refused |= behaviour.poison.contains(&call.event.id);
            if let Some(left) = behaviour.grudges.get_mut(&call.event.id).filter(|left| **left > 0) {
                *left -= 1;
                refused = true;
            }
        }
        if refused {
            return Err(refusal());
        }
        for call in calls {
            behaviour.taken.insert(call.event.id);
            behaviour.contents.extend(call.content.clone());
        }
        Ok(())
    }

    async fn set_aside(&self, letters: &[DeadLetter]) -> Result<(), RepositoryError> {
        self.reached().await;
        let mut behaviour = self.0.lock().expect("no test panics with it");
        if behaviour.away || behaviour.full {
            return Err(refusal());
        }
        behaviour.letters.extend_from_slice(letters);
        Ok(())
    }

    async fn settled(&self, calls: &[CallId]) -> Result<Vec<CallId>, RepositoryError> {
        self.reached().await;
        let behaviour = self.0.lock().expect("no test panics with it");
        if behaviour.away {
            return Err(refusal());
        }
        let is_known = |id: &&CallId| {
            behaviour.taken.contains(*id) || behaviour.letters.iter().any(|letter| letter.id == **id)
        };
        Ok(calls.iter().filter(is_known).copied().collect())
    }

    async fn answers(&self) -> bool {
        self.reached().await;
        !self.0.lock().expect("no test panics with it").away
    }
}

/// What a [`FakeFeed`] holds, and how it is.
#[derive(Debug, Default)]
pub struct Stream {
    /// It does not answer.
    pub away: bool,
    /// It takes no more.
    pub full: bool,
    /// What is in it.
    pub calls: Vec<Arc<FinishedCall>>,
    /// How much went in, ever.
    pub fed: usize,
}

/// The inlet of a stream in memory. Clones are the same one.
#[derive(Debug, Default, Clone)]
pub struct FakeFeed(pub Arc<Mutex<Stream>>);

#[async_trait]
impl Feed for FakeFeed {
    async fn feed(&self, calls: &[Arc<FinishedCall>]) -> Result<(), FeedError> {
        let mut stream = self.0.lock().expect("no test panics with it");
        if stream.away {
            return Err(StreamAway("no".into()).into());
        }
        if stream.full {
            return Err(FeedError::Full);
        }
        stream.calls.extend_from_slice(calls);
        stream.fed += calls.len();
        Ok(())
    }

    fn state(&self) -> FeedState {
        let stream = self.0.lock().expect("no test panics with it");
        match (stream.away, stream.full) {
            (true, _) => FeedState::Away,
            (_, true) => FeedState::Full,
            _ => FeedState::Open,
        }
    }
}

/// A clock that stands still.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(TestClock::at_millis(1_800_000_000_000))
}

/// The event with this number; the same number is the same event.
pub fn event(number: u64) -> UsageEvent {
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
pub fn call(number: u64) -> Arc<FinishedCall> {
    Arc::new(FinishedCall { event: event(number), content: None })
}

/// The call with this number, and a prompt of so many bytes that was said in it.
pub fn long_call(number: u64, bytes: usize) -> Arc<FinishedCall> {
    Arc::new(FinishedCall { event: event(number), content: Some(content(number, bytes)) })
}

/// What was said in the call with this number: a prompt of so many bytes.
pub fn content(number: u64, bytes: usize) -> CallContent {
    let event = event(number);
    let prompt = Some("\"p\"\n".repeat(bytes.div_ceil(4)));
    CallContent { prompt, ..CallContent::of_call(event.id, event.at, event.project_id) }
}
