use crate::fixture::{ADMIN, Fixture, keys, new_provider};
use promptgate_control::projects;
use promptgate_control::providers::{self, ApiKey, CreateProviderError, KeyChange, UpdateProvider};
use promptgate_kernel::{PageRequest, ProviderId};
use promptgate_projects::{ProjectChanges, ProjectType};
use promptgate_providers::{ProviderChanges, ProviderFilter};
use promptgate_store::{Access, Change};

async fn stored_keys(fixture: &Fixture, id: ProviderId) -> Vec<String> {
    let mut work = fixture.control.store.begin(Access::Read).await.unwrap();
    let credentials = work.providers().credentials(id).await.unwrap();
    credentials.iter().map(|credential| credential.open(&keys()).unwrap().expose().clone()).collect()
}

#[tokio::test]
async fn a_key_is_sealed_kept_replaced_and_cleared() {
    let fixture = Fixture::new().await;
    let created = providers::create(&fixture.control, ADMIN, new_provider("main", "sk-1")).await.unwrap();
    assert!(created.has_api_key);
    let id = created.provider.id;
    assert_eq!(stored_keys(&fixture, id).await, ["sk-1"]);

    let change = async |api_key, enabled| {
        let provider = ProviderChanges { enabled: Some(enabled), ..Default::default() };
        providers::update(&fixture.control, ADMIN, id, UpdateProvider { provider, api_key }).await.unwrap()
    };
    assert!(change(KeyChange::Keep, false).await.has_api_key);
    assert_eq!(stored_keys(&fixture, id).await, ["sk-1"]);
    let second = ApiKey::parse("sk-2").unwrap().unwrap();
    assert!(change(KeyChange::Replace(second), true).await.has_api_key);
    assert_eq!(stored_keys(&fixture, id).await, ["sk-2"]);
    assert!(!change(KeyChange::Clear, true).await.has_api_key);
    assert!(stored_keys(&fixture, id).await.is_empty());

    let expected = ["provider.created", "provider.disabled", "provider.updated", "provider.updated"];
    assert_eq!(fixture.actions().await, expected);
    let log = format!("{:?}", fixture.audit().await);
    assert!(log.contains("enabled,apiKey") && !log.contains("sk-"), "{log}");
}

#[tokio::test]
async fn a_name_is_taken_until_its_provider_is_deleted() {
    let fixture = Fixture::new().await;
    let create = || providers::create(&fixture.control, ADMIN, new_provider("main", ""));
    let first = create().await.unwrap();
    assert!(matches!(create().await.unwrap_err(), CreateProviderError::NameTaken));
    providers::delete(&fixture.control, ADMIN, first.provider.id).await.unwrap();
    assert!(create().await.is_ok());
}

#[tokio::test]
async fn deleting_a_default_provider_tells_the_projects_too() {
    let fixture = Fixture::new().await;
    let provider =
        providers::create(&fixture.control, ADMIN, new_provider("main", "sk-1")).await.unwrap().provider;
    let project = fixture.project(ProjectType::AiWrapper).await;
    let changes = ProjectChanges { default_provider: Some(Some(provider.id)), ..Default::default() };
    projects::update(&fixture.control, ADMIN, project.id, changes).await.unwrap();
    let before = fixture.revision().await;
    providers::delete(&fixture.control, ADMIN, provider.id).await.unwrap();
    let project = projects::find(&fixture.control, ADMIN, project.id).await.unwrap();
    assert_eq!(project.default_provider, None);
    assert_eq!(fixture.revision().await, before.next().next());
    assert_eq!(fixture.last_change().await, Some(Change::Provider(provider.id)));
    assert!(stored_keys(&fixture, provider.id).await.is_empty());
}

#[tokio::test]
async fn a_list_says_which_have_a_key() {
    let fixture = Fixture::new().await;
    for (name, key) in [("a", "sk-1"), ("b", "")] {
        providers::create(&fixture.control, ADMIN, new_provider(name, key)).await.unwrap();
    }
    let filter = ProviderFilter::default();
    let page = providers::list(&fixture.control, ADMIN, &filter, PageRequest::default()).await.unwrap();
    let keys: Vec<bool> = page.items.iter().map(|configured| configured.has_api_key).collect();
    assert_eq!((page.total, keys), (2, vec![true, false]));
}
