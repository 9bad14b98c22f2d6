//! The audit log by the binary: who did what, and that nobody altered it afterwards.

use std::path::Path;
use std::process::Command;

use http::Method;
use promptgate_e2e::{Client, Ended, Gateway, Installation, eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// Runs statements on the database file, behind the gateway's back.
fn alter(database: &Path, statements: &str) {
    const SCRIPT: &str = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=30); \
        db.executescript(sys.argv[2]); db.commit()";
    let done = Command::new("python3").args(["-c", SCRIPT]).arg(database).arg(statements).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

async fn verify(installation: &Installation) -> Ended {
    installation.start("promptgate", &["audit", "verify"]).unwrap().end().await.unwrap()
}

#[tokio::test]
async fn a_changed_a_removed_and_a_moved_row_are_named() {
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let project = gateway.project().await.unwrap();
    gateway.revoke(&project).await.unwrap();
    let path = format!("/projects/{}", project.id);
    gateway.admin(Method::DELETE, &path, &Value::Null).await.unwrap();
    let page = gateway.admin(Method::GET, "/audit?sortDir=asc&sortBy=createdAt&pageSize=100", &Value::Null);
    let page = page.await.unwrap().expect(200).unwrap();
    let rows = page["items"].as_array().unwrap();
    let id = |position: usize| rows[position - 1]["id"].as_str().unwrap();
    let (total, last) = (rows.len(), rows.len() - 1);
    let whole = verify(&installation).await;
    assert!(whole.status.success(), "while it serves, after a project was deleted: {}", whole.errors);
    assert!(whole.output.contains("the audit log is whole"), "{}", whole.output);
    let database = installation.data_directory().join("promptgate.db");
    // Apart, but not below the first row: what is over is removed from there on.
    let swap = format!(
        "UPDATE audit_log SET position = 1000001 WHERE position = {last}; \
         UPDATE audit_log SET position = {last} WHERE position = {total}; \
         UPDATE audit_log SET position = {total} WHERE position = 1000001;"
    );
    let altered = [
        (
            "UPDATE audit_log SET target_id = 'x' || target_id WHERE position = 2;".to_owned(),
            "UPDATE audit_log SET target_id = substr(target_id, 2) WHERE position = 2;".to_owned(),
            format!("row 2 ({}) was changed", id(2)),
        ),
        (
            "UPDATE audit_log SET position = 1000002 WHERE position = 2;".to_owned(),
            "UPDATE audit_log SET position = 2 WHERE position = 1000002;".to_owned(),
            format!("row 2 was removed; the next one is row 3 ({})", id(3)),
        ),
        (swap.clone(), swap, format!("row {last} ({}) is not in its place", id(total))),
    ];
    for (done, undone, said) in altered {
        alter(&database, &done);
        let ended = verify(&installation).await;
        assert_eq!(ended.status.code(), Some(1), "{}", ended.output);
        assert!(ended.errors.contains(&said), "{said}: {}", ended.errors);
        alter(&database, &undone);
    }
    assert!(verify(&installation).await.status.success());
    gateway.stop().await.unwrap();
}

#[tokio::test]
async fn refused_tokens_and_keys_are_in_the_log_when_the_process_ends() {
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let project = gateway.project().await.unwrap();
    let stranger = Client::new().bearer("pg_live_nobody");
    for _ in 0..3 {
        let url = project.url("/v1/chat/completions");
        stranger.post(&url, &json!({"model": "m"})).await.unwrap().expect(401).unwrap();
    }
    let wrong = Client::new().header("x-admin-api-key", "wrong");
    wrong.get(&format!("{}/api/v1/admin/audit", gateway.api)).await.unwrap().expect(401).unwrap();
    gateway.stop().await.unwrap();

    let gateway = Gateway::run_all(&installation).await.unwrap();
    for (action, count) in [("auth.token_invalid", "3"), ("auth.admin_key_invalid", "1")] {
        let path = format!("/audit?severity=warn&action={action}");
        let page = gateway.admin(Method::GET, &path, &Value::Null).await.unwrap().expect(200).unwrap();
        let row = &page["items"][0];
        assert_eq!((&page["total"], &row["metadata"]["count"]), (&json!(1), &json!(count)), "{page}");
        assert_eq!((&row["actorKind"], &row["ipAddress"]), (&json!("anonymous"), &json!("127.0.0.1")));
    }
    gateway.stop().await.unwrap();
}

#[tokio::test]
async fn secrets_move_to_a_new_key_while_calls_are_served() {
    const OLD: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const NEW: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_SECRETS_KEY", OLD);
    let upstream = promptgate_testkit::upstream::ScriptedUpstream::start().await.unwrap();
    upstream.handle(promptgate_testkit::vendor::answer);
    let base = format!("{}/v1", upstream.url());
    let gateway = Gateway::run_all(&installation).await.unwrap();
    gateway.provider("up", "openai_compatible", &base).await.unwrap();
    let project = gateway.project().await.unwrap();
    project.chat("up:m").await.unwrap().expect(200).unwrap();
    gateway.stop().await.unwrap();

    let installation =
        installation.set("PROMPTGATE_SECRETS_KEY", NEW).set("PROMPTGATE_SECRETS_KEYS_OLD", OLD);
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let project = gateway.project().await.unwrap();
    let calls = async {
        for _ in 0..20 {
            project.chat("up:m").await.unwrap().expect(200).unwrap();
        }
    };
    let rotate =
        async { installation.start("promptgate", &["secrets", "rotate"]).unwrap().end().await.unwrap() };
    let (ended, ()) = tokio::join!(rotate, calls);
    assert!(ended.status.success(), "{}", ended.errors);
    assert!(ended.output.contains("rows are under the key"), "{}", ended.output);
    gateway.stop().await.unwrap();

    // The old key is not needed any more.
    let installation = installation.unset("PROMPTGATE_SECRETS_KEYS_OLD");
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let project = gateway.project().await.unwrap();
    eventually("a call with the key that was moved", Duration::from_secs(20), || async {
        project.chat("up:m").await.ok().filter(|answer| answer.status == 200)
    })
    .await
    .unwrap();
    let listed = gateway.admin(Method::GET, "/credentials", &Value::Null).await.unwrap().expect(200).unwrap();
    assert!(!listed.to_string().contains("unreadable"), "{listed}");
    gateway.stop().await.unwrap();

    // Without either key the secret is lost, which is said and breaks nothing else.
    let lost = installation.set("PROMPTGATE_SECRETS_KEY", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=");
    let gateway = Gateway::run_all(&lost).await.unwrap();
    let listed = gateway.admin(Method::GET, "/credentials", &Value::Null).await.unwrap().expect(200).unwrap();
    assert_eq!(listed["items"][0]["unreadable"], true, "{listed}");
    let ended = lost.start("promptgate", &["secrets", "rotate"]).unwrap().end().await.unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let id = listed["items"][0]["id"].as_str().unwrap();
    assert!(ended.output.contains(&format!("credentials {id}")), "{}", ended.output);
    gateway.stop().await.unwrap();
}
