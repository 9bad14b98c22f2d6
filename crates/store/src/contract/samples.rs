//! Things to store, and short ways to a unit of work.

use std::sync::LazyLock;

use promptgate_audit::{ActorName, Event};
use promptgate_endpoints::Endpoint;
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{
    AliasId, AuditEventId, CallId, Clock, CredentialId, EndpointId, Entropy, LimitSet, ModelLimits, Money,
    ProjectId, ProviderId, Revision, Sealed, TemplateId, Timestamp, TokenId,
};
use promptgate_projects::{NewProject, Project, ProjectEnv, ProjectName, ProjectType};
use promptgate_providers::{
    Alias, Credential, NewAlias, NewProvider, NewTemplate, Preset, Provider, ProviderKind, ProviderName,
    Template,
};
use promptgate_tokens::{NewToken, Scope, Token, TokenEnv, TokenLimits, TokenName, TokenSecret};
use promptgate_usage::{Outcome, UsageEvent};
use serde_json::{Map, Value, json};

use crate::{Access, Store, UnitOfWork};

/// What is expected of every call that is not the one under test.
pub(super) const WORKS: &str = "the store does what it is asked";

static ENTROPY: LazyLock<SeededEntropy> = LazyLock::new(|| SeededEntropy::new(1));
static CLOCK: TestClock = TestClock::at_millis(1_700_000_000_000);

pub(super) fn clock() -> &'static dyn Clock {
    &CLOCK
}

pub(super) fn entropy() -> &'static dyn Entropy {
    &*ENTROPY
}

/// A limit of everything that can be limited, and of two models.
pub(super) fn limits() -> LimitSet {
    let model = ModelLimits {
        requests_per_minute: Some(u32::MAX),
        requests_per_hour: Some(1),
        tokens_per_minute: Some(i64::MAX.unsigned_abs()),
        tokens_per_hour: Some(2),
        max_concurrent: Some(3),
    };
    let only = ModelLimits { max_concurrent: Some(9), ..ModelLimits::default() };
    LimitSet {
        requests_per_minute: Some(u32::MAX),
        requests_per_hour: Some(4),
        tokens_per_minute: Some(5),
        tokens_per_hour: Some(i64::MAX.unsigned_abs()),
        max_concurrent: Some(6),
        request_tokens: Some(10),
        daily_tokens: Some(7),
        monthly_tokens: Some(8),
        daily_cost: Some(Money::from_nanos(1)),
        monthly_cost: Some(Money::from_nanos(i64::MAX)),
        models: [("gpt-4o".to_owned(), model), ("日本 'x\"".to_owned(), only)].into(),
    }
}

/// The instant that many microseconds after a fixed one.
pub(super) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + micros)
}

pub(super) async fn write(store: &dyn Store) -> Box<dyn UnitOfWork> {
    store.begin(Access::Write).await.expect(WORKS)
}

pub(super) async fn read(store: &dyn Store) -> Box<dyn UnitOfWork> {
    store.begin(Access::Read).await.expect(WORKS)
}

/// A document with everything in it that a careless store would change.
pub(super) fn document() -> Map<String, Value> {
    let value = json!({
        "text": "Ünïcode 日本 🦀 \u{1f468}\u{200d}\u{1f469} \"quoted\" \\ \u{1}",
        "": null,
        "largest": u64::MAX,
        "smallest": i64::MIN,
        "fraction": 0.1,
        "nested": {"list": [1, [], {}, true, "1970-01-01T00:00:00Z"]},
        "long": "é".repeat(7_000),
    });
    let Value::Object(document) = value else { unreachable!("it is written as an object") };
    document
}

pub(super) fn project_at(name: &str, created: Timestamp) -> Project {
    let new = NewProject {
        name: ProjectName::parse(name).expect("a valid name"),
        kind: ProjectType::AiWrapper,
        env: ProjectEnv::Prod,
        default_provider: None,
        record_bodies: None,
        limits: promptgate_kernel::LimitSet::default(),
        metadata: Map::new(),
        active: true,
    };
    Project::create(ProjectId::mint(clock(), entropy()), new, created).expect("a valid project")
}

pub(super) fn project(name: &str) -> Project {
    project_at(name, at(0))
}

/// A project that is stored.
pub(super) async fn stored_project(store: &dyn Store) -> Project {
    let project = project("Search");
    let mut work = write(store).await;
    work.projects().insert(&project).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    project
}

