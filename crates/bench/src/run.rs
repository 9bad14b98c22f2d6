//! The measurement: everything is started, takes turns, and is reported.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use serde_json::json;

use crate::Plan;
use crate::ask::{ADMIN_KEY, admin};
use crate::drive::{Target, turn};
use crate::process::{Process, free_address, say};
use crate::report::{Series, table};

const NAME: &str = "promptgate";
const TRANSLATING: &str = "promptgate, translating";
const LIMITED: &str = "promptgate, limited";

struct Contestant {
    name: &'static str,
    process: Arc<Process>,
    target: Target,
    /// A token of the same project that has limits; empty where there is no such thing.
    limited: String,
    plain: Series,
    streamed: Series,
}

pub(crate) async fn run(options: Plan) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let directory = scratch.path();
    let own = std::env::current_exe()?;
    let upstream = free_address()?;
    let _mock =
        Process::start("mock", &own, ["mock".into(), upstream.to_string()], directory, upstream).await?;

    let mut contestants = vec![bare(&own, directory, upstream).await?];
    match which("nginx") {
        Some(nginx) => contestants.push(self::nginx(&nginx, directory, upstream).await?),
        None => say("nginx is not installed: measuring without it"),
    }
    if let Some(before) = &options.before {
        contestants.push(gateway("promptgate before", before, directory, upstream).await?);
    }
    let measured = gateway(NAME, &options.gateway, directory, upstream).await?;
    let (translating, limited) = (measured.translating(), measured.limited());
    contestants.extend([measured, translating, limited]);

    for contestant in &contestants {
        turn(&contestant.target, false, options.clients, options.calls / 8).await?;
        turn(&contestant.target, true, options.clients, options.streams / 8).await?;
    }
    let idle = contestants.last().map(|gateway| gateway.process.memory_mib().1);
    for round in 1..=options.rounds {
        say(&format!("round {round} of {}", options.rounds));
        for contestant in &mut contestants {
            let before = contestant.process.cpu_seconds();
            let plain = turn(&contestant.target, false, options.clients, options.calls).await?;
            let between = contestant.process.cpu_seconds();
            let streamed = turn(&contestant.target, true, options.clients, options.streams).await?;
            let after = contestant.process.cpu_seconds();
            contestant.plain.add(plain, between - before);
            contestant.streamed.add(streamed, after - between);
        }
    }
    let yardsticks: Vec<&str> = contestants
        .iter()
        .map(|c| c.name)
        .filter(|name| ![NAME, TRANSLATING, LIMITED].contains(name))
        .collect();
    let plain: Vec<_> = contestants.iter().map(|c| (c.name, &c.plain)).collect();
    let streamed: Vec<_> = contestants.iter().map(|c| (c.name, &c.streamed)).collect();
    say(&table("Plain call, 1 KB each way", &plain, &yardsticks));
    say(&table("Stream of 40 events", &streamed, &yardsticks));
    say("\n### Resident memory\n\n| target | peak MiB | at the end MiB |\n| --- | ---: | ---: |");
    for contestant in
        contestants.iter().filter(|contestant| ![TRANSLATING, LIMITED].contains(&contestant.name))
    {
        let (peak, now) = contestant.process.memory_mib();
        say(&format!("| {} | {peak:.1} | {now:.1} |", contestant.name));
    }
    say(&format!("\npromptgate after the warm-up: {:.1} MiB", idle.unwrap_or_default()));
    Ok(())
}

async fn bare(own: &Path, directory: &Path, upstream: SocketAddr) -> anyhow::Result<Contestant> {
    let address = free_address()?;
    let arguments = ["bare".into(), address.to_string(), upstream.to_string()];
    let process = Process::start("bare", own, arguments, directory, address).await?;
    Ok(Contestant::new("bare hyper", process, plain_target(address)))
}

async fn nginx(program: &Path, directory: &Path, upstream: SocketAddr) -> anyhow::Result<Contestant> {
    let address = free_address()?;
    let here = directory.display();
    let configuration = format!(
        "daemon off; worker_processes 1; pid {here}/nginx.pid; error_log {here}/nginx-error.log;
         events {{ worker_connections 1024; }}
         http {{ access_log {here}/nginx-access.log;
           client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
           uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
           upstream model {{ server {upstream}; keepalive 64; keepalive_requests 1000000; }}
           server {{ listen {address}; keepalive_requests 1000000; location / {{
             proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection \"\";
             proxy_buffering off; }} }} }}"
    );
    let file = directory.join("nginx.conf");
    std::fs::write(&file, configuration)?;
    let arguments = [PathBuf::from("-c"), file];
    let process = Process::start("nginx", program, arguments, directory, address).await?;
    Ok(Contestant::new("nginx", process, plain_target(address)))
}

