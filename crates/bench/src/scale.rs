//! What size costs: a database is filled step by step, through the store as the gateway fills it, and at each
//! step the gateway itself is asked for pages and called with tokens.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use promptgate_kernel::{
    AccountId, CallId, Clock, Money, OsEntropy, ProjectId, ProviderId, SystemClock, Timestamp, TokenId,
};
use promptgate_store::{Access, Store};
use promptgate_store_sql::{SqlOptions, connect};
use promptgate_tokens::{NewToken, Scope, Token, TokenEnv, TokenLimits, TokenName, TokenSecret};
use promptgate_usage::{Outcome, TokenCounts, UsageEvent};
use serde_json::{Map, json};

use crate::ask::{ADMIN_KEY, admin, page};
use crate::drive::{Target, turn};
use crate::process::{Process, free_address, say};

/// How many events a batch has, as the gateway writes them.
const BATCH: usize = 500;
/// How often a page is asked for; the median counts.
const ASKED: usize = 7;
/// Of so many tokens the calls of a step are.
const CALLERS: u64 = 500;

/// How large a database becomes.
#[derive(clap::Args, Clone)]
pub(crate) struct Sizes {
    /// The `promptgate` binary, built in release mode.
    #[arg(long)]
    gateway: PathBuf,
    /// An empty PostgreSQL database, as a URL; a SQLite file is made without.
    #[arg(long)]
    postgres: Option<String>,
    /// How many calls are recorded at each step, in all.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000_u64, 1_000_000, 5_000_000])]
    rows: Vec<u64>,
    /// How many tokens there are in the end; as many at the first step as calls are made with.
    #[arg(long, default_value_t = 1_000_000)]
    tokens: u64,
    /// How many AI endpoints there are.
    #[arg(long, default_value_t = 1_000)]
    endpoints: u64,
}

/// What is written to.
struct Filled {
    store: Arc<dyn Store>,
    project: ProjectId,
    provider: ProviderId,
    rows: u64,
    tokens: u64,
}

pub(crate) async fn scale(sizes: Sizes) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let directory = scratch.path();
    let url = sizes.postgres.clone();
    let url = url.unwrap_or_else(|| format!("sqlite:{}", directory.join("data/promptgate.db").display()));
    std::fs::create_dir_all(directory.join("data"))?;
    let (_process, api, proxy) = gateway(&sizes.gateway, directory, sizes.postgres.as_deref()).await?;
    let provider = json!({
        "name": "bench", "displayName": "Bench", "type": "echo", "enabled": true, "baseUrl": "http://echo.invalid",
        "apiKey": "sk-bench",
    });
    let provider = admin(api, "/api/v1/admin/providers", &provider).await?;
    let project =
        admin(api, "/api/v1/admin/projects", &json!({"name": "Bench", "projectType": "agent_proxy"})).await?;
    let id = |value: &serde_json::Value, member: &str| value[member].as_str().unwrap_or_default().to_owned();
    let uuid = id(&project, "uuid");
    let connected = connect(&url, SqlOptions::default()).await?;
    let mut filled = Filled {
        store: connected.store(),
        project: uuid.parse().context("a project has a uuid")?,
        provider: id(&provider, "id").parse().context("a provider has an id")?,
        rows: 0,
        tokens: 0,
    };
    endpoints(api, sizes.endpoints).await?;

    say("| calls recorded | recorded a second | log | log, filtered | 50 pages in | dashboards | costs |");
    say("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for rows in &sizes.rows {
        let (added, took) = filled.record(*rows).await?;
        let log = "/api/v1/admin/calls?limit=50";
        let deep = deep(api, 50).await?;
        let filtered = format!("{log}&project={uuid}&outcome=refused");
        let mut dashboards = Duration::ZERO;
        for what in ["tokens", "messages", "activity", "top-models", "top-identities"] {
            dashboards += asked(api, &format!("/api/v1/admin/dashboard/{what}?window=30d")).await?;
        }
        let costs = asked(api, &format!("/api/v1/admin/projects/{uuid}/costs")).await?;
        say(&format!(
            "| {rows} | {:.0} | {} | {} | {} | {} | {} |",
            added as f64 / took.as_secs_f64(),
            millis(asked(api, log).await?),
            millis(asked(api, &filtered).await?),
            millis(deep),
            millis(dashboards / 5),
            millis(costs)
        ));
    }

    say("\n| tokens | first call of each of 500 | later calls of them |");
    say("| ---: | ---: | ---: |");
    for tokens in [CALLERS, sizes.tokens] {
        let secrets = filled.issue(tokens).await?;
        let mut passes = [Vec::new(), Vec::new()];
        for pass in &mut passes {
            for secret in &secrets {
                let path = format!("/api/{uuid}/v1/chat/completions");
                let target =
                    Target { address: proxy, path, token: secret.clone(), model: "bench:echo".into() };
                pass.extend(turn(&target, false, 1, 1).await?.latencies);
            }
        }
        let [first, later] = passes.map(|mut took| median(&mut took));
        say(&format!("| {tokens} | {} | {} |", millis(first), millis(later)));
    }
    connected.close().await;
    Ok(())
}

