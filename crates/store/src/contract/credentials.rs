//! Behaviour of a credential repository.

use futures_util::future::join;
use promptgate_kernel::{PageRequest, Sealed, SortDirection};
use promptgate_providers::{
    Credential, CredentialChanges, CredentialFilter, CredentialSort, CredentialUses, PreviousSecret,
    ProjectProvider,
};

use super::samples::{
    WORKS, at, credential, read, stored_credential, stored_project, stored_provider, template, write,
};
use crate::Store;

async fn save(store: &dyn Store, credential: &Credential) -> bool {
    let mut work = write(store).await;
    let saved = work.credentials().save(credential).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn find(store: &dyn Store, credential: &Credential) -> Option<Credential> {
    read(store).await.credentials().find(credential.id).await.expect(WORKS)
}

async fn names(store: &dyn Store, filter: CredentialFilter) -> Vec<String> {
    let page = PageRequest::clamped(1, 100);
    let page = read(store).await.credentials().list(&filter, page).await.expect(WORKS);
    assert_eq!(page.total, page.items.len() as u64);
    page.items.into_iter().map(|listed| listed.credential.name).collect()
}

fn renamed(credential: &Credential, name: &str) -> Credential {
    let changes = CredentialChanges { name: Some(name.into()), ..Default::default() };
    credential.clone().change(changes, at(1)).expect("a valid change")
}

/// Every field comes back as it was, after insertion and after a save.
pub async fn everything_round_trips(store: &dyn Store) {
    let provider = stored_provider(store, "main").await;
    let plain = stored_credential(store, provider.id, "plain").await;
    assert_eq!(find(store, &plain).await.as_ref(), Some(&plain));
    let after = Credential {
        name: "Ünï 日本 🦀".into(),
        preview: "sk-a…xyz".into(),
        weight: 100,
        active: false,
        sealed: Sealed::from_text("pg1:new".into()),
        previous: Some(PreviousSecret { sealed: plain.sealed.clone(), until: at(7) }),
        updated_at: at(5),
        version: plain.version + 1,
        ..plain
    };
    assert!(save(store, &after).await);
    assert_eq!(find(store, &after).await.as_ref(), Some(&after));
    let over = Credential { previous: None, version: after.version + 1, ..after };
    assert!(save(store, &over).await);
    assert_eq!(find(store, &over).await, Some(over));
}

/// A save of a version that is not the next one changes nothing; of two at once one is made.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let provider = stored_provider(store, "main").await;
    let credential = stored_credential(store, provider.id, "one").await;
    let (one, other) = (renamed(&credential, "one"), renamed(&credential, "other"));
    let (first, second) = join(save(store, &one), save(store, &other)).await;
    assert!(first != second);
    assert!(!save(store, &renamed(&credential, "third")).await);
    assert_eq!(find(store, &credential).await, Some(if first { one } else { other }));
}

/// Nothing names a removed credential any more, and whoever read what named it notices.
pub async fn removal_clears_what_names_it(store: &dyn Store) {
    let provider = stored_provider(store, "main").await;
    let (removed, kept) =
        (stored_credential(store, provider.id, "a").await, stored_credential(store, provider.id, "b").await);
    let project = stored_project(store).await;
    let mut named = template(provider.id, "named");
    named.credential_id = Some(removed.id);
    let mut other = template(provider.id, "other");
    other.credential_id = Some(kept.id);
    let setting = ProjectProvider {
        credential_id: Some(removed.id),
        enabled: false,
        ..ProjectProvider::unset(project.id, provider.id)
    };
    let mut work = write(store).await;
    work.templates().insert(&named).await.expect(WORKS);
    work.templates().insert(&other).await.expect(WORKS);
    work.project_providers().save(&setting).await.expect(WORKS);
    let uses = work.credentials().uses(removed.id).await.expect(WORKS);
    assert_eq!(uses, CredentialUses { endpoints: 0, templates: 1, projects: 1 });
    assert!(work.credentials().remove(removed.id).await.expect(WORKS));
    assert!(!work.credentials().remove(removed.id).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(find(store, &removed).await, None);
    let mut work = read(store).await;
    let found = work.templates().find(named.id).await.expect(WORKS).expect("it is there");
    assert_eq!((found.credential_id, found.version), (None, named.version + 1));
    assert_eq!(work.templates().find(other.id).await.expect(WORKS), Some(other));
    let expected = ProjectProvider { credential_id: None, ..setting };
    assert_eq!(work.project_providers().list(project.id).await.expect(WORKS), [expected]);
    assert_eq!(work.credentials().uses(removed.id).await.expect(WORKS), CredentialUses::default());
}

/// A credential that stays where a provider's are replaced keeps what names it.
pub async fn replacing_all_keeps_what_names_those_that_stay(store: &dyn Store) {
    let provider = stored_provider(store, "main").await;
    let (stays, goes) =
        (stored_credential(store, provider.id, "a").await, stored_credential(store, provider.id, "b").await);
    let templates = [&stays, &goes].map(|credential| {
        let mut template = template(provider.id, &credential.name);
        template.credential_id = Some(credential.id);
        template
    });
    let after = renamed(&stays, "stays");
    let new = credential(provider.id, "pg1:new", at(3));
    let mut work = write(store).await;
    for template in &templates {
        work.templates().insert(template).await.expect(WORKS);
    }
    work.providers().set_credentials(provider.id, &[after.clone(), new.clone()]).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    let mut work = read(store).await;
    assert_eq!(work.providers().credentials(provider.id).await.expect(WORKS), [after.clone(), new]);
    let named = work.templates().list_all().await.expect(WORKS);
    let mut named: Vec<_> = named.into_iter().map(|template| template.credential_id).collect();
    named.sort();
    assert_eq!(named, [None, Some(after.id)]);
}

/// The list is narrowed, sorted and cut as it is asked for, and says who uses what.
pub async fn they_are_listed_with_their_uses(store: &dyn Store) {
    let (a, b) = (stored_provider(store, "a").await, stored_provider(store, "b").await);
    for (provider, name) in [(&a, "Zeta"), (&a, "alpha"), (&b, "Beta")] {
        stored_credential(store, provider.id, name).await;
    }
    let inactive = Credential { active: false, name: "Off".into(), ..credential(b.id, "pg1:x", at(9)) };
    let mut used = template(b.id, "used");
    used.credential_id = Some(inactive.id);
    let mut work = write(store).await;
    work.credentials().insert(&inactive).await.expect(WORKS);
    work.templates().insert(&used).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    assert_eq!(names(store, CredentialFilter::default()).await, ["alpha", "Beta", "Off", "Zeta"]);
    let of_a =
        CredentialFilter { provider: Some(a.id), direction: SortDirection::Descending, ..Default::default() };
    assert_eq!(names(store, of_a).await, ["Zeta", "alpha"]);
    let active =
        CredentialFilter { active: Some(true), sort: CredentialSort::Provider, ..Default::default() };
    assert_eq!(names(store, active).await[2], "Beta", "the others are equal");
    for sort in [CredentialSort::Active, CredentialSort::CreatedAt, CredentialSort::UpdatedAt] {
        let filter = CredentialFilter { sort, ..Default::default() };
        assert_eq!(names(store, filter).await.len(), 4);
    }
    let page = PageRequest::clamped(1, 1);
    let off = CredentialFilter { active: Some(false), ..Default::default() };
    let page = read(store).await.credentials().list(&off, page).await.expect(WORKS);
    assert_eq!(page.items[0].used_by, CredentialUses { templates: 1, ..Default::default() });
}
