//! Going on without the database, and starting without it.

use std::time::{Duration, Instant};

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Process, Project, eventually};
use promptgate_testkit::lone_postgres::LonePostgres;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

/// The log lines of a process that contain a text.
async fn says(process: &Process, text: &str) {
    let what = format!("a process that says `{text}`: {}", process.said());
    eventually(&what, PATIENCE, || async { process.said().contains(text).then_some(()) }).await.unwrap();
}

async fn ready(base: &str) -> Value {
    let url = format!("{base}/readyz");
    eventually("a ready proxy", PATIENCE, || async {
        let answer = Client::new().get(&url).await.ok()?;
        answer.status.is_success().then(|| answer.json())
    })
    .await
    .unwrap()
}

/// What is kept is sealed, and there as soon as a proxy may need it.
async fn kept(installation: &Installation, name: &str) {
    let root = installation.data_directory().join("kept");
    eventually(&format!("a copy of {name}"), PATIENCE, || async {
        let mut processes = std::fs::read_dir(&root).ok()?.flatten();
        processes.any(|process| process.path().join(format!("{name}.sealed")).exists()).then_some(())
    })
    .await
    .unwrap();
}

async fn calls(project: &Project, wanted: u16) -> promptgate_e2e::Response {
    let started = Instant::now();
    let answer = project.chat("up:echo").await.unwrap();
    assert_eq!(answer.status.as_u16(), wanted, "{}", answer.text());
    assert!(started.elapsed() < Duration::from_secs(3), "took {:?} for {wanted}", started.elapsed());
    answer
}

/// The processes are api, proxy and scheduler.
fn take_proxy(gateway: &mut Gateway) -> Process {
    gateway.processes.remove(1)
}

#[tokio::test]
async fn a_proxy_serves_and_starts_without_the_database_and_catches_up_when_it_is_back() {
    let mut server = LonePostgres::start().await.unwrap();
    let installation = Installation::on_postgres()
        .await
        .unwrap()
        .set("PROMPTGATE_DATABASE_URL", &LonePostgres::url_through(server.port()));
    let mut gateway = Gateway::separate(&installation).await.unwrap();
    gateway.provider("up", "echo", "http://echo.invalid").await.unwrap();
    let project = gateway.project().await.unwrap();
    let revoked = {
        let body = json!({"name": "Gone", "scopes": ["chat"]});
        let (token, id) = gateway.token(&project.id, &body).await.unwrap();
        Project { client: Client::new().bearer(&token), token, token_id: id, ..project.clone() }
    };
    calls(&revoked, 200).await;
    let answer = calls(&project, 200).await;
    assert_eq!(answer.header("x-promptgate-degraded"), None, "all is there");
    for name in ["configuration", "tokens"] {
        kept(&installation, name).await;
    }
    gateway.revoke(&revoked).await.unwrap();
    eventually("the revocation", PATIENCE, || async {
        (revoked.chat("up:echo").await.ok()?.status == 401).then_some(())
    })
    .await
    .unwrap();

    // The database goes away: who is known is served, and nothing can be managed.
    server.stop().await.unwrap();
    for _ in 0..10 {
        calls(&project, 200).await;
    }
    let listed = gateway.admin(Method::GET, "/projects", &Value::Null).await.unwrap();
    assert_eq!(listed.status, 503, "{}", listed.text());
    eventually("what is given up is said", PATIENCE, || async {
        let answer = project.chat("up:echo").await.ok()?;
        (answer.status == 200 && answer.header("x-promptgate-degraded") == Some("database")).then_some(())
    })
    .await
    .unwrap();
    let shown = ready(&gateway.proxy).await;
    assert_eq!(shown["degraded"][0]["dependency"], "database", "{shown}");

    // The proxy is killed, and starts from what is on its disk.
    let port = gateway.proxy.rsplit(':').next().unwrap().to_owned();
    take_proxy(&mut gateway).kill().unwrap();
    let start = || installation.start_with("promptgate-proxy", &[], &[("PROMPTGATE_PROXY_PORT", &port)]);
    let restarted = start().unwrap();
    let shown = ready(&gateway.proxy).await;
    assert_eq!(shown["checks"]["database"]["status"], "degraded", "{shown}");
    assert!(shown["revision"].as_i64().unwrap() > 0, "{shown}");
    says(&restarted, "kept on disk").await;
    let answer = calls(&project, 200).await;
    assert_eq!(answer.header("x-promptgate-degraded"), Some("database"));
    // Who was revoked before the outage is not let in; without the database nobody can say more than that.
    let refused = revoked.chat("up:echo").await.unwrap();
    assert!(matches!(refused.status.as_u16(), 401 | 503), "{}", refused.text());
    gateway.processes.push(restarted);

    // It comes back: what was used meanwhile is recorded, and changes are seen again.
    server.start_again().await.unwrap();
    eventually("the control plane", PATIENCE, || async {
        let listed = gateway.admin(Method::GET, "/projects", &Value::Null).await.ok()?;
        listed.status.is_success().then_some(())
    })
    .await
    .unwrap();
    let events = gateway.usage(&project, 14).await.unwrap();
    assert!(events.iter().filter(|event| event["status"] == 200).count() >= 13, "{events:?}");
    gateway.caught_up().await.unwrap();
    gateway.revoke(&project).await.unwrap();
    eventually("the revocation", PATIENCE, || async {
        (project.chat("up:echo").await.ok()?.status == 401).then_some(())
    })
    .await
    .unwrap();
    eventually("nothing is given up any more", PATIENCE, || async {
        let shown = ready(&gateway.proxy).await;
        shown["degraded"].is_null().then_some(())
    })
    .await
    .unwrap();
    gateway.stop().await.unwrap();
}

