//! Guardrails on their levels, and tried on something.

use std::path::Path;
use std::process::Command;

use promptgate_auth::{ProjectRole, Role};
use promptgate_control::endpoints::{self, EndpointAddress, EndpointError};
use promptgate_control::guardrails::{
    Asked, Change, Changed, Channel, Coming, ExplainError, Form, GuardrailError, Said, Source, Tried, Way,
    Whose, change, explain, find, find_of_endpoint,
};
use promptgate_control::providers;
use promptgate_endpoints::{Endpoint, NewEndpoint};
use promptgate_firewall::guardrails::{Guardrail, Level, Outcome};
use promptgate_kernel::ProjectId;
use promptgate_projects::ProjectType;
use promptgate_providers::Operation;
use promptgate_store::Access;
use serde_json::{Map, Value, json};

use crate::fixture::{ADMIN, Fixture, new_provider};
use crate::project_roles::member;

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

async fn put(fixture: &Fixture, whose: Whose, rules: &Value) {
    change(&fixture.control, ADMIN, whose, Change::Replace(map(rules))).await.unwrap();
}

async fn endpoint(
    fixture: &Fixture,
    project: ProjectId,
    guardrails: Value,
) -> Result<Endpoint, EndpointError> {
    let provider = providers::create(&fixture.control, ADMIN, new_provider("main", "k")).await.ok();
    let provider = match provider {
        Some(made) => made.provider.id,
        None => {
            fixture.control.store.begin(Access::Read).await.unwrap().providers().list_all().await.unwrap()[0]
                .id
        }
    };
    let new = NewEndpoint {
        name: "Mail".to_owned(),
        provider_id: Some(provider),
        provider_model: Some("m".to_owned()),
        guardrails: Some(guardrails),
        ..NewEndpoint::default()
    };
    endpoints::create(&fixture.control, ADMIN, project, new).await
}

fn user(text: &str) -> Asked {
    let said = Said::Text(Form::Request(Operation::ChatCompletions), Channel::User, text.to_owned());
    Asked { said: vec![said], coming: Coming::default() }
}

#[tokio::test]
async fn every_field_comes_from_the_lowest_level_that_says_something() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiGateway).await.id;
    let token = fixture.token(project, None).await.token.id;
    put(&fixture, Whose::Installation, &json!({"pii_filter": {"enabled": true, "mode": "mask"}})).await;
    put(&fixture, Whose::Project(project), &json!({"pii_filter": {"mode": "block"}})).await;
    put(&fixture, Whose::Token(project, token), &json!({"pii_filter": {"types": ["email"]}})).await;
    let endpoint = endpoint(&fixture, project, json!({"pii_filter": {"enabled": false}})).await.unwrap();

    let of_token = find(&fixture.control, ADMIN, Whose::Token(project, token)).await.unwrap();
    let sources =
        ["enabled", "mode", "types", "direction"].map(|field| of_token.source(Guardrail::PiiFilter, field));
    assert_eq!(
        sources,
        [
            Some(Source::Level(Level::Global)),
            Some(Source::Level(Level::Project)),
            Some(Source::Level(Level::Token)),
            None
        ]
    );
    let of_endpoint = find_of_endpoint(&fixture.control, ADMIN, project, endpoint.id).await.unwrap();
    assert_eq!(of_endpoint.source(Guardrail::PiiFilter, "enabled"), Some(Source::Level(Level::Endpoint)));
    assert!(!of_endpoint.effective().enabled(Guardrail::PiiFilter));

    let said = user("ada@example.org");
    let outcome = async |way| {
        explain(&fixture.control, ADMIN, way, Tried::Stored, said.clone()).await.unwrap().explained[0]
            .verdict
            .outcome
    };
    assert_eq!(outcome(Way::default()).await, Outcome::Changed);
    assert_eq!(outcome(Way { token: Some(token), ..Way::default() }).await, Outcome::Blocked);
    let both = Way { token: Some(token), endpoint: Some(endpoint.id), project: Some(project) };
    assert_eq!(outcome(both).await, Outcome::Passed, "the endpoint switched it off");
}

