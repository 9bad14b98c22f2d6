//! A revoked token is refused in under a second, however the processes are coordinated.

use std::time::Duration;

use promptgate_e2e::{Client, Gateway, Installation, eventually};

async fn revoke_and_watch(gateway: Gateway) {
    if gateway.processes.len() > 1 {
        gateway.provider("echo", "echo", "http://echo.invalid").await.unwrap();
    }
    let project = gateway.project().await.unwrap();
    let proxies: Vec<_> =
        [Some(&gateway.proxy), gateway.second_proxy.as_ref()].into_iter().flatten().collect();
    let client = Client::new().bearer(&project.token);
    let status = |proxy: &str| {
        let url = format!("{proxy}/api/{}/v1/models", project.id);
        let client = client.clone();
        async move { client.get(&url).await.unwrap().status.as_u16() }
    };
    for proxy in &proxies {
        assert_eq!(status(proxy).await, 200);
    }
    gateway.revoke(&project).await.unwrap();
    for proxy in &proxies {
        eventually("401 for a revoked token", Duration::from_secs(1), || async {
            (status(proxy).await == 401).then_some(())
        })
        .await
        .unwrap_or_else(|error| panic!("{proxy}: {error}"));
        assert_eq!(status(proxy).await, 401, "a revoked token is not taken back");
    }
}

#[tokio::test]
async fn in_one_process() {
    let installation = Installation::embedded().unwrap();
    revoke_and_watch(Gateway::run_all(&installation).await.unwrap()).await;
}

#[tokio::test]
async fn in_processes_over_one_sqlite_file() {
    let installation = Installation::embedded().unwrap();
    revoke_and_watch(Gateway::separate(&installation).await.unwrap()).await;
}

#[tokio::test]
async fn in_replicas_over_postgres_alone() {
    let installation = Installation::on_postgres().await.unwrap();
    revoke_and_watch(Gateway::replicated(&installation).await.unwrap()).await;
}

#[tokio::test]
async fn in_replicas_over_postgres_and_redis() {
    let installation = Installation::on_postgres_and_redis().await.unwrap();
    revoke_and_watch(Gateway::replicated(&installation).await.unwrap()).await;
}
