//! The Prometheus recorder.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of histograms whose name ends in `_seconds`.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];
/// Bounds of histograms whose name ends in `_bytes`.
const BYTES: [f64; 7] = [256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 1_048_576.0, 16_777_216.0];
/// Bounds of the others, which count things.
const OTHERS: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0];

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Everything recorded so far, in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds what was recorded since the last time; to be called every few seconds, or histograms
    /// grow until somebody reads them.
    pub fn fold(&self) {
        self.0.run_upkeep();
    }

    pub(crate) fn builder() -> Result<PrometheusBuilder, BuildError> {
        PrometheusBuilder::new()
            .set_buckets(&OTHERS)?
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
            .set_buckets_for_metric(Matcher::Suffix("_bytes".into()), &BYTES)
    }

    pub(crate) const fn new(handle: PrometheusHandle) -> Self {
        Self(handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_have_a_fixed_number_of_buckets() {
        let recorder = Metrics::builder().expect("bounds are not empty").build_recorder();
        let metrics = Metrics::new(recorder.handle());
        ::metrics::with_local_recorder(&recorder, || {
            ::metrics::counter!("promptgate_test_total", "kind" => "a").increment(2);
            for value in 0..1_000 {
                ::metrics::histogram!("promptgate_test_seconds").record(f64::from(value));
            }
        });
        metrics.fold();
        let text = metrics.render();
        assert!(text.contains("promptgate_test_total{kind=\"a\"} 2"), "{text}");
        assert_eq!(text.matches("promptgate_test_seconds_bucket").count(), SECONDS.len() + 1);
    }
}