#[tokio::test]
async fn a_minted_token_goes_by_the_rules_of_those_that_it_comes_from() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await.id;
    let token = fixture.token(project, None).await.token.id;
    let below = fixture.below(token, None).await;
    put(&fixture, Whose::Token(project, token), &json!({"pii_filter": {"enabled": true, "mode": "block"}}))
        .await;
    put(&fixture, Whose::Token(project, below), &json!({"pii_filter": {"mode": "mask"}})).await;
    let levels = find(&fixture.control, ADMIN, Whose::Token(project, below)).await.unwrap();
    assert_eq!(levels.source(Guardrail::PiiFilter, "enabled"), Some(Source::TokenAbove));
    assert_eq!(levels.source(Guardrail::PiiFilter, "mode"), Some(Source::Level(Level::Token)));
    assert_eq!(levels.own().document(), map(&json!({"pii_filter": {"mode": "mask"}})));
    let way = Way { token: Some(below), ..Way::default() };
    let explained =
        explain(&fixture.control, ADMIN, way, Tried::Stored, user("ada@example.org")).await.unwrap();
    assert_eq!(explained.explained[0].verdict.outcome, Outcome::Changed);
}

#[tokio::test]
async fn addresses_and_times_are_tried_by_the_rules_of_the_way() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await.id;
    let token = fixture.token(project, None).await.token.id;
    put(&fixture, Whose::Installation, &json!({"ip_allowlist": {"enabled": true, "cidrs": ["10.0.0.0/8"]}}))
        .await;
    put(&fixture, Whose::Token(project, token), &json!({"ip_allowlist": {"cidrs": ["192.0.2.1"]}})).await;
    let refusal = async |way| {
        let coming = Coming { from: Some("192.0.2.1".parse().unwrap()), at: None };
        let asked = Asked { said: Vec::new(), coming };
        let explained = explain(&fixture.control, ADMIN, way, Tried::Stored, asked).await.unwrap();
        explained.access.unwrap().refusal().map(|(guardrail, _)| guardrail)
    };
    assert_eq!(refusal(Way::default()).await, Some(Guardrail::IpAllowlist));
    assert_eq!(refusal(Way { token: Some(token), ..Way::default() }).await, None);
    let unasked = explain(&fixture.control, ADMIN, Way::default(), Tried::Stored, user("x")).await.unwrap();
    assert_eq!(unasked.access, None);
}

#[tokio::test]
async fn rules_are_tried_over_what_is_stored_or_alone_and_change_nothing() {
    let fixture = Fixture::new().await;
    put(&fixture, Whose::Installation, &json!({"pii_filter": {"enabled": true}})).await;
    let before = (fixture.revision().await, fixture.actions().await);
    let words = map(&json!({"keyword_blocklist": {"enabled": true, "mode": "mask", "words": ["zebra"]}}));
    let text = "a zebra of ada@example.org";
    for (tried, expected) in [
        (Tried::Stored, "a zebra of [E-Mail REDACTED]"),
        (Tried::Over(words.clone()), "a [Keyword REDACTED] of [E-Mail REDACTED]"),
        (Tried::Alone(words), "a [Keyword REDACTED] of ada@example.org"),
    ] {
        let explained = explain(&fixture.control, ADMIN, Way::default(), tried, user(text)).await.unwrap();
        assert_eq!(explained.explained[0].changed, Some(Changed::Text(expected.to_owned())));
    }
    let wrong = Tried::Over(map(&json!({"pii_filter": {"mode": "shout"}})));
    let wrong = explain(&fixture.control, ADMIN, Way::default(), wrong, user(text)).await.unwrap_err();
    let ExplainError::Guardrails(GuardrailError::Invalid(wrong)) = wrong else { panic!("{wrong}") };
    assert_eq!(wrong.field, "pii_filter.mode");
    assert_eq!((fixture.revision().await, fixture.actions().await), before);
}

#[tokio::test]
async fn administrators_of_a_project_try_and_change_what_is_theirs() {
    let fixture = Fixture::new().await;
    let own = fixture.project(ProjectType::AiWrapper).await.id;
    let other = fixture.project(ProjectType::AiWrapper).await.id;
    let foreign = fixture.token(other, None).await.token.id;
    let control = &fixture.control;
    let rules = || Change::Patch(map(&json!({"content_length": {"max": 9}})));
    for (role, may) in
        [(ProjectRole::Viewer, false), (ProjectRole::Developer, false), (ProjectRole::Admin, true)]
    {
        let actor = member(&fixture, own, Role::User, role).await;
        let explained = async |way| explain(control, actor, way, Tried::Stored, user("x")).await;
        let way = |project| Way { project: Some(project), ..Way::default() };
        assert_eq!(change(control, actor, Whose::Project(own), rules()).await.is_ok(), may);
        assert_eq!(explained(way(own)).await.is_ok(), may);
        assert!(find(control, actor, Whose::Project(own)).await.is_ok(), "members see them");
        for denied in [explained(way(other)).await, explained(Way::default()).await] {
            let denied = denied.unwrap_err();
            assert!(matches!(denied, ExplainError::Guardrails(GuardrailError::Forbidden(_))), "{denied}");
        }
        let mixed = Way { token: Some(foreign), ..way(own) };
        let unknown = explained(mixed).await.unwrap_err();
        assert!(matches!(unknown, ExplainError::Guardrails(GuardrailError::UnknownToken(_))), "{unknown}");
        for whose in [Whose::Installation, Whose::Project(other), Whose::Token(other, foreign)] {
            let denied = change(control, actor, whose, rules()).await.unwrap_err();
            assert!(matches!(denied, GuardrailError::Forbidden(_)), "{denied}");
            assert!(find(control, actor, whose).await.is_err());
        }
    }
}

