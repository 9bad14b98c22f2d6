//! Processes that take slices, spend them and die, against one limit.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chrono_tz::UTC;
use promptgate_kernel::Timestamp;
use promptgate_limits::{
    Counter, Counters, Demand, Holder, Limit, Measure, MemoryCounters, Settlement, Slice, Subject, Taken,
    Window,
};
use proptest::prelude::*;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// A call begins at a process and wants so much.
    Begin(usize, u64),
    /// A call ends that used a part of what it had, in hundredths.
    End(usize, u64),
    /// A process tells the store what it spent.
    Tell(usize),
    /// It tells it twice, because the answer was lost.
    TellTwice(usize),
    /// It gives back what lies about.
    Release(usize),
    /// It dies, and another takes its place.
    Die(usize),
    /// What the dead held is swept away.
    Sweep,
}

const PROCESSES: usize = 3;
const LIFE: Duration = Duration::from_secs(30);

struct Process {
    holder: Holder,
    step: u64,
    slice: Slice,
    /// Of the calls under way: how much they may use.
    calls: Vec<u64>,
    room: u64,
}

struct World {
    counters: MemoryCounters,
    limit: Limit,
    now: Timestamp,
    next: u128,
    processes: Vec<Process>,
    /// What calls really used, as their providers would bill it.
    really_used: u64,
    /// What died with its process and may have been used.
    lost: u64,
}

/// Memory answers at once.
fn done<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("counters in memory never wait"),
    }
}

impl World {
    fn new(cap: u64, window: Window) -> Self {
        let subject = Subject::Token("018f4e6e-0000-7000-8000-000000000001".parse().expect("an id"));
        let counter = Counter { subject, model: None, measure: Measure::Tokens, window };
        let mut world = Self {
            counters: MemoryCounters::default(),
            limit: Limit { counter, cap },
            now: "2026-11-22T10:00:01Z".parse().expect("an instant"),
            next: 0,
            processes: Vec::new(),
            really_used: 0,
            lost: 0,
        };
        for _ in 0..PROCESSES {
            let process = world.process();
            world.processes.push(process);
        }
        world
    }

    fn process(&mut self) -> Process {
        self.next += 1;
        let bucket = self.limit.counter.window.span(self.now, UTC).bucket;
        let room = self.limit.cap;
        Process { holder: Holder(self.next), step: 0, slice: Slice::of(bucket), calls: Vec::new(), room }
    }

    /// Whether a call was let in.
    fn begin(&mut self, at: usize, amount: u64) -> bool {
        let process = &mut self.processes[at];
        let missing = process.slice.reserve(amount);
        if missing == 0 {
            process.calls.push(amount);
            return true;
        }
        let span = self.limit.counter.window.span(self.now, UTC);
        let most = Slice::ahead(missing, amount, process.room, PROCESSES as u64);
        let demands = [Demand { limit: self.limit.clone(), span, least: missing, most }];
        let taken = self.counters.take(process.holder, &demands, self.now, self.now.plus(LIFE));
        match done(taken).expect("memory never fails") {
            Taken::All(grants) => {
                assert!(grants[0].amount >= missing && grants[0].amount <= most);
                process.room = grants[0].standing.room();
                process.slice.add(grants[0].amount);
                assert_eq!(process.slice.reserve(missing), 0);
                process.calls.push(amount);
                true
            }
            Taken::Refused(refused) => {
                assert!(refused.standing.room() < missing);
                process.room = refused.standing.room();
                process.slice.settle(amount - missing, 0);
                false
            }
        }
    }

    fn end(&mut self, at: usize, percent: u64) {
        let process = &mut self.processes[at];
        let Some(amount) = process.calls.pop() else { return };
        let spent = amount * percent / 100;
        process.slice.settle(amount, spent);
        self.really_used += spent;
    }

    fn tell(&mut self, at: usize, times: usize) {
        let process = &mut self.processes[at];
        let Some((spent, freed)) = process.slice.take_settlement() else { return };
        process.step += 1;
        let bucket = process.slice.bucket;
        let until = self.limit.counter.window.span(bucket, UTC).until;
        let settlement = Settlement { counter: self.limit.counter.clone(), bucket, until, spent, freed };
        for _ in 0..times {
            let settled = self.counters.settle(
                process.holder,
                process.step,
                std::slice::from_ref(&settlement),
                self.now,
            );
            done(settled).expect("memory never fails");
        }
    }

    fn die(&mut self, at: usize) {
        let process = self.process();
        let dead = std::mem::replace(&mut self.processes[at], process);
        // Its calls under way may have used all that they had.
        self.lost += dead.slice.held();
        self.really_used += dead.calls.iter().sum::<u64>();
    }

