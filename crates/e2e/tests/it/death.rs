//! `kill -9` under load.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use promptgate_e2e::{Client, Gateway, Installation, Project, eventually};

const CLIENTS: usize = 16;
const BEFORE_DEATH: usize = 300;

/// Calls until the process is gone; keeps the request id of every call that was answered whole.
async fn call_until_death(project: Project, answered: Arc<Mutex<BTreeSet<String>>>, count: Arc<AtomicUsize>) {
    let project = Project { client: Client::new().bearer(&project.token), ..project };
    for number in 0.. {
        let answer = if number % 2 == 0 {
            project.chat("echo:echo").await
        } else {
            match project.stream("echo:echo").await {
                Ok(stream) => stream.whole().await,
                Err(error) => Err(error),
            }
        };
        let Ok(answer) = answer else { return };
        assert_eq!(answer.status, 200, "{}", answer.text());
        let id = answer.header("x-request-id").expect("every answer names its request").to_owned();
        answered.lock().unwrap().insert(id);
        count.fetch_add(1, Ordering::Relaxed);
    }
}

async fn every_answered_call_has_its_event(installation: Installation, mut gateway: Gateway, proxy: usize) {
    let project = gateway.project().await.unwrap();
    let answered = Arc::<Mutex<BTreeSet<String>>>::default();
    let count = Arc::<AtomicUsize>::default();
    let mut load = std::pin::pin!(join_all((0..CLIENTS).map(|_| call_until_death(
        project.clone(),
        Arc::clone(&answered),
        Arc::clone(&count)
    )),));
    let killed = async {
        eventually("enough calls", Duration::from_mins(1), || async {
            (count.load(Ordering::Relaxed) >= BEFORE_DEATH).then_some(())
        })
        .await
        .unwrap();
        gateway.processes.remove(proxy).kill().unwrap();
    };
    tokio::select! {
        _ = &mut load => panic!("every client had failed before the process died"),
        () = killed => {}
    }
    // Whoever still waits for an answer of the dead then was not answered.
    let _ = tokio::time::timeout(Duration::from_secs(10), load).await;
    for process in gateway.processes.drain(..) {
        process.terminate().await.unwrap();
    }

    let gateway = if proxy == 0 {
        Gateway::run_all(&installation).await.unwrap()
    } else {
        Gateway::separate(&installation).await.unwrap()
    };
    let answered = answered.lock().unwrap().clone();
    let missing = || async {
        let events = gateway.usage_now(&project).await.ok()?;
        let recorded: BTreeSet<_> = events.iter().filter_map(|event| event["requestId"].as_str()).collect();
        Some(answered.iter().filter(|id| !recorded.contains(id.as_str())).count())
    };
    eventually("an event for every answered call", Duration::from_mins(1), || async {
        (missing().await? == 0).then_some(())
    })
    .await
    .unwrap();
    let events = gateway.usage_now(&project).await.unwrap();
    let ids: BTreeSet<_> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "an event is there twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn run_all_loses_nothing() {
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    every_answered_call_has_its_event(installation, gateway, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_over_postgres_loses_nothing() {
    let installation = Installation::on_postgres().await.unwrap();
    let gateway = Gateway::separate(&installation).await.unwrap();
    gateway.provider("echo", "echo", "http://echo.invalid").await.unwrap();
    every_answered_call_has_its_event(installation, gateway, 1).await;
}
