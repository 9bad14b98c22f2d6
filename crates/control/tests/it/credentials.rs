use std::time::Duration;

use crate::fixture::{ADMIN, Fixture, new_provider};
use promptgate_auth::{Actor, ManagementScopes};
use promptgate_control::credentials::{self, CredentialError, RotateCredential};
use promptgate_control::endpoints::{self, EndpointAddress};
use promptgate_control::providers::{self, ApiKey, KeyChange, UpdateProvider};
use promptgate_control::templates;
use promptgate_endpoints::NewEndpoint;
use promptgate_kernel::{ProviderId, SecretString};
use promptgate_projects::ProjectType;
use promptgate_providers::{Credential, CredentialChanges, NewCredential, NewTemplate};
use promptgate_store::{Access, Change};

fn new(provider_id: ProviderId, name: &str, secret: &str) -> NewCredential {
    let secret = SecretString::new(secret.to_owned());
    NewCredential { provider_id, name: name.to_owned(), weight: 1, active: true, secret }
}

async fn provider(fixture: &Fixture, key: &str) -> ProviderId {
    providers::create(&fixture.control, ADMIN, new_provider("main", key)).await.unwrap().provider.id
}

async fn stored(fixture: &Fixture, id: ProviderId) -> Vec<Credential> {
    let mut work = fixture.control.store.begin(Access::Read).await.unwrap();
    work.providers().credentials(id).await.unwrap()
}

fn secrets(fixture: &Fixture, credentials: &[Credential]) -> Vec<String> {
    let open = |credential: &Credential| credential.open(&fixture.control.keys).unwrap().expose().clone();
    credentials.iter().map(open).collect()
}

#[tokio::test]
async fn every_change_is_recorded_for_its_provider_and_no_secret_is_in_the_log() {
    let fixture = Fixture::new().await;
    let provider = provider(&fixture, "").await;
    let control = &fixture.control;
    let before = fixture.revision().await;
    let credential = credentials::create(control, ADMIN, new(provider, "eu", "sk-canary")).await.unwrap();
    let changes = CredentialChanges { active: Some(false), ..Default::default() };
    credentials::update(control, ADMIN, credential.id, changes).await.unwrap();
    let changes = CredentialChanges { weight: Some(9), ..Default::default() };
    credentials::update(control, ADMIN, credential.id, changes).await.unwrap();
    let secret = SecretString::new("sk-canary-2".to_owned());
    let rotation = RotateCredential { secret, overlap: Duration::from_mins(1) };
    credentials::rotate(control, ADMIN, credential.id, rotation).await.unwrap();
    credentials::delete(control, ADMIN, credential.id).await.unwrap();
    assert_eq!(fixture.revision().await.number(), before.number() + 5);
    assert_eq!(fixture.last_change().await, Some(Change::Provider(provider)));
    let expected = ["created", "deactivated", "updated", "rotated", "deleted"];
    let expected = expected.map(|action| format!("credential.{action}"));
    assert_eq!(fixture.actions().await[1..], expected);
    assert!(!format!("{:?}", fixture.audit().await).contains("canary"));
}

#[tokio::test]
async fn a_rotated_credential_opens_both_secrets_until_the_overlap_ends() {
    let fixture = Fixture::new().await;
    let provider = provider(&fixture, "").await;
    let credential = credentials::create(&fixture.control, ADMIN, new(provider, "a", "one")).await.unwrap();
    let secret = SecretString::new("two".to_owned());
    let rotation = RotateCredential { secret, overlap: Duration::from_mins(1) };
    credentials::rotate(&fixture.control, ADMIN, credential.id, rotation).await.unwrap();
    let kept = stored(&fixture, provider).await;
    assert_eq!((kept[0].id, secrets(&fixture, &kept)), (credential.id, vec!["two".to_owned()]));
    let previous = |at| kept[0].open_previous(&fixture.control.keys, at).map(|opened| opened.unwrap());
    let now = fixture.control.clock.now();
    assert_eq!(previous(now).unwrap().expose(), "one");
    assert!(previous(now.plus(Duration::from_mins(1))).is_none());
}

