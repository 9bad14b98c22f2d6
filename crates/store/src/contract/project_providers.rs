//! Behaviour of a repository of what projects do with providers.

use promptgate_providers::ProjectProvider;

use super::samples::{WORKS, at, project, read, stored_credential, stored_project, stored_provider, write};
use crate::Store;

async fn save(store: &dyn Store, setting: &ProjectProvider) {
    let mut work = write(store).await;
    work.project_providers().save(setting).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

/// A setting comes back as it was, and a second one takes its place.
pub async fn a_setting_is_replaced(store: &dyn Store) {
    let (project, provider) = (stored_project(store).await, stored_provider(store, "main").await);
    let credential = stored_credential(store, provider.id, "one").await;
    let first = ProjectProvider::unset(project.id, provider.id);
    let second = ProjectProvider {
        enabled: false,
        credential_id: Some(credential.id),
        position: Some(u32::MAX),
        ..first
    };
    for setting in [first, second, first] {
        save(store, &setting).await;
        assert_eq!(read(store).await.project_providers().list(project.id).await.expect(WORKS), [setting]);
    }
}

/// The settings of a project are its own, and come by provider; all come by project first.
pub async fn they_are_listed_by_provider(store: &dyn Store) {
    let (first, second) = (stored_project(store).await, project("Other"));
    let mut work = write(store).await;
    work.projects().insert(&second).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    let mut all = Vec::new();
    for name in ["b", "a"] {
        let provider = stored_provider(store, name).await;
        for project in [&second, &first] {
            all.push(ProjectProvider::unset(project.id, provider.id));
            save(store, all.last().expect("just put")).await;
        }
    }
    all.sort_by_key(|setting| (setting.project_id, setting.provider_id));
    let mut work = read(store).await;
    assert_eq!(work.project_providers().list_all().await.expect(WORKS), all);
    let own: Vec<_> = all.into_iter().filter(|setting| setting.project_id == first.id).collect();
    assert_eq!(work.project_providers().list(first.id).await.expect(WORKS), own);
}

/// Settings go when they are removed, with their project and with their provider.
pub async fn they_go_with_what_they_belong_to(store: &dyn Store) {
    let first = stored_project(store).await;
    let (main, other) = (stored_provider(store, "main").await, stored_provider(store, "other").await);
    for provider in [&main, &other] {
        save(store, &ProjectProvider::unset(first.id, provider.id)).await;
    }
    let mut work = write(store).await;
    assert!(work.project_providers().remove(first.id, main.id).await.expect(WORKS));
    assert!(!work.project_providers().remove(first.id, main.id).await.expect(WORKS));
    work.providers().remove(other.id).await.expect(WORKS);
    assert_eq!(work.project_providers().list_all().await.expect(WORKS), []);
    work.project_providers().save(&ProjectProvider::unset(first.id, main.id)).await.expect(WORKS);
    assert!(work.projects().save(&first.delete(at(1)).expect("it was there")).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(read(store).await.project_providers().list_all().await.expect(WORKS), []);
}