async fn mint(gateway: &Gateway, project: &Project, token: &str) -> Project {
    let url = format!("{}/api/{}/tokens/children", gateway.proxy, project.id);
    let body = json!({"name": "Minted", "scopes": ["chat"]});
    let made = Client::new().bearer(token).post(&url, &body).await.unwrap().expect(201).unwrap();
    let text = |member: &str| made["data"][member].as_str().unwrap().to_owned();
    let token = text("token");
    Project { client: Client::new().bearer(&token), token, token_id: text("uuid"), ..project.clone() }
}

/// Of two proxies, over PostgreSQL alone: nobody knows any more what others use, so each keeps to its half.
#[tokio::test]
async fn minted_tokens_serve_after_a_restart_without_the_database_within_what_is_above_them() {
    let mut server = LonePostgres::start().await.unwrap();
    let installation = Installation::on_postgres()
        .await
        .unwrap()
        .set("PROMPTGATE_DATABASE_URL", &LonePostgres::url_through(server.port()));
    let mut gateway = Gateway::replicated(&installation).await.unwrap();
    gateway.provider("up", "echo", "http://echo.invalid").await.unwrap();
    let project = gateway.project().await.unwrap();
    let top = json!({"name": "Top", "scopes": ["chat"], "rateLimitPerMinute": 20});
    let (top, top_id) = gateway.token(&project.id, &top).await.unwrap();
    let middle = mint(&gateway, &project, &top).await;
    let minted = mint(&gateway, &project, &middle.token).await;
    let (other_top, other_id) =
        gateway.token(&project.id, &json!({"name": "Other", "scopes": ["chat"]})).await.unwrap();
    let revoked = mint(&gateway, &project, &other_top).await;
    calls(&minted, 200).await;
    calls(&revoked, 200).await;
    eventually("both proxies are counted", PATIENCE, || async {
        let metrics = Client::new().get(&format!("{}/metrics", gateway.proxy)).await.ok()?.text();
        metrics.lines().any(|line| line == "promptgate_proxies_alive 2").then_some(())
    })
    .await
    .unwrap();
    kept(&installation, "proxies").await;
    let port = gateway.proxy.rsplit(':').next().unwrap().to_owned();
    let start = || installation.start_with("promptgate-proxy", &[], &[("PROMPTGATE_PROXY_PORT", &port)]);

    // While it is down, what one token comes from is revoked; it cannot know that without the database.
    take_proxy(&mut gateway).terminate().await.unwrap();
    gateway.admin(Method::DELETE, &format!("/tokens/{other_id}"), &Value::Null).await.unwrap();
    server.stop().await.unwrap();
    let restarted = start().unwrap();
    ready(&gateway.proxy).await;
    let minute = || std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() / 60;
    let begun = minute();
    let mut answered = 0;
    for _ in 0..30 {
        let answer = minted.chat("up:echo").await.unwrap();
        match answer.status.as_u16() {
            200 => answered += 1,
            // Its share is used up, and how much the others leave of the limit cannot be found out.
            status => {
                let code = &answer.json()["error"]["code"];
                assert_eq!((status, code), (503, &json!("limits_unavailable")), "{}", answer.text());
            }
        }
        assert_eq!(answer.header("x-promptgate-limits-degraded"), Some("limits"), "{}", answer.text());
    }
    assert!(answered >= 1 && answered <= 10 * (1 + minute() - begun), "{answered} of 10 a minute");
    // What nobody knows of is not called wrong, though it may take as long as the database may.
    let unknown = Project { client: Client::new().bearer(UNKNOWN), ..project.clone() };
    assert_eq!(unknown.chat("up:echo").await.unwrap().status, 503);

    // Then it is back, and so is what happened.
    server.start_again().await.unwrap();
    eventually("the revocation", PATIENCE, || async {
        (revoked.chat("up:echo").await.ok()?.status == 401).then_some(())
    })
    .await
    .unwrap();
    // What is revoked while the proxy is down and the database is there is never let in again.
    restarted.terminate().await.unwrap();
    gateway.admin(Method::DELETE, &format!("/tokens/{top_id}"), &Value::Null).await.unwrap();
    let restarted = start().unwrap();
    ready(&gateway.proxy).await;
    calls(&minted, 401).await;
    gateway.processes.push(restarted);
    gateway.stop().await.unwrap();
}

