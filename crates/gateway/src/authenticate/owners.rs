//! Calls with tokens that act for accounts.

use promptgate_access::{Group, Providers, Standing};
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{AliasId, Timestamp};
use promptgate_projects::ProjectType;
use promptgate_providers::{Alias, NewAlias, Operation, Preset, ProviderKind};
use promptgate_tokens::{Scope, Token};

use crate::limits::GatewayLimits;
use crate::receive::{Entry, Route};
use crate::scripted::{Got, Scene, Script, credential_of, provider_at, read};
use crate::snapshot::{Configuration, Snapshot};
use crate::testing::{account, compiler, default_plan, group, project, standing};

const CHAT: &str = r#"{"model":"MODEL","messages":[{"role":"user","content":"Hi"}]}"#;

/// A token of an account that is in these groups.
fn scene(groups: Vec<Group>, accounts: Vec<Standing>) -> Scene {
    let project = project(ProjectType::AgentProxy);
    let scene = Scene::over(project, configuration(groups, accounts), GatewayLimits::default());
    let scopes = [Scope::Chat, Scope::Models].into_iter().collect();
    scene.tokens.put(Token { owner: Some(account(1)), scopes, ..scene.token.clone() });
    for host in ["one", "two"] {
        scene.upstream.always(host, Script::said("hello"));
    }
    scene
}

fn configuration(groups: Vec<Group>, accounts: Vec<Standing>) -> Configuration {
    let providers = vec![
        provider_at("one", ProviderKind::OpenAiCompatible),
        provider_at("two", ProviderKind::OpenAiCompatible),
    ];
    Configuration {
        projects: vec![project(ProjectType::AgentProxy)],
        providers,
        group_members: groups.iter().map(|group| (account(1), group.id)).collect(),
        groups,
        accounts,
        plans: vec![default_plan()],
        ..Configuration::default()
    }
}

