//! Calls within their limits, over providers that answer as a test tells them to.

mod bounds;
mod streams;

use std::time::Duration;

use promptgate_access::{Plan, Providers};
use promptgate_kernel::{Clock, LimitSet, ModelLimits, Money};
use promptgate_limits::{Counter, Counters, Holder, Limit, Measure, Settlement, Span, Subject, Window};
use promptgate_projects::{Project, ProjectType};
use promptgate_providers::{Operation, ProviderKind};
use promptgate_tokens::{Scope, Token, TokenLimits};
use promptgate_usage::Outcome;
use serde_json::{Value, json};

use crate::limits::GatewayLimits;
use crate::scripted::{Got, Piece, Scene, Script, chunk, provider_at, read};
use crate::snapshot::{Configuration, Snapshot};
use crate::testing::{account, compiler, group, plan, project, standing, token_for};

const CHAT: &str = r#"{"model":"m","max_tokens":10,"messages":[{"role":"user","content":"Hi"}]}"#;
/// The same without a bound.
const OPEN: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
/// What they need to be read at most: two bytes, the frame of a message, and that of the request.
const INPUT: u64 = 2 + 8 + 16;

fn configuration() -> Configuration {
    Configuration {
        projects: vec![project(ProjectType::AgentProxy)],
        providers: vec![provider_at("one", ProviderKind::OpenAiCompatible)],
        ..Configuration::default()
    }
}

fn scene_over(configuration: Configuration) -> Scene {
    let project = configuration.projects[0].clone();
    let scene = Scene::over(project, configuration, GatewayLimits::default());
    for host in ["one", "two"] {
        scene.upstream.always(host, Script::said("hello"));
    }
    scene
}

/// A token with these limits.
fn scene(limits: TokenLimits) -> Scene {
    let scene = scene_over(configuration());
    scene.tokens.put(Token { limits, ..scene.token.clone() });
    scene
}

fn limits_of_project(limits: LimitSet) -> Configuration {
    let project = Project { limits, ..project(ProjectType::AgentProxy) };
    Configuration { projects: vec![project], ..configuration() }
}

fn dollars(dollars: f64) -> Option<Money> {
    Money::from_dollars(dollars)
}

async fn statuses(scene: &Scene, calls: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..calls {
        statuses.push(scene.chat(CHAT).await.status);
    }
    statuses
}

fn sent(scene: &Scene) -> Value {
    serde_json::from_slice(&scene.upstream.seen().last().unwrap().body).unwrap()
}

#[tokio::test]
async fn calls_beyond_the_limit_of_a_minute_are_refused_until_the_next_one() {
    let scene = scene(TokenLimits { rate_limit_per_minute: Some(3), ..TokenLimits::default() });
    for left in ["2", "1", "0"] {
        let got = scene.chat(CHAT).await;
        assert_eq!((got.status, got.header("x-ratelimit-remaining-requests")), (200, left));
        assert_eq!(got.header("x-ratelimit-limit-requests"), "3");
        assert_eq!(got.header("x-ratelimit-reset-requests"), "59s");
    }
    scene.events();
    let got = scene.chat(CHAT).await;
    assert_eq!((got.status, got.header("retry-after"), got.header("retry-after-ms")), (429, "59", "59000"));
    assert_eq!(got.header("x-ratelimit-remaining-requests"), "0");
    let body = got.json();
    assert_eq!((&body["scope"], &body["error"]["code"]), (&json!("minute"), &json!("rate_limit_exceeded")));
    assert_eq!((&body["error"]["type"], &body["limit"]), (&json!("rate_limit_error"), &json!(3)));
    let event = scene.event();
    assert_eq!((event.outcome, event.status, event.attempts), (Outcome::Refused, 429, 0));
    assert!(event.trace.iter().any(|note| note.contains("requests:minute of 3")), "{:?}", event.trace);
    scene.clock.advance(Duration::from_secs(59));
    assert_eq!(statuses(&scene, 4).await, [200, 200, 200, 429]);
    assert_eq!(scene.upstream.calls("one"), 6);
}

#[tokio::test]
async fn a_surface_has_its_vendors_headers_and_shape() {
    let scene = scene(TokenLimits { rate_limit_per_minute: Some(1), ..TokenLimits::default() });
    let body = r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}"#;
    let got = read(scene.begin(Operation::Messages, body).await).await;
    assert_eq!((got.status, got.header("anthropic-ratelimit-requests-remaining")), (200, "0"));
    assert_eq!(got.header("anthropic-ratelimit-requests-reset"), "1970-01-01T00:01:00.000000Z");
    let got = read(scene.begin(Operation::Messages, body).await).await;
    assert_eq!((got.status, &got.json()["error"]["type"]), (429, &json!("rate_limit_error")));
    assert_eq!((&got.json()["type"], &got.json()["scope"]), (&json!("error"), &json!("minute")));
}