/// Well formed, so that only the database can tell that nobody has it.
const UNKNOWN: &str = "pg_live_LwPbcU43xGNI4gJVvMjcxEbn1TCqNyrmLo6yHrDbDOg2VoTlu";

#[tokio::test]
async fn a_proxy_that_never_saw_the_database_does_not_start_without_it() {
    let mut server = LonePostgres::start().await.unwrap();
    let installation = Installation::on_postgres()
        .await
        .unwrap()
        .set("PROMPTGATE_DATABASE_URL", &LonePostgres::url_through(server.port()));
    server.stop().await.unwrap();
    let ended = installation.start("promptgate-proxy", &[]).unwrap().end().await.unwrap();
    assert!(!ended.status.success());
    assert!(ended.errors.contains("cannot reach the database"), "{}{}", ended.output, ended.errors);
}

/// By the bus, the poll being far away; and by the poll, the bus being cut.
#[tokio::test]
async fn a_change_is_served_by_all_proxies_when_its_answer_comes() {
    let installation = Installation::on_postgres().await.unwrap().set("PROMPTGATE_PROXY_POLL_INTERVAL", "1h");
    let (gateway, proxies) = three(&installation).await;
    assert_served(&gateway, &proxies, Duration::from_secs(1)).await;
    let listed = gateway.admin(Method::GET, "/replicas", &Value::Null).await.unwrap().expect(200).unwrap();
    for replica in listed["items"].as_array().unwrap().iter().filter(|replica| replica["kind"] == "proxy") {
        assert_eq!((&replica["lag"], &replica["revision"]), (&json!(0), &listed["revision"]), "{replica}");
    }
    gateway.stop().await.unwrap();
}

#[tokio::test]
async fn with_the_bus_cut_a_change_is_served_within_the_poll_interval() {
    let mut installation =
        Installation::on_postgres_and_redis().await.unwrap().set("PROMPTGATE_PROXY_POLL_INTERVAL", "500ms");
    let (gateway, proxies) = three(&installation).await;
    installation.redis().unwrap().stop().await.unwrap();
    assert_served(&gateway, &proxies, Duration::from_millis(1_500)).await;
}

/// Two of everything and a third proxy, all of them listed; where the proxies are.
async fn three(installation: &Installation) -> (Gateway, [String; 3]) {
    let mut gateway = Gateway::replicated(installation).await.unwrap();
    let port = promptgate_e2e::free_port().to_string();
    let third = installation.start_with("promptgate-proxy", &[], &[("PROMPTGATE_PROXY_PORT", &port)]);
    gateway.processes.push(third.unwrap());
    eventually("three proxies are listed", PATIENCE, || async {
        let listed = gateway.admin(Method::GET, "/replicas", &Value::Null).await.ok()?.json();
        let kinds = listed["items"].as_array()?.iter().filter(|replica| replica["kind"] == "proxy");
        (kinds.count() == 3).then_some(())
    })
    .await
    .unwrap();
    let second = gateway.second_proxy.clone().unwrap();
    let proxies = [gateway.proxy.clone(), second, format!("http://127.0.0.1:{port}")];
    (gateway, proxies)
}

/// Makes a few changes, each of which has to be served everywhere within a time.
async fn assert_served(gateway: &Gateway, proxies: &[String], limit: Duration) {
    let mut slowest = Vec::new();
    for number in 0..5 {
        let body = json!({"name": format!("Test {number}"), "projectType": "agent_proxy"});
        let started = Instant::now();
        let made = gateway.admin(Method::POST, "/projects?wait_revision=true", &body).await.unwrap();
        slowest.push(started.elapsed());
        assert_eq!(made.status, 201, "{}", made.text());
        assert_eq!(made.header("x-promptgate-revision-served"), Some("3/3"), "{:?}", made.headers);
        assert_eq!(made.header("x-promptgate-replicas-behind"), None);
        // It is in force there, not only said to be.
        let id = made.json()["uuid"].as_str().unwrap().to_owned();
        let (token, _) =
            gateway.token(&id, &json!({"name": "Test", "scopes": ["chat", "models"]})).await.unwrap();
        let client = Client::new().bearer(&token);
        for proxy in proxies {
            let answer = client.get(&format!("{proxy}/api/{id}/v1/models")).await.unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    slowest.sort_unstable();
    // The machine may hiccup once.
    assert!(slowest[slowest.len() - 2] < limit, "{slowest:?}");
}
