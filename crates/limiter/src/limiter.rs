//! Reserving, booking, and keeping the counters informed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use promptgate_kernel::{Clock, Entropy, Timestamp};
use promptgate_limits::{
    Counters, CountersError, Demand, Holder, Limit, Measure, Refused, Settlement, Slice, Span, Standing,
    Taken,
};
use tokio::sync::{Mutex as Gate, MutexGuard as Passed};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::book::{Book, Part};
use crate::{Degraded, LimiterOptions, Reservation, Use};

/// Calls that miss something of counters of the same gate ask one after the other: the first one usually
/// brings enough for the others.
const GATES: usize = 64;

const NEVER: Timestamp = Timestamp::from_micros(0);

/// Why a call may not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// A limit has no room for it.
    Over {
        /// Which.
        limit: Limit,
        /// How it stands.
        standing: Standing,
        /// What the call needed of it.
        needed: u64,
    },
    /// A limit cannot be asked, and may not be kept without.
    Unknown {
        /// Which.
        limit: Limit,
    },
}

/// Lets calls in within their limits.
#[derive(Debug, Clone)]
pub struct Limiter {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    counters: Arc<dyn Counters>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    options: LimiterOptions,
    tasks: TaskTracker,
    replicas: AtomicU64,
    state: Mutex<State>,
    gates: Vec<Gate<()>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").field("options", &self.options).finish_non_exhaustive()
    }
}

struct State {
    book: Book,
    /// Who takes now.
    holder: Told,
    /// Who took before, and whose calls are not all over.
    former: Vec<Told>,
}

impl State {
    /// A holder that was just given something, who may have been ended meanwhile.
    fn known(&mut self, holder: Holder) -> &mut Told {
        if self.holder.holder == holder {
            return &mut self.holder;
        }
        let at = self.former.iter().position(|told| told.holder == holder).unwrap_or_else(|| {
            self.former.push(Told { holder, step: 0, pending: Vec::new(), until: NEVER, is_in_doubt: false });
            self.former.len() - 1
        });
        &mut self.former[at]
    }
}

/// A holder, and what the counters know of it.
struct Told {
    holder: Holder,
    step: u64,
    /// What was last told, as long as it is not known to have arrived.
    pending: Vec<Settlement>,
    /// Until when it is held; the beginning of time for one who never took anything.
    until: Timestamp,
    /// Whether it may have been given something that it does not know of.
    is_in_doubt: bool,
}

impl Told {
    fn new(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        let holder = Holder(u128::from_le_bytes(bytes));
        Self { holder, step: 0, pending: Vec::new(), until: NEVER, is_in_doubt: false }
    }
}

impl Limiter {
    /// A limiter over counters. It has to [run](Self::run).
    pub fn new(
        counters: Arc<dyn Counters>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        tasks: TaskTracker,
        options: LimiterOptions,
    ) -> Self {
        let holder = Told::new(&*entropy);
        let inner = Inner {
            counters,
            clock,
            entropy,
            options,
            tasks,
            replicas: AtomicU64::new(1),
            state: Mutex::new(State { book: Book::default(), holder, former: Vec::new() }),
            gates: (0..GATES).map(|_| Gate::new(())).collect(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Notes how many processes share the limits.
    pub fn replicas(&self, replicas: u64) {
        self.inner.replicas.store(replicas.max(1), Ordering::Relaxed);
    }

    /// Reserves what a call needs at most of every counter, or of none.
    pub async fn reserve(&self, limits: &[Limit], needed: Use) -> Result<Reservation, Denied> {
        let inner = &self.inner;
        let (reservation, missing) = inner.reserve_at_hand(limits, needed);
        if missing.is_empty() {
            return Ok(reservation);
        }
        drop(reservation);
        // Whoever waited here may find that another brought what it misses.
        let _passed = inner.pass(missing.iter().map(|missing| &missing.limit)).await;
        let (reservation, missing) = inner.reserve_at_hand(limits, needed);
        if missing.is_empty() {
            return Ok(reservation);
        }
        inner.ask(reservation, missing).await
    }

    /// Tells the counters what was used until shutdown, and then gives everything back.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(self.inner.options.tell_every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = ticks.tick() => self.tell().await,
            }
        }
        self.tell().await;
        let holders: Vec<Holder> = {
            let state = self.inner.state();
            state.former.iter().chain([&state.holder]).map(|told| told.holder).collect()
        };
        for holder in holders {
            if !matches!(self.inner.within(self.inner.counters.end(holder)).await, Some(Ok(()))) {
                tracing::warn!("what this process holds of limits goes back when its time is over");
            }
        }
    }