async fn asks(scene: &Scene, model: &str) -> (u16, String) {
    let got = scene.chat(&CHAT.replace("MODEL", model)).await;
    (got.status, got.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

async fn gets(scene: &Scene, entry: Entry, route: Route) -> Got {
    let mut request = scene.request(Operation::ChatCompletions, "", &[]);
    request.entry = entry;
    request.route = route;
    read(scene.gateway.call(request).await).await
}

fn one() -> Providers {
    Providers::Some(vec![provider_at("one", ProviderKind::OpenAiCompatible).id])
}

#[tokio::test]
async fn models_are_called_that_a_group_allows_and_none_excludes() {
    let groups = vec![group("a", one(), &["^m"], &["secret"])];
    let scene = scene(groups, vec![standing(1)]);
    assert_eq!(asks(&scene, "one:m").await.0, 200);
    let denied = (403, "group_access_denied".to_owned());
    for model in ["one:m-secret", "one:n", "two:m"] {
        assert_eq!(asks(&scene, model).await, denied, "{model}");
    }
    assert_eq!(scene.upstream.calls("two"), 0);
    // Of several who have the model, those are asked that are granted.
    assert_eq!(asks(&scene, "m").await.0, 200);
    assert_eq!(scene.upstream.calls("two"), 0);
}

/// Gemini's models have two names each. A group knows them by the short one.
#[tokio::test]
async fn a_model_that_is_excluded_is_excluded_by_each_of_its_names() {
    let groups = vec![group("a", Providers::All, &[], &[r"^gemini-2\.5-pro"])];
    let scene = scene(groups.clone(), vec![standing(1)]);
    let mut changed = configuration(groups, vec![standing(1)]);
    let google = provider_at("two", ProviderKind::Google);
    let alias = NewAlias {
        project_id: scene.project.id,
        name: "pro".to_owned(),
        provider_id: google.id,
        model: "models/gemini-2.5-pro".to_owned(),
        description: String::new(),
        preset: Preset::default(),
    };
    let id = AliasId::mint(&TestClock::at_millis(1), &SeededEntropy::new(71));
    changed.aliases = vec![Alias::create(id, alias, Timestamp::default()).unwrap()];
    let secret = "AIza-of-nobody";
    changed.credentials = vec![credential_of(&google, secret)];
    changed.providers[1] = google;
    scene.snapshot.store(Snapshot::compile(changed, &compiler()).0);
    let said = r#"{"candidates":[{"content":{"parts":[{"text":"hi"}],"role":"model"},"finishReason":"STOP"}],
        "usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1,"totalTokenCount":4}}"#;
    scene.upstream.always("two", Script::json(200, said));
    let denied = (403, "group_access_denied".to_owned());
    for name in ["two:gemini-2.5-pro", "two:models/gemini-2.5-pro", "two:models/models/gemini-2.5-pro", "pro"]
    {
        assert_eq!(asks(&scene, name).await, denied, "{name}");
    }
    assert_eq!(scene.upstream.calls("two"), 0);
    scene.events();
    for (name, booked) in [
        ("two:models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("two:tunedModels/gemini-2.5-pro", "tunedModels/gemini-2.5-pro"),
    ] {
        assert_eq!(asks(&scene, name).await.0, 200, "{name}");
        assert_eq!(scene.event().model.as_deref(), Some(booked), "it is priced by that name too");
    }
}

#[tokio::test]
async fn without_a_group_nothing_is_allowed_and_a_model_must_be_named() {
    let scene = scene(vec![], vec![standing(1)]);
    assert_eq!(asks(&scene, "one:m").await, (403, "group_access_denied".to_owned()));
    for body in ["", " ", "{}", r#"{"messages":[]}"#] {
        let got = scene.chat(body).await;
        assert_eq!(
            (got.status, &got.json()["error"]["code"]),
            (403, &"group_model_required".into()),
            "{body}"
        );
    }
    assert_eq!(scene.chat("{").await.status, 400, "what is no JSON is no question of models");
}

#[tokio::test]
async fn a_projects_own_token_is_in_no_group() {
    let scene = scene(vec![], vec![]);
    scene.tokens.put(scene.token.clone());
    assert_eq!(asks(&scene, "one:m").await.0, 200);
    assert_eq!(scene.chat("{}").await.status, 400);
}

#[tokio::test]
async fn a_provider_in_the_path_needs_a_grant_before_anything_is_read() {
    let scene = scene(vec![group("a", one(), &[], &["^bge"])], vec![standing(1)]);
    let named = |name: &str| Entry::Provider(name.to_owned());
    let listed = r#"{"object":"list","data":[{"id":"m"},{"id":"bge-m3"}]}"#;
    scene.upstream.always("one", Script::json(200, listed));
    let got = gets(&scene, named("one"), Route::ModelList).await;
    assert_eq!(got.body, r#"{"object":"list","data":[{"id":"m"}]}"#);
    for route in [Route::ModelList, Route::Model(Operation::ChatCompletions)] {
        let got = gets(&scene, named("two"), route).await;
        assert_eq!(
            (got.status, &got.json()["error"]["code"]),
            (403, &"group_access_denied".into()),
            "{route:?}"
        );
    }
}

#[tokio::test]
async fn the_list_of_models_shows_what_may_be_called() {
    let scene = scene(vec![group("a", one(), &[], &["^x"])], vec![standing(1)]);
    let got = gets(&scene, Entry::Project(scene.project.id), Route::ModelList).await;
    let ids: Vec<_> = got.json()["data"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    assert_eq!(ids, ["one:m", "one:*"]);
}

#[tokio::test]
async fn an_account_that_is_off_has_no_role_or_has_expired_calls_nothing() {
    let off = Standing { active: false, ..standing(1) };
    let nobody = Standing { has_role: false, ..standing(1) };
    let over = Standing { expires_at: Some(Timestamp::from_micros(1_000_000)), ..standing(1) };
    for (standing, code) in
        [(off, "account_inactive"), (nobody, "insufficient_role"), (over, "insufficient_role")]
    {
        let scene = scene(vec![group("a", one(), &[], &[])], vec![standing]);
        assert_eq!(asks(&scene, "one:m").await, (403, code.to_owned()));
    }
}

#[tokio::test]
async fn access_ends_at_its_instant_and_a_change_acts_on_the_next_call() {
    let soon = Standing { expires_at: Some(Timestamp::from_micros(1_500_000)), ..standing(1) };
    let scene = scene(vec![group("a", one(), &[], &[])], vec![soon]);
    assert_eq!(asks(&scene, "one:m").await.0, 200);
    scene.clock.advance(std::time::Duration::from_millis(500));
    assert_eq!(asks(&scene, "one:m").await, (403, "insufficient_role".to_owned()));
    let prolonged = configuration(vec![group("a", one(), &[], &["m"])], vec![standing(1)]);
    scene.snapshot.store(Snapshot::compile(prolonged, &compiler()).0);
    assert_eq!(asks(&scene, "one:m").await, (403, "group_access_denied".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_nobody_knows_calls_nothing() {
    let scene = scene(vec![], vec![]);
    assert_eq!(asks(&scene, "one:m").await, (403, "account_inactive".to_owned()));
}
