//! Clients that call all the time, and what became of each call.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use promptgate_testkit::lone_postgres::LonePostgres;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Project, eventually};

/// How a call went.
#[derive(Debug, Clone)]
pub struct Sample {
    /// When it began.
    pub at: Instant,
    /// How long it took.
    pub took: Duration,
    /// Its status; `None` where there was no whole answer.
    pub status: Option<u16>,
    /// The id under which it was answered.
    pub id: Option<String>,
    /// What went wrong, in words.
    pub why: Option<String>,
}

impl Sample {
    /// Whether it was answered with what was asked for.
    pub fn is_good(&self) -> bool {
        self.status == Some(200)
    }
}

/// Clients of one project that call several data planes in turn, whole answers and streams.
#[derive(Debug)]
pub struct Load {
    project: Project,
    samples: Arc<Mutex<Vec<Sample>>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What the database has of the calls of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Calls that were answered well and are not recorded.
    pub lost: usize,
    /// Calls that are recorded more than once.
    pub double: usize,
    /// Calls that were answered well.
    pub answered: usize,
}

impl Load {
    /// Starts so many clients, each of which pauses after each of its calls.
    pub fn start(project: &Project, proxies: &[u16], clients: usize, pause: Duration) -> Self {
        let load = Self {
            project: project.clone(),
            samples: Arc::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        for number in 0..clients {
            let port = proxies[number % proxies.len()];
            let project = Project {
                base: format!("http://127.0.0.1:{port}/api/{}", project.id),
                client: project.client.with_own_connections(),
                ..project.clone()
            };
            let (samples, stop) = (Arc::clone(&load.samples), load.stop.clone());
            load.tasks.spawn(async move {
                for call in 0.. {
                    if stop.is_cancelled() {
                        return;
                    }
                    let sample = call_once(&project, call % 2 == 1).await;
                    samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
                    tokio::time::sleep(pause).await;
                }
            });
        }
        load.tasks.close();
        load
    }

    /// How the calls went that began between two instants.
    pub fn between(&self, from: Instant, to: Instant) -> Vec<Sample> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.iter().filter(|sample| from <= sample.at && sample.at < to).cloned().collect()
    }

    /// Ends the clients after the calls that they are at.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }

    /// What the database has of the calls, once it has an event for each that was answered, or nothing new
    /// comes for long enough.
    pub async fn counted(&self, postgres: &LonePostgres, patience: Duration) -> anyhow::Result<Counted> {
        let answered: BTreeSet<String> = {
            let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
            samples.iter().filter(|sample| sample.is_good()).filter_map(|sample| sample.id.clone()).collect()
        };
        let recorded =
            format!("SELECT request_id FROM usage_events WHERE token_id = '{}'", self.project.token_id);
        let count = async || -> anyhow::Result<Counted> {
            let said = postgres.ask(&recorded).await?;
            let (mut seen, mut double) = (BTreeSet::new(), 0);
            for id in said.lines() {
                double += usize::from(!seen.insert(id));
            }
            let lost = answered.iter().filter(|id| !seen.contains(id.as_str())).count();
            Ok(Counted { lost, double, answered: answered.len() })
        };
        let complete = eventually("an event for every answered call", patience, || async {
            let counted = count().await.ok()?;
            (counted.lost == 0).then_some(counted)
        });
        match complete.await {
            Ok(counted) => Ok(counted),
            Err(_) => count().await.context("the database cannot be asked"),
        }
    }
}

async fn call_once(project: &Project, streams: bool) -> Sample {
    let at = Instant::now();
    let answered = async {
        if streams {
            project.stream("echo:echo").await?.whole().await
        } else {
            project.chat("echo:echo").await
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), answered).await;
    let took = at.elapsed();
    match answer {
        Ok(Ok(answer)) => {
            let (status, id) =
                (Some(answer.status.as_u16()), answer.header("x-request-id").map(str::to_owned));
            let whole = !streams || answer.status != 200 || answer.text().contains("[DONE]");
            let why = (answer.status != 200).then(|| answer.text());
            if whole {
                Sample { at, took, status, id, why }
            } else {
                Sample { at, took, status: None, id, why: Some("the stream broke off".to_owned()) }
            }
        }
        Ok(Err(error)) => Sample { at, took, status: None, id: None, why: Some(format!("{error:#}")) },
        Err(_) => Sample { at, took, status: None, id: None, why: Some("no answer within 30 s".to_owned()) },
    }
}
