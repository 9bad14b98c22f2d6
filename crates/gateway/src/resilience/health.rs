//! What is known of a credential.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{counter, gauge};
use promptgate_kernel::{CredentialId, ProviderId};
use tokio::time::Instant;

use super::breaker::{Admission, Breaker, Position, Why};
use super::load::PeakEwma;
use crate::candidate::SecretHeader;
use crate::fault::Fault;

/// How long a secret rests that was refused.
const BENCH: Duration = Duration::from_mins(1);
/// How long one rests that was forbidden something: it may be about what was asked, and good for all
/// the rest.
const SHORT_BENCH: Duration = Duration::from_secs(5);
/// A pause for who is limited and does not say for how long; doubles with every time in a row.
const FIRST_COOLDOWN: Duration = Duration::from_secs(1);
const LONGEST_COOLDOWN: Duration = Duration::from_mins(1);
/// A secret and the one before it.
const MOST_BENCHED: usize = 4;

/// Whose health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum HealthKey {
    Credential(CredentialId),
    /// A provider that has no credentials.
    Provider(ProviderId),
}

/// The health of one credential, as all calls with it see it.
pub(super) struct Health {
    provider: metrics::SharedString,
    in_flight: AtomicU32,
    state: Mutex<State>,
    hasher: RandomState,
}

#[derive(Default)]
struct State {
    load: PeakEwma,
    breaker: Breaker,
    cooldown: Option<Cooldown>,
    /// Refusals for being too many, in a row.
    limited_in_a_row: u32,
    /// Secrets that were refused, by hash, and until when they rest.
    benched: Vec<(u64, Instant)>,
    last_fault: Option<&'static str>,
}

#[derive(Debug, Clone, Copy)]
struct Cooldown {
    until: Instant,
    limited: bool,
}

/// Why a credential is not called now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unavailable {
    /// The provider asked for a pause. `limited`: because there were too many calls.
    Cooling { until: Instant, limited: bool },
    /// It keeps failing.
    Open { until: Instant, why: Why, last: Option<&'static str> },
}

impl Unavailable {
    pub(super) const fn until(self) -> Instant {
        match self {
            Self::Cooling { until, .. } | Self::Open { until, .. } => until,
        }
    }
}

