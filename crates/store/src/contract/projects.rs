//! Behaviour of a project repository.

use futures_util::future::join;
use promptgate_kernel::{LimitChanges, PageRequest, ProjectId, ProviderId, SortDirection};
use promptgate_projects::{
    Project, ProjectChanges, ProjectEnv, ProjectFilter, ProjectName, ProjectSort, RecordBodies,
};
use serde_json::{Value, json};

use super::samples::{
    WORKS, at, clock, document, entropy, limits, project, project_at, read, stored_project, write,
};
use crate::Store;

async fn insert(store: &dyn Store, projects: &[Project]) {
    let mut work = write(store).await;
    for project in projects {
        work.projects().insert(project).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn find(store: &dyn Store, wanted: &Project) -> Option<Project> {
    read(store).await.projects().find(wanted.id).await.expect(WORKS)
}

async fn names(store: &dyn Store, filter: ProjectFilter) -> Vec<String> {
    let page = PageRequest::clamped(1, 100);
    let page = read(store).await.projects().list(&filter, page).await.expect(WORKS);
    assert_eq!(page.total, page.items.len() as u64);
    page.items.into_iter().map(|project| project.name.as_str().to_owned()).collect()
}

fn renamed(project: &Project, name: &str) -> Project {
    let name = ProjectName::parse(name).expect("a valid name");
    let changes = ProjectChanges { name: Some(name), ..Default::default() };
    project.clone().change(changes, at(1)).expect("a valid change")
}

/// Every field comes back as it was, after insertion and after a save.
pub async fn everything_round_trips(store: &dyn Store) {
    let mut project = project("日本 Ünïcode 🦀 'quoted\"");
    project.metadata = document();
    project.env = ProjectEnv::Staging;
    project.record_bodies = Some(RecordBodies::None);
    project.limits = limits();
    insert(store, std::slice::from_ref(&project)).await;
    assert_eq!(find(store, &project).await.as_ref(), Some(&project));
    let provider = ProviderId::mint(clock(), entropy());
    let changes = ProjectChanges {
        name: Some(ProjectName::parse("other").expect("a valid name")),
        env: Some(ProjectEnv::Dev),
        active: Some(false),
        default_provider: Some(Some(provider)),
        record_bodies: Some(Some(RecordBodies::Prompts)),
        limits: LimitChanges { models: Some(None), daily_cost: Some(None), ..LimitChanges::default() },
        metadata: Some(serde_json::Map::new()),
    };
    let after = project.change(changes, at(9)).expect("a valid change");
    let mut work = write(store).await;
    assert!(work.projects().save(&after).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(find(store, &after).await.as_ref(), Some(&after));
}

/// U+0000 becomes U+FFFD wherever it is, because PostgreSQL cannot keep it.
pub async fn what_one_engine_cannot_keep_is_replaced_on_all(store: &dyn Store) {
    let mut project = project("Search");
    project.metadata.insert("a\0".into(), json!(["x\0y", {"b": "\0"}]));
    insert(store, std::slice::from_ref(&project)).await;
    let found = find(store, &project).await.expect("it is there");
    let expected = json!({"a\u{fffd}": ["x\u{fffd}y", {"b": "\u{fffd}"}]});
    assert_eq!(Value::Object(found.metadata), expected);
    let filter = ProjectFilter { search: Some("\0".into()), ..Default::default() };
    assert!(names(store, filter).await.is_empty());
}

/// What is not committed was never there.
pub async fn rollback_discards(store: &dyn Store) {
    let project = project("Search");
    let mut work = write(store).await;
    work.projects().insert(&project).await.expect(WORKS);
    assert_eq!(work.projects().find(project.id).await.expect(WORKS).as_ref(), Some(&project));
    drop(work);
    assert_eq!(find(store, &project).await, None);
}

/// Ids are unique, names are not.
pub async fn a_second_one_of_the_same_id_is_a_conflict(store: &dyn Store) {
    let first = stored_project(store).await;
    insert(store, &[project(first.name.as_str())]).await;
    let error = write(store).await.projects().insert(&first).await.expect_err("the id is taken");
    assert!(error.is_conflict("projects_pkey"), "{error}");
}

/// A deleted project is gone from every list, and still known to have been.
pub async fn a_deleted_one_is_not_found_but_counted(store: &dyn Store) {
    let mut work = write(store).await;
    assert_eq!(work.projects().count_ever().await.expect(WORKS), 0);
    drop(work);
    let deleted = stored_project(store).await.delete(at(1)).expect("it was there");
    let mut work = write(store).await;
    assert!(work.projects().save(&deleted).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(find(store, &deleted).await, None);
    assert!(names(store, ProjectFilter::default()).await.is_empty());
    let mut work = read(store).await;
    assert!(work.projects().list_all().await.expect(WORKS).is_empty());
    assert_eq!(work.projects().count_ever().await.expect(WORKS), 1);
}

/// A save of a version that is not the next one changes nothing and says so.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let project = stored_project(store).await;
    let (first, second) = (renamed(&project, "first"), renamed(&project, "second"));
    let mut work = write(store).await;
    assert!(work.projects().save(&first).await.expect(WORKS));
    assert!(!work.projects().save(&second).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(find(store, &project).await, Some(first));
}

/// Of two saves at the same time, from the same version, one is made.
pub async fn two_writers_race_and_one_wins(store: &dyn Store) {
    let project = stored_project(store).await;
    let save = async |name: &str| {
        let mut work = write(store).await;
        let saved = work.projects().save(&renamed(&project, name)).await.expect(WORKS);
        work.commit().await.expect(WORKS);
        saved
    };
    let (first, second) = join(save("first"), save("second")).await;
    assert!(first != second);
    let winner = if first { "first" } else { "second" };
    assert_eq!(find(store, &project).await, Some(renamed(&project, winner)));
}

/// The search text is found wherever it is, in upper and in lower case, and letter by letter.
pub async fn search_ignores_case_and_has_no_wildcards(store: &dyn Store) {
    let all = ["100% real", "under_score", r"back\slash", "Über uns", "plain"];
    insert(store, &all.map(project)).await;
    for (search, found) in [
        ("%", vec!["100% real"]),
        ("_", vec!["under_score"]),
        ("\\", vec![r"back\slash"]),
        ("r_s", vec!["under_score"]),
        ("über", vec!["Über uns"]),
        ("ÜBER", vec!["Über uns"]),
        ("LAI", vec!["plain"]),
        ("p%n", vec![]),
        (&"x".repeat(100_000), vec![]),
    ] {
        let filter = ProjectFilter { search: Some(search.into()), ..Default::default() };
        assert_eq!(names(store, filter).await, found, "{}", &search[..search.len().min(20)]);
    }
}

/// Only those that are asked for are listed and counted; of none there is none.
pub async fn only_some_are_listed(store: &dyn Store) {
    let projects = ["a", "b", "c"].map(project);
    let [one, _, other] = projects.each_ref().map(|project| project.id);
    insert(store, &projects).await;
    let unknown = ProjectId::mint(clock(), entropy());
    for (among, expected) in [
        (None, &["a", "b", "c"][..]),
        (Some(vec![other, unknown, one]), &["a", "c"]),
        (Some(vec![one]), &["a"]),
        (Some(vec![unknown]), &[]),
        (Some(vec![]), &[]),
    ] {
        let filter = ProjectFilter { among, ..Default::default() };
        let page = PageRequest::clamped(1, 1);
        let page = read(store).await.projects().list(&filter, page).await.expect(WORKS);
        assert_eq!(page.total, expected.len() as u64);
        assert_eq!(names(store, filter).await, expected);
    }
}

/// Names are sorted as their lower-case forms, byte by byte, on every engine.
pub async fn sorting_by_name_ignores_case(store: &dyn Store) {
    insert(store, &["beta", "Alpha", "alpha2", "Gamma", "éa", "-dash"].map(project)).await;
    let mut expected = ["-dash", "Alpha", "alpha2", "beta", "Gamma", "éa"];
    assert_eq!(names(store, ProjectFilter::default()).await, expected);
    expected.reverse();
    let filter = ProjectFilter { direction: SortDirection::Descending, ..Default::default() };
    assert_eq!(names(store, filter).await, expected);
}

/// What the sort does not tell apart is sorted by id, so that no page shows a row twice.
pub async fn equal_ones_are_sorted_by_id(store: &dyn Store) {
    let mut projects: Vec<Project> = (0..7).map(|_| project("same")).collect();
    insert(store, &projects).await;
    projects.sort_by_key(|project| project.id);
    let mut seen = Vec::new();
    for number in 1..=4 {
        let page = PageRequest::clamped(number, 2);
        let filter = ProjectFilter { sort: ProjectSort::Kind, ..Default::default() };
        seen.extend(read(store).await.projects().list(&filter, page).await.expect(WORKS).items);
    }
    assert_eq!(seen, projects);
}

/// A project that comes later does not move what earlier pages showed.
pub async fn pages_are_stable_under_insert(store: &dyn Store) {
    let projects = [1, 2, 3, 4].map(|created| project_at("p", at(created)));
    insert(store, &projects).await;
    let filter = ProjectFilter { sort: ProjectSort::CreatedAt, ..Default::default() };
    let list = async |number| {
        let page = PageRequest::clamped(number, 2);
        read(store).await.projects().list(&filter, page).await.expect(WORKS)
    };
    assert_eq!(list(1).await.items, projects[..2]);
    let later = project_at("a", at(5));
    insert(store, std::slice::from_ref(&later)).await;
    assert_eq!(list(2).await.items, projects[2..]);
    let third = list(3).await;
    assert_eq!((third.items, third.total), (vec![later], 5));
}

/// A page that does not exist is empty, and the total is told all the same.
pub async fn a_page_beyond_the_end_is_empty(store: &dyn Store) {
    stored_project(store).await;
    let page = PageRequest::clamped(u32::MAX, 100);
    let page = read(store).await.projects().list(&ProjectFilter::default(), page).await.expect(WORKS);
    assert_eq!((page.items, page.total), (vec![], 1));
}
