//! Several units of work at the same time.

use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{ProjectId, Timestamp};
use promptgate_store::{Access, Change, Store};

async fn change(store: &dyn Store) {
    let project = ProjectId::mint(&TestClock::at_millis(1), &SeededEntropy::new(1));
    let mut work = store.begin(Access::Write).await.unwrap();
    // Reads first, as use cases do: a lock that is only taken at the first write would come too late.
    let before = work.changes().revision().await.unwrap();
    let revision = work.changes().record(Change::Project(project), Timestamp::default()).await.unwrap();
    assert!(revision > before);
    work.commit().await.unwrap();
}

/// A reader sees one state from its first statement to its last, and holds up no writer.
async fn a_reader_sees_one_state(store: &dyn Store) {
    change(store).await;
    let mut reader = store.begin(Access::Read).await.unwrap();
    let before = reader.changes().revision().await.unwrap();
    change(store).await;
    assert_eq!(reader.changes().revision().await.unwrap(), before);
    drop(reader);
    let mut reader = store.begin(Access::Read).await.unwrap();
    assert_eq!(reader.changes().revision().await.unwrap(), before.next());
}

#[tokio::test]
async fn a_reader_sees_one_state_on_sqlite() {
    a_reader_sees_one_state(crate::sqlite_file().await.store()).await;
}

#[tokio::test]
async fn a_reader_sees_one_state_on_postgresql() {
    a_reader_sees_one_state(crate::postgres().await.store()).await;
}

#[tokio::test]
async fn two_processes_share_one_sqlite_file() {
    let first = crate::sqlite_file().await;
    let directory = first.directory.as_ref().unwrap().path();
    let url = format!("sqlite:{}/promptgate.db", directory.display());
    let second = crate::migrated(&url, None, None).await;
    let writers = (0..40).map(|writer| change(if writer % 2 == 0 { first.store() } else { second.store() }));
    futures_util::future::join_all(writers).await;
    let mut reader = second.store().begin(Access::Read).await.unwrap();
    assert_eq!(reader.changes().revision().await.unwrap().number(), 40);
}
