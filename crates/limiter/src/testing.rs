//! A model of what limiters of several processes do, over whatever counters there are: calls begin, grow and
//! end, limits are lowered, time goes on, processes are refused for longer than anything is held, and die.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{Clock, Entropy, SystemClock, Timestamp, TokenId};
use promptgate_limits::{Counter, Counters, Limit, Measure, Span, Standing, Subject, Window};
use tokio_util::task::TaskTracker;

use crate::{Denied, Hold, Limiter, LimiterOptions, Reservation, Use};

/// What every kind of counters keeps.
pub const RATES: [(Measure, Window); 4] = [
    (Measure::Requests, Window::Minute),
    (Measure::Tokens, Window::Minute),
    (Measure::Tokens, Window::Hour),
    (Measure::Requests, Window::Now),
];

/// How many processes there are.
const PROCESSES: usize = 3;

/// A call that is over, for whoever records it.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Who called.
    pub token: TokenId,
    /// When it arrived.
    pub at: Timestamp,
    /// What it used.
    pub tokens: u64,
    /// What is held for it.
    pub held: Vec<Hold>,
}

/// A call under way.
struct Open {
    at: Timestamp,
    tokens: u64,
    reservation: Reservation,
}

struct Process {
    limiter: Limiter,
    open: Vec<Open>,
}

/// A limit as it was set first and as it is now, and the bucket in which it is so.
struct Cap {
    limit: Limit,
    first: u64,
    bucket: Timestamp,
}

