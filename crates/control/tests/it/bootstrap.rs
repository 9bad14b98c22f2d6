use std::sync::Arc;

use crate::fixture::{ADMIN, Fixture, keys, new_provider};
use promptgate_auth::Actor;
use promptgate_control::bootstrap::{Seed, overview, seed};
use promptgate_control::introspection::{self, Presented};
use promptgate_control::projects;
use promptgate_control::providers::{self, ApiKey};
use promptgate_kernel::testing::SeededEntropy;
use promptgate_projects::ProjectType;
use promptgate_store::Access;
use promptgate_store_sql::{SqlOptions, connect};
use promptgate_tokens::Scope;

fn everything() -> Seed {
    let key = |text| ApiKey::parse(text).unwrap();
    Seed { echo: true, openai_key: key("sk-openai"), anthropic_key: key("sk-anthropic") }
}

#[tokio::test]
async fn a_fresh_installation_gets_a_project_a_token_and_providers_once() {
    let fixture = Fixture::new().await;
    let seeded = seed(&fixture.control, Actor::system(), everything()).await.unwrap().unwrap();
    assert_eq!(seeded.project.kind, ProjectType::AgentProxy);
    assert_eq!(seeded.project.default_provider, None, "an unknown model is not silently echoed");
    let names: Vec<_> = seeded.providers.iter().map(|provider| provider.name.as_str()).collect();
    assert_eq!(names, ["echo", "openai", "anthropic"]);
    assert_eq!(seeded.providers[0].models, ["echo"]);

    let bearer = Presented { text: Some(seeded.issued.secret.expose()), address: None };
    let project = Some(seeded.project.id);
    introspection::authenticate(&fixture.control, bearer, project, Scope::Chat).await.unwrap();

    let mut work = fixture.control.store.begin(Access::Read).await.unwrap();
    let stored = work.providers().all_credentials().await.unwrap();
    let mut opened: Vec<_> = stored.iter().map(|one| one.open(&keys()).unwrap().expose().clone()).collect();
    drop(work);
    opened.sort();
    assert_eq!(opened, ["sk-anthropic", "sk-openai"]);
    assert!(stored.iter().all(|one| !one.sealed.as_text().contains("sk-")));

    let revision = fixture.revision().await;
    assert!(seed(&fixture.control, Actor::system(), everything()).await.unwrap().is_none());
    assert_eq!(fixture.revision().await, revision);
    let overview = overview(&fixture.control, Actor::system()).await.unwrap();
    assert_eq!(overview.project, Some(seeded.project));
    assert_eq!(overview.token.map(|token| token.id), Some(seeded.issued.token.id));
    assert_eq!((overview.providers.len(), overview.revision), (3, revision));
    let expected =
        ["project.created", "token.created", "provider.created", "provider.created", "provider.created"];
    assert_eq!(fixture.actions().await, expected);
}

#[tokio::test]
async fn whoever_deleted_every_project_gets_none_back() {
    let fixture = Fixture::new().await;
    let seeded = seed(&fixture.control, Actor::system(), Seed::default()).await.unwrap().unwrap();
    assert!(seeded.providers.is_empty());
    projects::delete(&fixture.control, ADMIN, seeded.project.id).await.unwrap();
    assert!(seed(&fixture.control, Actor::system(), everything()).await.unwrap().is_none());
    assert_eq!(overview(&fixture.control, Actor::system()).await.unwrap().project, None);
}

#[tokio::test]
async fn a_provider_that_is_there_already_is_left_alone() {
    let fixture = Fixture::new().await;
    providers::create(&fixture.control, ADMIN, new_provider("openai", "sk-mine")).await.unwrap();
    let seeded = seed(&fixture.control, Actor::system(), everything()).await.unwrap().unwrap();
    let names: Vec<_> = seeded.providers.iter().map(|provider| provider.name.as_str()).collect();
    assert_eq!(names, ["echo", "anthropic"]);
}

#[tokio::test]
async fn two_processes_that_start_at_once_seed_once_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    seeds_once(&format!("sqlite:{}", folder.path().join("both.db").display())).await;
}

#[tokio::test]
async fn two_processes_that_start_at_once_seed_once_on_postgres() {
    let database = promptgate_testkit::postgres::database().await.unwrap();
    seeds_once(database.url()).await;
}

async fn seeds_once(url: &str) {
    let mut starts = Vec::new();
    for number in 0..2 {
        let connected = connect(url, SqlOptions::default()).await.unwrap();
        connected.migrate().await.unwrap();
        let mut fixture = Fixture::over(&connected);
        fixture.control.entropy = Arc::new(SeededEntropy::new(number));
        starts.push(fixture.control);
    }
    let (one, other) = tokio::join!(
        seed(&starts[0], Actor::system(), everything()),
        seed(&starts[1], Actor::system(), everything()),
    );
    assert!(one.unwrap().is_some() != other.unwrap().is_some());
    let mut work = starts[0].store.begin(Access::Read).await.unwrap();
    assert_eq!(work.projects().count_ever().await.unwrap(), 1);
}
