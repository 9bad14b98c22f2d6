//! An audit log that somebody altered behind the gateway's back, on both engines.

use promptgate_audit::{ActorName, Altered, Event, Walk};
use promptgate_kernel::{AuditEventId, Clock, OsEntropy, SystemClock};
use promptgate_store::{Access, Store};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

async fn append(store: &dyn Store, rows: usize) {
    let mut work = store.begin(Access::Write).await.unwrap();
    for _ in 0..rows {
        let actor = ActorName { kind: "system".into(), ..ActorName::default() };
        let id = AuditEventId::mint(&SystemClock, &OsEntropy);
        work.audit().append(&Event::of(id, SystemClock.now(), "token.created", actor)).await.unwrap();
    }
    work.commit().await.unwrap();
}

async fn walked(store: &dyn Store) -> Result<u64, Altered> {
    let mut work = store.begin(Access::Read).await.unwrap();
    let mut walk = Walk::default();
    for row in work.audit().list_after(0, 1_000).await.unwrap() {
        walk.row(&row)?;
    }
    walk.finish(work.audit().head().await.unwrap())
}

/// What somebody does, how it is undone, and what is said of it.
const ALTERATIONS: [([&str; 3], [&str; 3], &str); 6] = [
    (
        ["UPDATE audit_log SET actor_label = 'x' WHERE position = 3", "", ""],
        ["UPDATE audit_log SET actor_label = NULL WHERE position = 3", "", ""],
        "row 3 (…) was changed",
    ),
    (
        ["UPDATE audit_log SET address = '192.0.2.1' WHERE position = 3", "", ""],
        ["UPDATE audit_log SET address = NULL WHERE position = 3", "", ""],
        "row 3 (…) was changed",
    ),
    (
        ["UPDATE audit_log SET hash_version = 1 WHERE position = 3", "", ""],
        ["UPDATE audit_log SET hash_version = 2 WHERE position = 3", "", ""],
        "row 3 (…) was changed",
    ),
    (
        ["UPDATE audit_log SET position = -3 WHERE position = 3", "", ""],
        ["UPDATE audit_log SET position = 3 WHERE position = -3", "", ""],
        "row 3 was removed; the next one is row 4 (…)",
    ),
    (
        [
            "UPDATE audit_log SET position = -4 WHERE position = 4",
            "UPDATE audit_log SET position = 4 WHERE position = 5",
            "UPDATE audit_log SET position = 5 WHERE position = -4",
        ],
        [
            "UPDATE audit_log SET position = -4 WHERE position = 4",
            "UPDATE audit_log SET position = 4 WHERE position = 5",
            "UPDATE audit_log SET position = 5 WHERE position = -4",
        ],
        "row 4 (…) is not in its place: it was written after another row",
    ),
    (
        ["DELETE FROM audit_log WHERE position = 6", "", ""],
        ["", "", ""],
        "row 6 was removed, which was at the end",
    ),
];

async fn every_alteration_is_named(store: &dyn Store, mut execute: impl AsyncFnMut(&'static str)) {
    append(store, 6).await;
    for (done, undone, said) in ALTERATIONS {
        assert_eq!(walked(store).await, Ok(6));
        for statement in done {
            execute(statement).await;
        }
        let found = walked(store).await.expect_err(said).to_string();
        let mut parts = said.split('…');
        assert!(found.starts_with(parts.next().unwrap_or_default()), "{found}");
        assert!(parts.all(|part| found.ends_with(part)), "{found}");
        for statement in undone {
            execute(statement).await;
        }
    }
}

#[tokio::test]
async fn every_alteration_is_named_on_sqlite() {
    let fixture = crate::sqlite_file().await;
    let path = fixture.directory.as_ref().unwrap().path().join("promptgate.db");
    let mut operator = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    every_alteration_is_named(fixture.store(), async |statement| {
        operator.execute(AssertSqlSafe(statement)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn every_alteration_is_named_on_postgresql() {
    let fixture = crate::postgres().await;
    let mut operator = PgConnection::connect(fixture.database.as_ref().unwrap().url()).await.unwrap();
    every_alteration_is_named(fixture.store(), async |statement| {
        operator.execute(AssertSqlSafe(statement)).await.unwrap();
    })
    .await;
}