/// Processes, and what they really used.
pub struct Model {
    ends: Vec<Arc<dyn Counters>>,
    clock: Arc<TestClock>,
    draws: SeededEntropy,
    zone: Tz,
    token: TokenId,
    caps: Vec<Cap>,
    processes: Vec<Process>,
    born: u64,
    seed: u64,
    /// By counter and bucket: what was used, and the span.
    used: HashMap<(Counter, Timestamp), (u64, Span)>,
    /// Whether processes die.
    has_deaths: bool,
    /// Until when buckets that are over may be forgotten.
    swept_at: Timestamp,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl Model {
    /// A model over the ends that processes have of the same counters. With an even seed nobody dies, and in the
    /// end everything is counted exactly.
    pub fn new(ends: Vec<Arc<dyn Counters>>, kinds: &[(Measure, Window)], zone: Tz, seed: u64) -> Self {
        // Counters may forget by their own clock what is over by it.
        let now = SystemClock.now();
        let clock = Arc::new(TestClock::at_millis(now.as_micros() / 1_000));
        let draws = SeededEntropy::new(seed);
        let token = TokenId::mint(&SystemClock, &SeededEntropy::new(now.as_micros().unsigned_abs() ^ seed));
        let mut model = Self {
            ends,
            clock,
            draws,
            zone,
            token,
            caps: Vec::new(),
            processes: Vec::new(),
            born: 0,
            seed,
            used: HashMap::new(),
            has_deaths: seed % 2 == 1,
            swept_at: now,
        };
        for &(measure, window) in kinds {
            let first = match measure {
                Measure::Requests => 2 + model.draw(20),
                _ => 20 + model.draw(400),
            };
            let counter = Counter { subject: Subject::Token(token), model: None, measure, window };
            let bucket = window.span(model.now(), zone).bucket;
            model.caps.push(Cap { limit: Limit { counter, cap: first }, first, bucket });
        }
        for at in 0..PROCESSES {
            let process = model.born(at);
            model.processes.push(process);
        }
        model
    }

    /// Does so many steps, and says after each whether all limits hold. `record` is told of every call that
    /// ends; where limits are kept for whoever records calls, it has to do that.
    pub async fn run(&mut self, steps: usize, record: impl AsyncFn(Ended)) {
        for step in 0..steps {
            let at = self.pick(PROCESSES);
            match self.draw(32) {
                0..=9 => self.begin(at).await,
                10..=16 => self.end(at, &record).await,
                17..=19 => self.grow(at).await,
                20..=24 => self.processes[at].limiter.tell().await,
                25..=26 => self.rest().await,
                27..=28 => self.lower(),
                29 => self.pass(Duration::from_mins(1)).await,
                30 if self.draw(4) == 0 => self.be_refused().await,
                31 if self.has_deaths => self.die(at),
                _ => self.sweep().await,
            }
            self.check(step).await;
        }
        for at in 0..PROCESSES {
            while !self.processes[at].open.is_empty() {
                self.end(at, &record).await;
            }
        }
        self.rest().await;
        self.rest().await;
        self.add_up().await;
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn draw(&self, below: u64) -> u64 {
        let mut bytes = [0; 8];
        self.draws.fill(&mut bytes);
        u64::from_le_bytes(bytes) % below
    }

    fn pick(&self, below: usize) -> usize {
        usize::try_from(self.draw(below as u64)).unwrap_or_default()
    }

    fn born(&mut self, at: usize) -> Process {
        self.born += 1;
        // Who holds what is never the same twice.
        let entropy = SeededEntropy::new(self.token.as_uuid().as_u64_pair().1 ^ (self.born << 32));
        let options =
            LimiterOptions { zone: self.zone, deadline: Duration::from_mins(2), ..LimiterOptions::default() };
        let end = Arc::clone(&self.ends[at % self.ends.len()]);
        let limiter = Limiter::new(end, self.clock.clone(), Arc::new(entropy), TaskTracker::new(), options);
        limiter.replicas(PROCESSES as u64);
        Process { limiter, open: Vec::new() }
    }

    fn limits(&self) -> Vec<Limit> {
        self.caps.iter().map(|cap| cap.limit.clone()).collect()
    }

    async fn standings(&self, at: Timestamp) -> Vec<Standing> {
        let spanned = |limit: Limit| {
            let span = limit.counter.window.span(at, self.zone);
            (limit, span)
        };
        let asked: Vec<_> = self.limits().into_iter().map(spanned).collect();
        self.ends[0].standing(&asked, self.now()).await.expect("counters answer")
    }

    async fn begin(&mut self, at: usize) {
        let (now, tokens) = (self.now(), 1 + self.draw(30));
        let needed = Use { requests: 1, tokens, cost: 0 };
        match self.processes[at].limiter.reserve(&self.limits(), needed, now).await {
            Ok(reservation) => {
                assert!(!reservation.is_degraded(), "seed {}", self.seed);
                self.processes[at].open.push(Open { at: now, tokens, reservation });
                self.is_let_in(now, |_| true).await;
            }
            Err(denied) => self.is_refused(&denied, tokens, now).await,
        }
    }

    async fn grow(&mut self, at: usize) {
        if self.processes[at].open.is_empty() {
            return;
        }
        let which = self.pick(self.processes[at].open.len());
        let (limits, more) = (self.limits(), self.draw(10) + 1);
        let open = &mut self.processes[at].open[which];
        let (arrived, tokens) = (open.at, open.tokens + more);
        match open.reservation.adjust(&limits, Use { requests: 1, tokens, cost: 0 }).await {
            Ok(()) => {
                open.tokens = tokens;
                self.is_let_in(arrived, |measure| measure != Measure::Requests).await;
            }
            Err(denied) => self.is_refused(&denied, more, arrived).await,
        }
    }

    /// Whoever is let in by limits, by those of what he asks for, is so within them as they are now.
    async fn is_let_in(&self, arrived: Timestamp, asks: impl Fn(Measure) -> bool) {
        for (cap, standing) in self.caps.iter().zip(self.standings(arrived).await) {
            let Counter { measure, window, .. } = cap.limit.counter;
            // What is lowered is lowered for the calls of now, and raised again with their window.
            if asks(measure) && window.span(arrived, self.zone).bucket == cap.bucket {
                let taken = standing.used + standing.held;
                assert!(taken <= cap.limit.cap, "seed {}: {} {standing:?}", self.seed, cap.limit.counter);
            }
        }
    }

    /// Whoever is refused by a limit is so because there is less than what is needed.
    async fn is_refused(&self, denied: &Denied, tokens: u64, arrived: Timestamp) {
        let Denied::Over { limit, .. } = denied else { panic!("seed {}: {denied:?}", self.seed) };
        let at = self.caps.iter().position(|cap| cap.limit == *limit).expect("it is one of these");
        let room = self.standings(arrived).await[at].room();
        let needed = if limit.counter.measure == Measure::Requests { 1 } else { tokens };
        assert!(room < needed, "seed {}: {} has {room} for {needed}", self.seed, limit.counter);
    }

    async fn end(&mut self, at: usize, record: &impl AsyncFn(Ended)) {
        if self.processes[at].open.is_empty() {
            return;
        }
        let which = self.pick(self.processes[at].open.len());
        let Open { at: arrived, tokens, reservation } = self.processes[at].open.swap_remove(which);
        let tokens = tokens * self.draw(101) / 100;
        let held = reservation.settle(Use { requests: 1, tokens, cost: 0 });
        self.count(arrived, tokens, |_| true);
        record(Ended { token: self.token, at: arrived, tokens, held }).await;
    }

    fn count(&mut self, arrived: Timestamp, tokens: u64, counts: impl Fn(&Counter) -> bool) {
        for counter in self.caps.iter().map(|cap| &cap.limit.counter).filter(|counter| counts(counter)) {
            let span = counter.window.span(arrived, self.zone);
            let used = Use { requests: 1, tokens, cost: 0 }.spent(counter);
            self.used.entry((counter.clone(), span.bucket)).or_insert((0, span)).0 += used;
        }
    }

    /// All processes tell what they have to, and what lies about goes back.
    async fn rest(&mut self) {
        self.clock.advance(Duration::from_secs(2));
        for process in &self.processes {
            process.limiter.tell().await;
        }
        self.turn();
    }

    async fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        for process in &self.processes {
            process.limiter.tell().await;
        }
        self.turn();
    }

    /// In the next bucket limits are as they were.
    fn turn(&mut self) {
        let (now, zone) = (self.now(), self.zone);
        for cap in &mut self.caps {
            let bucket = cap.limit.counter.window.span(now, zone).bucket;
            if bucket != cap.bucket {
                (cap.bucket, cap.limit.cap) = (bucket, cap.first);
            }
        }
    }

    fn lower(&mut self) {
        let (which, percent) = (self.pick(self.caps.len()), self.draw(100));
        let cap = &mut self.caps[which].limit.cap;
        *cap = (*cap * percent / 100).max(1);
    }

    /// For longer than anything is held without being held for longer, nobody is let in.
    async fn be_refused(&mut self) {
        for _ in 0..16 {
            let limits = self.limits();
            let tokens = self.caps.iter().map(|cap| cap.first).max().unwrap_or(0) + 1;
            for process in &self.processes {
                let needed = Use { requests: 1, tokens, cost: 0 };
                assert!(process.limiter.reserve(&limits, needed, self.clock.now()).await.is_err());
            }
            self.pass(Duration::from_mins(1)).await;
        }
        self.sweep().await;
    }

    /// A process is killed. Its calls may have used all that they had; nobody will ever record it.
    fn die(&mut self, at: usize) {
        let next = self.born(at);
        let dead = std::mem::replace(&mut self.processes[at], next);
        for open in dead.open {
            self.count(open.at, open.tokens, |counter| !counter.is_ledger());
            // It would give back what it has, to nobody.
            drop(open.reservation);
        }
    }

    async fn sweep(&mut self) {
        self.swept_at = self.now();
        self.ends[0].sweep(self.now()).await.expect("counters answer");
    }

    /// There is never more than there may be, and what calls under way may use is held.
    async fn check(&self, step: usize) {
        let now = self.now();
        for (cap, standing) in self.caps.iter().zip(self.standings(now).await) {
            let Limit { counter, .. } = &cap.limit;
            let says = || format!("seed {}, step {step}: {counter} {standing:?}", self.seed);
            assert!(standing.used + standing.held <= cap.first, "{}", says());
            let bucket = counter.window.span(now, self.zone).bucket;
            let is_of_it = |open: &&Open| counter.window.span(open.at, self.zone).bucket == bucket;
            let open = self.processes.iter().flat_map(|process| &process.open).filter(is_of_it);
            let needed: u64 =
                open.map(|open| Use { requests: 1, tokens: open.tokens, cost: 0 }.needed(counter)).sum();
            assert!(standing.held >= needed, "{needed} is needed: {}", says());
        }
    }

    /// Every bucket has what was used in it, those too that others followed.
    async fn add_up(&self) {
        for ((counter, bucket), (used, span)) in &self.used {
            if counter.window == Window::Now || span.until <= self.swept_at {
                continue;
            }
            let asked = [(Limit { counter: counter.clone(), cap: u64::MAX }, *span)];
            let standing = self.ends[0].standing(&asked, self.now()).await.expect("counters answer")[0];
            let says = format!("seed {}: {counter} in {bucket}: {standing:?}, used {used}", self.seed);
            if self.has_deaths && !counter.is_ledger() {
                assert!(standing.used + standing.held >= *used, "{says}");
            } else {
                assert_eq!(standing.used, *used, "{says}");
            }
            assert!(self.has_deaths || standing.held == 0, "{says}");
        }
    }
}

#[cfg(test)]
mod tests {
    use promptgate_limits::MemoryCounters;

    use super::*;

    #[tokio::test]
    async fn limits_hold_over_memory() {
        for seed in 0..200 {
            let counters = Arc::<MemoryCounters>::default();
            Model::new(vec![counters], &RATES, Tz::UTC, seed).run(300, async |_| ()).await;
        }
    }
}