#[tokio::test]
async fn each_guardrail_that_changes_has_a_row_in_the_audit_log() {
    let fixture = Fixture::new().await;
    let patch = async |rules: Value| {
        change(&fixture.control, ADMIN, Whose::Installation, Change::Patch(map(&rules))).await.unwrap();
    };
    patch(json!({"pii_filter": {"enabled": true}, "secret_scanner": {"enabled": true}})).await;
    patch(json!({"pii_filter": {"enabled": true}})).await;
    patch(json!({"pii_filter": {"enabled": false}, "keyword_blocklist": {"words": ["canary"]}})).await;
    patch(json!({"secret_scanner": null})).await;
    let audit = fixture.audit().await;
    let rows: Vec<_> =
        audit.iter().map(|row| (row.event.action.as_str(), row.event.target_id.as_str())).collect();
    assert_eq!(
        rows,
        [
            ("guardrail.enabled", "pii_filter"),
            ("guardrail.enabled", "secret_scanner"),
            ("guardrail.disabled", "pii_filter"),
            ("guardrail.updated", "keyword_blocklist"),
            ("guardrail.disabled", "secret_scanner"),
        ]
    );
    assert!(!format!("{audit:?}").contains("canary"), "what somebody thought up is not told");
}

#[tokio::test]
async fn an_endpoint_says_only_what_can_be_read() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiGateway).await.id;
    put(&fixture, Whose::Project(project), &json!({"content_length": {"min": 10}})).await;
    for (wrong, field) in [
        (json!({"pii": {"enabled": true}}), "guardrails"),
        (json!({"pii_filter": {"types": ["shoe_size"]}}), "guardrails.pii_filter.types[0]"),
        (json!({"prompt_injection": {"mode": "mask"}}), "guardrails.prompt_injection.mode"),
        (json!({"content_length": {"max": 9}}), "guardrails.content_length.max"),
    ] {
        let refused = endpoint(&fixture, project, wrong.clone()).await.unwrap_err();
        let EndpointError::Invalid(errors) = refused else { panic!("{refused}") };
        assert!(errors.as_slice()[0].field.starts_with(field), "{wrong}: {errors}");
    }
}

#[tokio::test]
async fn what_was_stored_when_nobody_read_it_is_no_hindrance() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiGateway).await.id;
    let endpoint = endpoint(&fixture, project, json!({})).await.unwrap();
    let old = map(&json!({"pii": {"enabled": true}, "content_length": {"enabled": true, "max": 3}}));
    let mut work = fixture.control.store.begin(Access::Write).await.unwrap();
    let mut stored = work.endpoints().find(endpoint.id).await.unwrap().unwrap();
    stored.guardrails = old.clone();
    stored.version += 1;
    assert!(work.endpoints().save(&stored).await.unwrap());
    work.commit().await.unwrap();

    let address = EndpointAddress { project, id: endpoint.id };
    let amend = async |guardrails: Option<Value>, prompt: &str| {
        let change = |new: NewEndpoint| NewEndpoint {
            guardrails: guardrails.or(new.guardrails.clone()),
            prompt: Some(prompt.to_owned()),
            ..new
        };
        endpoints::amend(&fixture.control, ADMIN, address, change).await
    };
    assert_eq!(amend(None, "one").await.unwrap().guardrails, old);
    let levels = find_of_endpoint(&fixture.control, ADMIN, project, endpoint.id).await.unwrap();
    assert!(levels.effective().enabled(Guardrail::ContentLength), "what can be read counts");
    amend(Some(json!({"pii": {"enabled": false}})), "two").await.unwrap_err();
    let new = json!({"pii_filter": {"enabled": true}});
    assert_eq!(amend(Some(new.clone()), "two").await.unwrap().guardrails, map(&new));
}

