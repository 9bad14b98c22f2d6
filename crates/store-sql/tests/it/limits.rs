//! How long PostgreSQL is waited for.

use std::time::Duration;

use promptgate_audit::{ActorName, Event};
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{AuditEventId, RepositoryError, Timestamp};
use promptgate_store::{Access, UnitOfWork};
use promptgate_store_sql::{SqlOptions, connect};
use promptgate_testkit::line::Line;
use promptgate_testkit::lone_postgres::LonePostgres;
use promptgate_testkit::postgres::database;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{sleep, timeout};

use crate::OPTIONS;

const PATIENCE: Duration = Duration::from_secs(20);
/// The lock of those who migrate.
const LOCK: &str = "SELECT pg_advisory_lock(1255279195)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(1255279195)";
const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

fn with(url: &str, options: &[&str]) -> String {
    let mut url = url.to_owned();
    for option in options {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(option);
    }
    url
}

async fn append(work: &mut dyn UnitOfWork) -> Result<(), RepositoryError> {
    let id = AuditEventId::mint(&TestClock::at_millis(1), &SeededEntropy::new(1));
    work.audit().append(&Event::of(id, Timestamp::default(), "token.created", ActorName::default())).await
}

/// Whoever holds what another one needs makes it wait for so long, not for ever; what was cut off is the
/// database's failure, and the connection is good again.
#[tokio::test]
async fn nobody_waits_for_ever_on_postgresql() {
    let database = database().await.unwrap();
    connect(database.url(), OPTIONS).await.unwrap().migrate().await.unwrap();
    for limit in ["options[lock_timeout]=200ms", "options[statement_timeout]=200ms"] {
        let store = connect(&with(database.url(), &[limit]), OPTIONS).await.unwrap().store();
        let mut holder = store.begin(Access::Write).await.unwrap();
        append(&mut *holder).await.unwrap();
        let mut waiter = store.begin(Access::Write).await.unwrap();
        let refused = timeout(PATIENCE, append(&mut *waiter)).await.unwrap();
        assert!(matches!(refused, Err(RepositoryError::Unavailable { .. })), "{limit}: {refused:?}");
        drop(waiter);
        drop(holder);
        let mut next = store.begin(Access::Write).await.unwrap();
        append(&mut *next).await.unwrap();
    }
}

/// A limiter waits for half a second and leaves. Were a transaction left open then, the next ones on its
/// connection would read in it, and fail for as long as the connection lives.
#[tokio::test]
async fn who_leaves_while_a_transaction_begins_leaves_none_open_on_postgresql() {
    let server = LonePostgres::start().await.unwrap();
    let line = Line::to(server.port()).await.unwrap();
    let options = SqlOptions { max_open: 1, ..OPTIONS };
    let connected = connect(&LonePostgres::url_through(line.port()), options).await.unwrap();
    connected.migrate().await.unwrap();
    let store = connected.store();
    for patience in 0..12 {
        // Forty milliseconds there and back: for a look at the connection, and for the beginning.
        line.slow_down(Duration::from_millis(20));
        let _ = timeout(Duration::from_millis(10 * patience), store.begin(Access::Write)).await;
        line.slow_down(Duration::ZERO);
        store.ping().await.unwrap();
        let mut reader = store.begin(Access::Read).await.unwrap();
        reader.changes().revision().await.unwrap();
    }
}

/// What statements may take elsewhere does not count while the schema is made: another process may be at
/// it, and take its time.
#[tokio::test]
async fn a_migration_takes_the_time_that_it_needs_on_postgresql() {
    let database = database().await.unwrap();
    let limits = ["options[lock_timeout]=100ms", "options[statement_timeout]=1s"];
    let connected = connect(&with(database.url(), &limits), OPTIONS).await.unwrap();
    let mut other = PgConnection::connect(database.url()).await.unwrap();
    other.execute(LOCK).await.unwrap();
    let release = async {
        loop {
            let waiting: i64 = sqlx::query_scalar(WAITING).fetch_one(&mut other).await.unwrap();
            if waiting > 0 {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        // Longer than anybody else may wait, or take.
        sleep(Duration::from_millis(1_300)).await;
        other.execute(UNLOCK).await.unwrap();
    };
    let (migrated, ()) =
        timeout(PATIENCE, async { tokio::join!(connected.migrate(), release) }).await.unwrap();
    assert!(!migrated.unwrap().applied.is_empty());
}