pub(super) fn token_at(project: &Project, name: &str, created: Timestamp) -> Token {
    let new = NewToken {
        project_id: project.id,
        owner: None,
        name: TokenName::parse(name).expect("a valid name"),
        env: TokenEnv::Live,
        scopes: [Scope::Chat, Scope::TokensWrite].into_iter().collect(),
        endpoint_ids: vec![],
        limits: TokenLimits::default(),
        metadata: Map::new(),
        expires_at: None,
    };
    let secret = TokenSecret::generate(TokenEnv::Live, entropy());
    Token::issue(TokenId::mint(clock(), entropy()), new, &secret, created).expect("a valid token")
}

pub(super) fn token(project: &Project, name: &str) -> Token {
    token_at(project, name, at(0))
}

/// A token that is stored, of a project that is stored.
pub(super) async fn stored_token(store: &dyn Store) -> Token {
    let token = token(&stored_project(store).await, "ci");
    let mut work = write(store).await;
    work.tokens().insert(&token).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    token
}

pub(super) fn provider(name: &str) -> Provider {
    let new = NewProvider {
        name: ProviderName::parse(name).expect("a valid name"),
        display_name: String::new(),
        kind: ProviderKind::OpenAi,
        base_url: None,
        models: vec!["gpt-4o".into()],
        config: Map::new(),
        enabled: true,
    };
    Provider::create(ProviderId::mint(clock(), entropy()), new, at(0)).expect("a valid provider")
}

/// A provider that is stored.
pub(super) async fn stored_provider(store: &dyn Store, name: &str) -> Provider {
    let provider = provider(name);
    let mut work = write(store).await;
    work.providers().insert(&provider).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    provider
}

pub(super) fn credential(provider: ProviderId, text: &str, created: Timestamp) -> Credential {
    Credential {
        id: CredentialId::mint(clock(), entropy()),
        provider_id: provider,
        name: Credential::DEFAULT_NAME.into(),
        preview: "…".into(),
        weight: 1,
        active: true,
        sealed: Sealed::from_text(text.to_owned()),
        previous: None,
        created_at: created,
        updated_at: created,
        version: 1,
    }
}

/// A credential that is stored.
pub(super) async fn stored_credential(store: &dyn Store, provider: ProviderId, name: &str) -> Credential {
    let credential = Credential { name: name.into(), ..credential(provider, "pg1:a:b", at(0)) };
    let mut work = write(store).await;
    work.credentials().insert(&credential).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    credential
}

pub(super) fn template(provider: ProviderId, slug: &str) -> Template {
    let new = NewTemplate {
        name: slug.into(),
        slug: Some(slug.into()),
        description: String::new(),
        tags: vec![],
        provider_id: provider,
        model: "gpt-4o".into(),
        credential_id: None,
        temperature: None,
        top_p: None,
        max_output_tokens: None,
        active: true,
    };
    Template::create(TemplateId::mint(clock(), entropy()), new, at(0)).expect("a valid template")
}

pub(super) fn alias(project: ProjectId, provider: ProviderId, name: &str) -> Alias {
    let new = NewAlias {
        project_id: project,
        name: name.into(),
        provider_id: provider,
        model: "gpt-4o".into(),
        description: String::new(),
        preset: Preset::default(),
    };
    Alias::create(AliasId::mint(clock(), entropy()), new, at(0)).expect("a valid alias")
}

/// An endpoint that names nobody to answer.
pub(super) fn endpoint(project: &Project, slug: &str) -> Endpoint {
    let config = json!({"name": slug, "slug": slug});
    Endpoint {
        id: EndpointId::mint(clock(), entropy()),
        project_id: project.id,
        config: serde_json::from_value(config).expect("what is left out has a default"),
        guardrails: Map::new(),
        is_active: true,
        latest_version: 1,
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

/// An endpoint that is stored, of a project of its own.
pub(super) async fn stored_endpoint(store: &dyn Store) -> Endpoint {
    let endpoint = endpoint(&stored_project(store).await, "summarise");
    let mut work = write(store).await;
    work.endpoints().insert(&endpoint).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    endpoint
}

pub(super) fn usage_event(arrived: Timestamp) -> UsageEvent {
    UsageEvent {
        request_id: "request".into(),
        price_version: "2026-11-01".into(),
        latency_us: 1,
        attempts: 1,
        revision: Revision::from_number(1),
        ..UsageEvent::of_call(
            CallId::mint(clock(), entropy()),
            arrived,
            ProjectId::mint(clock(), entropy()),
            TokenId::mint(clock(), entropy()),
            "chat_completions",
            Outcome::Completed,
            200,
        )
    }
}

pub(super) fn audit_event(target: &str) -> Event {
    let actor = ActorName { kind: "system".into(), ..ActorName::default() };
    let event = Event::of(AuditEventId::mint(clock(), entropy()), at(0), "token.created", actor);
    Event { target_kind: "token".into(), target_id: target.into(), ..event }
}
