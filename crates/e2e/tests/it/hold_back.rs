//! What clients see of a streamed answer while its model pauses.

use std::time::Duration;

use http::Method;
use promptgate_e2e::{Installation, eventually};
use promptgate_testkit::upstream::{Gate, Reply};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::stage::{Stage, and, chat};

const HALVES: [&str; 2] = ["Take your key: ghp_0123456789abcdef", "ghijABCDEFGHIJ4dWWYt, it works."];
/// Long enough for a process to do what it should not.
const STALL: Duration = Duration::from_millis(700);

fn piece(text: &str) -> String {
    let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
    let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]});
    format!("data: {chunk}\n\n")
}

fn words(stream: &str) -> String {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

/// What a client has of an answer in two pieces while its model pauses between them, and then the rest.
async fn heard(stage: &Stage, pieces: [&str; 2]) -> (String, String) {
    let gate = Gate::new();
    let last = format!("{}data: [DONE]\n\n", piece(pieces[1]));
    stage.upstream.enqueue(Reply::sse([piece(pieces[0])]).wait(&gate).chunk(last));
    let body = and(chat("up:m", "Hello"), &json!({"stream": true}));
    let url = stage.project.url("/v1/chat/completions");
    let mut stream = stage.project.client.stream(&url, &body).await.unwrap();
    let mut meanwhile = String::new();
    while let Ok(next) = timeout(STALL, stream.next()).await {
        meanwhile.push_str(std::str::from_utf8(&next.unwrap().unwrap()).unwrap());
    }
    gate.release();
    let rest = stream.whole().await.unwrap().text();
    assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
    (words(&meanwhile), words(&format!("{meanwhile}{rest}")))
}

async fn guarded(installation: Installation) -> Stage {
    let stage = Stage::on(installation, &[("up", "openai_compatible", "/v1")]).await;
    let rules = json!({"secretScanner": {"enabled": true, "direction": "both", "mode": "mask"}});
    stage.gateway.admin(Method::PUT, "/guardrails", &rules).await.unwrap().expect(200).unwrap();
    stage.gateway.caught_up().await.unwrap();
    stage
}

#[tokio::test]
async fn nothing_of_half_a_secret_is_shown_while_the_model_pauses() {
    let stage = guarded(Installation::embedded().unwrap()).await;
    let (meanwhile, whole) = heard(&stage, HALVES).await;
    assert_eq!(meanwhile, "Take your key: ");
    assert_eq!(whole, "Take your key: [GitHub personal access token REDACTED], it works.");
}

#[tokio::test]
async fn who_wants_it_gets_what_is_held_while_the_model_pauses() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_GUARDRAILS_HOLD_BACK", "50ms");
    let stage = guarded(installation).await;
    let (meanwhile, whole) = heard(&stage, ["All feels well and goo", "d."]).await;
    assert_eq!((&*meanwhile, &*whole), ("All feels well and goo", "All feels well and good."));
    let secret = HALVES.concat();
    let (meanwhile, whole) = heard(&stage, [&secret[..55], &secret[55..]]).await;
    assert!(!meanwhile.contains("ghp_") && meanwhile.contains("[GitHub"), "{meanwhile}");
    assert!(!whole.contains("ghp_") && whole.ends_with("it works."), "{whole}");
    eventually("the record", Duration::from_secs(10), || async {
        let call = stage.recorded(2).await;
        (call["guardrails"]["outcome"] == "changed").then_some(())
    })
    .await
    .unwrap();
}
