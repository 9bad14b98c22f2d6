//! When something that keeps failing is left alone.

use std::time::Duration;

use tokio::time::Instant;

/// So many failures in a row open it.
const IN_A_ROW: u32 = 5;
/// So does this many calls of [`WINDOW`] of which half failed.
const ENOUGH_CALLS: u32 = 20;
const WINDOW: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A circuit breaker. Closed, it lets every call through; open, none; after a pause it lets one
/// probe through, which closes it or opens it for twice as long. Some answers take minutes: while a
/// probe says nothing, another one goes after every further pause.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: State,
    failures_in_a_row: u32,
    window: Window,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Closed,
    Open {
        until: Instant,
        pause: Duration,
        why: Why,
    },
    HalfOpen {
        pause: Duration,
        /// When the next probe may go, should this one say nothing until then.
        next: Instant,
    },
}

/// Why a breaker is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Nothing but failures.
    Dead,
    /// Some calls were answered. Where there is nothing else, it is worth a try.
    Unreliable,
}

/// What a breaker says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Go on.
    Free,
    /// Go on; all others wait for what comes of it.
    Probe,
    /// Not before this instant.
    Closed { until: Instant, why: Why },
}

/// Where a breaker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// Every call goes through.
    Closed,
    /// A probe is under way.
    HalfOpen,
    /// No call goes through.
    Open,
}

impl Position {
    /// The name in metrics; none for what is as it should be.
    pub(super) const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Closed => None,
            Self::HalfOpen => Some("half_open"),
            Self::Open => Some("open"),
        }
    }
}

#[derive(Debug, Default)]
struct Window {
    began: Option<Instant>,
    calls: u32,
    failures: u32,
}

impl Window {
    fn count(&mut self, failed: bool, now: Instant) {
        if self.began.is_none_or(|began| now.saturating_duration_since(began) >= WINDOW) {
            *self = Self { began: Some(now), calls: 0, failures: 0 };
        }
        self.calls += 1;
        self.failures += u32::from(failed);
    }

    const fn half_failed(&self) -> bool {
        self.calls >= ENOUGH_CALLS && self.failures * 2 >= self.calls
    }
}

impl Breaker {
    /// What a call would be told now.
    pub(super) fn admission(&self, now: Instant) -> Admission {
        match self.state {
            State::Closed => Admission::Free,
            State::Open { until: at, .. } | State::HalfOpen { next: at, .. } if at <= now => Admission::Probe,
            State::Open { until, why, .. } => Admission::Closed { until, why },
            State::HalfOpen { next, .. } => Admission::Closed { until: next, why: Why::Dead },
        }
    }

    /// A call begins that was admitted as a probe.
    pub(super) fn begin_probe(&mut self, now: Instant) {
        if let State::Open { pause, .. } | State::HalfOpen { pause, .. } = self.state {
            self.state = State::HalfOpen { pause, next: now + pause };
        }
    }

    /// A call was answered.
    pub(super) fn succeed(&mut self, probe: bool, now: Instant) {
        match self.state {
            State::Closed => {
                self.failures_in_a_row = 0;
                self.window.count(false, now);
            }
            State::HalfOpen { .. } if probe => *self = Self::default(),
            // An answer to a call of before says nothing about now.
            State::HalfOpen { .. } | State::Open { .. } => {}
        }
    }

    /// A call failed. `jitter` is from 0 to 1 and keeps replicas from probing together.
    pub(super) fn fail(&mut self, probe: bool, jitter: f64, now: Instant) {
        match self.state {
            State::Closed => {
                self.failures_in_a_row += 1;
                self.window.count(true, now);
                if self.failures_in_a_row >= IN_A_ROW {
                    self.open(FIRST_PAUSE, Why::Dead, jitter, now);
                } else if self.window.half_failed() {
                    self.open(FIRST_PAUSE, Why::Unreliable, jitter, now);
                }
            }
            State::HalfOpen { pause, .. } if probe => {
                self.open((pause * 2).min(LONGEST_PAUSE), Why::Dead, jitter, now);
            }
            State::HalfOpen { .. } | State::Open { .. } => {}
        }
    }

    /// A probe ended without a result: the next call is one.
    pub(super) fn give_probe_back(&mut self, now: Instant) {
        if let State::HalfOpen { pause, .. } = self.state {
            self.state = State::Open { until: now, pause, why: Why::Dead };
        }
    }

    pub(super) fn position(&self) -> Position {
        match self.state {
            State::Closed => Position::Closed,
            State::HalfOpen { .. } => Position::HalfOpen,
            State::Open { .. } => Position::Open,
        }
    }

