//! How much calls of endpoints may use.

use promptgate_endpoints::NewEndpoint;
use promptgate_kernel::TokenId;
use promptgate_limits::{Counter, Limit, Measure, Subject, Window};
use promptgate_tokens::{Token, TokenLimits};
use serde_json::json;

use super::*;
use crate::endpoint::{RunCall, RunKind};
use crate::scripted::Script;
use crate::testing::token_for;

fn house(new: NewEndpoint) -> House {
    let house = House::new(new);
    house.scene.upstream.always("first", Script::said("hello"));
    house
}

fn with_token(house: &House, limits: TokenLimits) {
    house.scene.tokens.put(Token { limits, ..house.scene.token.clone() });
}

async fn statuses(house: &House, calls: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..calls {
        statuses.push(house.say("Hi").await.status);
    }
    statuses
}

#[tokio::test]
async fn a_token_takes_the_place_of_its_endpoint_field_by_field() {
    let endpoint =
        || NewEndpoint { rate_limit_per_minute: Some(2), rate_limit_per_hour: Some(4), ..of_first() };
    let plain = house(endpoint());
    assert_eq!(statuses(&plain, 3).await, [200, 200, 429]);
    let refused = plain.say("Hi").await;
    let body = refused.json();
    assert_eq!(
        (&body["ok"], &body["scope"], &body["retry_after"]),
        (&json!(false), &json!("minute"), &json!(59))
    );
    assert_eq!((refused.header("retry-after"), &body["limited"]["subject"]), ("59", &json!("endpoint")));
    // Looser in one field: the other one is still the endpoint's.
    let looser = house(endpoint());
    with_token(&looser, TokenLimits { rate_limit_per_minute: Some(9), ..TokenLimits::default() });
    assert_eq!(statuses(&looser, 5).await, [200, 200, 200, 200, 429]);
    assert_eq!(looser.say("Hi").await.json()["scope"], "hour");
}

#[tokio::test]
async fn a_minted_token_lifts_no_limit_of_an_endpoint() {
    let endpoint = || NewEndpoint {
        rate_limit_per_minute: Some(2),
        daily_token_cap: Some(1_000),
        max_output_tokens: Some(50),
        ..of_first()
    };
    let huge = || TokenLimits {
        rate_limit_per_minute: Some(1_000),
        daily_token_cap: Some(1 << 40),
        ..TokenLimits::default()
    };
    let minted = |issued: TokenLimits, own: TokenLimits| {
        let house = house(endpoint());
        let (_, parent) = token_for(&house.scene.project, 6);
        let (_, between) = token_for(&house.scene.project, 7);
        house.scene.tokens.put(Token { limits: issued, ..parent.clone() });
        let between = Token { limits: huge(), parent: Some(parent.id), depth: 1, ..between };
        house.scene.tokens.put(between.clone());
        let token = house.scene.token.clone();
        house.scene.tokens.put(Token { limits: own, parent: Some(between.id), depth: 2, ..token });
        house
    };
    // The one that was issued says nothing: whatever those below it say, the endpoint's counts as well.
    let house = minted(TokenLimits::default(), huge());
    assert_eq!(statuses(&house, 3).await, [200, 200, 429]);
    assert_eq!(house.say("Hi").await.json()["limited"]["subject"], "endpoint");
    let event = house.scene.events().remove(0);
    assert!(event.unheld.is_empty(), "{:?}", event.unheld);
    let of_endpoint = format!("endpoint:{}:tokens:day", house.configuration.endpoints[0].id);
    assert!(event.held.unwrap().iter().any(|hold| hold.counter == of_endpoint));
    // One that was issued with a limit of its own took the endpoint's place, and so do those below it.
    let loose = TokenLimits { rate_limit_per_minute: Some(3), ..TokenLimits::default() };
    let house = minted(loose, huge());
    assert_eq!(statuses(&house, 4).await, [200, 200, 200, 429]);
    assert_eq!(house.say("Hi").await.json()["limited"]["subject"], "token");
    // Its own limit counts besides.
    let tight = TokenLimits { rate_limit_per_minute: Some(1), ..TokenLimits::default() };
    let house = minted(TokenLimits::default(), tight);
    assert_eq!(statuses(&house, 2).await, [200, 429]);
}

#[tokio::test]
async fn a_budget_is_looked_at_before_anybody_is_asked() {
    let house = house(NewEndpoint { monthly_budget_usd: Some(0.001), ..of_first() });
    let refused = house.say("Hi").await;
    let body = refused.json();
    assert_eq!((refused.status, &body["code"]), (402, &json!("budget_exhausted")), "{}", refused.body);
    assert_eq!((&body["type"], &body["limit"]), (&Value::Null, &json!(0.001)), "it is not the token's");
    assert!(body["error"].as_str().unwrap().contains("monthly budget of this endpoint"));
    assert_eq!(house.scene.upstream.calls("first"), 0);
    let limits = TokenLimits {
        monthly_budget_usd_cap: promptgate_kernel::Money::from_dollars(0.000_1),
        ..TokenLimits::default()
    };
    let house = self::house(NewEndpoint { monthly_budget_usd: Some(0.001), ..of_first() });
    with_token(&house, limits);
    let body = house.say("Hi").await.json();
    assert_eq!((&body["type"], &body["limit"]), (&json!("budget_exhausted"), &json!(0.000_1)));
}