#[tokio::test]
async fn what_guardrails_or_limits_refuse_does_not_count() {
    let limits = TokenLimits {
        rate_limit_per_minute: Some(2),
        daily_token_cap: Some(INPUT + 10),
        ..TokenLimits::default()
    };
    let scene = scene(limits);
    // More than a day may have: refused by the budget, and counted by nothing.
    let large = CHAT.replace("\"max_tokens\":10", "\"max_tokens\":11");
    for _ in 0..5 {
        assert_eq!(scene.chat(&large).await.status, 402);
    }
    assert_eq!(scene.chat(CHAT).await.status, 200);
}

/// Records that the token used so much.
async fn spend(scene: &Scene, measure: Measure, window: Window, spent: u64) {
    let now = scene.clock.now();
    let counter = Counter { subject: Subject::Token(scene.token.id), model: None, measure, window };
    let limit = Limit { counter: counter.clone(), cap: 0 };
    let Span { bucket, until, .. } = scene.limiters.budgets.span(&limit, now);
    let (nobody, settlement) = (Holder(9), Settlement { counter, bucket, until, spent, freed: 0 });
    scene.counters.take(nobody, &[], now, until).await.unwrap();
    scene.counters.settle(nobody, 1, &[settlement], now).await.unwrap();
}

#[tokio::test]
async fn a_budget_that_is_used_up_says_how_it_stands() {
    let scene = scene(TokenLimits { monthly_budget_usd_cap: dollars(0.000_5), ..TokenLimits::default() });
    assert_eq!(scene.chat(CHAT).await.status, 200);
    scene.events();
    // Input is five dollars a million, output thirty: 26 tokens read and 12 written cost more than is left.
    let large = CHAT.replace("\"max_tokens\":10", "\"max_tokens\":12");
    // As long as the first call is not recorded, what it took is held, and may come back.
    let got = scene.chat(&large).await;
    let told = (got.status, got.header("retry-after"), got.header("x-should-retry"));
    assert_eq!(told, (402, "1", "true"), "{}", got.body);
    assert!(got.body.contains("is held by calls under way: $0.00 spent and $0.0000"), "{}", got.body);
    spend(&scene, Measure::Cost, Window::Month, 20_000).await;
    scene.events();
    let got = scene.chat(&large).await;
    assert_eq!((got.header("retry-after"), got.header("x-should-retry")), ("", "false"));
    let body = got.json();
    assert_eq!((got.status, &body["error"]["code"]), (402, &json!("budget_exhausted")), "{}", got.body);
    assert_eq!(
        (&body["type"], &body["error"]["type"]),
        (&json!("budget_exhausted"), &json!("insufficient_quota"))
    );
    assert_eq!(
        (&body["limit"], &body["resets_at"]),
        (&json!(0.000_5), &json!("1970-02-01T00:00:00.000000Z"))
    );
    let held = body["spent"].as_f64().unwrap() + body["reserved"].as_f64().unwrap();
    assert!((0.000_09..0.000_1).contains(&held), "{held}");
    let message = body["error"]["message"].as_str().unwrap();
    for part in ["monthly budget of this token", "$0.0005", "resets at 1970-02-01", "administrator"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!((scene.upstream.calls("one"), scene.event().status), (1, 402));
}

#[tokio::test]
async fn a_call_that_is_larger_than_a_limit_is_not_told_to_come_back() {
    let most = |tokens: u32| CHAT.replace("\"max_tokens\":10", &format!("\"max_tokens\":{tokens}"));
    let cap = Some(INPUT + 20);
    let rate = TokenLimits { token_rate_limit_per_minute: cap, ..TokenLimits::default() };
    let budget = TokenLimits { daily_token_cap: cap, ..TokenLimits::default() };
    let never = |got: &Got, status: u16| {
        let told = (got.status, got.header("retry-after"), got.header("x-should-retry"));
        assert_eq!(told, (status, "", "false"), "{}", got.body);
        let message = got.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("may need 47 tokens") && message.contains(": 46 tokens"), "{message}");
    };
    for (limits, status) in [(rate, 429), (budget, 402)] {
        let scene = scene(limits);
        never(&scene.chat(&most(21)).await, status);
        assert_eq!(scene.chat(CHAT).await.status, 200);
        // Where nobody says how much may be written, less would do another time.
        scene.upstream.next("one", Script::sse([chunk(""), chunk("Hel"), Piece::Stall]));
        let stream = most(15).replace("\"model\"", "\"stream\":true,\"model\"");
        let open = scene.begin(Operation::ChatCompletions, &stream).await;
        let got = scene.chat(OPEN).await;
        assert_eq!((got.status, got.header("retry-after").is_empty()), (status, false));
        assert!(got.body.contains("may need 42") && !got.body.contains("ever"), "{}", got.body);
        drop(open);
    }
    never(&owned(quota(cap, None)).chat(&most(21)).await, 429);
}