    fn open(&mut self, pause: Duration, why: Why, jitter: f64, now: Instant) {
        let until = now + pause.mul_f64(1.0 + 0.25 * jitter);
        *self = Self { state: State::Open { until, pause, why }, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn open_after(failures: u32) -> (Breaker, Instant) {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..failures {
            breaker.fail(false, 0.0, now);
        }
        (breaker, now)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_not_before() {
        let (mut breaker, now) = open_after(IN_A_ROW - 1);
        assert_eq!(breaker.admission(now), Admission::Free);
        breaker.succeed(false, now);
        breaker.fail(false, 0.0, now);
        assert_eq!(breaker.admission(now), Admission::Free, "the row was broken");
        let (breaker, now) = open_after(IN_A_ROW);
        let closed = Admission::Closed { until: now + FIRST_PAUSE, why: Why::Dead };
        assert_eq!(breaker.admission(now), closed);
        assert_eq!(breaker.admission(now + FIRST_PAUSE), Admission::Probe);
    }

    #[test]
    fn it_opens_when_half_of_many_calls_fail() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..ENOUGH_CALLS / 2 {
            assert_eq!(breaker.admission(now), Admission::Free);
            breaker.succeed(false, now);
            breaker.fail(false, 0.0, now);
        }
        assert!(matches!(breaker.admission(now), Admission::Closed { why: Why::Unreliable, .. }));
    }

    #[test]
    fn old_failures_are_forgotten() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            breaker.succeed(false, now);
            breaker.fail(false, 0.0, now);
            now += WINDOW / 5;
        }
        assert_eq!(breaker.admission(now), Admission::Free);
    }

    #[test]
    fn the_pause_grows_with_every_probe_that_fails_and_ends_with_one_that_does_not() {
        let (mut breaker, mut now) = open_after(IN_A_ROW);
        let mut pauses = vec![];
        for _ in 0..8 {
            let Admission::Closed { until, .. } = breaker.admission(now) else { panic!("it is open") };
            pauses.push((until - now).as_secs());
            now = until;
            breaker.begin_probe(now);
            assert!(matches!(breaker.admission(now), Admission::Closed { .. }), "one probe at a time");
            breaker.fail(true, 0.0, now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        breaker.begin_probe(now);
        breaker.succeed(true, now);
        assert_eq!(breaker.admission(now), Admission::Free);
    }

    #[test]
    fn a_probe_that_takes_its_time_does_not_keep_others_out() {
        let (mut breaker, now) = open_after(IN_A_ROW);
        let now = now + FIRST_PAUSE;
        breaker.begin_probe(now);
        let closed = Admission::Closed { until: now + FIRST_PAUSE, why: Why::Dead };
        assert_eq!(breaker.admission(now), closed);
        let now = now + FIRST_PAUSE;
        assert_eq!(breaker.admission(now), Admission::Probe);
        breaker.begin_probe(now);
        assert!(matches!(breaker.admission(now), Admission::Closed { .. }));
        breaker.succeed(true, now);
        assert_eq!(breaker.admission(now), Admission::Free);
        breaker.fail(true, 0.0, now);
        assert_eq!(breaker.admission(now), Admission::Free, "the first one is late: one failure of five");
    }

    #[test]
    fn an_abandoned_probe_makes_room_for_the_next() {
        let (mut breaker, now) = open_after(IN_A_ROW);
        let now = now + FIRST_PAUSE;
        breaker.begin_probe(now);
        breaker.give_probe_back(now);
        assert_eq!(breaker.admission(now), Admission::Probe);
    }

    #[test]
    fn calls_of_before_decide_nothing() {
        let (mut breaker, now) = open_after(IN_A_ROW);
        breaker.succeed(false, now);
        assert!(matches!(breaker.admission(now), Admission::Closed { .. }));
        breaker.begin_probe(now);
        breaker.fail(false, 0.0, now);
        breaker.succeed(false, now);
        assert_eq!(breaker.position(), Position::HalfOpen);
    }

    proptest! {
        /// Whatever happens, probes go one by one, with a pause between them.
        #[test]
        fn probes_keep_their_distance(steps in proptest::collection::vec(0..5_u8, 1..200)) {
            let mut now = Instant::now();
            let mut breaker = Breaker::default();
            let (mut plain, mut probes, mut last) = (0_u32, 0_u32, None);
            for step in steps {
                match step {
                    0 => match breaker.admission(now) {
                        Admission::Free => plain += 1,
                        Admission::Probe => {
                            let early = last.is_some_and(|last| now < last + FIRST_PAUSE);
                            prop_assert!(!early, "nobody else goes beside the probe");
                            breaker.begin_probe(now);
                            probes += 1;
                            last = Some(now);
                        }
                        Admission::Closed { .. } => {}
                    },
                    1 if plain > 0 => { plain -= 1; breaker.fail(false, 0.5, now); }
                    2 if probes > 0 => { probes -= 1; breaker.fail(true, 0.5, now); }
                    3 if probes > 0 => { probes -= 1; breaker.give_probe_back(now); last = None; }
                    4 => now += Duration::from_millis(700),
                    _ => if plain > 0 { plain -= 1; breaker.succeed(false, now); },
                }
            }
        }
    }
}
