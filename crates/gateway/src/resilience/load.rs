//! How long calls take, told quickly when it becomes worse and slowly when it becomes better.

use std::time::Duration;

use tokio::time::Instant;

/// After this time an observation counts for about a third.
const MEMORY: Duration = Duration::from_secs(10);
/// What calls are taken to need while nothing is known and the first one is under way.
const UNKNOWN: f64 = 1.0;

/// An exponentially weighted average of latencies that jumps to every peak at once: a service that
/// becomes slow loses its calls with the first slow answer, and gets them back little by little.
#[derive(Debug, Default)]
pub(super) struct PeakEwma {
    seconds: Option<(f64, Instant)>,
}

impl PeakEwma {
    /// A call took this long.
    pub(super) fn observe(&mut self, latency: Duration, now: Instant) {
        let latency = latency.as_secs_f64();
        let seconds = match self.seconds {
            Some((average, _)) if latency < average => {
                let kept = self.kept_since(now);
                average * kept + latency * (1.0 - kept)
            }
            _ => latency,
        };
        self.seconds = Some((seconds, now));
    }

    /// What a further call is expected to wait, in no unit but comparable: the average of latencies,
    /// times one more than are under way, those counted by `share`, the part of the calls that is due
    /// (1 is an equal part). Nothing where nothing is known yet and nothing is under way, so that
    /// everybody is tried.
    pub(super) fn cost(&self, in_flight: u32, share: f64, now: Instant) -> f64 {
        let expected = match self.seconds {
            // Who has not answered for a while may have become better.
            Some((average, _)) => average * self.kept_since(now),
            None if in_flight == 0 => return 0.0,
            None => UNKNOWN,
        };
        expected * (1.0 + f64::from(in_flight) / share)
    }

    fn kept_since(&self, now: Instant) -> f64 {
        let Some((_, at)) = self.seconds else { return 0.0 };
        let age = now.saturating_duration_since(at).as_secs_f64();
        (-age / MEMORY.as_secs_f64()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_jumps_to_peaks_and_comes_down_slowly() {
        let start = Instant::now();
        let mut load = PeakEwma::default();
        load.observe(Duration::from_millis(100), start);
        load.observe(Duration::from_secs(2), start);
        assert!(load.cost(0, 1.0, start) > 1.99, "a peak counts at once");
        load.observe(Duration::from_millis(100), start + Duration::from_secs(1));
        let after = load.cost(0, 1.0, start + Duration::from_secs(1));
        assert!(after > 1.5, "one fast answer does not make up for it: {after}");
        assert!(load.cost(0, 1.0, start + Duration::from_mins(2)) < 0.1, "time does");
    }

    #[test]
    fn calls_under_way_count_by_the_share_that_is_due() {
        let now = Instant::now();
        let mut load = PeakEwma::default();
        assert!(load.cost(0, 1.0, now) < f64::EPSILON, "the unknown is tried");
        assert!(load.cost(1, 1.0, now) > 1.0, "but once at a time");
        load.observe(Duration::from_secs(1), now);
        assert!(load.cost(3, 1.0, now) > load.cost(2, 1.0, now));
        assert!(load.cost(3, 3.0, now) < load.cost(2, 1.0, now));
    }
}