#[tokio::test]
async fn where_nobody_says_how_much_may_be_written_the_budget_does() {
    let scene = scene(TokenLimits { daily_token_cap: Some(INPUT + 40), ..TokenLimits::default() });
    assert_eq!(scene.chat(OPEN).await.status, 200);
    assert_eq!(sent(&scene)["max_tokens"], 40, "{}", sent(&scene));
    // The answer took five tokens: there is room for another one, with less.
    assert_eq!(scene.chat(OPEN).await.status, 200);
    assert_eq!(sent(&scene)["max_tokens"], 35);
    // Whoever says what he wants gets that or nothing.
    let wants = OPEN.replace("\"model\"", "\"max_tokens\":99,\"model\"");
    assert_eq!(scene.chat(&wants).await.status, 402);
    let event = scene.events().pop().unwrap();
    assert!(event.holder.is_none(), "nothing was reserved");
}

#[tokio::test]
async fn without_a_budget_nothing_is_put_into_a_request() {
    let scene = scene(TokenLimits { rate_limit_per_minute: Some(9), ..TokenLimits::default() });
    assert_eq!(scene.chat(OPEN).await.status, 200);
    assert_eq!(sent(&scene)["max_tokens"], Value::Null);
    assert_eq!(scene.event().holder, None);
}

#[tokio::test]
async fn a_bound_that_nobody_is_sure_to_understand_is_refused_where_it_matters() {
    let odd = OPEN.replace("\"model\"", "\"max_tokens\":\"many\",\"model\"");
    let scene = scene(TokenLimits { daily_token_cap: Some(1_000), ..TokenLimits::default() });
    let got = scene.chat(&odd).await;
    assert_eq!((got.status, &got.json()["error"]["param"]), (400, &json!("max_tokens")));
}

#[tokio::test]
async fn the_event_says_who_holds_what_was_reserved() {
    let scene = scene(TokenLimits { daily_token_cap: Some(1_000), ..TokenLimits::default() });
    scene.chat(CHAT).await;
    let event = scene.event();
    assert!(event.holder.is_some() && event.unheld.is_empty() && event.above.is_empty());
    let held = event.held.unwrap();
    let counter = format!("token:{}:tokens:day", scene.token.id);
    let of: Vec<_> = held.iter().map(|hold| (hold.counter.as_str(), hold.amount)).collect();
    assert_eq!(of, [(counter.as_str(), event.tokens.total())]);
    assert_eq!(Some(held[0].holder), event.holder);
}

