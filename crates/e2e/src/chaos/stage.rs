//! The processes and servers that trouble comes over.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use http::Method;
use promptgate_testkit::line::Line;
use promptgate_testkit::lone_postgres::LonePostgres;
use promptgate_testkit::redis::Redis;
use serde_json::json;

use crate::{Client, Ended, Gateway, Installation, Process, Project, eventually, free_port};

/// How long something may take to come back on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which kind a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The control plane.
    Api,
    /// A data plane.
    Proxy,
    /// A scheduler.
    Scheduler,
    /// One that brings events into the database.
    Worker,
}

impl Part {
    /// The binary, and what it is told.
    fn program(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Api => ("promptgate-api", &[]),
            Self::Proxy => ("promptgate-proxy", &[]),
            Self::Scheduler => ("promptgate-scheduler", &[]),
            Self::Worker => ("promptgate", &["worker"]),
        }
    }

    fn port_setting(self) -> &'static str {
        match self {
            Self::Api => "PROMPTGATE_PORT",
            Self::Proxy => "PROMPTGATE_PROXY_PORT",
            Self::Scheduler => "PROMPTGATE_SCHEDULER_PORT",
            Self::Worker => "PROMPTGATE_WORKER_PORT",
        }
    }
}

/// One process, and how to start it again.
#[derive(Debug)]
struct Member {
    part: Part,
    port: u16,
    data: String,
    process: Option<Process>,
}

/// Two data planes, one control plane, two schedulers, a worker, a PostgreSQL and a Redis.
pub struct Stage {
    /// The database.
    pub postgres: LonePostgres,
    /// The Redis.
    pub redis: Redis,
    /// The way to the database.
    pub to_postgres: Line,
    /// The way to Redis.
    pub to_redis: Line,
    /// What speaks to the control plane.
    pub gateway: Gateway,
    members: Vec<Member>,
    /// What those said that are gone.
    last_words: Vec<String>,
    installation: Installation,
}

impl Stage {
    /// Starts everything, with a provider `echo` and more settings.
    pub async fn start(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let (postgres, redis) = (LonePostgres::start().await?, Redis::start().await?);
        let (to_postgres, to_redis) = (Line::to(postgres.port()).await?, Line::to(redis.port()).await?);
        let installation = Installation::on(&LonePostgres::url_through(to_postgres.port()))?
            .set("PROMPTGATE_REDIS_URL", &format!("redis://127.0.0.1:{}", to_redis.port()));
        let installation =
            settings.iter().fold(installation, |installation, (name, value)| installation.set(name, value));
        installation.migrate().await?;
        let parts = [Part::Api, Part::Proxy, Part::Proxy, Part::Scheduler, Part::Scheduler, Part::Worker];
        let mut members = Vec::new();
        for (number, part) in parts.into_iter().enumerate() {
            let data = installation.path().join(format!("data-{number}")).to_string_lossy().into_owned();
            members.push(Member { part, port: free_port(), data, process: None });
        }
        let gateway = Gateway::at(members[0].port, members[1].port);
        let last_words = Vec::new();
        let mut stage =
            Self { postgres, redis, to_postgres, to_redis, gateway, members, last_words, installation };
        stage.gateway.second_proxy = Some(format!("http://127.0.0.1:{}", stage.members[2].port));
        for number in 0..stage.members.len() {
            stage.begin(number)?;
        }
        for number in 0..stage.members.len() {
            stage.until_ready(number).await?;
        }
        stage.gateway.provider("echo", "echo", "http://echo.invalid").await?;
        Ok(stage)
    }

    /// How many processes there are: the control plane, two data planes, two schedulers, a worker.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Never.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What the process of a number is.
    pub fn part(&self, number: usize) -> Part {
        self.members[number].part
    }

    /// The ports of the data planes.
    pub fn proxies(&self) -> Vec<u16> {
        self.members.iter().filter(|member| member.part == Part::Proxy).map(|member| member.port).collect()
    }

    /// Starts a process that does not run.
    pub fn begin(&mut self, number: usize) -> anyhow::Result<()> {
        let Self { members, installation, .. } = self;
        let member = &mut members[number];
        let port = member.port.to_string();
        let variables = [(member.part.port_setting(), port.as_str()), ("PROMPTGATE_DATA_DIR", &member.data)];
        let (binary, arguments) = member.part.program();
        member.process = Some(installation.start_with(binary, arguments, &variables)?);
        Ok(())
    }

    /// Ends a process without a word.
    pub fn kill(&mut self, number: usize) -> anyhow::Result<()> {
        let process = self.members[number].process.take().context("it does not run")?;
        self.last_words.push(process.said());
        process.kill()
    }

