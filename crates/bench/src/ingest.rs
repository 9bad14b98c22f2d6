//! How fast calls that are over come into the database: they are put where a data plane leaves them, and then
//! the real process brings them in.
//!
//! With a Redis they wait in its stream for workers; without one, in the spool of a process that ended, which
//! the next one adopts.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use promptgate_coordination_local::spool::{Spool, SpoolOptions};
use promptgate_coordination_redis::{RedisStream, StreamOptions};
use promptgate_gateway::ports::UsageSink;
use promptgate_ingest::{Feed, FeedError};
use promptgate_store::{Access, Store};
use promptgate_store_sql::{SqlOptions, connect};

use crate::ask::{ADMIN_KEY, text};
use crate::calls::Callers;
use crate::process::{Process, free_address, say};
use crate::serving::{Serving, machine_cpu_seconds};

/// How many calls are put into the stream at once.
const PORTION: u64 = 500;
/// How often it is looked how far it is.
const LOOKED_EVERY: Duration = Duration::from_millis(20);
/// How long nothing may happen.
const PATIENCE: Duration = Duration::from_mins(2);

/// What is recorded.
#[derive(clap::Args, Clone)]
pub(crate) struct Amounts {
    /// The `promptgate` binary, built in release mode.
    #[arg(long)]
    gateway: PathBuf,
    /// An empty PostgreSQL database, as a URL; a SQLite file is made without.
    #[arg(long)]
    postgres: Option<String>,
    /// A Redis that nobody else uses, as a URL, through which the calls go to workers.
    #[arg(long, requires = "postgres")]
    redis: Option<String>,
    /// How many calls a turn has.
    #[arg(long, default_value_t = 200_000)]
    calls: u64,
    /// With how many workers, one turn after the other; the embedded gateway is one process.
    #[arg(long, value_delimiter = ',', default_values_t = [1_usize, 2])]
    workers: Vec<usize>,
    /// How often each turn is taken.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// What is kept of what was said, one turn after the other: nothing, or requests and answers of 1 KB.
    #[arg(long, value_delimiter = ',', default_values_t = ["none".to_owned(), "full".to_owned()])]
    bodies: Vec<String>,
}

/// Where the calls are put.
enum Waiting {
    Stream(Arc<dyn Feed>, Box<RedisStream>),
    Spool,
}

struct Bench {
    amounts: Amounts,
    directory: PathBuf,
    callers: Callers,
    waiting: Waiting,
    store: Arc<dyn Store>,
    servers: Vec<(&'static str, Option<Serving>)>,
}

pub(crate) async fn ingest(amounts: Amounts) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let directory = scratch.path().to_owned();
    std::fs::create_dir_all(directory.join("data"))?;
    let url = amounts.postgres.clone();
    let url = url.unwrap_or_else(|| format!("sqlite:{}", directory.join("data/promptgate.db").display()));
    let connected = connect(&url, SqlOptions::default()).await?;
    connected.migrate().await?;
    let callers = Callers::new();
    callers.hold_budgets(&*connected.counters()).await.context("cannot make budgets")?;
    let waiting = match &amounts.redis {
        Some(url) => {
            let unbounded =
                StreamOptions { max_events: 1 << 40, max_bytes: 1 << 40, ..StreamOptions::default() };
            let stream = RedisStream::connect(url, unbounded)?;
            Waiting::Stream(stream.feed(), Box::new(stream))
        }
        None => Waiting::Spool,
    };
    let servers = [("PostgreSQL", &amounts.postgres), ("Redis", &amounts.redis)];
    let servers = servers.into_iter().filter_map(|(name, url)| Some((name, Serving::of(url.as_deref()?))));
    let servers = servers.collect();
    let bench = Bench { amounts, directory, callers, waiting, store: connected.store(), servers };
    bench.run().await?;
    connected.close().await;
    Ok(())
}

impl Bench {
    async fn run(&self) -> anyhow::Result<()> {
        let mut head =
            "| what was said | processes | calls a second | calls a CPU second of them |".to_owned();
        head.push_str(" cores: they |");
        for (name, _) in &self.servers {
            let _ = write!(head, " {name} |");
        }
        head.push_str(" others | memory, MiB |");
        say(&head);
        say(&format!("| --- |{}", " ---: |".repeat(self.servers.len() + 6)));
        let is_embedded = self.amounts.postgres.is_none();
        let workers = if is_embedded { vec![1] } else { self.amounts.workers.clone() };
        let mut first = 0;
        for _ in 0..self.amounts.rounds {
            for bodies in &self.amounts.bodies {
                for workers in &workers {
                    self.turn(first, bodies, *workers).await?;
                    first += self.amounts.calls;
                }
            }
        }
        let letters = self.store.begin(Access::Read).await?.dead_letters().waiting().await?;
        ensure!(letters == 0, "{letters} calls could not be recorded");
        Ok(())
    }

    /// Puts calls where they wait, and has them brought in.
    async fn turn(&self, first: u64, bodies: &str, workers: usize) -> anyhow::Result<()> {
        let has_content = bodies != "none";
        self.fill(first, has_content).await?;
        let mut processes = Vec::new();
        for number in 0..workers {
            processes.push(self.start(number).await?);
        }
        let total = self.amounts.calls;
        let begun = self.wait_until(&processes, 1).await?;
        let (started, done_before) = (Instant::now(), begun);
        let before = self.spent(&processes);
        self.wait_until(&processes, total).await?;
        let took = started.elapsed().as_secs_f64();
        let after = self.spent(&processes);
        let cores: Vec<f64> =
            before.iter().zip(&after).map(|(before, after)| (after - before) / took).collect();
        let [own, machine, servers @ ..] = &cores[..] else { unreachable!("both are always there") };
        let done = (total - done_before) as f64;
        let mut line =
            format!("| {bodies} | {workers} | {:.0} | {:.0} | {own:.2} |", done / took, done / (own * took));
        for (used, (_, serving)) in servers.iter().zip(&self.servers) {
            let used = if serving.is_some() { format!("{used:.2}") } else { "?".to_owned() };
            let _ = write!(line, " {used} |");
        }
        let memory: f64 = processes.iter().map(|(process, _)| process.memory_mib().0).sum();
        let _ = write!(line, " {:.2} | {memory:.0} |", machine - own - servers.iter().sum::<f64>());
        say(&line);
        Ok(())
    }