async fn gateway(
    program: &Path,
    directory: &Path,
    postgres: Option<&str>,
) -> anyhow::Result<(Process, SocketAddr, SocketAddr)> {
    let (api, proxy, scheduler) = (free_address()?, free_address()?, free_address()?);
    let mut settings = format!(
        "PROMPTGATE_PORT={}\nPROMPTGATE_PROXY_PORT={}\nPROMPTGATE_SCHEDULER_PORT={}\n\
         PROMPTGATE_ADMIN_API_KEY={ADMIN_KEY}\nPROMPTGATE_DATA_DIR={}\n",
        api.port(),
        proxy.port(),
        scheduler.port(),
        directory.join("data").display()
    );
    if let Some(url) = postgres {
        let _ = write!(
            settings,
            "PROMPTGATE_DATABASE_URL={url}\nPROMPTGATE_SECRETS_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n\
             PROMPTGATE_JWT_SECRET=a-secret-of-more-than-32-bytes-for-benches\n"
        );
    }
    let file = directory.join("gateway.env");
    std::fs::write(&file, settings)?;
    let arguments = [PathBuf::from("run-all"), PathBuf::from("--env-file"), file];
    let program = std::path::absolute(program)?;
    let process = Process::start("promptgate", &program, arguments, directory, proxy).await?;
    Ok((process, api, proxy))
}

/// AI endpoints, each of its own name.
async fn endpoints(api: SocketAddr, count: u64) -> anyhow::Result<()> {
    let project =
        admin(api, "/api/v1/admin/projects", &json!({"name": "Many", "projectType": "ai_gateway"})).await?;
    let path = format!("/api/v1/admin/projects/{}/endpoints", project["uuid"].as_str().unwrap_or_default());
    let started = Instant::now();
    for number in 0..count {
        let body = json!({
            "name": format!("Endpoint {number}"), "slug": format!("endpoint-{number}"), "provider": "bench",
            "model": "echo", "systemPrompt": "You answer.",
        });
        admin(api, &path, &body).await?;
    }
    say(&format!("{count} endpoints were made in {:.1} s.\n", started.elapsed().as_secs_f64()));
    Ok(())
}

impl Filled {
    /// Records calls until there are so many. Says how many that were, and how long it took.
    async fn record(&mut self, until: u64) -> anyhow::Result<(u64, Duration)> {
        let (begun, before) = (Instant::now(), self.rows);
        let now = SystemClock.now();
        while self.rows < until {
            let batch: Vec<UsageEvent> =
                (0..BATCH as u64).map(|offset| self.call(self.rows + offset, until, now)).collect();
            let events: Vec<&UsageEvent> = batch.iter().collect();
            let mut unit = self.store.begin(Access::Write).await?;
            unit.usage().record(&events).await?;
            unit.commit().await?;
            self.rows += BATCH as u64;
        }
        Ok((self.rows - before, begun.elapsed()))
    }

