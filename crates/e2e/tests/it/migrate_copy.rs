//! Moving an embedded installation to PostgreSQL, by the binary.

use std::fs;

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Project};
use promptgate_testkit::postgres::database;
use promptgate_testkit::upstream::ScriptedUpstream;
use promptgate_testkit::vendor;
use serde_json::{Value, json};

async fn read(gateway: &Gateway, path: &str) -> Value {
    gateway.admin(Method::GET, path, &Value::Null).await.unwrap().expect(200).unwrap()
}

/// The end of a window is now, and so is when a quota was looked up.
fn forget_when_it_was_asked(answer: &mut Value) {
    match answer {
        Value::Object(members) => {
            members.retain(|name, _| name != "endsAt" && name != "syncedAt");
            members.values_mut().for_each(forget_when_it_was_asked);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_when_it_was_asked),
        _ => {}
    }
}

/// What is the same before and after, whoever answers it.
async fn seen(gateway: &Gateway, project: &Project) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in [
        "/dashboard/tokens?window=all",
        "/dashboard/messages?window=all",
        "/dashboard/top-models",
        "/providers",
        "/credentials",
        "/prompts",
        "/pricing",
        "/users",
        "/groups",
        "/subscriptions",
        "/setup-guides",
    ] {
        let mut answer = read(gateway, path).await;
        forget_when_it_was_asked(&mut answer);
        seen.push(answer);
    }
    seen.extend(gateway.usage_now(project).await.unwrap());
    seen
}

async fn copy(installation: &Installation, arguments: &[&str]) -> (bool, String) {
    let arguments: Vec<&str> = ["migrate", "copy"].into_iter().chain(arguments.iter().copied()).collect();
    let ended = installation.operate(&arguments, "").await.unwrap();
    (ended.status.success(), format!("{}{}", ended.output, ended.errors))
}

#[tokio::test]
async fn an_installation_moves_to_postgresql_with_all_that_it_has() {
    let upstream = ScriptedUpstream::start().await.unwrap();
    upstream.handle(vendor::answer);
    let old = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&old).await.unwrap();
    gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
    let project = gateway.project().await.unwrap();
    for model in ["up:m", "echo:echo", "echo:echo"] {
        project.chat(model).await.unwrap().expect(200).unwrap();
    }
    let (child, _) = gateway.token(&project.id, &json!({"name": "Other", "scopes": ["chat"]})).await.unwrap();
    gateway.usage(&project, 3).await.unwrap();
    let before = seen(&gateway, &project).await;
    let revision = read(&gateway, "/replicas").await["revision"].as_i64().unwrap();
    gateway.stop().await.unwrap();

    let target = database().await.unwrap();
    let key = fs::read_to_string(old.data_directory().join("keys/secrets_key")).unwrap();
    let new = Installation::on(target.url()).unwrap().set("PROMPTGATE_SECRETS_KEY", key.trim());
    let (copied, said) = copy(&old, &["--to", target.url()]).await;
    assert!(!copied && said.contains("run `promptgate migrate`"), "{said}");
    new.migrate().await.unwrap();
    let gateway = Gateway::run_all(&old).await.unwrap();
    let (copied, said) = copy(&old, &["--to", target.url()]).await;
    assert!(!copied && said.contains("the source is in use by `run-all`"), "{said}");
    gateway.stop().await.unwrap();
    let (copied, said) = copy(&old, &["--to", target.url()]).await;
    assert!(copied, "{said}");
    assert!(said.contains("usage_events") && said.contains("tables from sqlite"), "{said}");
    assert!(said.contains("keys/secrets_key") && !said.contains("calls whose record"), "{said}");

    let verified = new.operate(&["audit", "verify"], "").await.unwrap();
    assert!(verified.status.success(), "{}{}", verified.output, verified.errors);
    let gateway = Gateway::separate(&new).await.unwrap();
    let project = Project { base: format!("{}/api/{}", gateway.proxy, project.id), ..project };
    let after = seen(&gateway, &project).await;
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert!(read(&gateway, "/replicas").await["revision"].as_i64().unwrap() >= revision);
    // The same tokens, and the provider's key opens.
    project.chat("up:m").await.unwrap().expect(200).unwrap();
    let other = Client::new().bearer(&child);
    let body = json!({"model": "echo:echo", "messages": [{"role": "user", "content": "Hello"}]});
    other.post(&project.url("/v1/chat/completions"), &body).await.unwrap().expect(200).unwrap();
    gateway.usage(&project, 5).await.unwrap();
    // And it goes on where the old one ended.
    gateway.revoke(&project).await.unwrap();
    let (copied, said) = copy(&old, &["--to", target.url()]).await;
    assert!(!copied && said.contains("the target is in use by `"), "{said}");
    gateway.stop().await.unwrap();
    let verified = new.operate(&["audit", "verify"], "").await.unwrap();
    assert!(verified.status.success(), "{}{}", verified.output, verified.errors);

    // Nothing is written over what somebody uses.
    let (copied, said) = copy(&old, &["--to", target.url()]).await;
    assert!(!copied && said.contains("the target is not empty"), "{said}");
    let nowhere = old.path().join("nowhere.db");
    let (copied, said) =
        copy(&old, &["--from", &format!("sqlite:{}", nowhere.display()), "--to", target.url()]).await;
    assert!(!copied && said.contains("there is no database at") && !nowhere.exists(), "{said}");
}
