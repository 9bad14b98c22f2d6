//! The contract of a store and of a bus over both engines, and what is special to SQL.

#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod address;
mod audit;
mod bus;
mod copy;
mod dashboards;
mod guardrails;
mod ledger;
mod limiting;
mod limits;
mod migrations;
mod plans;
mod rollups;
mod snapshot;
mod upgrade;

use std::sync::Arc;

use promptgate_auth::SignInState;
use promptgate_limits::Counters;
use promptgate_store::contract::ledger::{End, ZONE};
use promptgate_store::{
    Bus, Store, bus_contract_tests, contract_tests, counters_contract_tests, ledger_contract_tests,
    sign_in_contract_tests,
};
use promptgate_store_sql::{PgBus, SqlOptions, connect};
use promptgate_testkit::postgres::{TestDatabase, database};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A migrated database that is gone with this value.
struct Fixture {
    store: Arc<dyn Store>,
    /// The PostgreSQL database, for tests that look into it themselves.
    database: Option<TestDatabase>,
    /// Where the SQLite file is, as `promptgate.db`.
    directory: Option<TempDir>,
}

impl Fixture {
    fn store(&self) -> &dyn Store {
        &*self.store
    }
}

/// Connections of tests: few, and none that is only kept.
const OPTIONS: SqlOptions = SqlOptions {
    max_open: 5,
    max_idle: 0,
    max_lifetime: std::time::Duration::from_mins(30),
    acquire_timeout: std::time::Duration::from_secs(30),
    zone: chrono_tz::Tz::UTC,
    fill_patience: std::time::Duration::from_secs(30),
};

async fn migrated(url: &str, database: Option<TestDatabase>, directory: Option<TempDir>) -> Fixture {
    let connected = connect(url, OPTIONS).await.unwrap();
    connected.migrate().await.unwrap();
    Fixture { store: connected.store(), database, directory }
}

async fn sqlite_memory() -> Fixture {
    migrated("sqlite::memory:", None, None).await
}

async fn sqlite_file() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/promptgate.db", directory.path().display());
    migrated(&url, None, Some(directory)).await
}

async fn postgres() -> Fixture {
    let database = database().await.unwrap();
    let url = database.url().to_owned();
    migrated(&url, Some(database), None).await
}

contract_tests!(sqlite_memory);
contract_tests!(sqlite_file);
contract_tests!(postgres);

/// Two buses over the same database, as two processes have them.
struct BusFixture {
    here: PgBus,
    there: PgBus,
    _database: TestDatabase,
}

impl BusFixture {
    fn here(&self) -> &dyn Bus {
        &self.here
    }

    fn there(&self) -> &dyn Bus {
        &self.there
    }
}

async fn postgres_bus() -> BusFixture {
    let database = database().await.unwrap();
    let tasks = TaskTracker::new();
    let [here, there] =
        [(); 2].map(|()| PgBus::open(database.url(), &tasks, &CancellationToken::new()).unwrap());
    BusFixture { here, there, _database: database }
}

bus_contract_tests!(postgres_bus);

/// What sign-ins share in one database, as two replicas have it.
struct SignInFixture {
    here: SignInState,
    there: SignInState,
    _database: Option<TestDatabase>,
    _directory: Option<TempDir>,
}

impl SignInFixture {
    fn here(&self) -> &SignInState {
        &self.here
    }

    fn there(&self) -> &SignInState {
        &self.there
    }
}

async fn signing_in(url: &str) -> SignInState {
    let connected = connect(url, OPTIONS).await.unwrap();
    connected.migrate().await.unwrap();
    connected.sign_in()
}

async fn sign_in_sqlite_memory() -> SignInFixture {
    let here = signing_in("sqlite::memory:").await;
    SignInFixture { there: here.clone(), here, _database: None, _directory: None }
}

async fn sign_in_sqlite_file() -> SignInFixture {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/promptgate.db", directory.path().display());
    let (here, there) = (signing_in(&url).await, signing_in(&url).await);
    SignInFixture { here, there, _database: None, _directory: Some(directory) }
}

async fn sign_in_postgres() -> SignInFixture {
    let database = database().await.unwrap();
    let (here, there) = (signing_in(database.url()).await, signing_in(database.url()).await);
    SignInFixture { here, there, _database: Some(database), _directory: None }
}

sign_in_contract_tests!(sqlite_memory_sign_in, sign_in_sqlite_memory);
sign_in_contract_tests!(sqlite_file_sign_in, sign_in_sqlite_file);
sign_in_contract_tests!(postgres_sign_in, sign_in_postgres);

/// The counters in one database, as two replicas have them.
struct CountersFixture {
    here: Arc<dyn Counters>,
    there: Arc<dyn Counters>,
    _database: Option<TestDatabase>,
    _directory: Option<TempDir>,
}

impl CountersFixture {
    fn here(&self) -> &dyn Counters {
        &*self.here
    }

    fn there(&self) -> &dyn Counters {
        &*self.there
    }
}

async fn counting(url: &str) -> Arc<dyn Counters> {
    let connected = connect(url, OPTIONS).await.unwrap();
    connected.migrate().await.unwrap();
    connected.counters()
}

async fn counters_sqlite_memory() -> CountersFixture {
    let here = counting("sqlite::memory:").await;
    CountersFixture { there: here.clone(), here, _database: None, _directory: None }
}

async fn counters_sqlite_file() -> CountersFixture {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/promptgate.db", directory.path().display());
    let (here, there) = (counting(&url).await, counting(&url).await);
    CountersFixture { here, there, _database: None, _directory: Some(directory) }
}

async fn counters_postgres() -> CountersFixture {
    let database = database().await.unwrap();
    let (here, there) = (counting(database.url()).await, counting(database.url()).await);
    CountersFixture { here, there, _database: Some(database), _directory: None }
}

counters_contract_tests!(sqlite_memory_counters, counters_sqlite_memory);
counters_contract_tests!(sqlite_file_counters, counters_sqlite_file);
counters_contract_tests!(postgres_counters, counters_postgres);

/// The ledger in one database, as three replicas have it.
struct LedgerFixture {
    ends: [End; 3],
    _database: Option<TestDatabase>,
    _directory: Option<TempDir>,
}

impl LedgerFixture {
    fn ends(&self) -> &[End; 3] {
        &self.ends
    }
}

async fn charging(url: &str) -> End {
    let connected = connect(url, SqlOptions { zone: ZONE, ..OPTIONS }).await.unwrap();
    connected.migrate().await.unwrap();
    End { store: connected.store(), counters: connected.counters() }
}

async fn ledger_sqlite_memory() -> LedgerFixture {
    let End { store, counters } = charging("sqlite::memory:").await;
    let ends = [(); 3].map(|()| End { store: Arc::clone(&store), counters: Arc::clone(&counters) });
    LedgerFixture { ends, _database: None, _directory: None }
}

async fn ledger_sqlite_file() -> LedgerFixture {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/promptgate.db", directory.path().display());
    let ends = [charging(&url).await, charging(&url).await, charging(&url).await];
    LedgerFixture { ends, _database: None, _directory: Some(directory) }
}

async fn ledger_postgres() -> LedgerFixture {
    let database = database().await.unwrap();
    let url = database.url();
    let ends = [charging(url).await, charging(url).await, charging(url).await];
    LedgerFixture { ends, _database: Some(database), _directory: None }
}

ledger_contract_tests!(sqlite_memory_ledger, ledger_sqlite_memory);
ledger_contract_tests!(sqlite_file_ledger, ledger_sqlite_file);
ledger_contract_tests!(postgres_ledger, ledger_postgres);
