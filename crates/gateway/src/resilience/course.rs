//! The way of one request through those who may answer it.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use promptgate_kernel::{ProviderId, Timestamp};
use tokio::time::Instant;

use super::Resilience;
use super::breaker::Why;
use super::health::{Health, HealthKey, Unavailable, UnderWay};
use super::pause::{backoff, fraction};
use crate::candidate::{Candidate, SecretHeader, UsableCredential};
use crate::fault::Fault;

/// How often the only one there is may be asked again.
const MOST_REPETITIONS: u32 = 2;
/// For a longer pause nobody waits: the client is told.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Who is called next, of the candidates in their order and the credentials of each.
pub(crate) struct Course<'a> {
    resilience: &'a Resilience,
    candidates: &'a [Candidate],
    slots: Vec<Slot>,
    most: u32,
    made: u32,
    /// Who was called already.
    asked: Vec<ProviderId>,
    /// Who failed in a way that has nothing to do with the credential.
    troubled: Vec<ProviderId>,
    /// The slot of the last call.
    last: Option<usize>,
    /// How it failed.
    fault: Option<Fault>,
    /// How many slots were called.
    called: usize,
    /// The slot that is called again after a wait.
    again: Option<usize>,
    passed_over: Vec<String>,
}

/// A credential of a candidate.
struct Slot {
    candidate: usize,
    credential: Arc<UsableCredential>,
    /// Those of its secrets that still serve, where some do not.
    serving: Option<Vec<SecretHeader>>,
    health: Arc<Health>,
    /// The place of the secret of the last call.
    secret: usize,
    /// The places of those that were refused on this course.
    refused: Vec<usize>,
    /// Whether it was called.
    called: bool,
    /// Whether it is not to be called, again or at all.
    done: bool,
}

impl Slot {
    fn secrets(&self) -> &[SecretHeader] {
        self.serving.as_ref().unwrap_or(&self.credential.secrets)
    }
}

/// What is done next.
pub(crate) enum Step {
    /// A call.
    Call(Turn),
    /// Nothing, for this long; then it is asked again.
    Wait(Duration),
    /// There is nobody left.
    Nobody,
}

/// A call that is due.
pub(crate) struct Turn {
    /// The place of its candidate.
    pub(crate) candidate: usize,
    slot: usize,
    /// The credential.
    pub(crate) credential: Arc<UsableCredential>,
    /// What opens the provider, if it wants anything.
    pub(crate) secret: Option<SecretHeader>,
    /// Counts it, and takes its result.
    pub(crate) under_way: UnderWay,
}

/// How choosy a round of the choice is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Round {
    /// Only those against whom nothing speaks.
    Sound,
    /// Also further credentials of a provider that failed.
    Troubled,
    /// Also those whose secrets were refused lately.
    Benched,
    /// Also those that fail often but not always. Only where nobody was asked yet.
    Unreliable,
}

impl<'a> Course<'a> {
    /// The course of one request, of `most` calls at most.
    pub(crate) fn new(
        resilience: &'a Resilience,
        candidates: &'a [Candidate],
        most: u32,
        now: Timestamp,
    ) -> Self {
        let mut slots = Vec::with_capacity(candidates.len());
        for (at, candidate) in candidates.iter().enumerate() {
            let provider = &candidate.provider;
            let pinned = candidate.credential;
            let usable = provider.credentials.iter();
            for credential in usable.filter(|usable| pinned.is_none() || usable.id == pinned) {
                let key =
                    credential.id.map_or(HealthKey::Provider(provider.provider.id), HealthKey::Credential);
                let serves = |secret: &&SecretHeader| secret.until.is_none_or(|until| until > now);
                let (secrets, all) =
                    (&credential.secrets, credential.secrets.iter().all(|each| serves(&each)));
                slots.push(Slot {
                    candidate: at,
                    serving: (!all).then(|| secrets.iter().filter(serves).cloned().collect()),
                    credential: Arc::clone(credential),
                    health: resilience.health(key, &provider.label),
                    secret: 0,
                    refused: Vec::new(),
                    called: false,
                    done: false,
                });
            }
        }
        Self {
            resilience,
            candidates,
            slots,
            most,
            made: 0,
            asked: Vec::new(),
            troubled: Vec::new(),
            last: None,
            fault: None,
            called: 0,
            again: None,
            passed_over: Vec::new(),
        }
    }

    /// What is done next.
    pub(crate) fn next(&mut self) -> Step {
        if let Some(at) = self.again.take() {
            return self.begin(at, Round::Sound).map_or(Step::Nobody, Step::Call);
        }
        if self.made >= self.most {
            return Step::Nobody;
        }
        let now = Instant::now();
        for round in [Round::Sound, Round::Troubled, Round::Benched, Round::Unreliable] {
            for candidate in 0..self.candidates.len() {
                if let Some(turn) = self.turn_of(candidate, round, now) {
                    return Step::Call(turn);
                }
            }
        }
        self.repeat(now)
    }

