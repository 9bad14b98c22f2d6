//! Behaviour of a unit of work, over all repositories.

use futures_util::future::join_all;
use promptgate_kernel::RepositoryError;
use promptgate_projects::Project;

use super::samples::{
    WORKS, at, audit_event, project, provider, read, stored_project, token, usage_event, write,
};
use crate::{Change, Store, UnitOfWork};

/// Writes to every repository.
async fn write_everywhere(work: &mut dyn UnitOfWork, project: &Project) {
    work.projects().insert(project).await.expect(WORKS);
    work.tokens().insert(&token(project, "ci")).await.expect(WORKS);
    work.providers().insert(&provider("main")).await.expect(WORKS);
    work.usage().record(&[&usage_event(at(0))]).await.expect(WORKS);
    work.audit().append(&audit_event("x")).await.expect(WORKS);
    work.changes().record(Change::Project(project.id), at(0)).await.expect(WORKS);
}

/// How many rows of each kind there are.
async fn counts(store: &dyn Store) -> [u64; 6] {
    let mut work = read(store).await;
    let page = promptgate_kernel::PageRequest::default();
    let projects = work.projects().list_all().await.expect(WORKS);
    let mut tokens = 0;
    for project in &projects {
        let filter = promptgate_tokens::TokenFilter {
            project_id: project.id,
            include_revoked: true,
            sort: promptgate_tokens::TokenSort::default(),
            direction: promptgate_kernel::SortDirection::default(),
        };
        tokens += work.tokens().list(&filter, page).await.expect(WORKS).total;
    }
    let usage = promptgate_usage::UsageFilter::default();
    [
        projects.len() as u64,
        tokens,
        work.providers().list_all().await.expect(WORKS).len() as u64,
        work.usage().list(&usage, page).await.expect(WORKS).total,
        work.audit().list_after(0, 100).await.expect(WORKS).len() as u64,
        work.changes().revision().await.expect(WORKS).number().unsigned_abs(),
    ]
}

/// The change, its audit row and its revision are there at the same instant.
pub async fn everything_commits_together(store: &dyn Store) {
    let mut work = write(store).await;
    write_everywhere(&mut *work, &project("Search")).await;
    work.commit().await.expect(WORKS);
    assert_eq!(counts(store).await, [1; 6]);
}

/// None of them is there without the commit.
pub async fn dropping_it_discards_everything(store: &dyn Store) {
    let mut work = write(store).await;
    write_everywhere(&mut *work, &project("Search")).await;
    drop(work);
    assert_eq!(counts(store).await, [0; 6]);
}

/// A unit of work for reading cannot write, whatever it tries.
pub async fn reading_refuses_to_write(store: &dyn Store) {
    let project = project("Search");
    let refused = read(store).await.projects().insert(&project).await;
    assert!(matches!(refused, Err(RepositoryError::Unavailable { .. })), "{refused:?}");
    let refused = read(store).await.audit().append(&audit_event("x")).await;
    assert!(refused.is_err());
    let refused = read(store).await.usage().record(&[&usage_event(at(0))]).await;
    assert!(refused.is_err());
    // The next one that may write is not held back by it.
    stored_project(store).await;
    assert_eq!(counts(store).await, [1, 0, 0, 0, 0, 0]);
}

/// A use case that goes on after an error cannot commit half of its work.
pub async fn after_an_error_nothing_is_kept(store: &dyn Store) {
    let mut work = write(store).await;
    work.providers().insert(&provider("main")).await.expect(WORKS);
    work.providers().insert(&provider("main")).await.expect_err("the name is taken");
    // One engine refuses this, the other does not; it must not matter.
    let _ = work.providers().insert(&provider("other")).await;
    assert!(work.commit().await.is_err());
    assert_eq!(counts(store).await, [0; 6]);
}

/// Use cases may append and record in either order; none waits for the other in a circle.
pub async fn the_order_of_audit_and_change_does_not_matter(store: &dyn Store) {
    let project = stored_project(store).await;
    let change = Change::Project(project.id);
    join_all((0..20).map(|writer: u8| async move {
        let mut work = write(store).await;
        if writer.is_multiple_of(2) {
            work.changes().record(change, at(0)).await.expect(WORKS);
            work.audit().append(&audit_event("x")).await.expect(WORKS);
        } else {
            work.audit().append(&audit_event("x")).await.expect(WORKS);
            work.changes().record(change, at(0)).await.expect(WORKS);
        }
        work.commit().await.expect(WORKS);
    }))
    .await;
    assert_eq!(counts(store).await, [1, 0, 0, 0, 20, 20]);
}

/// Whoever comes after a dropped writer goes on at once.
pub async fn a_dropped_one_does_not_block_the_next(store: &dyn Store) {
    for _ in 0..20 {
        let mut work = write(store).await;
        work.audit().append(&audit_event("discarded")).await.expect(WORKS);
        drop(work);
    }
    stored_project(store).await;
    assert_eq!(counts(store).await, [1, 0, 0, 0, 0, 0]);
}

/// A store that is there says so.
pub async fn it_answers_a_ping(store: &dyn Store) {
    store.ping().await.expect(WORKS);
}
