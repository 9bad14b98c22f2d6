//! Two of each process, as somebody who may write nowhere.

use std::{fs, os::unix::fs::PermissionsExt};

use promptgate_e2e::{Gateway, Installation, User};
use serde_json::Value;

#[tokio::test]
async fn two_of_each_serve_without_a_writable_directory() {
    let installation = Installation::on_postgres_and_redis().await.unwrap().run_as(User::Unprivileged);
    fs::create_dir(installation.data_directory()).unwrap();
    fs::set_permissions(installation.data_directory(), fs::Permissions::from_mode(0o555)).unwrap();
    let mut gateway = Gateway::replicated(&installation).await.unwrap();
    gateway.provider("echo", "echo", "http://echo.invalid").await.unwrap();
    let project = gateway.project().await.unwrap();

    let second = gateway.second_proxy.clone().unwrap();
    let mut elsewhere = project.clone();
    elsewhere.base = format!("{second}/api/{}", project.id);
    for caller in [&project, &elsewhere] {
        caller.chat("echo:echo").await.unwrap().expect(200).unwrap();
    }
    let events = gateway.usage(&project, 4).await.unwrap();
    assert_eq!(events.len(), 4, "two lists of models and two chats: {events:?}");

    for process in gateway.processes.drain(..) {
        let ended = process.terminate().await.unwrap();
        assert!(ended.status.success(), "{}: {}{}", ended.status, ended.output, ended.errors);
    }
    assert_eq!(fs::read_dir(installation.data_directory()).unwrap().count(), 0);
}

#[tokio::test]
async fn two_migrations_at_once_are_one() {
    let installation = Installation::on_postgres().await.unwrap();
    let (first, second) = tokio::join!(installation.migrate(), installation.migrate());
    first.unwrap();
    second.unwrap();
    let gateway = Gateway::separate(&installation).await.unwrap();
    let listed = gateway.admin(http::Method::GET, "/projects", &Value::Null).await.unwrap();
    assert_eq!(listed.status, 200, "{}", listed.text());
}
