//! Network rules at the doors of the proxy: who is kept out, how soon, and by what nobody talks past them.

use std::process::Command;
use std::time::Duration;

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Project, eventually};
use promptgate_testkit::nginx::Nginx;
use serde_json::{Value, json};

const TRUSTED: &str = "127.0.0.2";
const STRANGER: &str = "127.0.0.4";
/// Where whoever asks nginx comes from.
const SOMEBODY: &str = "127.0.0.3";
/// Everything that a client could write to be taken for somebody else.
const SPOOFED: [&str; 4] = [
    "X-Forwarded-For: 198.51.100.66",
    "X-Real-IP: 198.51.100.66",
    "Forwarded: for=198.51.100.66",
    "X-Forwarded-For: 198.51.100.66, 127.0.0.2",
];
/// What is no text, so that the whole line might be thrown away, with what nginx appends to it.
const NO_TEXT: [&str; 2] = ["X-Forwarded-For: 127.0.0.2, \u{fc}", "X-Real-IP: 198.51.100.66"];

async fn rule(gateway: &Gateway, below: &str, address: &str, action: &str) -> String {
    let body = json!({"address": address, "priority": 10, "action": action, "enabled": true});
    let path = format!("{below}/firewall/rules");
    let made = gateway.admin(Method::POST, &path, &body).await.unwrap().expect(201).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

async fn remove(gateway: &Gateway, below: &str, id: &str) {
    let path = format!("{below}/firewall/rules/{id}");
    gateway.admin(Method::DELETE, &path, &Value::Null).await.unwrap().expect(204).unwrap();
}

async fn default_action(gateway: &Gateway, below: &str, action: &str) {
    let path = format!("{below}/firewall/default-action");
    let body = json!({"defaultAction": action});
    let set = gateway.admin(Method::PUT, &path, &body).await.unwrap().expect(200).unwrap();
    assert_eq!(set, body);
    assert_eq!(gateway.admin(Method::GET, &path, &Value::Null).await.unwrap().expect(200).unwrap(), body);
}

/// What the doors of the proxy say: statuses, each with its code.
async fn doors(proxy: &str, project: &Project) -> Vec<(u16, String)> {
    let client = Client::new().bearer(&project.token);
    let chat = json!({"model": "echo", "messages": [{"role": "user", "content": "Hi"}]});
    let own = format!("{proxy}/api/{}", project.id);
    let mut said = Vec::new();
    for (url, body) in [
        (format!("{own}/v1/chat/completions"), Some(&chat)),
        (format!("{own}/v1/messages"), Some(&chat)),
        (format!("{own}/v1/models"), None),
        (format!("{own}/v1/models/echo"), None),
        (format!("{proxy}/echo/v1/chat/completions"), Some(&chat)),
        (format!("{proxy}/echo/v1/models"), None),
        (format!("{own}/models"), None),
    ] {
        let answer = match body {
            Some(body) => client.post(&url, body).await.unwrap(),
            None => client.get(&url).await.unwrap(),
        };
        said.push((answer.status.as_u16(), answer.text()));
    }
    said
}

async fn becomes(proxy: &str, project: &Project, is_kept_out: bool) {
    let url = format!("{proxy}/api/{}/v1/models", project.id);
    let client = Client::new().bearer(&project.token);
    eventually("a changed rule", Duration::from_secs(1), || async {
        ((client.get(&url).await.unwrap().status == 403) == is_kept_out).then_some(())
    })
    .await
    .unwrap_or_else(|error| panic!("{proxy}: {error}"));
}

async fn every_door(gateway: Gateway) {
    if gateway.processes.len() > 1 {
        gateway.provider("echo", "echo", "http://echo.invalid").await.unwrap();
    }
    let project = gateway.project().await.unwrap();
    let proxies: Vec<_> =
        [Some(&gateway.proxy), gateway.second_proxy.as_ref()].into_iter().flatten().collect();
    let of_project = format!("/projects/{}", project.id);
    let token = gateway.admin(Method::GET, &format!("{of_project}/tokens"), &Value::Null).await.unwrap();
    let token = token.expect(200).unwrap()["items"][0]["id"].as_str().unwrap().to_owned();
    let of_token = format!("/tokens/{token}");
    for below in ["", &of_project, &of_token] {
        let id = rule(&gateway, below, "127.0.0.0/8", "deny").await;
        for proxy in &proxies {
            becomes(proxy, &project, true).await;
            for (door, (status, text)) in doors(proxy, &project).await.iter().enumerate() {
                assert_eq!(*status, 403, "door {door} {below}: {text}");
                assert!(text.contains("network rules") && !text.contains(&id), "door {door}: {text}");
            }
        }
        let simulated = gateway
            .admin(
                Method::POST,
                &format!("{below}/firewall/simulate"),
                &json!({"clientIp": "[::ffff:127.0.0.1]:9"}),
            )
            .await
            .unwrap()
            .expect(200)
            .unwrap();
        assert_eq!((&simulated["allowed"], &simulated["matchedRule"]["id"]), (&json!(false), &json!(id)));
        remove(&gateway, below, &id).await;
        default_action(&gateway, below, "deny").await;
        for proxy in &proxies {
            becomes(proxy, &project, true).await;
        }
        default_action(&gateway, below, "allow").await;
        for proxy in &proxies {
            becomes(proxy, &project, false).await;
        }
    }
    assert!(
        doors(&gateway.proxy, &project)
            .await
            .iter()
            .all(|(status, text)| { *status != 403 || text.contains("scope") })
    );
    is_on_record(&gateway, &project, &token).await;
}

/// What was kept out is in the list of calls, with the rule, and in the audit log, counted.
async fn is_on_record(gateway: &Gateway, project: &Project, token: &str) {
    let calls = gateway.usage_now(project).await.unwrap();
    let denied: Vec<_> = calls.iter().filter(|call| call["errorCode"] == "firewall_denied").collect();
    assert!(!denied.is_empty(), "{calls:?}");
    let path = "/audit?action=firewall.denied";
    let rows = eventually("counted refusals", Duration::from_secs(90), || async {
        let listed = gateway.admin(Method::GET, path, &Value::Null).await.unwrap().expect(200).unwrap();
        let rows = listed["items"].as_array().unwrap().clone();
        (!rows.is_empty()).then_some(rows)
    })
    .await
    .unwrap();
    let row = &rows[0];
    assert_eq!((&row["ipAddress"], &row["targetId"]), (&json!("127.0.0.1"), &json!(token)), "{row}");
    assert!(rows.len() <= 12, "strangers do not fill the log: {}", rows.len());
}

#[tokio::test]
async fn a_rule_closes_every_door_within_a_second() {
    let installation = Installation::embedded().unwrap();
    every_door(Gateway::run_all(&installation).await.unwrap()).await;
}

#[tokio::test]
async fn a_rule_closes_every_door_of_replicas_over_postgres_and_redis() {
    let installation = Installation::on_postgres_and_redis().await.unwrap();
    every_door(Gateway::replicated(&installation).await.unwrap()).await;
}

/// The status that curl, which comes from [`SOMEBODY`], is answered.
async fn asked(url: &str, token: &str, headers: &[&str]) -> u16 {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--insecure", "--http1.1", "--max-time", "30"]);
    command.args(["--noproxy", "*", "--interface", SOMEBODY, "--output", "/dev/null"]);
    command.args(["--write-out", "%{http_code}", "--header", &format!("Authorization: Bearer {token}")]);
    for header in headers {
        command.args(["--header", header]);
    }
    command.arg(url);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().parse().unwrap()
}

#[tokio::test]
async fn nobody_talks_past_a_rule_behind_nginx() {
    let installation =
        Installation::embedded().unwrap().set("PROMPTGATE_PROXY_TRUSTED_PROXIES", "127.0.0.2/32");
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let project = gateway.project().await.unwrap();
    let port = gateway.proxy.rsplit_once(':').unwrap().1.parse().unwrap();
    let trusted = Nginx::in_front_of(port, TRUSTED).await.unwrap();
    let stranger = Nginx::in_front_of(port, STRANGER).await.unwrap();
    let path = format!("/api/{}/v1/models", project.id);
    let all = async |token: &str| {
        let mut statuses = Vec::new();
        for nginx in [&trusted, &stranger] {
            for base in [nginx.https(), nginx.http()] {
                for headers in [&[][..], &SPOOFED, &SPOOFED[..1], &SPOOFED[3..], &NO_TEXT] {
                    statuses.push(asked(&format!("{base}{path}"), token, headers).await);
                }
            }
        }
        // Without anything in between, nobody is believed either.
        statuses.push(asked(&format!("{}{path}", gateway.proxy), token, &SPOOFED).await);
        statuses
    };
    assert!(all(&project.token).await.iter().all(|status| *status == 200));
    // Only the one that they claim to be may call: nobody is.
    let below = format!("/projects/{}", project.id);
    let id = rule(&gateway, &below, "198.51.100.66", "allow").await;
    default_action(&gateway, &below, "deny").await;
    becomes(&gateway.proxy, &project, true).await;
    assert!(all(&project.token).await.iter().all(|status| *status == 403));
    remove(&gateway, &below, &id).await;
    // Whoever really comes from there may, through the one that is trusted alone.
    rule(&gateway, &below, SOMEBODY, "allow").await;
    eventually("the changed rule", Duration::from_secs(1), || async {
        (asked(&format!("{}{path}", trusted.http()), &project.token, &[]).await == 200).then_some(())
    })
    .await
    .unwrap();
    let statuses = all(&project.token).await;
    assert_eq!(statuses, [&[200; 10][..], &[403; 10], &[200]].concat());
}
