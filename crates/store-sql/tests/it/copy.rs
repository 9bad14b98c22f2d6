//! Copying a SQLite file into PostgreSQL.

use std::time::Duration;

use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{Clock, JobRunId, ProjectId, ReplicaId, Timestamp};
use promptgate_schedule::{Origin, Run};
use promptgate_store::{Access, Change, Replica, Store};
use promptgate_store_sql::{CopyError, LiveSource, TableCopied, connect};
use promptgate_testkit::postgres::database;

use tokio_util::sync::CancellationToken;

use super::OPTIONS;

static CLOCK: TestClock = TestClock::at_millis(1_700_000_000_000);

async fn copy(from: &str, to: &str, tell: impl FnMut(&str, u64)) -> Result<Vec<TableCopied>, CopyError> {
    promptgate_store_sql::copy(from, to, OPTIONS, LiveSource::Refused, CLOCK.now(), tell).await
}

/// A change of the configuration and a run of a job: a document, texts, numbers, ids and nothing at all.
async fn write(store: &dyn Store) {
    let entropy = SeededEntropy::new(1);
    let mut work = store.begin(Access::Write).await.unwrap();
    for number in 0..1_200 {
        let run = Run::new(
            JobRunId::mint(&CLOCK, &entropy),
            &format!("job-{number}"),
            Origin::Request,
            Timestamp::from_micros(number),
            Timestamp::from_micros(-number),
        );
        assert!(work.jobs().insert(&run).await.unwrap());
    }
    let project = ProjectId::mint(&CLOCK, &entropy);
    work.changes().record(Change::Project(project), Timestamp::from_micros(1)).await.unwrap();
    work.commit().await.unwrap();
}

#[tokio::test]
async fn every_table_arrives_as_it_was_and_nothing_is_written_twice() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/promptgate.db", directory.path().display());
    let source = connect(&url, OPTIONS).await.unwrap();
    source.migrate().await.unwrap();
    write(&*source.store()).await;
    let database = database().await.unwrap();
    let refused = copy(&url, database.url(), |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, CopyError::Schema { side: "target", .. }), "{refused}");
    let target = connect(database.url(), OPTIONS).await.unwrap();
    target.migrate().await.unwrap();
    let mut told = Vec::new();
    let copied = copy(&url, database.url(), |table, rows| told.push((table.to_owned(), rows))).await;
    let copied = copied.unwrap();
    let rows: Vec<_> = copied.iter().map(|table| (table.name.clone(), table.rows)).collect();
    assert_eq!(rows, told);
    for (table, wanted) in [("job_runs", 1_200), ("changes", 1), ("heads", 1), ("tokens", 0)] {
        assert!(rows.contains(&(table.to_owned(), wanted)), "{table}: {rows:?}");
    }
    let mut work = target.store().begin(Access::Read).await.unwrap();
    assert_eq!(work.changes().revision().await.unwrap().number(), 1);
    let open = work.jobs().open("job-7").await.unwrap().unwrap();
    assert_eq!((open.due_at, open.created_at), (Timestamp::from_micros(7), Timestamp::from_micros(-7)));
    drop(work);
    // Once more over what a new installation may have anyway.
    let again = copy(&url, database.url(), |_, _| {}).await.unwrap();
    assert_eq!(again, copied);
}

#[tokio::test]
async fn what_is_no_source_or_no_target_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none.db");
    let missing = format!("sqlite:{}", path.display());
    let database = database().await.unwrap();
    let refused = copy(&missing, database.url(), |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, CopyError::Missing { .. }), "{refused}");
    assert!(!path.exists(), "no database is made");
    for (from, to, said) in [
        ("sqlite::memory:", database.url(), "a `sqlite:` URL of a file"),
        (database.url(), database.url(), "a `sqlite:` URL of a file"),
    ] {
        let refused = copy(from, to, |_, _| {}).await.unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
    let url = format!("sqlite:{}/old.db", directory.path().display());
    let source = connect(&url, OPTIONS).await.unwrap();
    let target = connect(database.url(), OPTIONS).await.unwrap();
    target.migrate().await.unwrap();
    let behind = copy(&url, database.url(), |_, _| {}).await.unwrap_err();
    assert!(matches!(behind, CopyError::Schema { side: "source", .. }), "{behind}");
    source.migrate().await.unwrap();
    let refused = copy(&url, &url, |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, CopyError::NotPostgres), "{refused}");
}

/// Says that a process runs over a store, or did.
async fn beat(store: &dyn Store, kind: &str, seen_at: Timestamp) {
    let replica = Replica {
        id: ReplicaId::mint(&CLOCK, &SeededEntropy::new(seen_at.as_micros().unsigned_abs())),
        kind: kind.to_owned(),
        version: "1".to_owned(),
        host: "here".to_owned(),
        address: String::new(),
        process: 7,
        answers_calls: true,
        started_at: seen_at,
        seen_at,
        revision: None,
    };
    let mut work = store.begin(Access::Write).await.unwrap();
    work.replicas().beat(&replica).await.unwrap();
    work.commit().await.unwrap();
}

#[tokio::test]
async fn a_database_in_use_is_neither_copied_nor_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/promptgate.db", directory.path().display());
    let source = connect(&url, OPTIONS).await.unwrap();
    source.migrate().await.unwrap();
    let database = database().await.unwrap();
    let target = connect(database.url(), OPTIONS).await.unwrap();
    target.migrate().await.unwrap();
    let now = CLOCK.now();
    let (long_ago, just_now) = (now.minus(Duration::from_secs(11)), now.minus(Duration::from_secs(9)));
    for store in [source.store(), target.store()] {
        beat(&*store, "run-all", long_ago).await;
    }
    copy(&url, database.url(), |_, _| {}).await.unwrap();

    beat(&*source.store(), "run-all", just_now).await;
    let refused = copy(&url, database.url(), |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, CopyError::InUse { side: "source", .. }), "{refused}");
    assert!(refused.to_string().contains("`run-all` (process 7 on here)"), "{refused}");
    let anyway =
        || promptgate_store_sql::copy(&url, database.url(), OPTIONS, LiveSource::Taken, now, |_, _| {});
    anyway().await.unwrap();
    // The process of the source is on the list of the target now, as if it ran there.
    let refused = anyway().await.unwrap_err();
    assert!(matches!(refused, CopyError::InUse { side: "target", .. }), "{refused}");
}

#[tokio::test]
async fn a_copy_that_is_interrupted_leaves_nothing_and_can_be_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/promptgate.db", directory.path().display());
    let source = connect(&url, OPTIONS).await.unwrap();
    source.migrate().await.unwrap();
    write(&*source.store()).await;
    let database = database().await.unwrap();
    let target = connect(database.url(), OPTIONS).await.unwrap();
    target.migrate().await.unwrap();
    let stop = CancellationToken::new();
    let tell = |table: &str, _| {
        if table == "job_runs" {
            stop.cancel();
        }
    };
    let ended = stop.run_until_cancelled(copy(&url, database.url(), tell)).await;
    assert!(ended.is_none() && stop.is_cancelled(), "it was interrupted with that table written");
    let mut work = target.store().begin(Access::Read).await.unwrap();
    assert_eq!(work.changes().revision().await.unwrap().number(), 0);
    assert!(work.jobs().open("job-7").await.unwrap().is_none());
    drop(work);
    let copied = copy(&url, database.url(), |_, _| {}).await.unwrap();
    assert!(copied.iter().any(|table| (table.name.as_str(), table.rows) == ("job_runs", 1_200)));
}
