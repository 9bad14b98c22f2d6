//! Reserving: at hand, by asking, or of the process's own share.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use promptgate_kernel::{Clock, Entropy, Timestamp};
use promptgate_limits::{
    Counter, Counters, CountersError, Demand, Holder, Limit, Refused, Slice, Span, Standing, Taken,
};
use quick_cache::sync::Cache;
use tokio::sync::{Mutex as Gate, MutexGuard as Passed};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::book::{Book, Part};
use crate::pause::{Pause, is_recent};
use crate::telling::Told;
use crate::{Degraded, Denied, Hold, LimiterOptions, Reservation, Use};

/// Calls that miss something of counters of the same gate ask one after the other: the first one usually
/// brings enough for the others.
const GATES: usize = 64;

/// For how long it is believed how a counter stands.
const FRESH: Duration = Duration::from_secs(5);

/// For how long a counter that can be put right is taken to be used up.
const SURE: Duration = Duration::from_secs(1);

/// Of how many counters it is remembered how they stand.
const MOST_HEARD: usize = 10_000;

pub(crate) struct Inner {
    pub(crate) counters: Arc<dyn Counters>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) options: LimiterOptions,
    tasks: TaskTracker,
    pub(crate) replicas: AtomicU64,
    /// Whether the counters did not answer when they were last asked.
    pub(crate) is_away: AtomicBool,
    /// They are not asked again for a while.
    paused: Pause,
    state: Mutex<State>,
    gates: Vec<Gate<()>>,
    /// How counters were last said to stand.
    heard: Cache<Counter, Heard>,
    /// Nobody waits for how a counter stands for a while.
    silent: Pause,
}

/// How a counter was said to stand.
#[derive(Clone, Copy)]
struct Heard {
    at: Timestamp,
    bucket: Timestamp,
    standing: Standing,
    /// Whether it had no room then.
    is_refused: bool,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").field("options", &self.options).finish_non_exhaustive()
    }
}

pub(crate) struct State {
    pub(crate) book: Book,
    /// Who takes now.
    pub(crate) holder: Told,
    /// Who took before, and whose calls are not all over.
    pub(crate) former: Vec<Told>,
}

/// What a call misses of one counter.
struct Missing {
    limit: Limit,
    span: Span,
    amount: u64,
    least: u64,
    room: u64,
}