#[tokio::test]
async fn a_call_that_ends_in_whichever_way_leaves_its_place() {
    let scene = scene(TokenLimits { max_concurrent_requests: Some(1), ..TokenLimits::default() });
    let stalls = || Script::sse([chunk(""), chunk("Hel"), Piece::Stall]);
    let stream = CHAT.replace("\"model\"", "\"stream\":true,\"model\"");
    scene.upstream.next("one", stalls());
    let open = scene.begin(Operation::ChatCompletions, &stream).await;
    let got = scene.chat(CHAT).await;
    assert_eq!((got.status, &got.json()["scope"]), (429, &json!("concurrency")));
    assert_eq!((got.header("retry-after"), got.header("x-should-retry")), ("1", "true"));
    drop(open);
    assert_eq!(scene.chat(CHAT).await.status, 200, "a client that left");
    scene.upstream.next("one", Script::fails(500));
    scene.upstream.next("one", Script::fails(500));
    assert_ne!(scene.chat(CHAT).await.status, 429);
    assert_eq!(scene.chat(CHAT).await.status, 200, "a provider that failed");
    scene.upstream.next("one", Script::json(200, "").with(Piece::Stall));
    let mut asking = Box::pin(scene.begin(Operation::ChatCompletions, CHAT));
    while scene.upstream.open() == 0 {
        assert!(futures_util::poll!(asking.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    drop(asking);
    assert_eq!(scene.chat(CHAT).await.status, 200, "a client that left before there was an answer");
}

#[tokio::test]
async fn everybody_above_and_around_a_token_has_to_have_room() {
    let requests = |requests| LimitSet { requests_per_minute: Some(requests), ..LimitSet::default() };
    let around = |project: LimitSet, owner: LimitSet, of_group: LimitSet| {
        let group = promptgate_access::Group { limits: of_group, ..group("a", Providers::All, &[], &[]) };
        let configuration = Configuration {
            group_members: vec![(account(1), group.id)],
            groups: vec![group],
            accounts: vec![standing(1)],
            account_limits: vec![(account(1), owner)],
            plans: vec![Plan { is_default: true, ..plan("all") }],
            ..limits_of_project(project)
        };
        let scene = scene_over(configuration);
        let scopes = [Scope::Chat].into_iter().collect();
        scene.tokens.put(Token { owner: Some(account(1)), scopes, ..scene.token.clone() });
        scene
    };
    for (at, subject) in ["project", "owner", "group"].into_iter().enumerate() {
        let limit = |place| if at == place { requests(2) } else { requests(9) };
        let scene = around(limit(0), limit(1), limit(2));
        assert_eq!(statuses(&scene, 2).await, [200, 200]);
        let refused = scene.chat(CHAT).await;
        assert_eq!((refused.status, &refused.json()["limited"]["subject"]), (429, &json!(subject)));
        assert_eq!(scene.events()[0].groups.len(), 1);
    }
}

#[tokio::test]
async fn a_token_spends_what_the_one_that_it_was_minted_under_may() {
    let scene = scene(TokenLimits::default());
    let (_, parent) = token_for(&scene.project, 6);
    let limits = TokenLimits { rate_limit_per_minute: Some(2), ..TokenLimits::default() };
    scene.tokens.put(Token { limits, ..parent.clone() });
    scene.tokens.put(Token { parent: Some(parent.id), depth: 1, ..scene.token.clone() });
    assert_eq!(statuses(&scene, 3).await, [200, 200, 429]);
    assert_eq!(scene.events()[0].above, [parent.id]);
}

fn of_model(requests: u32) -> LimitSet {
    let limits = ModelLimits { requests_per_minute: Some(requests), ..ModelLimits::default() };
    LimitSet { models: [("a".to_owned(), limits)].into(), ..LimitSet::default() }
}

#[tokio::test]
async fn a_model_has_limits_of_its_own() {
    let scene = scene_over(limits_of_project(of_model(1)));
    let ask = |model: &str| CHAT.replace("\"m\"", &format!("\"one:{model}\""));
    assert_eq!(scene.chat(&ask("a")).await.status, 200);
    let refused = scene.chat(&ask("a")).await;
    assert_eq!((refused.status, &refused.json()["limited"]["model"]), (429, &json!("a")));
    assert_eq!(scene.chat(&ask("b")).await.status, 200);
}

fn quota(five_hours: Option<u64>, seven_days: Option<u64>) -> Configuration {
    let plan =
        Plan { is_default: true, quota_5h_tokens: five_hours, quota_7d_tokens: seven_days, ..plan("small") };
    Configuration { plans: vec![plan], ..without_plan() }
}

fn without_plan() -> Configuration {
    let group = group("a", Providers::All, &[], &[]);
    Configuration {
        group_members: vec![(account(1), group.id)],
        groups: vec![group],
        accounts: vec![standing(1)],
        ..configuration()
    }
}

fn owned(configuration: Configuration) -> Scene {
    let scene = scene_over(configuration);
    scene.tokens.put(Token { owner: Some(account(1)), ..scene.token.clone() });
    scene
}

#[tokio::test]
async fn a_plan_grants_tokens_of_five_hours_and_of_seven_days() {
    for (five_hours, seven_days, window) in
        [(Some(INPUT + 10), None, "5h"), (None, Some(INPUT + 10), "7d"), (Some(30), Some(30), "5h")]
    {
        let scene = owned(quota(five_hours, seven_days));
        let first = scene.chat(CHAT).await;
        if five_hours != Some(30) {
            assert_eq!(first.status, 200, "{}", first.body);
        }
        let refused = scene.chat(CHAT).await;
        let body = refused.json();
        assert_eq!((refused.status, &body["error"]["code"]), (429, &json!("quota_exceeded")));
        assert_eq!((&body["window"], &body["usedTokens"]), (&json!(window), &json!(0)));
        assert_eq!(body["quotaTokens"], json!(five_hours.or(seven_days)));
        assert_eq!(body["reservedTokens"], if five_hours == Some(30) { 0 } else { 5 });
        // What is held by calls that are not recorded yet comes back soon; what never fits does not.
        let again = if five_hours == Some(30) { "" } else { "1" };
        assert_eq!((refused.header("retry-after"), &body["resetAt"]), (again, &json!(null)));
    }
}

#[tokio::test]
async fn a_call_that_is_refused_for_its_budget_takes_nothing_of_a_rate() {
    let limits =
        TokenLimits { rate_limit_per_minute: Some(5), daily_token_cap: Some(1), ..TokenLimits::default() };
    let scene = scene(limits);
    for _ in 0..2 {
        let refused = scene.chat(CHAT).await;
        assert_eq!((refused.status, refused.header("x-ratelimit-remaining-requests")), (402, "5"));
    }
}

#[tokio::test]
async fn an_account_without_a_plan_may_ask_nothing_of_a_model() {
    let scene = owned(without_plan());
    let refused = scene.chat(CHAT).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (403, &json!("subscription_required")));
    let count = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
    assert_eq!(read(scene.begin(Operation::CountTokens, count).await).await.status, 200);
}

const DEGRADED: &str = "x-promptgate-limits-degraded";

#[tokio::test]
async fn while_counters_are_away_the_answer_says_so() {
    let scene = scene(TokenLimits { rate_limit_per_minute: Some(1), ..TokenLimits::default() });
    scene.counters.away(true);
    let got = scene.chat(CHAT).await;
    assert_eq!((got.status, got.header(DEGRADED)), (200, "limits"), "its share");
    assert_eq!(scene.limiters.degraded(), ["limits"]);
    unavailable(&scene.chat(CHAT).await, "limits_unavailable");
    scene.counters.away(false);
    scene.clock.advance(Duration::from_mins(1));
    let got = scene.chat(CHAT).await;
    assert_eq!((got.status, got.header(DEGRADED)), (200, ""));
    assert!(scene.limiters.degraded().is_empty());
}

fn unavailable(got: &Got, code: &str) {
    let body = got.json();
    assert_eq!((got.status, &body["error"]["code"]), (503, &json!(code)), "{}", got.body);
    assert_eq!((got.header("retry-after"), got.header("x-should-retry")), ("1", "true"));
}

#[tokio::test]
async fn budgets_and_quotas_that_cannot_be_asked_let_nobody_in() {
    let budget = scene(TokenLimits { daily_token_cap: Some(1_000), ..TokenLimits::default() });
    let quota = owned(quota(Some(1_000), None));
    for (scene, code) in [(budget, "budgets_unavailable"), (quota, "subscription_quota_unavailable")] {
        scene.counters.away(true);
        let got = scene.chat(CHAT).await;
        unavailable(&got, code);
        assert_eq!(got.header(DEGRADED), "budgets");
        assert_eq!((scene.upstream.calls("one"), scene.event().error_code.as_deref()), (0, Some(code)));
        scene.counters.away(false);
        // Nobody is asked again for a moment.
        assert_eq!(scene.chat(CHAT).await.status, 503);
        scene.clock.advance(Duration::from_secs(1));
        assert_eq!(scene.chat(CHAT).await.status, 200);
    }
}

#[tokio::test]
async fn a_change_of_limits_acts_on_the_next_call() {
    let scene =
        scene_over(limits_of_project(LimitSet { requests_per_minute: Some(1), ..LimitSet::default() }));
    assert_eq!(statuses(&scene, 2).await, [200, 429]);
    let wider = limits_of_project(LimitSet { requests_per_minute: Some(2), ..LimitSet::default() });
    scene.snapshot.store(Snapshot::compile(wider, &compiler()).0);
    assert_eq!(statuses(&scene, 2).await, [200, 429]);
}

#[tokio::test]
async fn one_request_may_only_be_so_large() {
    let long = CHAT.replace("Hi", "thirteen byte");
    let of_token = scene(TokenLimits { request_token_cap: Some(3), ..TokenLimits::default() });
    let of_project =
        scene_over(limits_of_project(LimitSet { request_tokens: Some(3), ..LimitSet::default() }));
    for (scene, subject) in [(of_token, "token"), (of_project, "project")] {
        assert_eq!(scene.chat(CHAT).await.status, 200);
        let refused = scene.chat(&long).await;
        let body = refused.json();
        assert_eq!((refused.status, &body["error"]["code"]), (422, &json!("input_too_large")));
        assert_eq!(
            (&body["scope"], &body["limit"], &body["needed"]),
            (&json!("request"), &json!(3), &json!(4))
        );
        assert_eq!(body["limited"]["subject"], subject);
        assert_eq!((refused.header("x-should-retry"), refused.header("retry-after")), ("false", ""));
    }
}