    /// The call that was due is made.
    pub(crate) fn called(&mut self, turn: &Turn) {
        let provider = self.candidates[turn.candidate].provider.provider.id;
        if !self.asked.contains(&provider) {
            self.asked.push(provider);
            self.resilience.budget(provider).earn();
        }
        if !std::mem::replace(&mut self.slots[turn.slot].called, true) {
            self.called += 1;
        }
        self.made += 1;
        self.last = Some(turn.slot);
        self.fault = None;
    }

    /// It failed.
    pub(crate) fn failed(&mut self, turn: &mut Turn, fault: &Fault) {
        turn.under_way.failed(fault, fraction(self.resilience.entropy()));
        self.fault = Some(fault.clone());
        let slot = &mut self.slots[turn.slot];
        if fault.is_of_credential() {
            // The secret before the rotation may still serve, or the one after it meanwhile.
            slot.refused.push(slot.secret);
            slot.done &= slot.refused.len() >= slot.secrets().len();
        }
        if fault.is_of_service() {
            self.troubled.push(self.candidates[turn.candidate].provider.provider.id);
        }
    }

    /// The call that was due cannot be made: its candidate cannot be asked this at all.
    pub(crate) fn is_unfit(&mut self, turn: &Turn) {
        for slot in self.slots.iter_mut().filter(|slot| slot.candidate == turn.candidate) {
            slot.done = true;
        }
    }

    /// Whether somebody else could be called if the call under way failed.
    pub(crate) fn has_other(&self) -> bool {
        let now = Instant::now();
        self.made < self.most
            && self.slots.iter().any(|slot| !slot.done && slot.health.unavailable(now).is_none())
    }

    /// Who was left out, and why, since this was asked last.
    pub(crate) fn take_passed_over(&mut self) -> Vec<String> {
        std::mem::take(&mut self.passed_over)
    }

    /// When the first of those that asked for a pause may be called again.
    pub(crate) fn earliest(&self) -> Option<Duration> {
        let now = Instant::now();
        let told = self.fault.as_ref().and_then(Fault::retry_after);
        let ends = self.slots.iter().enumerate().filter_map(|(at, slot)| {
            match slot.health.unavailable(now) {
                // The provider's own words, not what is left of them a moment later.
                Some(Unavailable::Cooling { .. }) if self.last == Some(at) && told.is_some() => told,
                Some(Unavailable::Cooling { until, .. }) => Some(until - now),
                _ => None,
            }
        });
        ends.min()
    }

    /// Why nobody was called, where nobody could be: the candidate that could be called first, and
    /// its reason.
    pub(crate) fn obstacle(&self) -> Option<(usize, Fault)> {
        let now = Instant::now();
        let waiting = || {
            let fit = self.slots.iter().filter(|slot| !slot.done);
            fit.filter_map(|slot| Some((slot.candidate, slot.health.unavailable(now)?)))
        };
        // Who is limited knows best when to come again.
        let (candidate, why) = waiting().min_by_key(|(_, why)| {
            (!matches!(why, Unavailable::Cooling { limited: true, .. }), why.until())
        })?;
        let earliest = waiting().map(|(_, why)| why.until()).min()?;
        let retry_after = earliest.saturating_duration_since(now);
        let fault = match why {
            Unavailable::Cooling { limited: true, .. } => {
                Fault::RateLimited { message: None, retry_after: Some(retry_after) }
            }
            Unavailable::Cooling { .. } => Fault::Resting { last: None, retry_after },
            Unavailable::Open { last, .. } => Fault::Resting { last, retry_after },
        };
        Some((candidate, fault))
    }

    fn turn_of(&mut self, candidate: usize, round: Round, now: Instant) -> Option<Turn> {
        let provider = self.candidates[candidate].provider.provider.id;
        if round == Round::Sound && self.troubled.contains(&provider)
            || round == Round::Unreliable && self.made > 0
        {
            return None;
        }
        let mut pool: Vec<usize> = Vec::new();
        for (at, slot) in self.slots.iter().enumerate() {
            if slot.candidate != candidate || slot.done {
                continue;
            }
            let fits = match slot.health.unavailable(now) {
                None => round >= Round::Benched || !slot.health.is_benched(slot.secrets(), now),
                Some(Unavailable::Open { why: Why::Unreliable, .. }) => round == Round::Unreliable,
                Some(why) => {
                    if round == Round::Sound {
                        self.passed_over.push(self.reason(candidate, why, now));
                    }
                    false
                }
            };
            if fits {
                pool.push(at);
            }
        }
        while !pool.is_empty() {
            let picked = self.pick(&pool, now);
            let at = pool.swap_remove(picked);
            if let Some(turn) = self.begin(at, round) {
                if self.is_repetition(provider) && !self.pay(provider, now) {
                    return None;
                }
                self.slots[at].done = true;
                return Some(turn);
            }
        }
        None
    }