    async fn fill(&self, first: u64, has_content: bool) -> anyhow::Result<()> {
        let numbers = first..first + self.amounts.calls;
        match &self.waiting {
            Waiting::Stream(feed, _) => {
                let mut from = numbers.start;
                while from < numbers.end {
                    let until = numbers.end.min(from + PORTION);
                    let calls: Vec<_> =
                        (from..until).map(|number| self.callers.call(number, has_content)).collect();
                    feed_patiently(&**feed, &calls).await?;
                    from = until;
                }
            }
            Waiting::Spool => {
                let options = SpoolOptions { alarm_bytes: u64::MAX, ..SpoolOptions::default() };
                let spool = Spool::open(&self.directory.join("data/spool"), options)?;
                for number in numbers {
                    spool.append(&self.callers.call(number, has_content))?;
                }
            }
        }
        Ok(())
    }

    /// Starts a process that brings calls in; also says where its metrics are.
    async fn start(&self, number: usize) -> anyhow::Result<(Process, SocketAddr)> {
        let directory = self.directory.join(format!("process-{number}"));
        std::fs::create_dir_all(&directory)?;
        let [api, proxy, scheduler, worker] =
            [free_address()?, free_address()?, free_address()?, free_address()?];
        // The first one finds what waits in a spool.
        let data = if number == 0 { self.directory.join("data") } else { directory.join("data") };
        let mut settings = format!(
            "PROMPTGATE_PORT={}\nPROMPTGATE_PROXY_PORT={}\nPROMPTGATE_SCHEDULER_PORT={}\n\
             PROMPTGATE_WORKER_PORT={}\nPROMPTGATE_ADMIN_API_KEY={ADMIN_KEY}\nPROMPTGATE_DATA_DIR={}\n",
            api.port(),
            proxy.port(),
            scheduler.port(),
            worker.port(),
            data.display()
        );
        if let Some(url) = &self.amounts.postgres {
            let _ = write!(
                settings,
                "PROMPTGATE_DATABASE_URL={url}\nPROMPTGATE_SECRETS_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n\
                 PROMPTGATE_JWT_SECRET=a-secret-of-more-than-32-bytes-for-benches\n"
            );
        }
        if let Some(url) = &self.amounts.redis {
            let _ = writeln!(settings, "PROMPTGATE_REDIS_URL={url}");
        }
        let file = directory.join("gateway.env");
        std::fs::write(&file, settings)?;
        let is_embedded = self.amounts.postgres.is_none();
        let (command, address) = if is_embedded { ("run-all", api) } else { ("worker", worker) };
        let arguments = [PathBuf::from(command), PathBuf::from("--env-file"), file];
        let program = std::path::absolute(&self.amounts.gateway)?;
        let process =
            Process::start("promptgate", &program, arguments, Path::new(&directory), address).await?;
        Ok((process, address))
    }

    /// Waits until so many calls of a turn are recorded; says how many are.
    async fn wait_until(&self, processes: &[(Process, SocketAddr)], count: u64) -> anyhow::Result<u64> {
        let (mut known, mut since) = (0, Instant::now());
        loop {
            let recorded = self.recorded(processes).await?;
            if recorded >= count {
                return Ok(recorded);
            }
            if recorded > known {
                (known, since) = (recorded, Instant::now());
            }
            ensure!(since.elapsed() < PATIENCE, "{known} calls are recorded, and no more come");
            tokio::time::sleep(LOOKED_EVERY).await;
        }
    }

    async fn recorded(&self, processes: &[(Process, SocketAddr)]) -> anyhow::Result<u64> {
        if let Waiting::Stream(_, stream) = &self.waiting {
            return Ok(self.amounts.calls.saturating_sub(stream.measure().await?.length));
        }
        let mut sum = 0.0;
        for (_, address) in processes {
            let page = text(*address, "/metrics").await?;
            let values =
                page.lines().filter_map(|line| line.strip_prefix("promptgate_usage_events_stored_total"));
            sum += values.filter_map(|rest| rest.trim().parse::<f64>().ok()).sum::<f64>();
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it counts calls")]
        let sum = sum as u64;
        Ok(sum)
    }

    /// Processor seconds: of the processes, of the machine but for this one, and of each server.
    fn spent(&self, processes: &[(Process, SocketAddr)]) -> Vec<f64> {
        let own = processes.iter().map(|(process, _)| process.cpu_seconds()).sum();
        let servers = self.servers.iter().map(|(_, serving)| serving.map_or(0.0, Serving::cpu_seconds));
        [own, machine_cpu_seconds()].into_iter().chain(servers).collect()
    }
}

/// Until the connection is there.
async fn feed_patiently(
    feed: &dyn Feed,
    calls: &[Arc<promptgate_usage::FinishedCall>],
) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        match feed.feed(calls).await {
            Ok(()) => return Ok(()),
            Err(FeedError::Away(_)) if begun.elapsed() < PATIENCE => tokio::time::sleep(LOOKED_EVERY).await,
            Err(error) => return Err(error.into()),
        }
    }
}
