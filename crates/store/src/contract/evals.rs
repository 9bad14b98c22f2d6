//! Behaviour of a repository of golden sets.

use futures_util::future::join;
use promptgate_endpoints::{
    Endpoint, EvalItem, EvalRun, EvalSet, Expected, Failure, FailureKind, ItemResult, RunDiff, RunSummary,
};
use promptgate_kernel::{ActorId, CallId, EvalId, EvalRunId, PageRequest, Timestamp};
use serde_json::json;

use super::samples::{WORKS, at, clock, document, entropy, read, stored_endpoint, write};
use crate::Store;

fn set(endpoint: &Endpoint, name: &str) -> EvalSet {
    EvalSet {
        id: EvalId::mint(clock(), entropy()),
        project_id: endpoint.project_id,
        endpoint_id: endpoint.id,
        name: name.into(),
        description: None,
        items: vec![],
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

fn run(set: &EvalSet, started: Timestamp) -> EvalRun {
    EvalRun {
        summary: RunSummary {
            id: EvalRunId::mint(clock(), entropy()),
            eval_id: set.id,
            endpoint_id: set.endpoint_id,
            project_id: set.project_id,
            endpoint_version: u32::MAX,
            passed: 1,
            failed: u32::MAX,
            duration_us: 5,
            total_tokens: 7,
            author: Some(ActorId::mint(clock(), entropy())),
            started_at: started,
            finished_at: at(100),
        },
        items: vec![],
        diff: None,
    }
}

async fn insert(store: &dyn Store, sets: &[&EvalSet], runs: &[&EvalRun]) {
    let mut work = write(store).await;
    for set in sets {
        work.evals().insert(set).await.expect(WORKS);
    }
    for run in runs {
        work.evals().insert_run(run).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, set: &EvalSet) -> bool {
    let mut work = write(store).await;
    let saved = work.evals().save(set).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn find(store: &dyn Store, set: &EvalSet) -> Option<EvalSet> {
    read(store).await.evals().find(set.id).await.expect(WORKS)
}

fn next(set: &EvalSet, name: &str) -> EvalSet {
    EvalSet { name: name.into(), updated_at: at(5), version: set.version + 1, ..set.clone() }
}

/// Every field of a set comes back as it was, after insertion and after a save.
pub async fn everything_round_trips(store: &dyn Store) {
    let plain = set(&stored_endpoint(store).await, "plain");
    insert(store, &[&plain], &[]).await;
    assert_eq!(find(store, &plain).await.as_ref(), Some(&plain));
    let expected = Expected {
        contains: vec!["Ünï \"x\"".into()],
        not_contains: vec![String::new()],
        matches_schema: Some(json!({"required": ["b", "a"]})),
        min_total_tokens: Some(1),
        max_total_tokens: Some(u64::MAX),
    };
    let after = EvalSet {
        description: Some("日本 🦀".into()),
        items: vec![
            EvalItem { name: "first".into(), input: document(), expected },
            EvalItem { name: "second".into(), input: serde_json::Map::new(), expected: Expected::default() },
        ],
        ..next(&plain, "Other")
    };
    assert!(save(store, &after).await);
    assert_eq!(find(store, &after).await, Some(after));
}

/// A save of a version that is not the next one changes nothing; of two at once one is made.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let set = set(&stored_endpoint(store).await, "one");
    insert(store, &[&set], &[]).await;
    let (one, other) = (next(&set, "one"), next(&set, "other"));
    let (first, second) = join(save(store, &one), save(store, &other)).await;
    assert!(first != second);
    assert!(!save(store, &next(&set, "third")).await);
    assert_eq!(find(store, &set).await, Some(if first { one } else { other }));
}

/// An endpoint's sets are its own, and come by name whatever its case.
pub async fn an_endpoint_lists_its_own_by_name(store: &dyn Store) {
    let (own, foreign) = (stored_endpoint(store).await, stored_endpoint(store).await);
    let [zeta, alpha, beta] = ["Zeta", "alpha", "Beta"].map(|name| set(&own, name));
    insert(store, &[&zeta, &alpha, &beta, &set(&foreign, "a")], &[]).await;
    let page = read(store).await.evals().list(own.id, PageRequest::clamped(1, 2)).await.expect(WORKS);
    assert_eq!((page.items, page.total), (vec![alpha, beta], 3));
}

/// A run comes back whole when it is asked for by itself; lists hold the totals, newest first.
pub async fn runs_are_kept_in_order(store: &dyn Store) {
    let set = set(&stored_endpoint(store).await, "one");
    let [first, mut last, middle] = [1, 3, 2].map(|micros| run(&set, at(micros)));
    last.items = vec![
        ItemResult {
            name: "first".into(),
            passed: false,
            failures: vec![Failure { kind: FailureKind::TokensHigh, detail: "9 > 3 \u{0}".into() }],
            answer: Some("日本 \"x\"".into()),
            duration_us: 9,
            total_tokens: 9,
            call_id: Some(CallId::mint(clock(), entropy())),
        },
        ItemResult {
            name: "second".into(),
            passed: true,
            failures: vec![],
            answer: None,
            duration_us: 0,
            total_tokens: 0,
            call_id: None,
        },
    ];
    last.diff = Some(RunDiff {
        previous: first.summary.id,
        newly_failing: vec!["first".into()],
        newly_passing: vec![],
        delta: -1,
    });
    last.summary.author = None;
    insert(store, &[&set], &[&first, &last, &middle]).await;
    let mut work = read(store).await;
    assert_eq!(work.evals().run(last.summary.id).await.expect(WORKS).as_ref(), Some(&last));
    assert_eq!(work.evals().latest_run(set.id).await.expect(WORKS).as_ref(), Some(&last));
    let page = work.evals().runs(set.id, PageRequest::clamped(1, 2)).await.expect(WORKS);
    assert_eq!((page.items, page.total), (vec![last.summary, middle.summary], 3));
}

/// Runs go with their set, and sets with their endpoint.
pub async fn they_go_with_what_they_belong_to(store: &dyn Store) {
    let endpoint = stored_endpoint(store).await;
    let (removed, gone) = (set(&endpoint, "a"), set(&endpoint, "b"));
    let runs = [&removed, &gone].map(|set| run(set, at(0)));
    insert(store, &[&removed, &gone], &runs.each_ref()).await;
    let mut work = write(store).await;
    assert!(work.evals().remove(removed.id).await.expect(WORKS));
    assert!(!work.evals().remove(removed.id).await.expect(WORKS));
    assert_eq!(work.evals().latest_run(removed.id).await.expect(WORKS), None);
    assert!(work.endpoints().remove(endpoint.id).await.expect(WORKS));
    assert_eq!(work.evals().find(gone.id).await.expect(WORKS), None);
    assert_eq!(work.evals().run(runs[1].summary.id).await.expect(WORKS), None);
}