impl Inner {
    pub(crate) fn new(
        counters: Arc<dyn Counters>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        tasks: TaskTracker,
        options: LimiterOptions,
    ) -> Self {
        let holder = Told::new(&*entropy);
        Self {
            counters,
            clock,
            entropy,
            options,
            tasks,
            replicas: AtomicU64::new(1),
            is_away: AtomicBool::new(false),
            paused: Pause::default(),
            state: Mutex::new(State { book: Book::default(), holder, former: Vec::new() }),
            gates: (0..GATES).map(|_| Gate::new(())).collect(),
            heard: Cache::new(MOST_HEARD),
            silent: Pause::default(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replicas(&self) -> u64 {
        self.replicas.load(Ordering::Relaxed)
    }

    /// Reserves of every counter, or of none.
    pub(crate) async fn reserve(
        self: &Arc<Self>,
        wanted: &[(&Limit, u64)],
        at: Timestamp,
    ) -> Result<Reservation, Denied> {
        let (reservation, missing) = self.at_hand(wanted, at);
        if missing.is_empty() {
            return Ok(reservation);
        }
        drop(reservation);
        if let Some(denied) = self.full(&missing) {
            self.surrender(&denied);
            return Err(denied);
        }
        // Whoever waited here may find that another brought what it misses.
        let _passed = self.pass(missing.iter().map(|missing| &missing.limit)).await;
        let (reservation, missing) = self.at_hand(wanted, at);
        if missing.is_empty() {
            return Ok(reservation);
        }
        let asked = self.ask(reservation, missing, at).await;
        if let Err(denied) = &asked {
            self.surrender(denied);
        }
        asked
    }

    /// What is too little for a call here may be enough for one elsewhere: it goes back with the next telling.
    fn surrender(&self, denied: &Denied) {
        if let Denied::Over { limit, .. } = denied {
            self.state().book.surrender(&limit.counter);
        }
    }

    /// A limit that was heard to be used up, so that whatever others give back is too little. Nobody is asked
    /// for it with every call that comes all the same.
    fn full(&self, missing: &[Missing]) -> Option<Denied> {
        let now = self.clock.now();
        missing.iter().find_map(|missing| {
            let Missing { limit, span, amount, .. } = missing;
            let Heard { at, bucket, standing, is_refused } = self.heard.get(&limit.counter)?;
            // What is counted when calls are recorded may be put right.
            let is_sure = is_refused && (!limit.counter.is_ledger() || is_recent(now, at, SURE));
            let left = limit.cap.saturating_sub(standing.used);
            let is_full = is_sure && bucket == span.bucket && left < *amount;
            is_full.then(|| {
                let standing = Standing { cap: limit.cap, ..standing };
                let available = standing.room();
                Denied::Over { limit: limit.clone(), standing, needed: *amount, available }
            })
        })
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
    fn at_hand(self: &Arc<Self>, wanted: &[(&Limit, u64)], at: Timestamp) -> (Reservation, Vec<Missing>) {
        let now = self.clock.now();
        let mut reservation = Reservation::new(Arc::clone(self), at);
        let mut missing = Vec::new();
        let mut state = self.state();
        let owner = Some(state.holder.holder);
        for &(limit, amount) in wanted {
            let span = limit.counter.window.span(at, self.options.zone);
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
        mut reservation: Reservation,
        missing: Vec<Missing>,
        at: Timestamp,
    ) -> Result<Reservation, Denied> {
        if self.is_paused() {
            let error = CountersError::Unavailable("they did not answer a moment ago".to_owned());
            return self.share(reservation, &missing, &error);
        }
        let missing = Arc::new(missing);
        // The asking goes on when its caller leaves: what it brings is then for another call.
        let asking = self.tasks.spawn(Arc::clone(self).take(Arc::clone(&missing), at));
        let taken = asking.await.unwrap_or_else(|_| Err(CountersError::Unavailable("it failed".to_owned())));
        match taken {
            Ok(Ok(brought)) => {
                reservation.absorb(brought);
                Ok(reservation)
            }
            Ok(Err(refused)) => {
                let missing = &missing[refused.at.min(missing.len() - 1)];
                let (limit, needed) = (missing.limit.clone(), missing.amount);
                // What this process had at hand is nobody's if the call is not made.
                let held = refused.standing.held.saturating_sub(missing.amount - missing.least);
                let standing = Standing { held, ..refused.standing };
                self.hear(&limit, missing.span.bucket, standing, true);
                let available = standing.room();
                Err(Denied::Over { limit, standing, needed, available })
            }
            Err(error) => self.share(reservation, &missing, &error),
        }
    }

    /// Takes what is missing, and writes into the book what was given. What the call misses of it is
    /// reserved, and goes back if nobody waits for it any more.
    async fn take(
        self: Arc<Self>,
        missing: Arc<Vec<Missing>>,
        at: Timestamp,
    ) -> Result<Result<Reservation, Refused>, CountersError> {
        let holder = {
            let mut state = self.state();
            state.holder.asking += 1;
            state.holder.holder
        };
        let taken = self.take_for(holder, &missing, at).await;
        self.state().asked(holder);
        taken
    }

    async fn take_for(
        self: &Arc<Self>,
        holder: Holder,
        missing: &[Missing],
        at: Timestamp,
    ) -> Result<Result<Reservation, Refused>, CountersError> {
        let now = self.clock.now();
        let until = now.plus(self.options.life);
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
            // Nothing was taken, and calls under other limits need not wait for it.
            Some(Err(error @ CountersError::Filling)) => {
                self.answered();
                return Err(error);
            }
            Some(Err(error)) => return Err(self.lost(holder, error)),
            None => {
                let error = CountersError::Unavailable("they did not answer in time".to_owned());
                return Err(self.lost(holder, error));
            }
        };
        self.answered();
        let mut reservation = Reservation::new(Arc::clone(self), at);
        let mut state = self.state();
        let owner = Some(holder);
        match taken {
            Taken::All(grants) => {
                // Whoever is refused is held for no longer than before.
                state.known(holder).until = until;
                for (missing, given) in missing.iter().zip(grants) {
                    let Missing { limit, span, least, .. } = missing;
                    state.book.add(limit, span, holder, &given, *least);
                    state.known(holder).has_ledger |= limit.counter.is_ledger();
                    let (counter, bucket) = (limit.counter.clone(), span.bucket);
                    reservation.push(Part { counter, owner, bucket, amount: *least });
                    reservation.note(limit.clone(), given.standing);
                    self.hear(limit, span.bucket, given.standing, false);
                }
                drop(state);
                Ok(Ok(reservation))
            }
            Taken::Refused(refused) => {
                let Missing { limit, span, .. } = &missing[refused.at.min(missing.len() - 1)];
                let taken = refused.standing.used.saturating_add(refused.standing.held);
                state.book.note(&limit.counter, span, owner, taken, now);
                drop(state);
                Ok(Err(refused))
            }
        }
    }

    /// Whether they did not answer a moment ago.
    fn is_paused(&self) -> bool {
        self.paused.lasts(self.options.pause, self.clock.now())
    }

    /// What comes of asking the counters; nothing if they take too long.
    pub(crate) async fn within<T>(&self, asking: impl Future<Output = T>) -> Option<T> {
        timeout(self.options.deadline, asking).await.ok()
    }

    /// Nobody knows whether a holder was given what it asked for: another one will take its place, and what
    /// it holds goes back with its end.
    fn lost(&self, holder: Holder, error: CountersError) -> CountersError {
        let mut state = self.state();
        if state.holder.holder == holder {
            state.holder.is_in_doubt = true;
        }
        drop(state);
        self.paused.begin(self.clock.now());
        metrics::counter!("promptgate_limits_unavailable_total", "family" => self.options.name).increment(1);
        if !self.is_away.swap(true, Ordering::Relaxed) {
            metrics::gauge!("promptgate_limits_degraded", "family" => self.options.name).set(1.0);
            let name = self.options.name;
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the counters of {name} cannot be asked; going on with what this process has in hand"
            );
        }
        error
    }

    /// The counters answer.
    pub(crate) fn answered(&self) {
        if self.is_away.swap(false, Ordering::Relaxed) {
            metrics::gauge!("promptgate_limits_degraded", "family" => self.options.name).set(0.0);
            tracing::info!("the counters of {} can be asked again", self.options.name);
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
            let may_share = self.options.degraded == Degraded::Share;
            // Of a window that slides, what was heard a bucket ago says how much is left.
            let heard = self.heard.get(&limit.counter);
            let heard = heard.filter(|heard| (span.since..=span.bucket).contains(&heard.bucket));
            let room = heard.map(|heard| Standing { cap: limit.cap, ..heard.standing }.room());
            if !(may_share && state.book.share(limit, span, *least, replicas, room, now)) {
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

    /// Books what a call used of its parts. What is counted when the call is recorded stays held until then:
    /// says by whom, and how much.
    pub(crate) fn settle(&self, parts: &[Part], used: Use) -> Vec<Hold> {
        let now = self.clock.now();
        let mut held: Vec<Hold> = Vec::new();
        let mut state = self.state();
        for (at, part) in parts.iter().enumerate() {
            // What a call used counts once, whoever gave it.
            let same = |other: &&Part| other.counter == part.counter && other.bucket == part.bucket;
            let before: u64 = parts[..at].iter().filter(same).map(|other| other.amount).sum();
            let left = used.spent(&part.counter).saturating_sub(before);
            let is_last = parts[at + 1..].iter().find(same).is_none();
            let spent = if is_last { left } else { left.min(part.amount) };
            let amount = state.book.settle(part, spent, now);
            let Some(holder) = part.owner.filter(|_| amount > 0) else { continue };
            match held.iter_mut().find(|other| other.holder == holder && other.counter == part.counter) {
                Some(known) => known.amount = known.amount.saturating_add(amount),
                None => held.push(Hold { holder, counter: part.counter.clone(), amount }),
            }
        }
        held
    }

    /// A call needs less than it had of one part.
    pub(crate) fn give_back(&self, part: &Part, amount: u64) {
        self.state().book.give_back(part, amount, self.clock.now());
    }

    pub(crate) fn left(&self, limit: &Limit, at: Timestamp) -> Option<u64> {
        let span = limit.counter.window.span(at, self.options.zone);
        let state = self.state();
        state.book.left(limit, &span, Some(state.holder.holder))
    }

    fn hear(&self, limit: &Limit, bucket: Timestamp, standing: Standing, is_refused: bool) {
        let at = self.clock.now();
        self.heard.insert(limit.counter.clone(), Heard { at, bucket, standing, is_refused });
    }

    pub(crate) async fn standing(self: &Arc<Self>, limit: &Limit, at: Timestamp) -> Option<Standing> {
        let (now, span) = (self.clock.now(), limit.counter.window.span(at, self.options.zone));
        let known = self.heard.get(&limit.counter).filter(|heard| heard.bucket == span.bucket);
        let known = known.map(|heard| {
            let is_old = !is_recent(now, heard.at, FRESH);
            if is_old {
                // One asks; the others believe what they know until it is answered.
                self.heard.insert(limit.counter.clone(), Heard { at: now, ..heard });
            }
            (is_old, Standing { cap: limit.cap, ..heard.standing })
        });
        match known {
            Some((false, standing)) => Some(standing),
            Some((true, standing)) => {
                let (asking, limit) = (Arc::clone(self), limit.clone());
                self.tasks.spawn(async move { asking.look_up(&limit, span).await });
                Some(standing)
            }
            None => self.look_up(limit, span).await,
        }
    }

    async fn look_up(&self, limit: &Limit, span: Span) -> Option<Standing> {
        let now = self.clock.now();
        if self.is_paused() || self.silent.lasts(self.options.pause, now) {
            return None;
        }
        let asked = [(limit.clone(), span)];
        let Some(Ok(standings)) = self.within(self.counters.standing(&asked, now)).await else {
            self.silent.begin(self.clock.now());
            let family = self.options.name;
            metrics::counter!("promptgate_limits_unavailable_total", "family" => family).increment(1);
            tracing::debug!("how {} stands cannot be found out", limit.counter);
            return None;
        };
        let standing = standings.first().copied()?;
        self.hear(limit, span.bucket, standing, false);
        Some(standing)
    }
}

impl State {
    /// An ask for a holder is over.
    fn asked(&mut self, holder: Holder) {
        let told = self.former.iter_mut().chain([&mut self.holder]).find(|told| told.holder == holder);
        if let Some(told) = told {
            // The counters may have forgotten it meanwhile.
            told.asking = told.asking.saturating_sub(1);
        }
    }

    /// A holder that was just given something, who may have been ended meanwhile.
    pub(crate) fn known(&mut self, holder: Holder) -> &mut Told {
        if self.holder.holder == holder {
            return &mut self.holder;
        }
        let at = self.former.iter().position(|told| told.holder == holder).unwrap_or_else(|| {
            self.former.push(Told::of(holder));
            self.former.len() - 1
        });
        &mut self.former[at]
    }
}