    /// A call as there are many: of 200 tokens of 40 people, of eight models, one of twenty refused. Those of
    /// a step lie in the thirty days before.
    fn call(&self, number: u64, until: u64, now: Timestamp) -> UsageEvent {
        const SPREAD: u64 = 30 * 24 * 3_600 * 1_000_000;
        let back = Duration::from_micros(SPREAD / until.max(1) * until.saturating_sub(number));
        let at = now.minus(back);
        let id = |kind: u128, number: u64| {
            (0x018f_4e6e_0000_7000_8000_0000_0000_0000_u128 + (kind << 32) + u128::from(number)).to_be_bytes()
        };
        let token = TokenId::from_uuid(uuid::Uuid::from_bytes(id(1, number % 200)));
        let is_refused = number.is_multiple_of(20);
        let (outcome, status) = if is_refused { (Outcome::Refused, 429) } else { (Outcome::Completed, 200) };
        let call = CallId::mint(&SystemClock, &OsEntropy);
        let event = UsageEvent::of_call(call, at, self.project, token, "chat_completions", outcome, status);
        let tokens = TokenCounts { input: 500 + number % 700, output: 200, ..TokenCounts::default() };
        UsageEvent {
            owner: Some(AccountId::from_uuid(uuid::Uuid::from_bytes(id(2, number % 40)))),
            provider_id: Some(self.provider),
            provider: Some("bench".to_owned()),
            provider_kind: Some("echo".to_owned()),
            model: Some(format!("model-{}", number % 8)),
            requested_model: Some(format!("bench:model-{}", number % 8)),
            tokens: if is_refused { TokenCounts::default() } else { tokens },
            cost: Money::from_nanos(if is_refused { 0 } else { 1_500_000 }),
            price_basis: "exact".to_owned(),
            latency_us: 800_000,
            attempts: u32::from(!is_refused),
            client_ip: Some("127.0.0.1".to_owned()),
            ..event
        }
    }

    /// Issues tokens until there are so many; the secrets of the last of them.
    async fn issue(&mut self, until: u64) -> anyhow::Result<Vec<String>> {
        let mut secrets = Vec::new();
        while self.tokens < until {
            let mut unit = self.store.begin(Access::Write).await?;
            for _ in 0..BATCH.min(usize::try_from(until - self.tokens)?) {
                let secret = TokenSecret::generate(TokenEnv::Live, &OsEntropy);
                let new = NewToken {
                    project_id: self.project,
                    owner: None,
                    name: TokenName::parse("bench")?,
                    env: TokenEnv::Live,
                    scopes: [Scope::Chat].into_iter().collect(),
                    endpoint_ids: Vec::new(),
                    limits: TokenLimits::default(),
                    metadata: Map::new(),
                    expires_at: None,
                };
                let id = TokenId::mint(&SystemClock, &OsEntropy);
                unit.tokens().insert(&Token::issue(id, new, &secret, SystemClock.now())?).await?;
                self.tokens += 1;
                if until - self.tokens < CALLERS {
                    secrets.push(secret.expose().to_owned());
                }
            }
            unit.commit().await?;
        }
        Ok(secrets)
    }
}

/// How long the last of so many pages of the log takes.
async fn deep(api: SocketAddr, pages: usize) -> anyhow::Result<Duration> {
    let (mut path, mut took) = ("/api/v1/admin/calls?limit=50".to_owned(), Duration::ZERO);
    for _ in 0..pages {
        let started = Instant::now();
        let shown = page(api, &path).await?;
        took = started.elapsed();
        let Some(cursor) = shown["nextCursor"].as_str() else { break };
        path = format!("/api/v1/admin/calls?limit=50&cursor={cursor}");
    }
    Ok(took)
}

/// How long a page takes, as a rule.
async fn asked(api: SocketAddr, path: &str) -> anyhow::Result<Duration> {
    let mut took = Vec::with_capacity(ASKED);
    for _ in 0..ASKED {
        let started = Instant::now();
        page(api, path).await?;
        took.push(started.elapsed());
    }
    Ok(median(&mut took))
}

fn median(took: &mut [Duration]) -> Duration {
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or_default()
}

fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1_000.0)
}
