//! Clients that call all the time, and what became of each call.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use promptgate_testkit::lone_postgres::LonePostgres;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Project, eventually};

/// So often a token is refused for its budget before its clients take the next one.
const REFUSALS: usize = 50;

/// How a call went.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The port that was called.
    pub port: u16,
    /// When it began.
    pub at: Instant,
    /// How long it took.
    pub took: Duration,
    /// Its status; `None` where there was no whole answer.
    pub status: Option<u16>,
    /// The id under which it was answered.
    pub id: Option<String>,
    /// Whether some limits could not be asked.
    pub is_degraded: bool,
    /// What went wrong, in words.
    pub why: Option<String>,
}

impl Sample {
    /// Whether it was answered with what was asked for.
    pub fn is_good(&self) -> bool {
        self.status == Some(200)
    }
}

/// Clients that call several data planes in turn, whole answers and streams, with one token after the other:
/// with the next one when the budget of the one before has nothing left.
#[derive(Debug)]
pub struct Load {
    projects: Arc<[Project]>,
    turn: Arc<Turn>,
    samples: Arc<Mutex<Vec<Sample>>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Whose turn it is.
#[derive(Debug, Default)]
struct Turn {
    token: AtomicUsize,
    refusals: AtomicUsize,
}

impl Turn {
    /// A token was refused for its budget.
    fn refused(&self, token: usize, of: usize) {
        let is_its_turn = self.token.load(Ordering::Relaxed) == token;
        if is_its_turn && self.refusals.fetch_add(1, Ordering::Relaxed) + 1 >= REFUSALS && token + 1 < of {
            self.refusals.store(0, Ordering::Relaxed);
            let _ = self.token.compare_exchange(token, token + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
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
    pub fn start(projects: &[Project], proxies: &[u16], clients: usize, pause: Duration) -> Self {
        let load = Self {
            projects: projects.into(),
            turn: Arc::default(),
            samples: Arc::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        for number in 0..clients {
            let port = proxies[number % proxies.len()];
            let callers: Vec<_> = projects.iter().map(|project| at(project, port)).collect();
            let (turn, samples, stop) =
                (Arc::clone(&load.turn), Arc::clone(&load.samples), load.stop.clone());
            load.tasks.spawn(async move {
                for call in 0.. {
                    if stop.is_cancelled() {
                        return;
                    }
                    let token = turn.token.load(Ordering::Relaxed);
                    let sample = call_once(&callers[token], port, call % 2 == 1).await;
                    if sample.status == Some(402) {
                        turn.refused(token, callers.len());
                    }
                    samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
                    tokio::time::sleep(pause).await;
                }
            });
        }
        load.tasks.close();
        load
    }

    /// The tokens that it has called with so far.
    pub fn used(&self) -> &[Project] {
        &self.projects[..=self.turn.token.load(Ordering::Relaxed)]
    }

    /// How the calls went that began between two instants.
    pub fn between(&self, from: Instant, to: Instant) -> Vec<Sample> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.iter().filter(|sample| from <= sample.at && sample.at < to).cloned().collect()
    }

    /// How all calls went so far.
    pub fn samples(&self) -> Vec<Sample> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a call that somebody else made with one of its tokens for one of its own.
    pub(super) fn add(&self, sample: Sample) {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
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
        let tokens: Vec<_> = self.used().iter().map(|project| format!("'{}'", project.token_id)).collect();
        let recorded =
            format!("SELECT request_id FROM usage_events WHERE token_id IN ({})", tokens.join(", "));
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

/// The same, called at a port, over connections of its own.
fn at(project: &Project, port: u16) -> Project {
    Project {
        base: format!("http://127.0.0.1:{port}/api/{}", project.id),
        client: project.client.with_own_connections(),
        ..project.clone()
    }
}

/// One call that may write sixteen tokens.
pub(super) async fn call_once(project: &Project, port: u16, streams: bool) -> Sample {
    let at = Instant::now();
    let body = json!({
        "model": "echo:echo", "stream": streams, "max_tokens": 16,
        "messages": [{"role": "user", "content": "Hello"}],
    });
    let url = project.url("/v1/chat/completions");
    let answered = async { project.client.stream(&url, &body).await?.whole().await };
    let answer = tokio::time::timeout(Duration::from_secs(30), answered).await;
    let took = at.elapsed();
    let failed = |id, why| Sample { port, at, took, status: None, id, is_degraded: false, why: Some(why) };
    match answer {
        Ok(Ok(answer)) => {
            let (status, id) = (answer.status.as_u16(), answer.header("x-request-id").map(str::to_owned));
            if streams && status == 200 && !answer.text().contains("[DONE]") {
                return failed(id, "the stream broke off".to_owned());
            }
            let is_degraded = answer.header("x-promptgate-limits-degraded").is_some();
            let why = (status != 200).then(|| answer.text());
            Sample { port, at, took, status: Some(status), id, is_degraded, why }
        }
        Ok(Err(error)) => failed(None, format!("{error:#}")),
        Err(_) => failed(None, "no answer within 30 s".to_owned()),
    }
}