    /// Tells the counters now what was used, and holds the rest for longer.
    pub async fn tell(&self) {
        let inner = &self.inner;
        let holders: Vec<Holder> = {
            let state = inner.state();
            state.former.iter().chain([&state.holder]).map(|told| told.holder).collect()
        };
        for holder in holders {
            inner.resolve(holder).await;
            inner.tell_of(holder).await;
        }
    }
}

/// What a call misses of one counter.
pub(crate) struct Missing {
    limit: Limit,
    span: Span,
    amount: u64,
    least: u64,
    room: u64,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replicas(&self) -> u64 {
        self.replicas.load(Ordering::Relaxed)
    }

    /// Waits for its turn to ask for these counters.
    async fn pass<'l>(&self, limits: impl Iterator<Item = &'l Limit>) -> Vec<Passed<'_, ()>> {
        let gate = |limit: &Limit| {
            let mut hasher = DefaultHasher::new();
            limit.counter.hash(&mut hasher);
            usize::try_from(hasher.finish() % GATES as u64).unwrap_or_default()
        };
        let mut gates: Vec<usize> = limits.map(gate).collect();
        // In one order, so that nobody waits for ever.
        gates.sort_unstable();
        gates.dedup();
        let mut passed = Vec::with_capacity(gates.len());
        for gate in gates {
            passed.push(self.gates[gate].lock().await);
        }
        passed
    }

    /// Reserves what the process has of all that is needed; says what it misses.
    fn reserve_at_hand(self: &Arc<Self>, limits: &[Limit], needed: Use) -> (Reservation, Vec<Missing>) {
        let now = self.clock.now();
        let mut reservation = Reservation::new(Arc::clone(self));
        let mut missing = Vec::new();
        let mut state = self.state();
        let owner = Some(state.holder.holder);
        for limit in limits {
            let span = limit.counter.window.span(now, self.options.zone);
            let amount = needed.needed(&limit.counter);
            let (least, room) = state.book.reserve(limit, &span, owner, amount, now);
            let (counter, bucket) = (limit.counter.clone(), span.bucket);
            reservation.push(Part { counter, owner, bucket, amount: amount - least });
            if least > 0 {
                missing.push(Missing { limit: limit.clone(), span, amount, least, room });
            }
        }
        drop(state);
        (reservation, missing)
    }

    /// Asks the counters for what is missing.
    async fn ask(
        self: &Arc<Self>,
        reservation: Reservation,
        missing: Vec<Missing>,
    ) -> Result<Reservation, Denied> {
        let missing = Arc::new(missing);
        // The asking goes on when its caller leaves: what it brings is then for another call.
        let asking = self.tasks.spawn(Arc::clone(self).take(Arc::clone(&missing)));
        let taken = asking.await.unwrap_or_else(|_| Err(CountersError::Unavailable("it failed".to_owned())));
        match taken {
            Ok(Ok(brought)) => Ok(reservation.with(brought)),
            Ok(Err(refused)) => {
                let missing = &missing[refused.at.min(missing.len() - 1)];
                let (limit, needed) = (missing.limit.clone(), missing.amount);
                Err(Denied::Over { limit, standing: refused.standing, needed })
            }
            Err(error) => self.share(reservation, &missing, &error),
        }
    }

    /// Takes what is missing, and writes into the book what was given. What the call misses of it is
    /// reserved, and goes back if nobody waits for it any more.
    async fn take(
        self: Arc<Self>,
        missing: Arc<Vec<Missing>>,
    ) -> Result<Result<Reservation, Refused>, CountersError> {
        let now = self.clock.now();
        let until = now.plus(self.options.life);
        let holder = self.state().holder.holder;
        let replicas = self.replicas();
        let demands: Vec<Demand> = missing
            .iter()
            .map(|missing| Demand {
                limit: missing.limit.clone(),
                span: missing.span,
                least: missing.least,
                most: Slice::ahead(missing.least, missing.amount, missing.room, replicas),
            })
            .collect();
        let taken = match self.within(self.counters.take(holder, &demands, now, until)).await {
            Some(Ok(taken)) => taken,
            Some(Err(error)) => return Err(self.lost(holder, error)),
            None => {
                let error = CountersError::Unavailable("they did not answer in time".to_owned());
                return Err(self.lost(holder, error));
            }
        };
        let mut reservation = Reservation::new(Arc::clone(&self));
        let mut state = self.state();
        state.known(holder).until = until;
        let owner = Some(holder);
        match taken {
            Taken::All(grants) => {
                for (missing, given) in missing.iter().zip(grants) {
                    let Missing { limit, span, least, .. } = missing;
                    state.book.add(limit, span, holder, &given, *least);
                    let (counter, bucket) = (limit.counter.clone(), span.bucket);
                    reservation.push(Part { counter, owner, bucket, amount: *least });
                    reservation.note(limit.clone(), given.standing);
                }
                drop(state);
                Ok(Ok(reservation))
            }
            Taken::Refused(refused) => {
                let Missing { limit, span, .. } = &missing[refused.at.min(missing.len() - 1)];
                state.book.note(&limit.counter, span, owner, refused.standing.room(), now);
                drop(state);
                Ok(Err(refused))
            }
        }
    }

    /// Nobody knows whether a holder was given what it asked for: another one will take its place, and what
    /// it holds goes back with its end.
    fn lost(&self, holder: Holder, error: CountersError) -> CountersError {
        let mut state = self.state();
        if state.holder.holder == holder {
            state.holder.is_in_doubt = true;
        }
        drop(state);
        metrics::counter!("promptgate_limits_unavailable_total").increment(1);
        error
    }

    /// Puts another holder in the place of one that may hold what it does not know of.
    async fn resolve(&self, holder: Holder) {
        let until = {
            let state = self.state();
            if state.holder.holder != holder || !state.holder.is_in_doubt {
                return;
            }
            state.holder.until
        };
        // Who never knew of anything that he was given has nothing but what he does not know of.
        let has_nothing = until == NEVER;
        if has_nothing && !matches!(self.within(self.counters.end(holder)).await, Some(Ok(()))) {
            return;
        }
        self.replace(holder);
        if has_nothing {
            let mut state = self.state();
            let is_his =
                |told: &Told| told.holder == holder && told.pending.is_empty() && told.until == NEVER;
            state.former.retain(|told| !is_his(told));
        }
    }

    /// What comes of asking the counters; nothing if they take too long.
    async fn within<T>(&self, asking: impl Future<Output = T>) -> Option<T> {
        timeout(self.options.deadline, asking).await.ok()
    }

    fn replace(&self, holder: Holder) {
        let mut state = self.state();
        if state.holder.holder == holder {
            let former = std::mem::replace(&mut state.holder, Told::new(&*self.entropy));
            state.former.push(former);
        }
    }

    /// Takes what is missing of the process's own share.
    fn share(
        self: &Arc<Self>,
        mut reservation: Reservation,
        missing: &[Missing],
        error: &CountersError,
    ) -> Result<Reservation, Denied> {
        let (now, replicas) = (self.clock.now(), self.replicas());
        let mut state = self.state();
        for missing in missing {
            let Missing { limit, span, least, .. } = missing;
            let degraded = match limit.counter.measure {
                Measure::Cost => self.options.degraded_cost,
                Measure::Requests | Measure::Tokens => self.options.degraded,
            };
            let has = degraded == Degraded::Share && state.book.share(limit, span, *least, replicas, now);
            if !has {
                drop(state);
                tracing::debug!("a limit of {} cannot be asked: {error}", limit.counter);
                return Err(Denied::Unknown { limit: limit.clone() });
            }
            let (counter, bucket) = (limit.counter.clone(), span.bucket);
            reservation.push(Part { counter, owner: None, bucket, amount: *least });
        }
        drop(state);
        reservation.degrade();
        Ok(reservation)
    }

    /// Books what a call used of its parts.
    pub(crate) fn settle(&self, parts: &[Part], spent: impl Fn(&Part) -> u64) {
        let now = self.clock.now();
        let mut state = self.state();
        for (at, part) in parts.iter().enumerate() {
            // What a call used counts once, whoever gave it.
            let same = |other: &Part| other.counter == part.counter && other.bucket == part.bucket;
            let before: u64 = parts[..at].iter().filter(|other| same(other)).map(|other| other.amount).sum();
            let left = spent(part).saturating_sub(before);
            let is_last = !parts[at + 1..].iter().any(same);
            state.book.settle(part, if is_last { left } else { left.min(part.amount) }, now);
        }
    }

    async fn tell_of(&self, holder: Holder) {
        let now = self.clock.now();
        let Some((step, settlements, is_former, until)) = self.next_step(holder, now) else { return };
        let life = now.plus(self.options.life);
        if !settlements.is_empty() {
            if until == NEVER {
                // Who never took anything is not known yet.
                if !matches!(self.within(self.counters.take(holder, &[], now, life)).await, Some(Ok(_))) {
                    return;
                }
                self.extended(holder, life);
            }
            match self.within(self.counters.settle(holder, step, &settlements, now)).await {
                Some(Ok(true)) => self.arrived(holder, step),
                Some(Ok(false)) => return self.forgotten(holder, settlements),
                // It is told again, as the same step.
                Some(Err(_)) | None => return,
            }
        }
        if is_former && self.state().book.is_done(holder) {
            if let Some(Ok(())) = self.within(self.counters.end(holder)).await {
                self.state().former.retain(|told| told.holder != holder);
            }
        } else if until > NEVER && until.since(now) < self.options.life / 2 {
            match self.within(self.counters.extend(holder, life, now)).await {
                Some(Ok(true)) => self.extended(holder, life),
                Some(Ok(false)) => self.forgotten(holder, Vec::new()),
                Some(Err(_)) | None => {}
            }
        }
    }

    /// What is to be told of a holder next.
    fn next_step(&self, holder: Holder, now: Timestamp) -> Option<(u64, Vec<Settlement>, bool, Timestamp)> {
        let mut state = self.state();
        let State { book, holder: current, former } = &mut *state;
        let is_former = current.holder != holder;
        let told = if is_former { former.iter_mut().find(|told| told.holder == holder)? } else { current };
        if told.pending.is_empty() {
            let idle_since = if is_former { now } else { now.minus(self.options.idle) };
            told.pending = book.tell(holder, idle_since, now);
            told.step += u64::from(!told.pending.is_empty());
        }
        Some((told.step, told.pending.clone(), is_former, told.until))
    }

    fn arrived(&self, holder: Holder, step: u64) {
        let mut state = self.state();
        let State { holder: current, former, .. } = &mut *state;
        let told = former.iter_mut().chain([current]).find(|told| told.holder == holder && told.step == step);
        if let Some(told) = told {
            told.pending.clear();
        }
    }

    fn extended(&self, holder: Holder, until: Timestamp) {
        let mut state = self.state();
        let State { holder: current, former, .. } = &mut *state;
        if let Some(told) = former.iter_mut().chain([current]).find(|told| told.holder == holder) {
            told.until = until;
        }
    }

    /// The counters know a holder no longer. What it has in hand is void; what was used of it is told by
    /// the next one.
    fn forgotten(&self, holder: Holder, told: Vec<Settlement>) {
        self.replace(holder);
        let now = self.clock.now();
        let mut state = self.state();
        state.book.void(holder);
        for settlement in told {
            state.book.owe(&settlement, now);
        }
        state.former.retain(|told| told.holder != holder);
    }
}