    /// Asks a process to end, and waits until it says that it is not to be asked any more.
    pub async fn until_unready(&mut self, number: usize) -> anyhow::Result<()> {
        let member = &self.members[number];
        member.process.as_ref().context("it does not run")?.signal("TERM")?;
        let (client, url) = (Client::new(), format!("http://127.0.0.1:{}/readyz", member.port));
        eventually("a process that is not ready", PATIENCE, || async {
            (!client.get(&url).await.ok()?.status.is_success()).then_some(())
        })
        .await
    }

    /// Waits until a process that was asked to has ended.
    pub async fn until_ended(&mut self, number: usize) -> anyhow::Result<()> {
        let ended = self.members[number].process.take().context("it does not run")?.end().await?;
        anyhow::ensure!(ended.status.success(), "{}: {}{}", ended.status, ended.output, ended.errors);
        self.last_words.push(ended.output);
        Ok(())
    }

    /// The port of a process.
    pub fn port(&self, number: usize) -> u16 {
        self.members[number].port
    }

    /// Waits until a process serves.
    pub async fn until_ready(&mut self, number: usize) -> anyhow::Result<()> {
        let member = &mut self.members[number];
        let (client, url) = (Client::new(), format!("http://127.0.0.1:{}/readyz", member.port));
        let process = member.process.as_mut().context("it does not run")?;
        let ready = eventually(&format!("200 from {url}"), PATIENCE, || {
            let (runs, client, url) = (process.runs(), client.clone(), url.clone());
            async move {
                if !runs {
                    return Some(false);
                }
                client.get(&url).await.ok()?.status.is_success().then_some(true)
            }
        })
        .await;
        anyhow::ensure!(ready.with_context(|| process.said())?, "it ended: {}", process.said());
        Ok(())
    }

    /// Waits until everything is as before: every process serves and gives nothing up, the control plane takes
    /// changes.
    pub async fn until_recovered(&mut self) -> anyhow::Result<()> {
        for number in 0..self.members.len() {
            self.until_ready(number).await?;
            let (client, url) = (Client::new(), format!("http://127.0.0.1:{}/readyz", self.port(number)));
            eventually("a process that gives nothing up", PATIENCE, || async {
                let said = client.get(&url).await.ok()?.json();
                said["degraded"].as_array().is_none_or(Vec::is_empty).then_some(())
            })
            .await?;
        }
        let gateway = &self.gateway;
        let body = json!({"name": "Recovery", "projectType": "agent_proxy"});
        let takes_changes = || async {
            let answer = gateway.admin(Method::POST, "/projects", &body).await.ok()?;
            (answer.status == 201).then_some(())
        };
        eventually("a control plane that takes changes", PATIENCE, takes_changes).await
    }

    /// Runs a command of the operator to its end.
    pub async fn operate(&self, arguments: &[&str]) -> anyhow::Result<Ended> {
        self.installation.operate(arguments, "").await
    }

    /// A project with a token.
    pub async fn project(&self) -> anyhow::Result<Project> {
        self.gateway.project().await
    }

    /// Lets the lives of all who hold something of limits be over.
    pub async fn outlive_holders(&self) -> anyhow::Result<()> {
        self.postgres.ask("UPDATE limit_holders SET until_at = 0").await.map(drop)
    }

    /// How many spools there are, of the living and of the dead.
    pub fn spools(&self) -> anyhow::Result<usize> {
        let mut spools = 0;
        for member in &self.members {
            let root = Path::new(&member.data).join("spool");
            spools += if root.exists() { fs::read_dir(root)?.count() } else { 0 };
        }
        Ok(spools)
    }

    /// How many deliveries of the stream of events nobody confirmed.
    pub async fn unconfirmed(&self) -> anyhow::Result<usize> {
        let answer = self.redis.ask("XPENDING promptgate:usage:calls promptgate-workers").await?;
        // A stream that Redis lost is made anew with the next event.
        if answer.starts_with("-NOGROUP") {
            return Ok(0);
        }
        let count = answer.lines().nth(1).and_then(|line| line.strip_prefix(':')?.trim().parse().ok());
        count.with_context(|| format!("`{answer}` is no count"))
    }

    /// What processes warned of so far, the dead included, and how often.
    pub fn warnings(&self) -> BTreeMap<String, usize> {
        let living = self.members.iter().filter_map(|member| member.process.as_ref()).map(Process::said);
        let mut warnings = BTreeMap::new();
        for said in self.last_words.iter().cloned().chain(living) {
            for line in said.lines() {
                let at = ["level=warn ", "level=error "].iter().find_map(|level| line.find(level));
                let Some(warning) = at.map(|at| line[at..].split(" target=").next().unwrap_or_default())
                else {
                    continue;
                };
                // Ids and counts make no kinds.
                let kind = warning.chars().filter(|letter| !letter.is_ascii_digit()).take(240);
                *warnings.entry(kind.collect::<String>()).or_default() += 1;
            }
        }
        warnings
    }
}
