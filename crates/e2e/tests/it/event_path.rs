//! The way of usage events from the proxy into the database, with trouble on it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Process, Project, eventually, free_port};
use serde_json::Value;

const CLIENTS: usize = 8;
const PATIENCE: Duration = Duration::from_mins(3);

/// Calls until told to stop; keeps the request id of every call that was answered.
async fn call(project: Project, ended: Arc<AtomicBool>, answered: Arc<Mutex<BTreeSet<String>>>) {
    let project = Project { client: Client::new().bearer(&project.token), ..project };
    while !ended.load(Ordering::Relaxed) {
        let answer = project.chat("echo:echo").await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let id = answer.header("x-request-id").expect("every answer names its request").to_owned();
        answered.lock().unwrap().insert(id);
        // Enough to keep everything busy, and few enough to look at all of them.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Load that goes on while something happens.
struct Load {
    ended: Arc<AtomicBool>,
    answered: Arc<Mutex<BTreeSet<String>>>,
    clients: tokio::task::JoinSet<()>,
}

impl Load {
    fn on(project: &Project) -> Self {
        let (ended, answered) = (Arc::<AtomicBool>::default(), Arc::<Mutex<BTreeSet<String>>>::default());
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(call(project.clone(), Arc::clone(&ended), Arc::clone(&answered)));
        }
        Self { ended, answered, clients }
    }

    async fn until_answered(&self, count: usize) {
        eventually(&format!("{count} answers"), PATIENCE, || async {
            (self.answered.lock().unwrap().len() >= count).then_some(())
        })
        .await
        .unwrap();
    }

    fn so_far(&self) -> usize {
        self.answered.lock().unwrap().len()
    }

    async fn stop(mut self) -> BTreeSet<String> {
        self.ended.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
        std::mem::take(&mut *self.answered.lock().unwrap())
    }
}

async fn start_worker(installation: &Installation) -> (Process, u16) {
    let port = free_port();
    let worker = installation
        .start_with("promptgate", &["worker"], &[("PROMPTGATE_WORKER_PORT", &port.to_string())])
        .unwrap();
    eventually("a worker that is ready", PATIENCE, || async {
        let answer = Client::new().get(&format!("http://127.0.0.1:{port}/readyz")).await.ok()?;
        answer.status.is_success().then_some(())
    })
    .await
    .unwrap();
    (worker, port)
}

/// Every answered call has its event, and none has two.
async fn each_counts_once(gateway: &Gateway, project: &Project, answered: &BTreeSet<String>) {
    eventually("an event for every answered call", PATIENCE, || async {
        let events = gateway.usage_now(project).await.ok()?;
        let recorded: BTreeSet<_> = events.iter().filter_map(|event| event["requestId"].as_str()).collect();
        answered.iter().all(|id| recorded.contains(id.as_str())).then_some(())
    })
    .await
    .unwrap();
    let events = gateway.usage_now(project).await.unwrap();
    let recorded: Vec<_> = events
        .iter()
        .filter_map(|event| event["requestId"].as_str())
        .filter(|id| answered.contains(*id))
        .collect();
    assert_eq!(recorded.len(), answered.len(), "an event is there twice");
    let letters = gateway.admin(Method::GET, "/usage/dead-letters", &Value::Null).await.unwrap();
    assert_eq!(letters.expect(200).unwrap()["total"], 0);
}

/// A value of the metrics of a process.
async fn metric(port: u16, name: &str) -> f64 {
    let page = Client::new().get(&format!("http://127.0.0.1:{port}/metrics")).await.unwrap().text();
    let values =
        page.lines().filter_map(|line| line.strip_prefix(name)?.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn event_path_survives_killed_workers_and_a_redis_that_comes_back_empty() {
    let mut installation = Installation::on_postgres_and_redis()
        .await
        .unwrap()
        .set("PROMPTGATE_WORKER_PENDING_IDLE_TIMEOUT", "2s")
        .set("PROMPTGATE_WORKER_BATCH_SIZE", "50");
    let gateway = Gateway::separate(&installation).await.unwrap();
    gateway.provider("echo", "echo", "http://echo.invalid").await.unwrap();
    let project = gateway.project().await.unwrap();
    let (first, _) = start_worker(&installation).await;
    let (second, port) = start_worker(&installation).await;

    let load = Load::on(&project);
    load.until_answered(100).await;
    first.kill().unwrap();
    load.until_answered(load.so_far() + 100).await;
    installation.redis().unwrap().stop().await.unwrap();
    load.until_answered(load.so_far() + 100).await;
    installation.redis().unwrap().restart().await.unwrap();
    load.until_answered(load.so_far() + 100).await;
    // Frozen, then thawed: what was under way is neither lost nor counted twice.
    installation.redis().unwrap().pause().unwrap();
    load.until_answered(load.so_far() + 50).await;
    installation.redis().unwrap().resume().unwrap();
    load.until_answered(load.so_far() + 50).await;
    let answered = load.stop().await;
    each_counts_once(&gateway, &project, &answered).await;

    let (third, _) = start_worker(&installation).await;
    eventually("events through the stream again", PATIENCE, || async {
        project.chat("echo:echo").await.ok()?;
        (metric(port, "promptgate_usage_events_stored_total").await > 0.0).then_some(())
    })
    .await
    .unwrap();
    for worker in [second, third] {
        worker.terminate().await.unwrap();
    }
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn event_path_is_quick_when_it_is_quiet_and_needs_no_worker() {
    let installation = Installation::on_postgres_and_redis().await.unwrap();
    let mut gateway = Gateway::separate(&installation).await.unwrap();
    gateway.provider("echo", "echo", "http://echo.invalid").await.unwrap();
    let project = gateway.project().await.unwrap();
    let mut answered = BTreeSet::new();
    let mut slowest = Duration::ZERO;
    for count in 1..=5 {
        let answer = project.chat("echo:echo").await.unwrap();
        answered.insert(answer.header("x-request-id").unwrap().to_owned());
        let begun = Instant::now();
        gateway.usage(&project, count).await.unwrap();
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < Duration::from_secs(5), "an event took {slowest:?}");
    // Nobody is left who reads the stream: the proxy finds out, and brings the events itself.
    gateway.processes.remove(2).terminate().await.unwrap();
    for answer in join_all((0..20).map(|_| project.chat("echo:echo"))).await {
        answered.insert(answer.unwrap().header("x-request-id").unwrap().to_owned());
    }
    each_counts_once(&gateway, &project, &answered).await;
    gateway.stop().await.unwrap();
}
