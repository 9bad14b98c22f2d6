//! From nothing to an answer, and the second start.

use std::process::Command;

use promptgate_e2e::{Client, Gateway, Installation, Process};
use serde_json::{Value, json};

/// The project and token that a curl line names.
struct Printed {
    line: String,
    url: String,
    token: String,
}

async fn printed(process: &mut Process) -> Printed {
    let line = process.line("curl ").await.unwrap();
    let word = |start: &str| {
        let from = line.find(start).unwrap_or_else(|| panic!("no {start} in {line}"));
        let end = |c: char| c.is_whitespace() || c == '\'' || c == '"';
        line[from..].split(end).next().unwrap().to_owned()
    };
    let (url, token) = (word("http://"), word("pg_live_"));
    Printed { line: line[line.find("curl ").unwrap()..].to_owned(), url, token }
}

fn nothing_set() -> Installation {
    Installation::embedded().unwrap().unset("PROMPTGATE_ADMIN_API_KEY")
}

#[tokio::test]
async fn the_printed_line_answers() {
    let installation = nothing_set();
    let mut gateway = Gateway::run_all(&installation).await.unwrap();
    let printed = printed(&mut gateway.processes[0]).await;

    let pasted = Command::new("sh").args(["-c", &printed.line]).output().unwrap();
    assert!(pasted.status.success(), "{}: {}", printed.line, String::from_utf8_lossy(&pasted.stderr));
    let answer: Value = serde_json::from_slice(&pasted.stdout).unwrap();
    assert!(answer["choices"][0]["message"]["content"].is_string(), "{answer}");
    assert!(answer["usage"]["total_tokens"].as_u64().unwrap() > 0, "{answer}");

    let said = gateway.process().output();
    for expected in [gateway.proxy.as_str(), &format!("{}/api/docs", gateway.api)] {
        assert!(said.contains(expected), "`{expected}` is not in:\n{said}");
    }
}

#[tokio::test]
async fn the_printed_token_streams() {
    let installation = nothing_set();
    let mut gateway = Gateway::run_all(&installation).await.unwrap();
    let printed = printed(&mut gateway.processes[0]).await;

    let body =
        json!({"model": "echo:echo", "stream": true, "messages": [{"role": "user", "content": "Hello"}]});
    let answer = Client::new().bearer(&printed.token).post(&printed.url, &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type").map(|kind| &kind[..17]), Some("text/event-stream"));
    let text = answer.text();
    assert!(text.starts_with("data: {") && text.trim_end().ends_with("data: [DONE]"), "{text}");
}

#[tokio::test]
async fn a_second_start_keeps_everything_and_prints_no_secret() {
    let installation = nothing_set();
    let mut gateway = Gateway::run_all(&installation).await.unwrap();
    let first = printed(&mut gateway.processes[0]).await;
    gateway.stop().await.unwrap();

    let gateway = Gateway::run_all(&installation).await.unwrap();
    let path = first.url.split_once("/api/").unwrap().1;
    let body = json!({"model": "echo:echo", "messages": [{"role": "user", "content": "Hello"}]});
    let url = format!("{}/api/{path}", gateway.proxy);
    let answer = Client::new().bearer(&first.token).post(&url, &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());

    let secret = first.token.strip_prefix("pg_live_").unwrap();
    let ended = { gateway }.processes.remove(0).terminate().await.unwrap();
    let said = format!("{}{}", ended.output, ended.errors);
    assert!(!said.contains(secret), "the token is printed again:\n{said}");
    assert!(ended.status.success(), "{}: {said}", ended.status);
}

#[tokio::test]
async fn keys_of_vendors_are_taken_at_the_first_start_and_shown_nowhere() {
    const KEY: &str = "sk-canary-0123456789abcdef";
    let installation =
        nothing_set().set("OPENAI_API_KEY", KEY).set("PROMPTGATE_ADMIN_API_KEY", promptgate_e2e::ADMIN_KEY);
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let providers = gateway.admin(http::Method::GET, "/providers", &Value::Null).await.unwrap();
    let openai = providers.json()["items"]
        .as_array()
        .and_then(|items| items.iter().find(|item| item["name"] == "openai").cloned())
        .unwrap_or_else(|| panic!("no provider openai in {}", providers.text()));
    assert_eq!(openai["hasApiKey"], true);
    assert!(!providers.text().contains(KEY));
    let said = gateway.process().said();
    assert!(said.contains("openai") && !said.contains(KEY), "{said}");

    gateway.stop().await.unwrap();
    let mut pending = vec![installation.data_directory()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
            assert!(!found, "{} holds the key in the clear", path.display());
        }
    }
}
