//! The measurement: everything is started, takes turns, and is reported.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::Plan;
use crate::drive::{Target, turn};
use crate::process::{Process, free_address};
use crate::report::{Series, table};

const ADMIN_KEY: &str = "bench-admin-key";
const NAME: &str = "promptgate";
const TRANSLATING: &str = "promptgate, translating";

struct Contestant {
    name: &'static str,
    process: Arc<Process>,
    target: Target,
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
    let translating = measured.translating();
    contestants.extend([measured, translating]);

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
    let yardsticks: Vec<&str> =
        contestants.iter().map(|c| c.name).filter(|name| *name != NAME && *name != TRANSLATING).collect();
    let plain: Vec<_> = contestants.iter().map(|c| (c.name, &c.plain)).collect();
    let streamed: Vec<_> = contestants.iter().map(|c| (c.name, &c.streamed)).collect();
    say(&table("Plain call, 1 KB each way", &plain, &yardsticks));
    say(&table("Stream of 40 events", &streamed, &yardsticks));
    say("\n### Resident memory\n\n| target | peak MiB | at the end MiB |\n| --- | ---: | ---: |");
    for contestant in contestants.iter().filter(|contestant| contestant.name != TRANSLATING) {
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
    let issued = admin(api, &tokens, &json!({"name": "bench", "scopes": ["chat"]})).await?;
    let token = issued["token"].as_str().context("an issued token is shown once")?.to_owned();
    let path = format!("/api/{uuid}/v1/chat/completions");
    let target = Target { address: proxy, path, token, model: "bench:bench".into() };
    wait_until_served(&target).await?;
    Ok(Contestant::new(name, process, target))
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

async fn admin(api: SocketAddr, path: &str, body: &Value) -> anyhow::Result<Value> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(TcpStream::connect(api).await?)).await?;
    let mut connections = tokio::task::JoinSet::new();
    connections.spawn(connection);
    let request = Request::post(path)
        .header(header::HOST, api.to_string())
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-admin-api-key", ADMIN_KEY)
        .body(Full::new(Bytes::from(body.to_string())))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let answer = response.into_body().collect().await?.to_bytes();
    ensure!(status.is_success(), "POST {path} answered {status}: {}", String::from_utf8_lossy(&answer));
    Ok(serde_json::from_slice(&answer)?)
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

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn say(text: &str) {
    println!("{text}");
}

impl Contestant {
    fn new(name: &'static str, process: Process, target: Target) -> Self {
        let process = Arc::new(process);
        Self { name, process, target, plain: Series::default(), streamed: Series::default() }
    }

    /// The same process, asked in Anthropic's shape for a model that is asked in OpenAI's.
    fn translating(&self) -> Self {
        let path = self.target.path.replace("/v1/chat/completions", "/v1/messages");
        Self {
            name: TRANSLATING,
            process: Arc::clone(&self.process),
            target: Target { path, ..self.target.clone() },
            plain: Series::default(),
            streamed: Series::default(),
        }
    }
}
