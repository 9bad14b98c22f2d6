use std::time::Duration;

use crate::fixture::{ADMIN, Fixture, new_provider};
use promptgate_control::introspection::{self, Denied, Presented};
use promptgate_control::project_providers::{self, SetProvider};
use promptgate_control::tokens::Issued;
use promptgate_control::{aliases, endpoints, guardrails, providers, templates, tokens};
use promptgate_endpoints::NewEndpoint;
use promptgate_firewall::guardrails::AccessDenied as DeniedByGuardrail;
use promptgate_kernel::{Clock, Timestamp};
use promptgate_projects::ProjectType;
use promptgate_providers::{NewAlias, NewTemplate, Preset};
use promptgate_tokens::{AccessDenied, Scope, TokenChanges};

fn presented(issued: &Issued) -> Presented<'_> {
    Presented { text: Some(issued.secret.expose()), address: None }
}

#[tokio::test]
async fn a_use_is_noted_to_within_a_minute() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let issued = fixture.token(project.id, None).await;
    let use_it = async || -> Option<Timestamp> {
        let bearer = presented(&issued);
        introspection::authenticate(&fixture.control, bearer, Some(project.id), Scope::Models).await.unwrap();
        tokens::find(&fixture.control, ADMIN, issued.token.id.into()).await.unwrap().last_used_at
    };
    let first = fixture.clock.now();
    assert_eq!(use_it().await, Some(first));
    fixture.clock.advance(Duration::from_secs(59));
    assert_eq!(use_it().await, Some(first));
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(use_it().await, Some(fixture.clock.now()));
}

#[tokio::test]
async fn guardrails_that_look_at_no_text_count_here_as_well() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let issued = fixture.token(project.id, None).await;
    let ask =
        || introspection::authenticate(&fixture.control, presented(&issued), Some(project.id), Scope::Models);
    assert!(ask().await.is_ok());
    let closed = serde_json::json!({"ip_allowlist": {"enabled": true, "cidrs": ["192.0.2.0/24"]}});
    let closed = guardrails::Change::Replace(closed.as_object().unwrap().clone());
    let whose = guardrails::Whose::Token(project.id, issued.token.id);
    guardrails::change(&fixture.control, ADMIN, whose, closed).await.unwrap();
    assert!(matches!(ask().await, Err(Denied::Guardrail(DeniedByGuardrail::Address))));
}

#[tokio::test]
async fn an_expired_token_is_refused_before_its_scopes_are_looked_at() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let issued = fixture.token(project.id, None).await;
    let expiry = Some(Some(fixture.clock.now().plus(Duration::from_secs(5))));
    let changes = TokenChanges { expires_at: expiry, ..Default::default() };
    tokens::update(&fixture.control, ADMIN, issued.token.id.into(), changes).await.unwrap();
    let ask = || introspection::authenticate(&fixture.control, presented(&issued), None, Scope::Admin);
    let scope = ask().await.unwrap_err();
    assert!(matches!(scope, Denied::Refused(AccessDenied::MissingScope { .. })));
    fixture.clock.advance(Duration::from_secs(5));
    let expired = ask().await.unwrap_err();
    assert!(matches!(expired, Denied::Refused(AccessDenied::Expired { .. })));
}

#[tokio::test]
async fn more_tokens_than_a_page_are_listed_in_one_answer() {
    let fixture = Fixture::new().await;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let admin = fixture.token(project.id, Some([Scope::Admin].into_iter().collect())).await;
    for _ in 0..120 {
        fixture.token(project.id, None).await;
    }
    let bearer = presented(&admin);
    let caller = introspection::authenticate(&fixture.control, bearer, Some(project.id), Scope::Admin).await;
    let caller = caller.unwrap();
    let page = introspection::tokens(&fixture.control, &caller).await.unwrap();
    assert_eq!((page.items.len(), page.total), (121, 121));
    let mut ids: Vec<_> = page.items.iter().map(|token| token.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 121);
    let info = introspection::info(&fixture.control, &caller).await.unwrap();
    assert_eq!((info.tokens_count, info.endpoints_count), (121, 0));
}

