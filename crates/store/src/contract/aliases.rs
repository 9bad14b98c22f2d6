//! Behaviour of an alias repository.

use futures_util::future::join;
use promptgate_kernel::{PageRequest, SortDirection};
use promptgate_projects::Project;
use promptgate_providers::{Alias, Preset};

use super::samples::{WORKS, alias, at, project, read, stored_project, stored_provider, write};
use crate::Store;

async fn insert(store: &dyn Store, aliases: &[&Alias]) {
    let mut work = write(store).await;
    for alias in aliases {
        work.aliases().insert(alias).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, alias: &Alias) -> bool {
    let mut work = write(store).await;
    let saved = work.aliases().save(alias).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn find(store: &dyn Store, alias: &Alias) -> Option<Alias> {
    read(store).await.aliases().find(alias.id).await.expect(WORKS)
}

async fn all(store: &dyn Store) -> Vec<Alias> {
    read(store).await.aliases().list_all().await.expect(WORKS)
}

async fn second_project(store: &dyn Store) -> Project {
    let project = project("Other");
    let mut work = write(store).await;
    work.projects().insert(&project).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    project
}

fn next(alias: &Alias, model: &str) -> Alias {
    Alias { model: model.into(), updated_at: at(5), version: alias.version + 1, ..alias.clone() }
}

/// Every field comes back as it was, after insertion and after a save.
pub async fn everything_round_trips(store: &dyn Store) {
    let (project, provider) = (stored_project(store).await, stored_provider(store, "main").await);
    let other = stored_provider(store, "other").await;
    let plain = alias(project.id, provider.id, "embed:fast");
    insert(store, &[&plain]).await;
    assert_eq!(find(store, &plain).await.as_ref(), Some(&plain));
    let after = Alias {
        name: "Ünï 日本 🦀".into(),
        provider_id: other.id,
        model: "a/b:c".into(),
        description: "x\ny".into(),
        preset: Preset {
            system_prompt: Some("Be \"brief\".".into()),
            temperature: Some(0.7),
            top_p: Some(0.0),
            max_tokens: Some(10_000_000),
        },
        updated_at: at(9),
        version: plain.version + 1,
        ..plain
    };
    assert!(save(store, &after).await);
    assert_eq!(find(store, &after).await, Some(after));
}

/// A name means one thing in a project, and what it means in another one is another matter. Case counts.
pub async fn a_second_one_of_the_same_name_is_a_conflict(store: &dyn Store) {
    let (project, provider) = (stored_project(store).await, stored_provider(store, "main").await);
    let other = second_project(store).await;
    insert(
        store,
        &[
            &alias(project.id, provider.id, "fast"),
            &alias(project.id, provider.id, "Fast"),
            &alias(other.id, provider.id, "fast"),
        ],
    )
    .await;
    let again = alias(project.id, provider.id, "fast");
    let error = write(store).await.aliases().insert(&again).await.expect_err("the name is taken");
    assert!(error.is_conflict("aliases_project_id_name_key"), "{error}");
}

/// A save of a version that is not the next one changes nothing; of two at once one is made.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let (project, provider) = (stored_project(store).await, stored_provider(store, "main").await);
    let alias = alias(project.id, provider.id, "fast");
    insert(store, &[&alias]).await;
    let (one, other) = (next(&alias, "one"), next(&alias, "other"));
    let (first, second) = join(save(store, &one), save(store, &other)).await;
    assert!(first != second);
    assert!(!save(store, &next(&alias, "third")).await);
    assert_eq!(find(store, &alias).await, Some(if first { one } else { other }));
}

/// A project's list is its own, by name, and cut as it is asked for.
pub async fn a_project_lists_its_own_by_name(store: &dyn Store) {
    let (project, provider) = (stored_project(store).await, stored_provider(store, "main").await);
    let foreign = alias(second_project(store).await.id, provider.id, "a");
    let [b, a, c] = ["b", "a", "c"].map(|name| alias(project.id, provider.id, name));
    insert(store, &[&b, &a, &c, &foreign]).await;
    let mut work = read(store).await;
    let up = SortDirection::Ascending;
    let page = work.aliases().list(project.id, up, PageRequest::clamped(1, 2)).await.expect(WORKS);
    assert_eq!((page.items, page.total), (vec![a.clone(), b.clone()], 3));
    let down = SortDirection::Descending;
    let page = work.aliases().list(project.id, down, PageRequest::clamped(1, 9)).await.expect(WORKS);
    assert_eq!(page.items, [c, b, a]);
    drop(work);
    assert_eq!(all(store).await.len(), 4);
}

/// Aliases go when they are removed, with their project and with their provider.
pub async fn they_go_with_what_they_belong_to(store: &dyn Store) {
    let (project, main) = (stored_project(store).await, stored_provider(store, "main").await);
    let (other, second) = (stored_provider(store, "other").await, second_project(store).await);
    let removed = alias(project.id, main.id, "a");
    let with_provider = alias(project.id, other.id, "b");
    let with_project = alias(second.id, main.id, "c");
    let kept = alias(project.id, main.id, "d");
    insert(store, &[&removed, &with_provider, &with_project, &kept]).await;
    let mut work = write(store).await;
    assert!(work.aliases().remove(removed.id).await.expect(WORKS));
    assert!(!work.aliases().remove(removed.id).await.expect(WORKS));
    assert!(work.providers().remove(other.id).await.expect(WORKS));
    let stale =
        Project { version: second.version + 5, ..second.clone().delete(at(1)).expect("it was there") };
    assert!(!work.projects().save(&stale).await.expect(WORKS));
    assert_eq!(work.aliases().find(with_project.id).await.expect(WORKS), Some(with_project));
    assert!(work.projects().save(&second.delete(at(1)).expect("it was there")).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(all(store).await, [kept]);
}