    /// Whether a call adds to what the provider has to do for this request. A credential that was
    /// refused or limited did nothing.
    fn is_repetition(&self, provider: ProviderId) -> bool {
        let free = self
            .fault
            .as_ref()
            .is_some_and(|fault| fault.is_of_credential() || matches!(fault, Fault::RateLimited { .. }));
        self.asked.contains(&provider) && !free
    }

    fn pay(&mut self, provider: ProviderId, now: Instant) -> bool {
        let paid = self.resilience.budget(provider).spend(now);
        if !paid {
            let named = self.candidates.iter().find(|candidate| candidate.provider.provider.id == provider);
            let label = named.map_or_else(|| Arc::from("none"), |named| Arc::clone(&named.provider.label));
            self.passed_over
                .push(format!("`{label}` is not asked again: its budget of repetitions is used up"));
            let label = metrics::SharedString::from_shared(label);
            counter!("promptgate_retry_budget_exhausted_total", "provider" => label).increment(1);
            for slot in &mut self.slots {
                slot.done |= self.candidates[slot.candidate].provider.provider.id == provider;
            }
        }
        paid
    }

    fn begin(&mut self, at: usize, round: Round) -> Option<Turn> {
        let slot = &mut self.slots[at];
        slot.secret = slot.health.secret(slot.secrets(), &slot.refused, Instant::now());
        let secret = slot.secrets().get(slot.secret).cloned();
        let under_way = slot.health.begin(secret.as_ref(), round == Round::Unreliable)?;
        let credential = Arc::clone(&slot.credential);
        Some(Turn { candidate: slot.candidate, slot: at, credential, secret, under_way })
    }

    /// Whether the only one there was is asked again, and when.
    fn repeat(&mut self, now: Instant) -> Step {
        let (Some(at), Some(fault)) = (self.last, &self.fault) else { return Step::Nobody };
        if !fault.may_repeat() || self.made > MOST_REPETITIONS || self.called > 1 {
            return Step::Nobody;
        }
        let health = &self.slots[at].health;
        let rest = match health.unavailable(now) {
            None => Duration::ZERO,
            Some(Unavailable::Cooling { until, .. }) => until - now,
            Some(Unavailable::Open { .. }) => return Step::Nobody,
        };
        let provider = self.candidates[self.slots[at].candidate].provider.provider.id;
        if rest > LONGEST_WAIT || !self.pay(provider, now) {
            return Step::Nobody;
        }
        let wait = backoff(self.made, self.resilience.entropy()).max(rest);
        self.again = Some(at);
        Step::Wait(wait)
    }

    /// The better of two that are drawn by weight. A draw alone would send calls to the slow, and the
    /// best alone would get the calls of all replicas at once.
    fn pick(&self, pool: &[usize], now: Instant) -> usize {
        if pool.len() == 1 {
            return 0;
        }
        let weight = |at: usize| f64::from(self.slots[pool[at]].credential.weight.max(1));
        let total: f64 = (0..pool.len()).map(weight).sum();
        let draw = || {
            let mut point = fraction(self.resilience.entropy()) * total;
            (0..pool.len() - 1)
                .find(|at| {
                    point -= weight(*at);
                    point < 0.0
                })
                .unwrap_or(pool.len() - 1)
        };
        let (first, second) = (draw(), draw());
        let cost = |at: usize| {
            #[expect(clippy::cast_precision_loss, reason = "a handful of credentials")]
            let share = weight(at) * pool.len() as f64 / total;
            self.slots[pool[at]].health.cost(share, now)
        };
        if first != second && cost(second) < cost(first) { second } else { first }
    }

    fn reason(&self, candidate: usize, why: Unavailable, now: Instant) -> String {
        let label = &self.candidates[candidate].provider.label;
        let seconds = why.until().saturating_duration_since(now).as_secs_f64();
        match why {
            Unavailable::Cooling { .. } => {
                format!("`{label}` is left out: it asked for a pause of {seconds:.1} s more")
            }
            Unavailable::Open { last, .. } => {
                format!(
                    "`{label}` is left out for {seconds:.1} s: it keeps failing ({})",
                    last.unwrap_or("unknown")
                )
            }
        }
    }
}
