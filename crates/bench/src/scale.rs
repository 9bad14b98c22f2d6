//! What size costs: a database is filled step by step, through the store as the gateway fills it, and at each
//! step the gateway itself is asked for pages and called with tokens.

mod fill;
mod pages;

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use promptgate_store_sql::{SqlOptions, connect};
use serde_json::{Value, json};

use crate::ask::{ADMIN_KEY, PASSWORD, admin, page, sign_in};
use crate::drive::{Target, turn};
use crate::process::{Process, free_address, say};
use fill::{CALLERS, Callers, Filled, Ids};
use pages::Pages;

/// What was filled before, in the directory of an installation.
const IDS: &str = "filled.json";

/// How large a database becomes.
#[derive(clap::Args, Clone)]
pub(crate) struct Sizes {
    /// The `promptgate` binary, built in release mode.
    #[arg(long)]
    gateway: PathBuf,
    /// An empty PostgreSQL database, as a URL; a SQLite file is made without.
    #[arg(long)]
    postgres: Option<String>,
    /// Where the installation is, to be filled on another time; a new one, that is gone at the end, without.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// How many calls are recorded at each step, in all.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000_u64, 1_000_000, 5_000_000])]
    rows: Vec<u64>,
    /// How many calls are recorded in one transaction.
    #[arg(long, default_value_t = 500)]
    batch: u64,
    /// How many tokens call, each by three models.
    #[arg(long, default_value_t = 200)]
    callers: u64,
    /// How many people they belong to.
    #[arg(long, default_value_t = 40)]
    people: u64,
    /// How many tokens there are in the end; as many at the first step as calls are made with. 0 leaves that out.
    #[arg(long, default_value_t = 1_000_000)]
    tokens: u64,
    /// How many AI endpoints there are.
    #[arg(long, default_value_t = 1_000)]
    endpoints: u64,
}

pub(crate) async fn scale(sizes: Sizes) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let directory = sizes.directory.clone().unwrap_or_else(|| scratch.path().to_owned());
    let directory = std::path::absolute(directory)?;
    std::fs::create_dir_all(directory.join("data"))?;
    let url = sizes.postgres.clone();
    let url = url.unwrap_or_else(|| format!("sqlite:{}", directory.join("data/promptgate.db").display()));
    let (_process, api, proxy) = gateway(&sizes.gateway, &directory, sizes.postgres.as_deref()).await?;
    let callers = Callers { tokens: sizes.callers, people: sizes.people, endpoints: sizes.endpoints };
    let ids = match std::fs::read(directory.join(IDS)) {
        Ok(ids) => serde_json::from_slice(&ids).context(IDS)?,
        Err(_) => installation(api, callers).await?,
    };
    let connected = connect(&url, SqlOptions::default()).await?;
    let (store, batch) = (connected.store(), sizes.batch.max(1));
    let mut filled = Filled { store, ids, callers, batch, tokens: 0 };
    let mut pages = Pages::of(api, &filled.ids).await?;
    for rows in &sizes.rows {
        let (added, took) = filled.record(*rows).await?;
        std::fs::write(directory.join(IDS), serde_json::to_vec(&filled.ids)?)?;
        let rate = added as f64 / took.as_secs_f64();
        say(&format!("{} calls are recorded: {rate:.0} a second, {batch} at a time.", filled.ids.rows));
        pages.ask(filled.ids.rows).await?;
    }
    pages.tell();
    if sizes.tokens > 0 {
        tokens(&mut filled, proxy, sizes.tokens).await?;
    }
    connected.close().await;
    Ok(())
}

/// What calls with tokens cost where there are few, and where there are many.
async fn tokens(filled: &mut Filled, proxy: SocketAddr, all: u64) -> anyhow::Result<()> {
    say(&format!("\n| tokens | issued a second | first call of each of {CALLERS} | later calls of them |"));
    say("| ---: | ---: | ---: | ---: |");
    for tokens in [CALLERS, all] {
        let (begun, before) = (Instant::now(), filled.tokens);
        let secrets = filled.issue(tokens).await?;
        let rate = (filled.tokens - before) as f64 / begun.elapsed().as_secs_f64();
        let mut passes = [Vec::new(), Vec::new()];
        for pass in &mut passes {
            for secret in &secrets {
                let path = format!("/api/{}/v1/chat/completions", filled.ids.project);
                let target =
                    Target { address: proxy, path, token: secret.clone(), model: "bench:echo".into() };
                pass.extend(turn(&target, false, 1, 1).await?.latencies);
            }
        }
        let [first, later] = passes.map(|mut took| median(&mut took));
        say(&format!("| {tokens} | {rate:.0} | {} | {} |", millis(first), millis(later)));
    }
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
         PROMPTGATE_ADMIN_API_KEY={ADMIN_KEY}\nPROMPTGATE_ADMIN_PASSWORD={PASSWORD}\nPROMPTGATE_DATA_DIR={}\n",
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

/// A new installation: a provider, a project, and another one with AI endpoints, each of its own name.
async fn installation(api: SocketAddr, callers: Callers) -> anyhow::Result<Ids> {
    let id = |value: &Value, member: &str| value[member].as_str().unwrap_or_default().to_owned();
    let provider = json!({
        "name": "bench", "displayName": "Bench", "type": "echo", "enabled": true, "baseUrl": "http://echo.invalid",
        "apiKey": "sk-bench",
    });
    let provider = admin(api, "/api/v1/admin/providers", &provider).await?;
    let mut projects = Vec::with_capacity(2);
    for (name, kind) in [("Bench", "agent_proxy"), ("Many", "ai_gateway")] {
        let body = json!({"name": name, "projectType": kind});
        projects.push(id(&admin(api, "/api/v1/admin/projects", &body).await?, "uuid"));
    }
    let path = format!("/api/v1/admin/projects/{}/endpoints", projects[1]);
    let started = Instant::now();
    for number in 0..callers.endpoints {
        let body = json!({
            "name": format!("Endpoint {number}"), "slug": format!("endpoint-{number}"), "providerId": provider["id"],
            "providerModel": "echo", "prompt": "You answer.",
        });
        admin(api, &path, &body).await?;
    }
    say(&format!("{} endpoints were made in {:.1} s.", callers.endpoints, started.elapsed().as_secs_f64()));
    let visitor = sign_in(api).await?;
    let me =
        id(&page(api, "/auth/session", &visitor).await?, "id").parse().context("an account has an id")?;
    let token = 9 % callers.tokens;
    Ok(Ids {
        project: projects[0].parse().context("a project has a uuid")?,
        many: projects[1].parse().context("a project has a uuid")?,
        provider: id(&provider, "id").parse().context("a provider has an id")?,
        me,
        token: fill::token(token),
        owner: fill::owner(token, callers.people, me),
        endpoint: fill::endpoint(token % callers.endpoints.max(1)),
        rows: 0,
    })
}

fn median(took: &mut [Duration]) -> Duration {
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or_default()
}

fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1_000.0)
}
