//! What is shown: that trouble costs clients little, and nobody loses an event or a dollar.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use promptgate_testkit::nginx::Nginx;
use serde_json::{Value, json};

use crate::Project;
use crate::chaos::{Counted, Dependency, Load, Part, Report, Stage, Trouble};

/// How many clients call.
const CLIENTS: usize = 8;
/// How long each pauses after a call.
const PAUSE: Duration = Duration::from_millis(20);
/// How long events may take until all of them are recorded.
const RECORDED_WITHIN: Duration = Duration::from_mins(2);

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
    /// How long everything took to be as before, once it was over.
    pub recovery: Duration,
}

/// Brings each trouble over each dependency, one after the other, under load. Says what each did, and what
/// of the calls is recorded in the end.
pub async fn troubles(stage: &mut Stage, for_how_long: Duration) -> anyhow::Result<(Vec<Finding>, Counted)> {
    let project = stage.project(&Value::Null).await?;
    let load = Load::start(&project, &stage.proxies(), CLIENTS, PAUSE);
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

/// What came of the limits of a token whose clients never stop.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many calls were let in within the fullest minute.
    pub fullest_minute: u64,
    /// What all its calls cost, in nano-dollars.
    pub spent: u64,
}

/// A token that may make so many calls a minute and spend so many nano-dollars a month, whose clients call
/// more. Stopping the load says what came of it.
pub async fn limited(stage: &Stage, calls: u32, budget: u64) -> anyhow::Result<(Project, Load)> {
    #[expect(clippy::cast_precision_loss, reason = "a few dollars at most")]
    let dollars = budget as f64 / 1e9;
    let limits = json!({"rateLimitPerMinute": calls, "monthlyBudgetUsdCap": dollars});
    let project = stage.project(&limits).await?;
    let load = Load::start(&project, &stage.proxies(), CLIENTS / 2, PAUSE);
    Ok((project, load))
}

impl Limits {
    /// What the database says of a token.
    pub async fn of(project: &Project, stage: &Stage) -> anyhow::Result<Self> {
        let calls = format!(
            "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM usage_events WHERE token_id = '{}' \
             AND outcome = 'completed' GROUP BY at / 60000000) AS minutes",
            project.token_id
        );
        let spent = format!(
            "SELECT coalesce(sum(cost_nanos), 0) FROM usage_events WHERE token_id = '{}'",
            project.token_id
        );
        let number = async |statement: &str| -> anyhow::Result<u64> {
            let said = stage.postgres.ask(statement).await?;
            said.parse().with_context(|| format!("`{said}` is no number"))
        };
        Ok(Self { fullest_minute: number(&calls).await?, spent: number(&spent).await? })
    }
}

/// A process that was killed.
#[derive(Debug)]
pub struct Death {
    /// What it was.
    pub part: Part,
    /// How long it took until a new one served in its place.
    pub back_after: Duration,
}

/// Kills one process after the other without a word, as `next` says, and starts it again, under load. Says
/// who died, how the calls went, and what of them is recorded in the end.
pub async fn deaths(
    stage: &mut Stage,
    for_how_long: Duration,
    mut next: impl FnMut(usize) -> usize,
) -> anyhow::Result<(Vec<Death>, Report, Counted)> {
    let project = stage.project(&Value::Null).await?;
    let load = Load::start(&project, &stage.proxies(), CLIENTS, PAUSE);
    let (begun, mut deaths) = (Instant::now(), Vec::new());
    while begun.elapsed() < for_how_long {
        let number = next(stage.len()) % stage.len();
        stage.kill(number)?;
        let killed = Instant::now();
        stage.begin(number)?;
        stage.until_ready(number).await?;
        deaths.push(Death { part: stage.part(number), back_after: killed.elapsed() });
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    load.stop().await;
    let calls = Report::of(&load.between(begun, Instant::now()));
    let counted = load.counted(&stage.postgres, RECORDED_WITHIN).await?;
    Ok((deaths, calls, counted))
}

/// For how long a process that is to end still takes calls: longer than nginx takes to hear of it.
pub const NOTICE: (&str, &str) = ("PROMPTGATE_SHUTDOWN_DELAY", "2s");

/// Restarts every process, one after the other, behind an nginx that is told who is ready, as an orchestrator
/// does it. Says how the calls went, and what of them is recorded in the end.
pub async fn rolling(stage: &mut Stage) -> anyhow::Result<(Report, Counted)> {
    let project = stage.project(&Value::Null).await?;
    let proxies = stage.proxies();
    let nginx = Nginx::in_front_of_all(&proxies).await?;
    let port = nginx.http().rsplit(':').next().and_then(|port| port.parse().ok()).context("no port")?;
    // A connection for each call: nginx closes those that are kept whenever it is told something.
    let load = Load::start(&project.with_header("connection", "close"), &[port], CLIENTS, PAUSE);
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
    let calls = Report::of(&load.between(begun, Instant::now()));
    ensure!(calls.failures() == 0, "{calls}: {:?}\nnginx: {}", calls.failed, nginx.complaints());
    let counted = load.counted(&stage.postgres, RECORDED_WITHIN).await?;
    Ok((calls, counted))
}
