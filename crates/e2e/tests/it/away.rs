//! Databases that are away.

use std::time::{Duration, Instant};

use http::Method;
use promptgate_e2e::{Gateway, Installation};
use promptgate_testkit::postgres::PostgresServer;
use serde_json::Value;

#[tokio::test]
async fn the_data_plane_goes_on_without_postgres() {
    let server = tokio::task::spawn_blocking(PostgresServer::start).await.unwrap().unwrap();
    let installation =
        Installation::on_postgres().await.unwrap().set("PROMPTGATE_DATABASE_URL", server.url());
    let gateway = Gateway::separate(&installation).await.unwrap();
    gateway.provider("echo", "echo", "http://echo.invalid").await.unwrap();
    let project = gateway.project().await.unwrap();
    project.chat("echo:echo").await.unwrap().expect(200).unwrap();

    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
    for _ in 0..20 {
        let started = Instant::now();
        project.chat("echo:echo").await.unwrap().expect(200).unwrap();
        assert!(started.elapsed() < Duration::from_secs(1), "took {:?}", started.elapsed());
    }
    let unknown = promptgate_e2e::Client::new().bearer(&unknown_token());
    let answer = unknown.get(&project.url("/v1/models")).await.unwrap();
    assert_eq!(
        answer.status,
        503,
        "who cannot be looked up is not told that the token is wrong: {}",
        answer.text()
    );
    let listed = gateway.admin(Method::GET, "/projects", &Value::Null).await.unwrap();
    assert_eq!(listed.status, 503, "{}", listed.text());
}

/// Well formed, so that only the database can tell that nobody has it.
fn unknown_token() -> String {
    "pg_live_LwPbcU43xGNI4gJVvMjcxEbn1TCqNyrmLo6yHrDbDOg2VoTlu".to_owned()
}

#[tokio::test]
async fn a_redis_that_is_frozen_or_gone_costs_nothing() {
    let mut installation = Installation::on_postgres_and_redis().await.unwrap();
    let gateway = Gateway::separate(&installation).await.unwrap();
    gateway.provider("echo", "echo", "http://echo.invalid").await.unwrap();
    let project = gateway.project().await.unwrap();
    project.chat("echo:echo").await.unwrap().expect(200).unwrap();

    installation.redis().unwrap().pause().unwrap();
    for _ in 0..20 {
        let started = Instant::now();
        project.chat("echo:echo").await.unwrap().expect(200).unwrap();
        assert!(started.elapsed() < Duration::from_secs(1), "took {:?}", started.elapsed());
    }
    // A new project reaches the proxy all the same, by its poll.
    let another = gateway.project().await.unwrap();
    installation.redis().unwrap().stop().await.unwrap();
    another.chat("echo:echo").await.unwrap().expect(200).unwrap();
    gateway.revoke(&another).await.unwrap();
    promptgate_e2e::eventually("401 without Redis", Duration::from_secs(10), || async {
        (another.chat("echo:echo").await.ok()?.status == 401).then_some(())
    })
    .await
    .unwrap();
}
