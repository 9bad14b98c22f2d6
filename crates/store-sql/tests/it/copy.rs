//! Copying a SQLite file into PostgreSQL.

use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{JobRunId, ProjectId, Timestamp};
use promptgate_schedule::{Origin, Run};
use promptgate_store::{Access, Change, Store};
use promptgate_store_sql::{CopyError, connect, copy};
use promptgate_testkit::postgres::database;

use super::OPTIONS;

static CLOCK: TestClock = TestClock::at_millis(1_700_000_000_000);

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
    let refused = copy(&url, database.url(), OPTIONS, |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, CopyError::Schema { side: "target", .. }), "{refused}");
    let target = connect(database.url(), OPTIONS).await.unwrap();
    target.migrate().await.unwrap();
    let mut told = Vec::new();
    let copied = copy(&url, database.url(), OPTIONS, |table, rows| told.push((table.to_owned(), rows))).await;
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
    let again = copy(&url, database.url(), OPTIONS, |_, _| {}).await.unwrap();
    assert_eq!(again, copied);
}

#[tokio::test]
async fn what_is_no_source_or_no_target_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none.db");
    let missing = format!("sqlite:{}", path.display());
    let database = database().await.unwrap();
    let refused = copy(&missing, database.url(), OPTIONS, |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, CopyError::Missing { .. }), "{refused}");
    assert!(!path.exists(), "no database is made");
    for (from, to, said) in [
        ("sqlite::memory:", database.url(), "a `sqlite:` URL of a file"),
        (database.url(), database.url(), "a `sqlite:` URL of a file"),
    ] {
        let refused = copy(from, to, OPTIONS, |_, _| {}).await.unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
    let url = format!("sqlite:{}/old.db", directory.path().display());
    let source = connect(&url, OPTIONS).await.unwrap();
    let target = connect(database.url(), OPTIONS).await.unwrap();
    target.migrate().await.unwrap();
    let behind = copy(&url, database.url(), OPTIONS, |_, _| {}).await.unwrap_err();
    assert!(matches!(behind, CopyError::Schema { side: "source", .. }), "{behind}");
    source.migrate().await.unwrap();
    let refused = copy(&url, &url, OPTIONS, |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, CopyError::NotPostgres), "{refused}");
}
