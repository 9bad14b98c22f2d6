//! What is reserved for what a request asks for besides its words.

use promptgate_providers::{Operation, ProviderKind};
use promptgate_tokens::{Token, TokenLimits};
use serde_json::{Value, json};

use super::{configuration, dollars, quota, scene_over};
use crate::scripted::{Scene, Script, credential_of, provider_at, read};
use crate::snapshot::Configuration;
use crate::testing::account;

/// A provider `claude` that answers in a few words, and a token with these limits.
fn scene(limits: TokenLimits, configuration: Configuration) -> Scene {
    let claude = provider_at("claude", ProviderKind::Anthropic);
    let credentials = vec![credential_of(&claude, "sk-c")];
    let owner = configuration.accounts.first().map(|_| account(1));
    let scene = scene_over(Configuration { providers: vec![claude], credentials, ..configuration });
    scene.tokens.put(Token { limits, owner, ..scene.token.clone() });
    let answer = json!({"id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hi"}], "usage": {"input_tokens": 3, "output_tokens": 1}});
    scene.upstream.always("claude", Script::json(200, answer.to_string()));
    scene
}

/// Asks for one token, and for something more.
async fn ask(scene: &Scene, more: Value) -> (u16, Value) {
    let mut body = json!({"model": "claude:claude-sonnet-4-5", "max_tokens": 1,
        "messages": [{"role": "user", "content": "Hi"}]});
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    let got = read(scene.begin(Operation::Messages, &body.to_string()).await).await;
    (got.status, got.json())
}

#[tokio::test]
async fn a_prompt_that_is_to_be_cached_is_reserved_at_the_price_of_writing_to_the_cache() {
    // 26 tokens at $3, and one at $15 a million: $0.000093. Written to the cache at $3.75 or $6 they are more.
    let limits = TokenLimits { monthly_budget_usd_cap: dollars(0.000_1), ..TokenLimits::default() };
    for (more, status) in [
        (json!({}), 200),
        (json!({"cache_control": null}), 200),
        (json!({"cache_control": {"type": "ephemeral"}}), 402),
        (json!({"cache_control": {"type": "ephemeral", "ttl": "1h"}}), 402),
    ] {
        assert_eq!(ask(&scene(limits.clone(), configuration()), more.clone()).await.0, status, "{more}");
    }
    let more = TokenLimits { monthly_budget_usd_cap: dollars(0.000_113), ..TokenLimits::default() };
    for (ttl, status) in [("5m", 200), ("1h", 402)] {
        let cached = json!({"cache_control": {"type": "ephemeral", "ttl": ttl}});
        assert_eq!(ask(&scene(more.clone(), configuration()), cached).await.0, status, "{ttl}");
    }
}

#[tokio::test]
async fn what_a_providers_tools_fetch_is_reserved_of_days_and_months() {
    let search =
        |uses: u64| json!({"tools": [{"type": "web_search_20250305", "name": "s", "max_uses": uses}]});
    // The prompt, once more for each search, and twenty thousand tokens that are read once and twice.
    let days = |cap| TokenLimits { daily_token_cap: Some(cap), ..TokenLimits::default() };
    for (cap, uses, status) in [(10_000, 1, 402), (30_000, 1, 200), (30_000, 2, 402), (70_000, 2, 200)] {
        let (got, body) = ask(&scene(days(cap), configuration()), search(uses)).await;
        assert_eq!(got, status, "{cap} {uses}: {body}");
    }
    let dollars = |most| TokenLimits { monthly_budget_usd_cap: dollars(most), ..TokenLimits::default() };
    for (most, status) in [(0.07, 402), (0.09, 200)] {
        assert_eq!(ask(&scene(dollars(most), configuration()), search(1)).await.0, status, "{most}");
    }
    // Nor do rates hold it up, nor plans.
    let rate = TokenLimits { token_rate_limit_per_minute: Some(10_000), ..TokenLimits::default() };
    assert_eq!(ask(&scene(rate, configuration()), search(1)).await.0, 200);
    assert_eq!(ask(&scene(TokenLimits::default(), quota(Some(10_000), None)), search(1)).await.0, 200);
    // Of both, each is held to what it counts.
    let both = scene(days(30_000), quota(Some(10_000), None));
    assert_eq!(ask(&both, search(1)).await.0, 200);
    let event = both.event();
    assert!(event.holder.is_some());
    assert!(event.trace.iter().any(|note| note.contains("provider's tools fetch")), "{:?}", event.trace);
}