impl Health {
    /// Nothing is known yet of a credential of this provider.
    pub(super) fn new(provider: Arc<str>) -> Self {
        Self {
            provider: metrics::SharedString::from_shared(provider),
            in_flight: AtomicU32::new(0),
            state: Mutex::default(),
            hasher: RandomState::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why a call must wait, if it must.
    pub(super) fn unavailable(&self, now: Instant) -> Option<Unavailable> {
        let state = self.state();
        if let Some(Cooldown { until, limited }) = state.cooldown.filter(|cooldown| cooldown.until > now) {
            return Some(Unavailable::Cooling { until, limited });
        }
        match state.breaker.admission(now) {
            Admission::Free | Admission::Probe => None,
            Admission::Closed { until, why } => {
                Some(Unavailable::Open { until, why, last: state.last_fault })
            }
        }
    }

    /// What a further call is expected to wait; to be compared with others'.
    pub(super) fn cost(&self, share: f64, now: Instant) -> f64 {
        self.state().load.cost(self.in_flight.load(Ordering::Relaxed), share, now)
    }

    /// The first secret that does not rest, of those whose place is not in `refused`; the last one of
    /// these if all do.
    pub(super) fn secret(&self, secrets: &[SecretHeader], refused: &[usize], now: Instant) -> usize {
        if secrets.len() < 2 {
            return 0;
        }
        let left = || (0..secrets.len()).filter(|at| !refused.contains(at));
        let state = self.state();
        let rests = |secret: &SecretHeader| {
            let hash = self.hasher.hash_one(secret.value.as_bytes());
            state.benched.iter().any(|(benched, until)| *benched == hash && *until > now)
        };
        left().find(|at| !rests(&secrets[*at])).or_else(|| left().next_back()).unwrap_or(0)
    }

    /// Whether all of its secrets were refused lately.
    pub(super) fn is_benched(&self, secrets: &[SecretHeader], now: Instant) -> bool {
        let state = self.state();
        !state.benched.is_empty()
            && !secrets.is_empty()
            && secrets.iter().all(|secret| {
                let hash = self.hasher.hash_one(secret.value.as_bytes());
                state.benched.iter().any(|(benched, until)| *benched == hash && *until > now)
            })
    }

    /// Begins a call; `None` if it must wait after all. `open` admits it through a breaker that is
    /// open.
    pub(super) fn begin(self: &Arc<Self>, secret: Option<&SecretHeader>, open: bool) -> Option<UnderWay> {
        let now = Instant::now();
        let mut state = self.state();
        let probe = match state.breaker.admission(now) {
            Admission::Free => false,
            Admission::Probe => {
                let before = state.breaker.position();
                state.breaker.begin_probe(now);
                self.show(before, state.breaker.position());
                true
            }
            Admission::Closed { .. } if open => false,
            Admission::Closed { .. } => return None,
        };
        drop(state);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let secret = secret.map(|secret| self.hasher.hash_one(secret.value.as_bytes()));
        Some(UnderWay { health: Arc::clone(self), began: now, probe, secret })
    }

    /// Counts the breaker where it is now. Closed ones are not counted.
    fn show(&self, before: Position, after: Position) {
        let gauge = |position: Position| {
            let state = position.as_str()?;
            Some(gauge!("promptgate_breakers", "provider" => self.provider.clone(), "state" => state))
        };
        if before == after {
            return;
        }
        if let Some(gauge) = gauge(before) {
            gauge.decrement(1.0);
        }
        if let Some(gauge) = gauge(after) {
            gauge.increment(1.0);
        }
    }
}

impl Drop for Health {
    /// What is forgotten counts as no breaker any more.
    fn drop(&mut self) {
        let before = self.state().breaker.position();
        self.show(before, Position::Closed);
    }
}

/// A call under way. Dropped without a verdict, it says nothing about the provider.
pub(crate) struct UnderWay {
    health: Arc<Health>,
    began: Instant,
    probe: bool,
    secret: Option<u64>,
}

impl UnderWay {
    /// How long it has been under way.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// It is answered; `took` is what it waited for the answer to begin, unless that says nothing
    /// about the provider's load.
    pub(crate) fn succeeded(&mut self, took: Option<Duration>) {
        let now = Instant::now();
        let mut state = self.health.state();
        let before = state.breaker.position();
        state.breaker.succeed(std::mem::take(&mut self.probe), now);
        state.limited_in_a_row = 0;
        if let Some(took) = took {
            state.load.observe(took, now);
        }
        self.health.show(before, state.breaker.position());
    }

    /// It failed. Whatever is the provider's doing counts.
    pub(crate) fn failed(&mut self, fault: &Fault, jitter: f64) {
        counter!(
            "promptgate_upstream_faults_total",
            "provider" => self.health.provider.clone(), "code" => fault.code(),
        )
        .increment(1);
        let now = Instant::now();
        let mut state = self.health.state();
        let before = state.breaker.position();
        let probe = std::mem::take(&mut self.probe);
        if fault.is_of_service() {
            state.last_fault = Some(fault.code());
            state.breaker.fail(probe, jitter, now);
            state.load.observe(now.saturating_duration_since(self.began), now);
        } else {
            // Who says no is alive.
            state.breaker.succeed(probe, now);
        }
        state.cool_down(fault, now);
        if fault.is_of_credential()
            && let Some(secret) = self.secret
        {
            state.benched.retain(|(benched, until)| *benched != secret && *until > now);
            state.benched.truncate(MOST_BENCHED - 1);
            let rest = if fault.answered() == Some(403) { SHORT_BENCH } else { BENCH };
            state.benched.push((secret, now + rest));
        }
        self.health.show(before, state.breaker.position());
    }
}

impl State {
    fn cool_down(&mut self, fault: &Fault, now: Instant) {
        let limited = matches!(fault, Fault::RateLimited { .. });
        let floor = fault.retry_after();
        let pause = if limited {
            self.limited_in_a_row += 1;
            let own = FIRST_COOLDOWN.saturating_mul(1 << (self.limited_in_a_row - 1).min(10));
            floor.unwrap_or(own.min(LONGEST_COOLDOWN))
        } else if let Some(floor) = floor {
            floor
        } else {
            return;
        };
        let until = now + pause;
        // The later end holds.
        if self.cooldown.is_none_or(|cooldown| cooldown.until < until) {
            self.cooldown = Some(Cooldown { until, limited });
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.health.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.probe {
            let mut state = self.health.state();
            let before = state.breaker.position();
            state.breaker.give_probe_back(Instant::now());
            self.health.show(before, state.breaker.position());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::AUTHORIZATION;

    fn health() -> Arc<Health> {
        Arc::new(Health::new("main".into()))
    }

    fn secret(text: &'static str) -> SecretHeader {
        SecretHeader { name: AUTHORIZATION, value: HeaderValue::from_static(text), until: None }
    }

    fn limited(seconds: Option<u64>) -> Fault {
        Fault::RateLimited { message: None, retry_after: seconds.map(Duration::from_secs) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_is_asked_for_is_kept_to_the_end() {
        let health = health();
        health.begin(None, false).unwrap().failed(&limited(Some(7)), 0.0);
        tokio::time::advance(Duration::from_millis(6_900)).await;
        let unavailable = health.unavailable(Instant::now()).unwrap();
        assert!(matches!(unavailable, Unavailable::Cooling { limited: true, .. }));
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(health.unavailable(Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_gets_a_pause_that_grows_until_an_answer() {
        let health = health();
        let pause = || {
            health.begin(None, false).unwrap().failed(&limited(None), 0.0);
            let until = health.unavailable(Instant::now()).unwrap().until();
            health.state().cooldown = None;
            (until - Instant::now()).as_secs()
        };
        assert_eq!([pause(), pause(), pause()], [1, 2, 4]);
        health.begin(None, false).unwrap().succeeded(None);
        assert_eq!(pause(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_longer_pause_is_not_cut_by_a_shorter() {
        let health = health();
        health.begin(None, false).unwrap().failed(&limited(Some(60)), 0.0);
        health.begin(None, false).unwrap().failed(&limited(Some(1)), 0.0);
        assert_eq!(
            health.unavailable(Instant::now()).unwrap().until() - Instant::now(),
            Duration::from_mins(1)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_secret_rests_and_the_one_before_it_serves() {
        let (health, secrets) = (health(), [secret("Bearer new"), secret("Bearer old")]);
        let now = Instant::now();
        assert_eq!(health.secret(&secrets, &[], now), 0);
        health.begin(Some(&secrets[0]), false).unwrap().failed(&Fault::AuthFailed { status: 401 }, 0.0);
        assert_eq!(health.secret(&secrets, &[], now), 1);
        assert!(!health.is_benched(&secrets, now));
        health.begin(Some(&secrets[1]), false).unwrap().failed(&Fault::AuthFailed { status: 401 }, 0.0);
        assert!(health.is_benched(&secrets, now));
        assert_eq!(health.secret(&secrets, &[1], now), 0, "rather that than nobody");
        assert!(!health.is_benched(&[secret("Bearer newest")], now), "a rotated secret begins anew");
        assert!(!health.is_benched(&secrets, now + BENCH));
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_goes_through_and_an_abandoned_one_counts_nothing() {
        let health = health();
        for _ in 0..5 {
            health.begin(None, false).unwrap().failed(&Fault::Unreachable, 0.0);
        }
        let unavailable = health.unavailable(Instant::now()).unwrap();
        assert!(matches!(unavailable, Unavailable::Open { last: Some("upstream_unreachable"), .. }));
        assert!(health.begin(None, false).is_none());
        tokio::time::advance(Duration::from_secs(2)).await;
        let probe = health.begin(None, false).unwrap();
        assert!(health.begin(None, false).is_none(), "one probe at a time");
        drop(probe);
        let mut probe = health.begin(None, false).expect("the client of the first one left");
        probe.succeeded(Some(Duration::from_millis(5)));
        assert!(health.begin(None, false).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_counted_for_as_long_as_they_last() {
        let health = health();
        let calls: Vec<_> = (0..3).map(|_| health.begin(None, false).unwrap()).collect();
        assert_eq!(health.in_flight.load(Ordering::Relaxed), 3);
        drop(calls);
        assert_eq!(health.in_flight.load(Ordering::Relaxed), 0);
    }
}