    fn sweep(&mut self) {
        for process in &self.processes {
            done(self.counters.extend(process.holder, self.now.plus(LIFE * 3), self.now))
                .expect("memory never fails");
        }
        let later = self.now.plus(LIFE + Duration::from_secs(1));
        done(self.counters.sweep(later)).expect("memory never fails");
    }

    fn check(&self) {
        let span = self.limit.counter.window.span(self.now, UTC);
        let standing = done(self.counters.standing(&[(self.limit.clone(), span)], self.now))
            .expect("memory never fails")[0];
        let cap = self.limit.cap;
        assert!(standing.used + standing.held <= cap, "{standing:?}");
        assert!(self.really_used <= cap, "used {} of {cap}", self.really_used);
        // Every unit is somewhere: nobody's slice is more than the store knows of.
        let held: u64 = self.processes.iter().map(|process| process.slice.held()).sum();
        assert!(held <= standing.held, "{held} in hand, {standing:?}");
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let process = 0..PROCESSES;
    let step = prop_oneof![
        6 => (process.clone(), 1u64..20).prop_map(|(at, amount)| Step::Begin(at, amount)),
        5 => (process.clone(), 0u64..=100).prop_map(|(at, percent)| Step::End(at, percent)),
        3 => process.clone().prop_map(Step::Tell),
        1 => process.clone().prop_map(Step::TellTwice),
        1 => process.clone().prop_map(Step::Release),
        1 => process.prop_map(Step::Die),
        1 => Just(Step::Sweep),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    #[test]
    fn never_more_than_the_limit_is_used_whoever_dies(cap in 1u64..400, steps in steps()) {
        // Of an hour nobody can tell afterwards what the dead have used, so that it counts as used.
        let mut world = World::new(cap, Window::Hour);
        for step in steps {
            match step {
                Step::Begin(at, amount) => drop(world.begin(at, amount)),
                Step::End(at, percent) => world.end(at, percent),
                Step::Tell(at) => world.tell(at, 1),
                Step::TellTwice(at) => world.tell(at, 2),
                Step::Release(at) => world.processes[at].slice.release(),
                Step::Die(at) => world.die(at),
                Step::Sweep => world.sweep(),
            }
            world.check();
        }
    }

    #[test]
    fn nothing_leaks(cap in 20u64..400, steps in steps()) {
        let mut world = World::new(cap, Window::Hour);
        for step in steps {
            match step {
                Step::Begin(at, amount) => drop(world.begin(at, amount)),
                Step::End(at, percent) => world.end(at, percent),
                Step::Tell(at) | Step::TellTwice(at) | Step::Die(at) => world.tell(at, 2),
                Step::Release(at) => world.processes[at].slice.release(),
                Step::Sweep => world.sweep(),
            }
        }
        for at in 0..PROCESSES {
            while !world.processes[at].calls.is_empty() {
                world.end(at, 50);
            }
            world.processes[at].slice.release();
            world.tell(at, 1);
        }
        let span = world.limit.counter.window.span(world.now, UTC);
        let standing = done(world.counters.standing(&[(world.limit.clone(), span)], world.now)).expect("memory never fails")[0];
        prop_assert_eq!((standing.used, standing.held), (world.really_used, 0));
    }
}

#[test]
fn a_limit_of_five_admits_five_of_sixty_on_one_process_and_on_three() {
    for processes in 1..=PROCESSES {
        let mut world = World::new(5, Window::Minute);
        let admitted = (0..60).filter(|call| world.begin(call % processes, 1)).count();
        assert_eq!(admitted, 5, "{processes}");
    }
}

#[test]
fn a_refused_call_takes_nothing_of_any_counter() {
    let mut world = World::new(10, Window::Minute);
    let span = Window::Minute.span(world.now, UTC);
    let roomy =
        Limit { counter: Counter { measure: Measure::Requests, ..world.limit.counter.clone() }, cap: 100 };
    let demand = |limit: &Limit, least| Demand { limit: limit.clone(), span, least, most: least };
    let holder = world.processes[0].holder;
    let demands = [demand(&roomy, 1), demand(&world.limit, 11)];
    let taken = done(world.counters.take(holder, &demands, world.now, world.now.plus(LIFE)))
        .expect("memory never fails");
    assert!(matches!(taken, Taken::Refused(refused) if refused.at == 1 && refused.standing.room() == 10));
    let standing = done(world.counters.standing(&[(roomy, span)], world.now)).expect("memory never fails")[0];
    assert_eq!((standing.used, standing.held), (0, 0));
    world.now = world.now.plus(Duration::from_mins(1));
    assert!(world.begin(0, 10));
}
