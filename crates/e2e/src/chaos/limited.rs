//! Clients of limited tokens, who want more than they may have, and what they got.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

use crate::chaos::{Counted, Load, Report, Stage};
use crate::{Client, Project};

/// How many clients each kind of limit has.
const CLIENTS: usize = 4;
/// How long each pauses after a call.
const PAUSE: Duration = Duration::from_millis(20);
/// How long what is held may take to be free again, once the holders' lives are over.
const FREE_WITHIN: Duration = Duration::from_mins(1);

/// Clients of a token that may make so many calls a minute, and clients of tokens that may spend so much a
/// month each, one token after the other.
#[derive(Debug)]
pub struct Limited {
    paced: Load,
    spending: Load,
    budget: u64,
}

/// What came of limits.
#[derive(Debug, Clone)]
pub struct Kept {
    /// How many calls were let in within the fullest minute.
    pub fullest_minute: u64,
    /// How many of these calls were let in though the counters could not be asked.
    pub unasked: usize,
    /// How many budgets were called under.
    pub budgets: usize,
    /// What was spent of the one of which most was, in nano-dollars.
    pub most_spent: u64,
    /// What was spent above budgets, all in all.
    pub overspent: u64,
    /// How calls were answered, by status.
    pub statuses: BTreeMap<u16, usize>,
    /// Those that were neither let in nor refused by their limits.
    pub others: Report,
    /// What the database has of the calls.
    pub counted: Counted,
}

impl Limited {
    /// Starts the clients: so many calls a minute, so many budgets, of so many nano-dollars each.
    pub async fn start(stage: &Stage, calls: u32, budgets: usize, budget: u64) -> anyhow::Result<Self> {
        let project = stage.project().await?;
        let token = async |name: &str, limits: Value| -> anyhow::Result<Project> {
            let mut body = json!({"name": name, "scopes": ["chat", "models"]});
            for (member, value) in limits.as_object().into_iter().flatten() {
                body[member] = value.clone();
            }
            let (token, token_id) = stage.gateway.token(&project.id, &body).await?;
            Ok(Project { client: Client::new().bearer(&token), token, token_id, ..project.clone() })
        };
        let paced = token("Paced", json!({"rateLimitPerMinute": calls})).await?;
        let mut spenders = Vec::new();
        for number in 0..budgets {
            let limits = json!({"monthlyBudgetUsdCap": dollars(budget)});
            spenders.push(token(&format!("Spends {number}"), limits).await?);
        }
        let proxies = stage.proxies();
        Ok(Self {
            paced: Load::start(&[paced], &proxies, CLIENTS, PAUSE),
            spending: Load::start(&spenders, &proxies, CLIENTS, PAUSE),
            budget,
        })
    }

    /// Ends the clients after the calls that they are at.
    pub async fn stop(&self) {
        self.paced.stop().await;
        self.spending.stop().await;
    }

    /// What came of it, once everything is recorded.
    pub async fn kept(&self, stage: &Stage, patience: Duration) -> anyhow::Result<Kept> {
        let mut counted = self.spending.counted(&stage.postgres, patience).await?;
        let paced = self.paced.counted(&stage.postgres, patience).await?;
        counted.lost += paced.lost;
        counted.double += paced.double;
        counted.answered += paced.answered;
        let fullest = format!(
            "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM usage_events WHERE token_id = '{}' \
             AND outcome = 'completed' GROUP BY at / 60000000) AS minutes",
            self.paced.used()[0].token_id
        );
        let fullest = stage.postgres.ask(&fullest).await?;
        let (mut most_spent, mut overspent) = (0, 0);
        for project in self.spending.used() {
            let spent = spent(stage, project).await?;
            most_spent = spent.max(most_spent);
            overspent += spent.saturating_sub(self.budget);
        }
        let (mut statuses, mut others) = (BTreeMap::new(), Vec::new());
        for sample in self.paced.samples().into_iter().chain(self.spending.samples()) {
            let status = sample.status.unwrap_or_default();
            *statuses.entry(status).or_default() += 1;
            if !matches!(status, 200 | 402 | 429) {
                others.push(sample);
            }
        }
        Ok(Kept {
            fullest_minute: fullest.parse().with_context(|| format!("`{fullest}` is no number"))?,
            unasked: self.paced.samples().iter().filter(|sample| sample.is_degraded).count(),
            budgets: self.spending.used().len(),
            most_spent,
            overspent,
            statuses,
            others: Report::of(&others),
            counted,
        })
    }

    /// Lets the lives of all holders be over, and spends what is left of each budget that was called under.
    /// Says of how many something stayed reserved, or more was given than anybody can spend so soon. What these
    /// calls cost is in what is [`Self::kept`] from then on.
    pub async fn leaks(&self, stage: &Stage) -> anyhow::Result<usize> {
        stage.outlive_holders().await?;
        let port = *stage.proxies().first().context("no data plane")?;
        let mut leaks = 0;
        for project in self.spending.used() {
            let freed = Instant::now();
            let is_free = loop {
                let sample = super::load::call_once(project, port, false).await;
                let said: Value =
                    serde_json::from_str(sample.why.as_deref().unwrap_or_default()).unwrap_or_default();
                let status = sample.status;
                self.spending.add(sample);
                match status {
                    Some(402) if said["reserved"] == 0.0 => break true,
                    // A budget that is not kept has no end.
                    _ if freed.elapsed() > FREE_WITHIN => break false,
                    Some(200) => {}
                    _ => tokio::time::sleep(PAUSE).await,
                }
            };
            leaks += usize::from(!is_free);
        }
        Ok(leaks)
    }
}

async fn spent(stage: &Stage, project: &Project) -> anyhow::Result<u64> {
    let spent = format!(
        "SELECT coalesce(sum(cost_nanos), 0) FROM usage_events WHERE token_id = '{}'",
        project.token_id
    );
    let said = stage.postgres.ask(&spent).await?;
    said.parse().with_context(|| format!("`{said}` is no number"))
}

/// Nano-dollars in dollars.
#[expect(clippy::cast_precision_loss, reason = "a few dollars at most")]
pub fn dollars(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