#[tokio::test]
async fn rules_that_nobody_can_read_are_replaced_and_that_is_on_record() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("promptgate.db");
    let fixture = Fixture::in_file(&file).await;
    let project = fixture.project(ProjectType::AiWrapper).await.id;
    let token = fixture.token(project, None).await.token.id;
    let control = &fixture.control;
    let on = json!({"secret_scanner": {"enabled": true}});
    for (whose, level, of) in [
        (Whose::Installation, "global", None),
        (Whose::Project(project), "project", Some(project)),
        (Whose::Token(project, token), "token", Some(project)),
    ] {
        for (rules, more) in [(json!({}), None), (on.clone(), Some(("guardrail.enabled", "secret_scanner")))]
        {
            put(&fixture, whose, &json!({"content_length": {"max": 9}})).await;
            spoil(&file, level);
            let before = (fixture.audit().await.len(), fixture.revision().await);
            let patched = change(control, ADMIN, whose, Change::Patch(map(&json!({})))).await.unwrap_err();
            assert!(matches!(patched, GuardrailError::Unreadable(_)), "{patched}");
            assert_eq!((fixture.audit().await.len(), fixture.revision().await), before);

            put(&fixture, whose, &rules).await;
            assert_eq!(find(control, ADMIN, whose).await.unwrap().own().document(), map(&rules));
            assert!(fixture.revision().await > before.1);
            let audit = fixture.audit().await;
            let new = audit[before.0..].iter().map(|row| &row.event);
            let named: Vec<_> = new.clone().map(|row| (&*row.action, &*row.target_id)).collect();
            let expected: Vec<_> = [("guardrail.updated", "*")].into_iter().chain(more).collect();
            assert_eq!(named, expected);
            let event = new.clone().next().unwrap();
            assert_eq!((&*event.before["rules"], &*event.after["rules"]), ("unreadable", "replaced"));
            assert_eq!((event.project_id, &*event.details["level"]), (of, level));
            put(&fixture, whose, &json!({})).await;
        }
    }
}