#[tokio::test]
async fn what_prompts_add_is_reserved_and_what_the_cache_answers_costs_nothing() {
    let prompt = "word ".repeat(100);
    let new = NewEndpoint {
        prompt: Some(prompt),
        max_output_tokens: Some(50),
        daily_token_cap: Some(600),
        cache_enabled: true,
        cache_ttl_seconds: Some(60),
        ..of_first()
    };
    let house = house(new);
    assert_eq!(statuses(&house, 3).await, [200, 200, 200], "asked once, and answered from the cache then");
    assert_eq!(house.scene.upstream.calls("first"), 1);
    let events = house.scene.events();
    assert_eq!((events[0].tokens.total(), events[1].tokens.total(), events[1].cache_hit), (5, 0, true));
    let reserved = events[0].trace.iter().filter(|note| note.starts_with("admitted")).collect::<Vec<_>>();
    assert_eq!(reserved.len(), 2, "{reserved:?}");
    // Another one does not fit beside its prompt.
    let long = house.say(&"x".repeat(60)).await;
    assert_eq!(long.status, 402, "{}", long.body);
}

#[tokio::test]
async fn a_call_over_the_cap_is_told_so_before_its_budget_is_asked() {
    let new = NewEndpoint { usage_hard_limit_tokens: Some(10), daily_token_cap: Some(5), ..of_first() };
    let house = house(new);
    let got = house.say(&"x".repeat(41)).await;
    assert_eq!((got.status, &got.json()["code"]), (422, &json!("input_too_large")));
    assert_eq!(house.say("Hi").await.status, 402);
}

#[tokio::test]
async fn repeated_calls_count_against_budgets_alone() {
    let new = NewEndpoint {
        rate_limit_per_minute: Some(1),
        daily_token_cap: Some(75),
        max_output_tokens: Some(20),
        ..of_first()
    };
    let house = house(new);
    let run = |kind| {
        let endpoint = &house.configuration.endpoints[0];
        let body = json!({"message": "Hi"}).as_object().unwrap().clone();
        RunCall { project_id: endpoint.project_id, endpoint_id: endpoint.id, body, kind }
    };
    let replay = || RunKind::Replay { request_id: "r".to_owned(), token_id: id(3), above: vec![id(4)] };
    for _ in 0..3 {
        assert_eq!(house.scene.gateway.run_endpoint(run(replay())).await.status, 200);
    }
    let event = house.scene.events().pop().unwrap();
    let unheld = event.unheld;
    assert_eq!(event.above, [id(4)]);
    for token in [id::<TokenId>(3), id(4)] {
        let its = unheld.iter().filter(|counter| counter.starts_with(&format!("token:{token}:"))).count();
        assert_eq!((its, unheld.len()), (4, 8), "{unheld:?}");
    }
    let golden = house.scene.gateway.run_endpoint(run(RunKind::Eval)).await;
    assert_eq!(golden.status, 200, "one a minute");
    assert_eq!(house.scene.gateway.run_endpoint(run(RunKind::Eval)).await.status, 429);
}

#[tokio::test]
async fn rules_may_ask_how_much_of_the_budget_is_spent() {
    let rules = "rules:\n  - when: {monthly_spend_pct: \"> 50\"}\n    use: {template: small}\n";
    let new =
        NewEndpoint { monthly_budget_usd: Some(1.0), routing_rules: Some(rules.to_owned()), ..of_first() };
    let house = house(new);
    house.scene.upstream.always("second", Script::said("small"));
    assert_eq!(house.say("Hi").await.json()["content"], "hello");
    // Somebody else spends most of it.
    let endpoint = house.configuration.endpoints[0].id;
    let counter = Counter {
        subject: Subject::Endpoint(endpoint),
        model: None,
        measure: Measure::Cost,
        window: Window::Month,
    };
    let now = promptgate_kernel::Clock::now(&*house.scene.clock);
    let limit = Limit { counter, cap: 1_000_000_000 };
    let span = house.scene.limiters.budgets.span(&limit, now);
    house.scene.spend(&limit, span, 600_000_000).await;
    house.scene.clock.advance(std::time::Duration::from_secs(6));
    // Nobody waits for the answer; soon it is known.
    for _ in 0..100 {
        if house.say("Hi").await.json()["content"] == "small" {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the rule never held");
}

/// However it is said: in the member for it, in a chat, or in members of its own.
#[tokio::test]
async fn one_request_of_an_endpoint_may_only_be_so_large() {
    let house = house(of_first());
    with_token(&house, TokenLimits { request_token_cap: Some(30), ..TokenLimits::default() });
    let long = "word ".repeat(40);
    for body in [
        json!({"message": long}),
        json!({"messages": [{"role": "user", "content": long}]}),
        json!({"question": long}),
    ] {
        let refused = house.ask(&body).await;
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (422, &json!("input_too_large")),
            "{}",
            refused.body
        );
    }
    assert_eq!(house.say("Hi").await.status, 200);
}