#[tokio::test]
async fn the_key_of_a_provider_is_its_oldest_credential_and_no_other() {
    let fixture = Fixture::new().await;
    let provider = provider(&fixture, "sk-1").await;
    let control = &fixture.control;
    fixture.clock.advance(Duration::from_secs(1));
    credentials::create(control, ADMIN, new(provider, "second", "sk-2")).await.unwrap();
    let oldest = stored(&fixture, provider).await[0].clone();
    let changes = CredentialChanges { active: Some(false), ..Default::default() };
    credentials::update(control, ADMIN, oldest.id, changes).await.unwrap();

    let change = async |api_key| {
        let command = UpdateProvider { api_key, ..UpdateProvider::default() };
        providers::update(control, ADMIN, provider, command).await.unwrap().has_api_key
    };
    let third = ApiKey::parse("sk-3").unwrap().unwrap();
    assert!(change(KeyChange::Replace(third)).await);
    let kept = stored(&fixture, provider).await;
    assert_eq!(secrets(&fixture, &kept), ["sk-3", "sk-2"]);
    assert_eq!((kept[0].id, kept[0].active), (oldest.id, true), "what was put in place is used");
    assert!(change(KeyChange::Clear).await, "the second one is still there");
    assert_eq!(secrets(&fixture, &stored(&fixture, provider).await), ["sk-2"]);
}

#[tokio::test]
async fn what_does_not_exist_or_is_not_allowed_leaves_nothing() {
    let fixture = Fixture::new().await;
    let nobody: ProviderId = "018f4e6e-0000-7000-8000-00000000dead".parse().unwrap();
    let control = &fixture.control;
    let unknown = credentials::create(control, ADMIN, new(nobody, "a", "k")).await.unwrap_err();
    assert!(matches!(unknown, CredentialError::UnknownProvider(id) if id == nobody));
    let project = fixture.project(ProjectType::AiWrapper).await;
    let token = fixture.token(project.id, None).await.token;
    let actor = Actor::token(token.id, project.id, ManagementScopes::default());
    let forbidden = credentials::create(control, actor, new(nobody, "a", "k")).await.unwrap_err();
    assert!(matches!(forbidden, CredentialError::Forbidden(_)));
    let missing = credentials::delete(control, ADMIN, nobody.to_string().parse().unwrap()).await;
    assert!(matches!(missing.unwrap_err(), CredentialError::NotFound(_)));
    assert_eq!(fixture.actions().await, ["project.created", "token.created"]);
}

#[tokio::test]
async fn what_running_processes_hear_of_names_what_changed() {
    let fixture = Fixture::new().await;
    let provider = provider(&fixture, "").await;
    let control = &fixture.control;
    let template = NewTemplate {
        name: "t".to_owned(),
        slug: None,
        description: String::new(),
        tags: vec![],
        provider_id: provider,
        model: "m".to_owned(),
        credential_id: None,
        temperature: None,
        top_p: None,
        max_output_tokens: None,
        active: true,
    };
    let template = templates::create(control, ADMIN, template).await.unwrap().id;
    assert_eq!(fixture.last_change().await, Some(Change::Template(template)));
    let project = fixture.project(ProjectType::AiGateway).await.id;
    let endpoint = NewEndpoint {
        name: "Mail".to_owned(),
        provider_template_id: Some(template),
        ..NewEndpoint::default()
    };
    let endpoint = endpoints::create(control, ADMIN, project, endpoint).await.unwrap().id;
    let address = EndpointAddress { project, id: endpoint };
    assert_eq!(fixture.last_change().await, Some(Change::Endpoint(endpoint)));
    let before = fixture.revision().await;
    endpoints::switch(control, ADMIN, address, true).await.unwrap();
    endpoints::amend(control, ADMIN, address, |present| present).await.unwrap();
    assert_eq!(fixture.revision().await, before, "nothing changed");
    endpoints::switch(control, ADMIN, address, false).await.unwrap();
    templates::delete(control, ADMIN, template).await.unwrap();
    assert_eq!(fixture.last_change().await, Some(Change::Template(template)));
    endpoints::delete(control, ADMIN, address).await.unwrap();
    assert_eq!(fixture.last_change().await, Some(Change::Endpoint(endpoint)));
    assert_eq!(fixture.revision().await.number(), before.number() + 3);
}
