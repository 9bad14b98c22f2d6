//! Looking at monitored services.
//!
//! This is no job of the queue. Every service has a rhythm of its own and is claimed on its own, so that
//! each look is one process's already, and many processes share the looks; and what was found is kept
//! with the service, so that a history of rounds would tell nobody anything.

use std::time::Duration;

use promptgate_control::monitoring::DueChecks;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Looks at services whose turn it is, at once and then again and again. What is slow is cut off at shutdown: a look that
/// was begun and not written down is repeated after its interval.
pub(crate) async fn repeat(checks: Option<DueChecks>, every: Duration, shutdown: &CancellationToken) {
    let Some(checks) = checks else { return };
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let rounds = async {
        let mut is_failing = false;
        loop {
            ticks.tick().await;
            is_failing = !look(&checks, is_failing).await;
        }
    };
    shutdown.run_until_cancelled(rounds).await;
}

/// Says whether it went well. What goes on failing is said once, not at every look: a database that is away is
/// said by whoever asks it for more.
async fn look(checks: &DueChecks, was_failing: bool) -> bool {
    const JOB: &str = "check_services";
    let outcome = match checks.run().await {
        Ok(tally) => {
            metrics::counter!("promptgate_service_checks_total", "status" => "ok")
                .increment(tally.checked - tally.degraded);
            metrics::counter!("promptgate_service_checks_total", "status" => "degraded")
                .increment(tally.degraded);
            "finished"
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            if was_failing {
                tracing::debug!(error, job.name = JOB, "job {JOB} failed again: {error}");
            } else {
                tracing::error!(error, job.name = JOB, "job {JOB} failed: {error}");
            }
            "failed"
        }
    };
    metrics::counter!("promptgate_job_runs_total", "job" => JOB, "outcome" => outcome).increment(1);
    outcome == "finished"
}
