//! Rules that change many times a second under load: every call goes by one set of them, whole.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Project, Response};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

const CHANGES: usize = 150;
/// Fifty changes a second, as far as the machine can.
const BETWEEN_CHANGES: Duration = Duration::from_millis(20);
/// So many clients call at every level.
const CLIENTS: usize = 3;
/// One word and one code for each of the two sets of rules.
const MARKS: [(&str, &str); 2] = [("alpha", "CODE-A1234"), ("beta", "CODE-B1234")];

/// The first or the second set: a word and a pattern, of two guardrails.
fn rules(set: usize) -> Value {
    let (word, code) = MARKS[set];
    let both = |mut more: Value| {
        more["enabled"] = true.into();
        more["mode"] = "mask".into();
        more["direction"] = "both".into();
        more
    };
    json!({
        "keywordBlocklist": both(json!({"words": [word]})),
        "piiFilter": both(json!({"types": [], "customPatterns": [{"label": "Code", "pattern": &code[..8]}]})),
    })
}

/// Everything that any rule masks, in pieces.
fn said() -> [String; 4] {
    let [(alpha, a), (beta, b)] = MARKS;
    [
        format!("first {alpha} and {a}, "),
        format!("then {be}", be = &beta[..2]),
        "ta and CODE".into(),
        format!("{}.", &b[4..]),
    ]
}

fn piece(text: &str) -> String {
    let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
    format!("data: {}\n\n", json!({"id": "c", "object": "chat.completion.chunk", "choices": [choice]}))
}

/// The words of a stream, put together.
fn words(stream: &str) -> String {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

/// Which set a text went by; panics where it is none of them, or half of one.
#[track_caller]
fn set_of(text: &str) -> usize {
    let there = MARKS.map(|(word, code)| (text.contains(word), text.contains(&code[..8])));
    match there {
        [(false, false), (true, true)] => 0,
        [(true, true), (false, false)] => 1,
        _ => panic!("{there:?}: {text}"),
    }
}

/// Where rules stand, and who calls under them.
struct Level {
    path: String,
    project: Project,
}

/// What a client saw: for every call its mark, and the set that its answer went by.
async fn call(level: &Level, number: usize, is_over: &AtomicBool) -> Vec<(String, usize)> {
    let client = Client::new().bearer(&level.project.token);
    let url = level.project.url("/v1/chat/completions");
    let mut seen = Vec::new();
    for turn in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let mark = format!("<{}:{number}:{turn}>", level.project.token_id);
        let body = json!({"model": "up:m", "stream": true,
            "messages": [{"role": "user", "content": format!("{mark} {}", said().concat())}]});
        let answer: Response = client.stream(&url, &body).await.unwrap().whole().await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
        seen.push((mark, set_of(&words(&answer.text()))));
    }
    seen
}

/// Changes what the levels say, one after the other; then the load is over.
async fn change(gateway: &Gateway, levels: &[Level], is_over: &AtomicBool) {
    let mut ticks = interval(BETWEEN_CHANGES);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for change in 0..CHANGES {
        ticks.tick().await;
        let (level, set) = (&levels[change % levels.len()], (change / levels.len() + 1) % 2);
        gateway.admin(Method::PATCH, &level.path, &rules(set)).await.unwrap().expect(200).unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
}

async fn no_call_sees_half_a_policy(gateway: Gateway) {
    let upstream = ScriptedUpstream::start().await.unwrap();
    upstream.otherwise(Reply::sse(said().iter().map(|text| piece(text)).chain(["data: [DONE]\n\n".into()])));
    gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
    let [installation, project, token] = [
        gateway.project().await.unwrap(),
        gateway.project().await.unwrap(),
        gateway.project().await.unwrap(),
    ];
    let levels = [
        ("/guardrails".to_owned(), installation),
        (format!("/projects/{}/guardrails", project.id), project),
        (format!("/projects/{}/tokens/{}/guardrails", token.id, token.token_id), token),
    ]
    .map(|(path, project)| Level { path, project });
    for level in &levels {
        gateway.admin(Method::PUT, &level.path, &rules(0)).await.unwrap().expect(200).unwrap();
    }
    gateway.caught_up().await.unwrap();

    let is_over = AtomicBool::new(false);
    let calls = levels.iter().flat_map(|level| (0..CLIENTS).map(move |number| (level, number)));
    let calls = join_all(calls.map(|(level, number)| call(level, number, &is_over)));
    let ((), answers) = tokio::join!(change(&gateway, &levels, &is_over), calls);

    let sent: HashMap<String, usize> = upstream
        .requests()
        .iter()
        .map(|request| {
            let said = request.json()["messages"][0]["content"].as_str().unwrap().to_owned();
            (said.split_inclusive('>').next().unwrap().to_owned(), set_of(&said))
        })
        .collect();
    let answers: Vec<_> = answers.into_iter().flatten().collect();
    assert_eq!(answers.len(), sent.len());
    for (mark, set) in &answers {
        assert_eq!(sent.get(mark), Some(set), "{mark}: what was asked and what was answered");
    }
    for level in &levels {
        let of_level: Vec<_> =
            answers.iter().filter(|(mark, _)| mark.contains(&level.project.token_id)).collect();
        let second = of_level.iter().filter(|(_, set)| *set == 1).count();
        assert!(second > 0 && second < of_level.len(), "{}: {second} of {}", level.path, of_level.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_sees_half_a_policy_in_one_process() {
    let installation = Installation::embedded().unwrap();
    no_call_sees_half_a_policy(Gateway::run_all(&installation).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_sees_half_a_policy_in_a_cluster() {
    let installation = Installation::on_postgres_and_redis().await.unwrap();
    no_call_sees_half_a_policy(Gateway::separate(&installation).await.unwrap()).await;
}