/// Writes what nobody can read in place of the rules of a level, behind the control plane's back.
fn spoil(database: &Path, level: &str) {
    const SCRIPT: &str = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=30); \
        rows = db.execute('UPDATE guardrails SET rules = ? WHERE level = ?', sys.argv[2:4]).rowcount; \
        db.commit(); sys.exit(rows != 1)";
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).arg(database).args([r#"{"pii_filter":{"enabled":"perhaps"}}"#, level]);
    let done = python.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

mod replays {
    use promptgate_control::guardrails::{Concerned, Matched, Replay, replay};
    use promptgate_kernel::{CallId, TokenId};
    use promptgate_usage::{CallContent, Outcome as Ended, UsageEvent};

    use super::*;

    async fn record(fixture: &Fixture, project: ProjectId, token: TokenId, request: Option<&str>) -> CallId {
        record_as("chat_completions", fixture, project, token, request).await
    }

    async fn record_as(
        operation: &str,
        fixture: &Fixture,
        project: ProjectId,
        token: TokenId,
        request: Option<&str>,
    ) -> CallId {
        fixture.clock.advance(std::time::Duration::from_secs(1));
        let id = CallId::mint(&*fixture.clock, &*fixture.control.entropy);
        let at = fixture.control.clock.now();
        let event = UsageEvent::of_call(id, at, project, token, operation, Ended::Completed, 200);
        let content =
            CallContent { request: request.map(str::to_owned), ..CallContent::of_call(id, at, project) };
        let mut work = fixture.control.store.begin(Access::Write).await.unwrap();
        work.usage().record(&[&event]).await.unwrap();
        if request.is_some() {
            work.call_contents().record(&[&content]).await.unwrap();
        }
        work.commit().await.unwrap();
        id
    }

    fn chat(text: &str) -> String {
        json!({"model": "m", "messages": [{"role": "user", "content": text}]}).to_string()
    }

    #[tokio::test]
    async fn a_change_is_tried_on_what_was_recorded() {
        let fixture = Fixture::new().await;
        let project = fixture.project(ProjectType::AiWrapper).await.id;
        let (token, strict) =
            (fixture.token(project, None).await.token.id, fixture.token(project, None).await.token.id);
        put(&fixture, Whose::Token(project, strict), &json!({"pii_filter": {"mode": "block"}})).await;
        record(&fixture, project, token, Some(&chat("nothing"))).await;
        let masked = record(&fixture, project, token, Some(&chat("ada@example.org, bob@example.org"))).await;
        let blocked = record(&fixture, project, strict, Some(&chat("ada@example.org"))).await;
        record(&fixture, project, token, None).await;
        record(&fixture, project, token, Some(r#"{"model": "m", "messages": [{"ro"#)).await;
        let before = (fixture.revision().await, fixture.actions().await);
        let wanted = |limit| Replay {
            tried: Tried::Over(map(&json!({"pii_filter": {"enabled": true}}))),
            project: Some(project),
            token: None,
            from: None,
            to: None,
            limit,
        };
        // What a token says lies below what is tried.
        let replayed = replay(&fixture.control, ADMIN, wanted(100)).await.unwrap();
        assert_eq!((replayed.calls, replayed.unreadable), (5, 2));
        assert_eq!((replayed.blocked, replayed.changed, replayed.noted), (1, 1, 0));
        assert_eq!(replayed.rules["pii_filter.email"], Matched { calls: 2, matches: 3 });
        let named = |id, outcome| Concerned { id, outcome, rules: vec!["pii_filter.email".to_owned()] };
        assert_eq!(replayed.concerned, [named(blocked, Outcome::Blocked), named(masked, Outcome::Changed)]);
        assert!(replayed.bytes > 100);
        let newest = replay(&fixture.control, ADMIN, wanted(3)).await.unwrap();
        assert_eq!((newest.calls, newest.blocked, newest.changed), (3, 1, 0), "the newest come first");
        let of_token = replay(&fixture.control, ADMIN, Replay { token: Some(strict), ..wanted(100) }).await;
        let of_token = of_token.unwrap();
        assert_eq!((of_token.calls, of_token.blocked, of_token.changed), (1, 1, 0));
        let none = Replay { tried: Tried::Stored, ..wanted(100) };
        let none = replay(&fixture.control, ADMIN, none).await.unwrap();
        assert_eq!((none.calls, none.concerned.len()), (5, 0));
        assert_eq!((fixture.revision().await, fixture.actions().await), before);
    }

    #[tokio::test]
    async fn pages_leave_nothing_out_and_only_some_calls_are_named() {
        let fixture = Fixture::new().await;
        let project = fixture.project(ProjectType::AiWrapper).await.id;
        let token = fixture.token(project, None).await.token.id;
        for _ in 0..230 {
            record(&fixture, project, token, Some(&chat("ada@example.org"))).await;
        }
        let tried = Tried::Alone(map(&json!({"pii_filter": {"enabled": true, "mode": "audit"}})));
        let wanted = Replay { tried, project: None, token: None, from: None, to: None, limit: 10_000 };
        let replayed = replay(&fixture.control, ADMIN, wanted).await.unwrap();
        assert_eq!((replayed.calls, replayed.noted, replayed.concerned.len()), (230, 230, 200));
    }

    #[tokio::test]
    async fn calls_of_the_model_that_finds_names_are_none_and_take_no_place() {
        let fixture = Fixture::new().await;
        let project = fixture.project(ProjectType::AiWrapper).await.id;
        let token = fixture.token(project, None).await.token.id;
        for _ in 0..3 {
            record(&fixture, project, token, Some(&chat("ada@example.org"))).await;
            record_as("contextual_pii", &fixture, project, token, None).await;
        }
        let tried = Tried::Alone(map(&json!({"pii_filter": {"enabled": true, "mode": "audit"}})));
        for (limit, calls) in [(1, 1), (2, 2), (100, 3)] {
            let wanted =
                Replay { tried: tried.clone(), project: None, token: None, from: None, to: None, limit };
            let replayed = replay(&fixture.control, ADMIN, wanted).await.unwrap();
            assert_eq!((replayed.calls, replayed.noted, replayed.unreadable), (calls, calls, 0));
        }
    }

    #[tokio::test]
    async fn only_who_may_read_calls_and_manage_guardrails_replays() {
        let fixture = Fixture::new().await;
        let own = fixture.project(ProjectType::AiWrapper).await.id;
        for (role, may) in [(ProjectRole::Developer, false), (ProjectRole::Admin, true)] {
            let actor = member(&fixture, own, Role::User, role).await;
            let replayed = async |project| {
                let wanted =
                    Replay { tried: Tried::Stored, project, token: None, from: None, to: None, limit: 1 };
                replay(&fixture.control, actor, wanted).await.is_ok()
            };
            assert_eq!((replayed(Some(own)).await, replayed(None).await), (may, false));
        }
    }
}
