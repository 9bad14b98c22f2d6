//! Behaviour of a provider repository.

use futures_util::future::join;
use promptgate_kernel::{PageRequest, ProviderId, SortDirection};
use promptgate_providers::{
    BaseUrl, Credential, Provider, ProviderChanges, ProviderFilter, ProviderKind, ProviderSort,
};

use super::samples::{WORKS, at, credential, document, provider, read, stored_provider, write};
use crate::Store;

async fn save(store: &dyn Store, provider: &Provider) -> bool {
    let mut work = write(store).await;
    let saved = work.providers().save(provider).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn set_credentials(store: &dyn Store, provider: ProviderId, credentials: &[Credential]) {
    let mut work = write(store).await;
    work.providers().set_credentials(provider, credentials).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn find(store: &dyn Store, id: ProviderId) -> Option<Provider> {
    read(store).await.providers().find(id).await.expect(WORKS)
}

async fn credentials(store: &dyn Store, id: ProviderId) -> Vec<Credential> {
    read(store).await.providers().credentials(id).await.expect(WORKS)
}

fn renamed(provider: &Provider, name: &str) -> Provider {
    let changes = ProviderChanges { display_name: Some(name.into()), ..Default::default() };
    provider.clone().change(changes, at(1)).expect("a valid change")
}

/// Every field comes back as it was, after insertion and after a save.
pub async fn everything_round_trips(store: &dyn Store) {
    let mut provider = provider("main");
    provider.display_name = "Ünï 日本 🦀".into();
    provider.models = vec!["b".into(), "a \"quoted\"".into(), "é".into()];
    provider.config = document();
    provider.enabled = false;
    let mut work = write(store).await;
    work.providers().insert(&provider).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    assert_eq!(find(store, provider.id).await.as_ref(), Some(&provider));
    let changes = ProviderChanges {
        display_name: Some("other".into()),
        kind: Some(ProviderKind::OpenAiCompatible),
        base_url: Some(BaseUrl::parse("http://127.0.0.1:8000/v1").expect("a valid URL")),
        models: Some(vec![]),
        config: Some(serde_json::Map::new()),
        enabled: Some(true),
    };
    let after = provider.change(changes, at(9)).expect("a valid change");
    assert!(save(store, &after).await);
    assert_eq!(find(store, after.id).await, Some(after));
}

/// A provider's name is its route.
pub async fn a_second_one_of_the_same_name_is_a_conflict(store: &dyn Store) {
    stored_provider(store, "main").await;
    let error =
        write(store).await.providers().insert(&provider("main")).await.expect_err("the name is taken");
    assert!(error.is_conflict("providers_name_key"), "{error}");
}

/// A save of a version that is not the next one changes nothing and says so.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let provider = stored_provider(store, "main").await;
    let first = renamed(&provider, "first");
    assert!(save(store, &first).await);
    assert!(!save(store, &renamed(&provider, "second")).await);
    assert_eq!(find(store, provider.id).await, Some(first));
}

/// Of two saves at the same time, from the same version, one is made.
pub async fn two_writers_race_and_one_wins(store: &dyn Store) {
    let provider = stored_provider(store, "main").await;
    let (one, other) = (renamed(&provider, "one"), renamed(&provider, "other"));
    let (first, second) = join(save(store, &one), save(store, &other)).await;
    assert!(first != second);
    assert_eq!(find(store, provider.id).await, Some(if first { one } else { other }));
}

/// Nothing is left of a removed provider, its secrets least of all.
pub async fn removal_takes_the_credentials_and_frees_the_name(store: &dyn Store) {
    let removed = stored_provider(store, "main").await;
    set_credentials(store, removed.id, &[credential(removed.id, "pg1:a:b", at(0))]).await;
    let mut work = write(store).await;
    assert!(work.providers().remove(removed.id).await.expect(WORKS));
    assert!(!work.providers().remove(removed.id).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(find(store, removed.id).await, None);
    assert!(read(store).await.providers().all_credentials().await.expect(WORKS).is_empty());
    let next = stored_provider(store, "main").await;
    assert_eq!(read(store).await.providers().list_all().await.expect(WORKS), [next]);
}

/// What is not set anew is gone; other providers keep theirs.
pub async fn credentials_are_replaced_whole(store: &dyn Store) {
    let (main, other) = (stored_provider(store, "main").await, stored_provider(store, "other").await);
    let kept = credential(other.id, "kept", at(0));
    set_credentials(store, other.id, std::slice::from_ref(&kept)).await;
    set_credentials(store, main.id, &[credential(main.id, "old", at(0))]).await;
    let new = credential(main.id, "pg1:0011aabb:c2VjcmV0", at(1));
    set_credentials(store, main.id, std::slice::from_ref(&new)).await;
    assert_eq!(credentials(store, main.id).await, [new]);
    set_credentials(store, main.id, &[]).await;
    assert_eq!(credentials(store, main.id).await, []);
    assert_eq!(credentials(store, other.id).await, [kept]);
}

/// The order of a provider's credentials is that of their instants; of all, by provider first.
pub async fn credentials_are_listed_oldest_first(store: &dyn Store) {
    let mut expected = Vec::new();
    for name in ["main", "other"] {
        let provider = stored_provider(store, name).await;
        let [new, old] = [2, 1].map(|created| credential(provider.id, name, at(created)));
        set_credentials(store, provider.id, &[new.clone(), old.clone()]).await;
        assert_eq!(credentials(store, provider.id).await, [old.clone(), new.clone()]);
        expected.push((provider.id, [old, new]));
    }
    expected.sort_by_key(|(id, _)| *id);
    let expected: Vec<Credential> = expected.into_iter().flat_map(|(_, pair)| pair).collect();
    assert_eq!(read(store).await.providers().all_credentials().await.expect(WORKS), expected);
}

/// Whether there is a credential is something that providers can be sorted by.
pub async fn sorting_by_credential_puts_those_without_first(store: &dyn Store) {
    let (with, without) = (stored_provider(store, "a").await, stored_provider(store, "b").await);
    set_credentials(store, with.id, &[credential(with.id, "one", at(0)), credential(with.id, "two", at(1))])
        .await;
    for (direction, expected) in
        [(SortDirection::Ascending, [&without, &with]), (SortDirection::Descending, [&with, &without])]
    {
        let filter = ProviderFilter { sort: ProviderSort::HasApiKey, direction };
        let page = read(store).await.providers().list(&filter, PageRequest::default()).await.expect(WORKS);
        assert_eq!((page.items.iter().collect::<Vec<_>>(), page.total), (expected.to_vec(), 2));
    }
}

/// The list of everything is sorted by name, byte by byte, and a page of it is a part of it.
pub async fn all_are_listed_by_name(store: &dyn Store) {
    for name in ["b", "a-1", "a1", "a"] {
        stored_provider(store, name).await;
    }
    let all = read(store).await.providers().list_all().await.expect(WORKS);
    let names: Vec<&str> = all.iter().map(|provider| provider.name.as_str()).collect();
    assert_eq!(names, ["a", "a-1", "a1", "b"]);
    let page = PageRequest::clamped(2, 3);
    let page = read(store).await.providers().list(&ProviderFilter::default(), page).await.expect(WORKS);
    assert_eq!((page.items.as_slice(), page.total), (&all[3..], 4));
}