#[tokio::test]
async fn what_has_no_price_is_not_kept_within_a_budget_in_dollars() {
    let month = TokenLimits { monthly_budget_usd_cap: dollars(5.0), ..TokenLimits::default() };
    for (member, value) in [("speed", "fast"), ("inference_geo", "us")] {
        let (status, body) = ask(&scene(month.clone(), configuration()), json!({member: value})).await;
        assert_eq!((status, &body["error"]["type"]), (400, &json!("invalid_request_error")), "{body}");
        assert!(body["error"]["message"].as_str().unwrap().contains(member), "{body}");
        let day = TokenLimits { daily_token_cap: Some(5_000), ..TokenLimits::default() };
        assert_eq!(ask(&scene(day, configuration()), json!({member: value})).await.0, 200);
    }
    assert_eq!(ask(&scene(month, configuration()), json!({"speed": "standard"})).await.0, 200);
}

/// A provider of a kind whose answers are these, and a token with these limits.
fn scene_of(kind: ProviderKind, limits: &TokenLimits, answer: &Value) -> Scene {
    let provider = provider_at("here", kind);
    let credentials = vec![credential_of(&provider, "sk-h")];
    let scene = scene_over(Configuration { providers: vec![provider], credentials, ..configuration() });
    scene.tokens.put(Token { limits: limits.clone(), ..scene.token.clone() });
    scene.upstream.always("here", Script::json(200, answer.to_string()));
    scene
}

#[tokio::test]
async fn a_dearer_tier_is_not_kept_within_a_budget_in_dollars_however_it_is_written() {
    let month = TokenLimits { monthly_budget_usd_cap: dollars(5.0), ..TokenLimits::default() };
    let day = TokenLimits { daily_token_cap: Some(5_000), ..TokenLimits::default() };
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4});
    let chat = json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "usage": usage,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]});
    let usage = json!({"input_tokens": 3, "output_tokens": 1, "total_tokens": 4});
    let response = json!({"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m",
        "usage": usage, "output": [{"id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": "hi", "annotations": []}]}]});
    let asks = [
        (Operation::ChatCompletions, r#""max_tokens":1,"messages":[{"role":"user","content":"Hi"}]"#, chat),
        (Operation::Responses, r#""max_output_tokens":1,"input":"Hi""#, response),
    ];
    for (operation, members, answer) in asks {
        let ask = async |limits: &TokenLimits, tier: &str| {
            let body = format!(r#"{{"model":"here:gpt-4o","service_tier":{tier},{members}}}"#);
            let scene = scene_of(ProviderKind::OpenAi, limits, &answer);
            read(scene.begin(operation, &body).await).await
        };
        for tier in [r#""priority""#, r#""\u0070riority""#] {
            let got = ask(&month, tier).await;
            assert_eq!((got.status, &got.json()["error"]["param"]), (400, &json!("service_tier")), "{tier}");
            assert_eq!(ask(&day, tier).await.status, 200, "{tier}");
        }
        for tier in [r#""flex""#, r#""default""#, "null"] {
            assert_eq!(ask(&month, tier).await.status, 200, "{tier}");
        }
    }
}

#[tokio::test]
async fn a_long_prompt_is_reserved_at_the_price_of_long_contexts() {
    let content = json!({"role": "model", "parts": [{"text": "hi"}]});
    let answer = json!({"candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 1, "totalTokenCount": 8},
        "modelVersion": "gemini-2.5-pro", "responseId": "r1"});
    // 199,976 tokens and the 24 of the frames are $1.25 a million; with one more all of them are $2.50.
    let limits = TokenLimits { monthly_budget_usd_cap: dollars(0.4), ..TokenLimits::default() };
    for (bytes, status) in [(199_976, 200), (199_977, 402)] {
        let scene = scene_of(ProviderKind::Google, &limits, &answer);
        let message = json!({"role": "user", "content": "x".repeat(bytes)});
        let body = json!({"model": "here:gemini-2.5-pro", "max_tokens": 1, "messages": [message]});
        let got = scene.chat(&body.to_string()).await;
        assert_eq!(got.status, status, "{bytes}: {}", got.body);
    }
}
