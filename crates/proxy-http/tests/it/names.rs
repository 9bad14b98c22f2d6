//! What models may be called.

use http::Method;

use crate::scripted::json;
use crate::support::Bench;

const ANSWER: &str = r#"{"id":"c1","object":"chat.completion","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

#[tokio::test]
async fn an_alias_is_known_by_both_names_and_presets_what_the_client_leaves_open() {
    let bench = Bench::new();
    for name in ["fast", "promptgate:fast"] {
        bench.upstream.will(json(200, ANSWER));
        let body = format!(r#"{{"model":"{name}","messages":[{{"role":"user","content":"hello"}}]}}"#);
        assert_eq!(bench.chat(&body).await.status, 200);
        let sent = bench.upstream.requests().pop().unwrap();
        let sent: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!((&sent["model"], &sent["temperature"]), (&"gpt-4o-mini".into(), &0.2.into()));
        assert_eq!(sent["messages"][0]["content"], "Be brief.");
        assert_eq!(sent["messages"][1]["content"], "hello");
    }
    bench.upstream.will(json(200, ANSWER));
    let own = r#"{"model":"fast","temperature":0.9,"messages":[{"role":"system","content":"mine"},{"role":"user","content":"hello"}]}"#;
    bench.chat(own).await;
    let sent = bench.upstream.requests().pop().unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!((sent["messages"].as_array().unwrap().len(), &sent["temperature"]), (2, &0.9.into()));
}

#[tokio::test]
async fn an_alias_may_look_like_a_provider_and_a_model() {
    let bench = Bench::new();
    bench
        .upstream
        .will(json(200, r#"{"object":"list","data":[],"usage":{"prompt_tokens":1,"total_tokens":1}}"#));
    let answer = bench.ask(bench.request("embeddings", r#"{"model":"embed:fast","input":"x"}"#)).await;
    assert_eq!(answer.status, 200);
    let sent = bench.upstream.requests().remove(0);
    assert_eq!(sent.url, "http://main.test/v1/embeddings");
    assert_eq!(sent.body, r#"{"model":"text-embedding-3-small","input":"x"}"#);
}

#[tokio::test]
async fn aliases_presets_and_placeholders_are_listed() {
    let bench = Bench::new();
    let list = bench.ask(bench.at(Method::GET, "{p}/v1/models", "")).await.json();
    let rows = list["data"].as_array().unwrap();
    let row = |id: &str| rows.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no {id}: {list}"));
    let preset = row("promptgate:fast");
    assert_eq!((&preset["is_alias"], &preset["is_preset"]), (&true.into(), &true.into()));
    assert_eq!(preset["preset"], serde_json::json!({"system_prompt": "Be brief.", "temperature": 0.2}));
    assert_eq!((&preset["provider"], &preset["provider_model"]), (&"main".into(), &"gpt-4o-mini".into()));
    assert_eq!(row("promptgate:embed:fast")["is_preset"], false);
    assert_eq!((&row("main:*")["owned_by"], &row("main:*")["is_alias"]), (&"main".into(), &false.into()));
    assert_eq!(row("main:gpt-4o")["object"], "model");
    for hidden in ["off:", "local:"] {
        assert!(!rows.iter().any(|row| row["id"].as_str().unwrap().starts_with(hidden)), "{hidden}");
    }
}

#[tokio::test]
async fn one_model_is_shown_by_every_name_that_a_request_may_have_for_it() {
    let bench = Bench::new();
    let show = async |id: &str| bench.ask(bench.at(Method::GET, &format!("{{p}}/v1/models/{id}"), "")).await;
    for (asked, shown, owner) in [
        ("fast", "promptgate:fast", "promptgate-alias"),
        ("promptgate%3Afast", "promptgate:fast", "promptgate-alias"),
        ("main:gpt-4o", "main:gpt-4o", "main"),
        ("main:*", "main:*", "main"),
        ("main:any/thing:else", "main:any/thing:else", "main"),
        ("main%2Fany%2Fthing", "main/any/thing", "main"),
        ("gpt-4o", "gpt-4o", "main"),
        ("gpt-99", "gpt-99", "main"),
    ] {
        let answer = show(asked).await;
        let row = answer.json();
        assert_eq!(
            (answer.status, &row["id"], &row["owned_by"]),
            (200, &shown.into(), &owner.into()),
            "{asked}"
        );
    }
    for (asked, status, code) in [
        ("mystery", 404, "model_not_found"),
        ("off:hidden", 503, "provider_disabled"),
        ("local:llama3:8b", 400, "provider_not_enabled"),
    ] {
        let answer = show(asked).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (status, &code.into()), "{asked}");
    }
    let mut anthropic = bench.at(Method::GET, "{p}/v1/models/fast", "");
    anthropic.headers_mut().insert("anthropic-version", "2023-06-01".parse().unwrap());
    let row = bench.ask(anthropic).await.json();
    assert_eq!((&row["type"], &row["display_name"]), (&"model".into(), &"fast".into()));
    assert!(row["created_at"].as_str().is_some_and(|at| at.ends_with('Z')));
    let head = bench.ask(bench.at(Method::HEAD, "{p}/v1/models/fast", "")).await;
    assert_eq!((head.status, head.text()), (200, ""));
}

#[tokio::test]
async fn the_projects_own_credential_is_used() {
    let mut bench = Bench::new();
    let wrapper = bench.wrapper;
    let mut second = None;
    bench.reconfigure(|configuration| {
        let main = configuration.providers.iter().find(|provider| provider.name.as_str() == "main").unwrap();
        let setting = promptgate_providers::ProjectProvider::unset(wrapper, main.id);
        let own = configuration.credentials.iter().find(|each| each.provider_id == main.id).unwrap().id;
        second = Some(own);
        let setting = promptgate_providers::ProjectProvider { credential_id: Some(own), ..setting };
        configuration.project_providers.push(setting);
    });
    bench.upstream.will(json(200, ANSWER));
    assert_eq!(bench.chat(crate::support::CHAT).await.status, 200);
    bench.reconfigure(|configuration| {
        let own = configuration.credentials.iter_mut().find(|each| Some(each.id) == second).unwrap();
        own.active = false;
    });
    let closed = bench.chat(crate::support::CHAT).await;
    assert_eq!(
        (closed.status, &closed.json()["error"]["code"]),
        (503, &"provider_credential_unusable".into())
    );
}
