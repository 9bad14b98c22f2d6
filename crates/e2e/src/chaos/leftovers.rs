//! What the dead leave behind, and nobody cleared away.

use std::fmt;
use std::time::Duration;

use anyhow::Context;

use crate::chaos::Stage;
use crate::eventually;

/// How long something may be late: lives, leases and looks are of ten seconds and a minute.
const LATE: &str = "90000000";

/// What is there though its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leftovers {
    /// Holders of limits whose lives are over.
    pub holders: usize,
    /// Runs of jobs that should have begun or ended.
    pub stuck_jobs: usize,
    /// Runs of jobs that were given up.
    pub dead_jobs: usize,
    /// Calls that could not be recorded.
    pub dead_letters: usize,
    /// Spools of processes that are gone.
    pub spools: usize,
    /// Deliveries of the stream that nobody confirmed.
    pub deliveries: usize,
}

impl Leftovers {
    /// Waits until nothing is left, and says what was in the end.
    pub async fn after(stage: &Stage, patience: Duration) -> anyhow::Result<Self> {
        let cleared = eventually("nothing left", patience, || async {
            Self::of(stage).await.ok().filter(|left| *left == Self::default())
        });
        match cleared.await {
            Ok(nothing) => Ok(nothing),
            Err(_) => Self::of(stage).await,
        }
    }

    async fn of(stage: &Stage) -> anyhow::Result<Self> {
        const NOW: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
        let count = async |rows: String| -> anyhow::Result<usize> {
            let said = stage.postgres.ask(&format!("SELECT count(*) FROM {rows}")).await?;
            said.parse().with_context(|| format!("`{said}` is no number"))
        };
        let stuck = format!(
            "job_runs WHERE (state = 'running' AND held_until < {NOW} - {LATE}) \
             OR (state = 'waiting' AND due_at < {NOW} - {LATE})"
        );
        Ok(Self {
            holders: count(format!("limit_holders WHERE until_at < {NOW} - {LATE}")).await?,
            stuck_jobs: count(stuck).await?,
            dead_jobs: count("job_runs WHERE state = 'dead'".to_owned()).await?,
            dead_letters: count("dead_letters WHERE discarded_at IS NULL".to_owned()).await?,
            spools: stage.spools()?.saturating_sub(stage.proxies().len()),
            deliveries: stage.unconfirmed().await?,
        })
    }
}

impl fmt::Display for Leftovers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} holders of limits past their lives, {} stuck and {} dead runs of jobs, {} dead letters, {} spools \
             of the dead, {} unconfirmed deliveries",
            self.holders, self.stuck_jobs, self.dead_jobs, self.dead_letters, self.spools, self.deliveries
        )
    }
}