#[tokio::test]
async fn what_is_listed_depends_on_the_projects_type() {
    let fixture = Fixture::new().await;
    let control = &fixture.control;
    let mut with_models = new_provider("main", "");
    with_models.provider.models = vec!["gpt-x".to_owned()];
    let main = providers::create(control, ADMIN, with_models).await.unwrap().provider.id;
    let hidden = providers::create(control, ADMIN, new_provider("hidden", "")).await.unwrap().provider.id;
    let [wrapper, gateway, other] = [ProjectType::AiWrapper, ProjectType::AiGateway, ProjectType::ApiGateway];
    let wrapper = fixture.project(wrapper).await.id;
    let gateway = fixture.project(gateway).await.id;
    let other = fixture.project(other).await.id;
    let off = SetProvider { enabled: false, credential_id: None, position: None };
    project_providers::save(control, ADMIN, wrapper, hidden, off).await.unwrap();
    let alias = NewAlias {
        project_id: wrapper,
        name: "fast".to_owned(),
        provider_id: main,
        model: "gpt-x".to_owned(),
        description: String::new(),
        preset: Preset::default(),
    };
    aliases::create(control, ADMIN, alias).await.unwrap();
    let template = NewTemplate {
        name: "t".to_owned(),
        slug: None,
        description: String::new(),
        tags: vec![],
        provider_id: hidden,
        model: "t-model".to_owned(),
        credential_id: None,
        temperature: None,
        top_p: None,
        max_output_tokens: None,
        active: true,
    };
    let template = templates::create(control, ADMIN, template).await.unwrap().id;
    let by_hand = |name: &str, model: &str, is_active| NewEndpoint {
        name: name.to_owned(),
        provider_id: Some(main),
        provider_model: Some(model.to_owned()),
        is_active: Some(is_active),
        expose_as_mcp_tool: true,
        ..NewEndpoint::default()
    };
    let by_template = NewEndpoint {
        name: "Beta".to_owned(),
        provider_template_id: Some(template),
        ..NewEndpoint::default()
    };
    let new =
        [by_hand("alpha", "m", true), by_hand("Gamma", "m", true), by_hand("off", "z", false), by_template];
    for new in new {
        endpoints::create(control, ADMIN, gateway, new).await.unwrap();
    }

    let scopes = || Some([Scope::Models, Scope::Admin].into_iter().collect());
    let caller = async |project| {
        let token = fixture.token(project, scopes()).await;
        introspection::authenticate_own(control, presented(&token), Scope::Models).await.unwrap()
    };
    let models = async |project| -> Vec<(String, bool)> {
        let listed = introspection::models(control, &caller(project).await).await.unwrap();
        listed.into_iter().map(|model| (model.id, model.is_alias)).collect()
    };
    let row = |id: &str, is_alias| (id.to_owned(), is_alias);
    let of_wrapper = [row("promptgate:fast", true), row("main:*", false), row("main:gpt-x", false)];
    assert_eq!(models(wrapper).await, of_wrapper);
    assert_eq!(models(gateway).await, [row("hidden:t-model", false), row("main:m", false)]);
    assert_eq!(models(other).await, []);

    let gateway = caller(gateway).await;
    let listed = introspection::endpoints(control, &gateway).await.unwrap();
    let rows: Vec<_> = listed.iter().map(|e| (&*e.slug, e.is_active, e.expose_as_mcp_tool)).collect();
    let expected =
        [("alpha", true, true), ("beta", true, false), ("gamma", true, true), ("off", false, true)];
    assert_eq!(rows, expected);
    assert_eq!(introspection::info(control, &gateway).await.unwrap().endpoints_count, 4);
    assert_eq!(introspection::endpoints(control, &caller(wrapper).await).await.unwrap(), []);
}