async fn gateway(
    name: &'static str,
    program: &Path,
    directory: &Path,
    upstream: SocketAddr,
) -> anyhow::Result<Contestant> {
    let directory = directory.join(name.replace(' ', "-"));
    std::fs::create_dir_all(&directory)?;
    let directory = directory.as_path();
    let (api, proxy, scheduler) = (free_address()?, free_address()?, free_address()?);
    let settings = format!(
        "PROMPTGATE_PORT={}\nPROMPTGATE_PROXY_PORT={}\nPROMPTGATE_SCHEDULER_PORT={}\n\
         PROMPTGATE_ADMIN_API_KEY={ADMIN_KEY}\nPROMPTGATE_DATA_DIR={}\n",
        api.port(),
        proxy.port(),
        scheduler.port(),
        directory.join("data").display()
    );
    let file = directory.join("gateway.env");
    std::fs::write(&file, settings)?;
    let program = std::path::absolute(program)?;
    let arguments = [PathBuf::from("run-all"), PathBuf::from("--env-file"), file];
    let process = Process::start(name, &program, arguments, directory, proxy).await?;
    let provider = json!({
        "name": "bench", "displayName": "Bench", "type": "openai_compatible", "enabled": true,
        "baseUrl": format!("http://{upstream}/v1"), "apiKey": "sk-bench", "models": ["bench"]
    });
    admin(api, "/api/v1/admin/providers", &provider).await?;
    let project = json!({"name": "Bench", "projectType": "ai_wrapper"});
    let project = admin(api, "/api/v1/admin/projects", &project).await?;
    let uuid = project["uuid"].as_str().context("a project has a uuid")?.to_owned();
    let tokens = format!("/api/v1/admin/projects/{uuid}/tokens");
    let issue = async |body| -> anyhow::Result<String> {
        let issued = admin(api, &tokens, &body).await?;
        Ok(issued["token"].as_str().context("an issued token is shown once")?.to_owned())
    };
    let token = issue(json!({"name": "bench", "scopes": ["chat"]})).await?;
    // Every limit there is, so high that none is reached.
    let limited = issue(json!({
        "name": "limited", "scopes": ["chat"], "rateLimitPerMinute": 100_000_000, "rateLimitPerHour": 1_000_000_000,
        "dailyBudgetUsdCap": 1_000_000, "monthlyBudgetUsdCap": 1_000_000, "dailyTokenCap": 1_000_000_000_000_u64,
    }))
    .await?;
    let path = format!("/api/{uuid}/v1/chat/completions");
    let target = Target { address: proxy, path, token, model: "bench:bench".into() };
    wait_until_served(&target).await?;
    Ok(Contestant { limited, ..Contestant::new(name, process, target) })
}

/// A new project and provider reach the proxy within a moment.
async fn wait_until_served(target: &Target) -> anyhow::Result<()> {
    let mut last = Ok(());
    for _ in 0..100 {
        last = turn(target, false, 1, 1).await.map(|_| ());
        if last.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    last
}

fn plain_target(address: SocketAddr) -> Target {
    Target { address, path: "/v1/chat/completions".into(), token: "none".into(), model: "bench".into() }
}

fn which(program: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
        .iter()
        .map(|directory| Path::new(directory).join(program))
        .find(|path| path.exists())
}

impl Contestant {
    fn new(name: &'static str, process: impl Into<Arc<Process>>, target: Target) -> Self {
        let process = process.into();
        let (limited, plain, streamed) = (String::new(), Series::default(), Series::default());
        Self { name, process, target, limited, plain, streamed }
    }

    /// The same process, asked in Anthropic's shape for a model that is asked in OpenAI's.
    fn translating(&self) -> Self {
        let path = self.target.path.replace("/v1/chat/completions", "/v1/messages");
        Self::new(TRANSLATING, Arc::clone(&self.process), Target { path, ..self.target.clone() })
    }

    /// The same process, called with a token that has limits.
    fn limited(&self) -> Self {
        let target = Target { token: self.limited.clone(), ..self.target.clone() };
        Self::new(LIMITED, Arc::clone(&self.process), target)
    }
}
