//! Sessions that outlive their access token: the provider is asked again with its refresh token.

use std::process::Command;

use futures_util::future::join_all;
use http::Method;
use promptgate_e2e::{Client, eventually};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::browser::{Browser, Provider};
use super::{Gate, PATIENCE};

const REFRESH: (&str, &str) = ("REFRESH", "1");

/// Tells the provider what is to happen; how often it was asked until now.
async fn provider_is(provider: &Provider, what: Value) -> Value {
    let url = format!("{}/test", provider.issuer);
    Client::new().send(Method::POST, &url, what.to_string()).await.unwrap().expect(200).unwrap()
}

async fn refreshes(provider: &Provider) -> u64 {
    provider_is(provider, json!({})).await["refreshes"].as_u64().unwrap()
}

/// Lets the lifetime of every access token be over, behind the gateway's back.
async fn time_passes(gate: &Gate) {
    let Some(redis) = gate.installation.setting("PROMPTGATE_REDIS_URL") else {
        const SCRIPT: &str = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=30); \
            db.execute('UPDATE sessions SET renewal_due_at = 1 WHERE renewal_due_at > 1'); db.commit()";
        let database = gate.installation.data_directory().join("promptgate.db");
        let done = Command::new("python3").args(["-c", SCRIPT]).arg(database).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        return;
    };
    let address = redis.trim_start_matches("redis://").split('/').next().unwrap();
    let mut wire = TcpStream::connect(address).await.unwrap();
    let script = "local all = redis.call('KEYS', '{promptgate:auth}:renewal:*') \
        for _, key in ipairs(all) do redis.call('HSET', key, 'due', '1') end return #all";
    let part = |part: &str| format!("${}\r\n{part}\r\n", part.len());
    let command = format!("*3\r\n{}{}{}", part("EVAL"), part(script), part("0"));
    wire.write_all(command.as_bytes()).await.unwrap();
    let mut answer = [0; 64];
    let length = wire.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b":") && !answer.starts_with(b":0"), "{answer:?}");
}

#[tokio::test]
async fn a_session_goes_on_for_as_long_as_its_provider_vouches_for_it() {
    let gate = Gate::start(&[
        ("PROMPTGATE_OIDC_ROLE_CLAIM", "groups"),
        ("PROMPTGATE_OIDC_ROLES", "staff=user, lead=manager"),
    ])
    .await;
    let provider = gate.provider(&[REFRESH]);
    gate.signed_in(&mut Browser::default(), "first").await;
    let mut browser = Browser::default();
    gate.signed_in(&mut browser, "b-staff").await;
    let role = async |browser: &mut Browser| gate.profile(browser).await["role"].clone();
    assert_eq!((role(&mut browser).await, refreshes(&provider).await), (json!("user"), 0));

    // What changed at the provider is there with the request that asks.
    provider_is(&provider, json!({"groups": ["lead"]})).await;
    for round in 1..4 {
        time_passes(&gate).await;
        for _ in 0..3 {
            assert_eq!(role(&mut browser).await, "manager");
        }
        assert_eq!(refreshes(&provider).await, round, "each time with the refresh token that came last");
    }
    provider_is(&provider, json!({"groups": ["nothing"]})).await;
    time_passes(&gate).await;
    assert_eq!(role(&mut browser).await, "none");
    provider_is(&provider, json!({"groups": ["staff"]})).await;
    time_passes(&gate).await;
    browser.get(&gate.url("/api/v1/me")).await.expect(200).unwrap();

    // A provider that is away, or in trouble, ends nothing.
    for trouble in ["down", "trouble", "ok"] {
        provider_is(&provider, json!({"token": trouble})).await;
        time_passes(&gate).await;
        for _ in 0..3 {
            browser.get(&gate.url("/api/v1/me")).await.expect(200).unwrap();
        }
    }
    assert_eq!(refreshes(&provider).await, 6);

    // One that does not vouch any more ends what it vouched for.
    provider_is(&provider, json!({"forget": true})).await;
    time_passes(&gate).await;
    browser.get(&gate.url("/api/v1/me")).await.expect(401).unwrap();
    browser.get(&gate.url("/auth/session")).await.expect(401).unwrap();
    assert_eq!(provider_is(&provider, json!({})).await["refused"], 1);

    // Whoever signs out leaves no refresh token behind.
    let mut again = Browser::default();
    gate.signed_in(&mut again, "b-staff").await;
    again.get(&gate.url("/auth/logout")).await;
    eventually("a refresh token that is given back", PATIENCE, || async {
        (provider_is(&provider, json!({})).await["revoked"] == 1).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn of_twenty_requests_at_two_replicas_one_asks_and_a_no_counts_at_both() {
    let (gate, other) = Gate::replicated(&[]).await;
    let provider = gate.provider(&[REFRESH]);
    let mut browser = Browser::default();
    gate.signed_in(&mut browser, "alice").await;
    let places = [gate.url("/api/v1/me"), format!("{other}/api/v1/me")];
    let statuses = async || {
        let client = browser.client();
        let all = (0..20).map(|number| {
            let (client, url) = (client.clone(), places[number % 2].clone());
            async move { client.get(&url).await.unwrap().status.as_u16() }
        });
        join_all(all).await
    };
    for round in 1..4 {
        time_passes(&gate).await;
        assert_eq!(statuses().await, [200; 20]);
        eventually("an answer of the provider", PATIENCE, || async {
            (refreshes(&provider).await == round).then_some(())
        })
        .await
        .unwrap();
        assert_eq!(statuses().await, [200; 20]);
        let asked = provider_is(&provider, json!({})).await;
        assert_eq!((&asked["refreshes"], &asked["refused"]), (&json!(round), &json!(0)), "once each time");
    }

    drop(provider);
    time_passes(&gate).await;
    assert_eq!(statuses().await, [200; 20], "nobody is there to ask");
    // It comes back, and remembers nobody.
    let _provider = gate.provider(&[REFRESH]);
    time_passes(&gate).await;
    // Whoever is asked first is not waited for longer than a request may wait.
    eventually("what it does not vouch for is over at both", PATIENCE, || async {
        (statuses().await == [401; 20]).then_some(())
    })
    .await
    .unwrap();
}
