//! What is shown: that trouble costs clients little, and nobody loses an event or a dollar.

use std::time::{Duration, Instant};

use anyhow::Context;
use promptgate_testkit::nginx::Nginx;

use crate::chaos::{Counted, Dependency, Load, Report, Stage, Trouble};

/// How many clients call.
pub(super) const CLIENTS: usize = 8;
/// How long each pauses after a call.
pub(super) const PAUSE: Duration = Duration::from_millis(20);
/// How long events may take until all of them are recorded.
pub(super) const RECORDED_WITHIN: Duration = Duration::from_mins(2);

/// What one trouble did.
#[derive(Debug)]
pub struct Finding {
    /// What befell.
    pub trouble: Trouble,
    /// Whom.
    pub dependency: Dependency,
    /// The calls before it.
    pub before: Report,
    /// The calls while it lasted, and until everything was as before.
    pub during: Report,
    /// How long everything took to be as before, once it was over: ready, nothing given up, and changes taken.
    pub recovery: Duration,
}

/// Brings each trouble over each dependency, one after the other, under load. Says what each did, and what
/// of the calls is recorded in the end.
pub async fn troubles(stage: &mut Stage, for_how_long: Duration) -> anyhow::Result<(Vec<Finding>, Counted)> {
    let project = stage.project().await?;
    let load = Load::start(&[project], &stage.proxies(), CLIENTS, PAUSE);
    let mut findings = Vec::new();
    for dependency in Dependency::ALL {
        for trouble in Trouble::ALL {
            let calm = Instant::now();
            tokio::time::sleep(for_how_long.min(Duration::from_secs(5))).await;
            let begun = Instant::now();
            trouble.befall(dependency, stage, for_how_long).await?;
            let over = Instant::now();
            stage.until_recovered().await.with_context(|| format!("after {dependency}: {trouble}"))?;
            let recovery = over.elapsed();
            let (before, during) = (load.between(calm, begun), load.between(begun, Instant::now()));
            let (before, during) = (Report::of(&before), Report::of(&during));
            findings.push(Finding { trouble, dependency, before, during, recovery });
        }
    }
    load.stop().await;
    let counted = load.counted(&stage.postgres, RECORDED_WITHIN).await?;
    Ok((findings, counted))
}

/// For how long a process that is to end still takes calls: longer than nginx takes to hear of it.
pub const NOTICE: (&str, &str) = ("PROMPTGATE_SHUTDOWN_DELAY", "2s");

/// For how long it is looked how calls go before.
const CALM: Duration = Duration::from_secs(2);

/// What a restart of everything did.
#[derive(Debug)]
pub struct Rolled {
    /// The calls before it.
    pub before: Report,
    /// The calls meanwhile.
    pub during: Report,
    /// What of all of them is recorded.
    pub counted: Counted,
    /// What nginx wrote of what went wrong.
    pub complaints: String,
}

/// Restarts every process, one after the other, behind an nginx that is told who is ready, as an orchestrator
/// does it.
pub async fn rolling(stage: &mut Stage) -> anyhow::Result<Rolled> {
    let project = stage.project().await?;
    let proxies = stage.proxies();
    let nginx = Nginx::in_front_of_all(&proxies).await?;
    let port = nginx.http().rsplit(':').next().and_then(|port| port.parse().ok()).context("no port")?;
    // A connection for each call: nginx closes those that are kept whenever it is told something.
    let load = Load::start(&[project.with_header("connection", "close")], &[port], CLIENTS, PAUSE);
    let calm = Instant::now();
    tokio::time::sleep(CALM).await;
    let begun = Instant::now();
    for number in 0..stage.len() {
        let others: Vec<u16> = proxies.iter().copied().filter(|port| *port != stage.port(number)).collect();
        stage.until_unready(number).await?;
        nginx.pass_on_to(&others).await?;
        stage.until_ended(number).await?;
        stage.begin(number)?;
        stage.until_ready(number).await?;
        nginx.pass_on_to(&proxies).await?;
    }
    load.stop().await;
    let (before, during) = (load.between(calm, begun), load.between(begun, Instant::now()));
    let counted = load.counted(&stage.postgres, RECORDED_WITHIN).await?;
    let complaints = nginx.complaints();
    Ok(Rolled { before: Report::of(&before), during: Report::of(&during), counted, complaints })
}
