//! What is printed at the end.

use std::fmt::Write;
use std::time::Duration;

use crate::drive::Turn;

/// What one target showed in one kind of work, a value a round.
#[derive(Default)]
pub(crate) struct Series {
    cpu_per_1000: Vec<f64>,
    calls_per_second: Vec<f64>,
    latencies: Vec<Duration>,
}

impl Series {
    pub(crate) fn add(&mut self, turn: Turn, cpu_seconds: f64) {
        let calls = turn.latencies.len() as f64;
        self.cpu_per_1000.push(cpu_seconds / calls * 1_000.0);
        self.calls_per_second.push(calls / turn.wall.as_secs_f64());
        self.latencies.extend(turn.latencies);
    }

    fn percentile_ms(&self, share: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index into the list")]
        let index = ((sorted.len().saturating_sub(1)) as f64 * share) as usize;
        sorted.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1_000.0)
    }
}

/// A table of the targets for one kind of work; ratios are medians over the rounds, each taken
/// against the yardstick's turn of the same round.
pub(crate) fn table(title: &str, targets: &[(&str, &Series)], yardsticks: &[&str]) -> String {
    let mut text = format!("\n### {title}\n\n| target | CPU ms per call |");
    for yardstick in yardsticks {
        let _ = write!(text, " CPU × {yardstick} |");
    }
    text.push_str(" calls/s | p50 ms | p99 ms |\n| --- |");
    text.push_str(&" ---: |".repeat(yardsticks.len() + 4));
    text.push('\n');
    for (name, series) in targets {
        let _ = write!(text, "| {name} | {:.3} |", median(&series.cpu_per_1000));
        for yardstick in yardsticks {
            let against = targets.iter().find(|(other, _)| other == yardstick).map(|(_, series)| *series);
            let ratios: Vec<f64> = against
                .map(|against| {
                    series.cpu_per_1000.iter().zip(&against.cpu_per_1000).map(|(a, b)| a / b).collect()
                })
                .unwrap_or_default();
            let _ = write!(text, " {:.2} |", median(&ratios));
        }
        let _ = writeln!(
            text,
            " {:.0} | {:.2} | {:.2} |",
            median(&series.calls_per_second),
            series.percentile_ms(0.5),
            series.percentile_ms(0.99)
        );
    }
    text
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
