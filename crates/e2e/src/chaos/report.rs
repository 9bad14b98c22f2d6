//! What trouble did to clients.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::chaos::Sample;

/// Calls of a time, in numbers.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many there were.
    pub calls: usize,
    /// How many were not answered with what was asked for, by why.
    pub failed: BTreeMap<String, usize>,
    /// What half of them took at most.
    pub median: Duration,
    /// What all but one of a hundred took at most.
    pub slowest: Duration,
    /// What each of them took at most.
    pub longest: Duration,
}

impl Report {
    /// Of some calls.
    pub fn of(samples: &[Sample]) -> Self {
        let mut took: Vec<_> = samples.iter().map(|sample| sample.took).collect();
        took.sort_unstable();
        let at = |share: usize| took.get((took.len() * share / 100).min(took.len().saturating_sub(1)));
        let mut failed = BTreeMap::new();
        for sample in samples.iter().filter(|sample| !sample.is_good()) {
            let why = sample.why.clone().unwrap_or_default();
            // Ids and ports make no kinds.
            let why: String = why.chars().filter(|letter| !letter.is_ascii_digit()).take(200).collect();
            *failed.entry(format!("{}: {why}", sample.status.unwrap_or_default())).or_default() += 1;
        }
        Self {
            calls: samples.len(),
            failed,
            median: at(50).copied().unwrap_or_default(),
            slowest: at(99).copied().unwrap_or_default(),
            longest: took.last().copied().unwrap_or_default(),
        }
    }

    /// How many failed.
    pub fn failures(&self) -> usize {
        self.failed.values().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} calls, {} failed, median {:.1} ms, 99 of 100 within {:.1} ms, longest {:.1} ms",
            self.calls,
            self.failures(),
            self.median.as_secs_f64() * 1_000.0,
            self.slowest.as_secs_f64() * 1_000.0,
            self.longest.as_secs_f64() * 1_000.0
        )
    }
}
