//! Opening a database by its URL.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use promptgate_auth::SignInState;
use promptgate_limits::Counters;
use promptgate_store::Store;
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Database, Pool, Postgres, Sqlite};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dialect::Begin;
use crate::migrate::Engine;
use crate::work::SqlStore;
use crate::{MigrationReport, PgBus, SchemaError};

const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// Of a new SQLite database: what is said in most calls fits into one page, several times.
const PAGE_BYTES: u32 = 8 << 10;
/// How much of it a connection holds, negative to mean KiB: more than a batch of usage events touches.
const CACHE_KIB: &str = "-8192";
/// How many pages are in the log before they go to their places in the file: each does once, however
/// often it was written. 32 MiB.
const CHECKPOINT_PAGES: &str = "4000";
/// How long PostgreSQL may take and be waited for, in its own settings: nobody holds a connection of the
/// pool, or a row, for as long as a dashboard over everything may take. Migrations take the time that they
/// need. Keepalives find a dead connection within 90 seconds, so that it leaves nothing locked.
const PATIENCE: [(&str, &str); 6] = [
    ("statement_timeout", "30s"),
    ("lock_timeout", "15s"),
    ("idle_in_transaction_session_timeout", "60s"),
    ("tcp_keepalives_idle", "60"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
];

/// How connections are pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlOptions {
    /// The most connections that are open at a time. On SQLite: that read; one more writes.
    pub max_open: u32,
    /// How many stay open while nobody uses them; the others are closed after a minute.
    pub max_idle: u32,
    /// How old a connection may become.
    pub max_lifetime: Duration,
    /// How long a unit of work may wait for a connection, the time to open one included; on SQLite, for
    /// the others that write too. How long statements may take on PostgreSQL is another matter.
    pub acquire_timeout: Duration,
    /// The zone in which days and months of budgets begin.
    pub zone: Tz,
    /// How long whoever takes of a budget waits while its counter is made from what was recorded; the
    /// making goes on. Less than those who take have.
    pub fill_patience: Duration,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self {
            max_open: 10,
            max_idle: 5,
            max_lifetime: Duration::from_mins(30),
            acquire_timeout: Duration::from_secs(5),
            zone: Tz::UTC,
            fill_patience: Duration::from_millis(300),
        }
    }
}

/// Why a database cannot be opened. No message repeats the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is for another database.
    #[error("the database URL must start with `sqlite:` or `postgres:`")]
    UnknownScheme,
    /// The URL cannot be read.
    #[error("the database URL cannot be read; expected {expected}")]
    InvalidUrl {
        /// What would be right.
        expected: &'static str,
    },
    /// The SQLite file cannot be opened or created.
    #[error("cannot open the SQLite database `{path}` for writing")]
    Open {
        /// Where it is, or should be.
        path: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An open database.
///
/// Over SQLite the file is there and can be written. PostgreSQL is not asked before the first use,
/// so that a process can start while it is away; [`Store::ping`] tells.
#[derive(Clone)]
pub struct Connected {
    engine: Arc<dyn Engine>,
    postgres: Option<PgConnectOptions>,
}

/// Opens the database of a URL: `sqlite:<path>`, `sqlite::memory:` or
/// `postgres://<user>:<password>@<host>:<port>/<database>`.
pub async fn connect(url: &str, options: SqlOptions) -> Result<Connected, ConnectError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("sqlite") => sqlite(url, options).await,
        Some("postgres" | "postgresql") => postgres(url, options),
        _ => Err(ConnectError::UnknownScheme),
    }
}

impl Connected {
    /// The store in it.
    pub fn store(&self) -> Arc<dyn Store> {
        self.engine.clone()
    }

    /// What sign-ins share, kept in it.
    pub fn sign_in(&self) -> SignInState {
        SignInState {
            sessions: self.engine.clone(),
            throttle: self.engine.clone(),
            one_time: self.engine.clone(),
        }
    }

    /// The counters of limits, kept in it.
    pub fn counters(&self) -> Arc<dyn Counters> {
        self.engine.clone()
    }

    /// Brings the schema up to date. Several processes may try at once: one does it, the others
    /// wait and find nothing to do.
    pub async fn migrate(&self) -> Result<MigrationReport, SchemaError> {
        self.engine.migrate().await
    }

    /// Whether the schema is exactly what this version works with.
    pub async fn check_schema(&self) -> Result<(), SchemaError> {
        self.engine.check_schema().await
    }

    /// A bus over the database, where it has one: PostgreSQL does, SQLite does not.
    pub fn bus(&self, tasks: &TaskTracker, stop: &CancellationToken) -> Option<PgBus> {
        self.postgres.clone().map(|options| PgBus::start(options, tasks, stop))
    }

    /// Waits for units of work to end and closes all connections.
    pub async fn close(&self) {
        self.engine.close().await;
    }
}

fn pool<DB: Database>(options: SqlOptions) -> PoolOptions<DB> {
    let max_open = options.max_open.max(1);
    PoolOptions::new()
        .max_connections(max_open)
        .min_connections(options.max_idle.min(max_open))
        .idle_timeout(Duration::from_mins(1))
        .max_lifetime(options.max_lifetime)
        .acquire_timeout(options.acquire_timeout)
}

pub(crate) fn postgres_options(url: &str) -> Result<PgConnectOptions, ConnectError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| ConnectError::InvalidUrl {
        expected: "postgres://<user>:<password>@<host>:<port>/<database>",
    })?;
    let named = options.get_application_name().is_some();
    let options = if named { options } else { options.application_name("promptgate") };
    // What the URL says counts, as `-c name=value`, `-cname=value` or `--name=value`.
    let given = options.get_options().unwrap_or_default().to_owned();
    let given: Vec<&str> =
        given.split([' ', '=']).map(|word| word.trim_start_matches("--").trim_start_matches("-c")).collect();
    Ok(options.options(PATIENCE.into_iter().filter(|(name, _)| !given.contains(name))))
}

fn store<DB: Database>(
    writers: Pool<DB>,
    readers: Pool<DB>,
    begin: Begin,
    options: SqlOptions,
) -> SqlStore<DB> {
    let SqlOptions { zone, fill_patience, .. } = options;
    let (looked_at, filling, beginning) = (Arc::default(), Arc::default(), TaskTracker::new());
    SqlStore { writers, readers, begin, zone, looked_at, filling, fill_patience, beginning }
}

fn postgres(url: &str, options: SqlOptions) -> Result<Connected, ConnectError> {
    let address = postgres_options(url)?;
    let pool = pool::<Postgres>(options).connect_lazy_with(address.clone());
    let engine = Arc::new(store(pool.clone(), pool, Begin::POSTGRES, options));
    Ok(Connected { engine, postgres: Some(address) })
}

async fn sqlite(url: &str, options: SqlOptions) -> Result<Connected, ConnectError> {
    let address = SqliteConnectOptions::from_str(url)
        .map_err(|_| ConnectError::InvalidUrl { expected: "sqlite:<path>" })?
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(options.acquire_timeout)
        .page_size(PAGE_BYTES)
        .pragma("cache_size", CACHE_KIB)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    let path = address.get_filename().display().to_string();
    let refused = |source: sqlx::Error| ConnectError::Open { path: path.clone(), source: source.into() };
    // One connection writes, and never goes away: a database in memory goes with it.
    let writer = PoolOptions::<Sqlite>::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(options.acquire_timeout);
    if in_memory {
        let pool = writer.connect_with(address.shared_cache(false)).await.map_err(refused)?;
        let engine = Arc::new(store(pool.clone(), pool, Begin::SQLITE_IN_MEMORY, options));
        return Ok(Connected { engine, postgres: None });
    }
    let writers = until_not_busy(options.acquire_timeout, || async {
        let writers = writer.clone().connect_with(address.clone()).await?;
        // An existing file that cannot be written still opens; this finds out.
        sqlx::raw_sql("BEGIN IMMEDIATE; PRAGMA user_version = 0; ROLLBACK").execute(&writers).await?;
        Ok(writers)
    })
    .await
    .map_err(refused)?;
    let readers = pool::<Sqlite>(options).connect_lazy_with(address.pragma("query_only", "ON"));
    let engine = Arc::new(store(writers, readers, Begin::SQLITE, options));
    Ok(Connected { engine, postgres: None })
}

/// Tries again while another process turns the same new file to WAL: SQLite says "locked" at once
/// there, whatever the busy timeout is.
async fn until_not_busy<T, F>(patience: Duration, attempt: impl Fn() -> F) -> Result<T, sqlx::Error>
where
    F: Future<Output = Result<T, sqlx::Error>>,
{
    let deadline = Instant::now() + patience;
    loop {
        match attempt().await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => sleep(BUSY_PAUSE).await,
            outcome => return outcome,
        }
    }
}

/// `SQLITE_BUSY` is 5; extended codes keep it in their low byte.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<i64>().ok()).is_some_and(|code| code & 0xff == 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_says_of_time_limits_counts() {
        let told = |url: &str| postgres_options(url).unwrap().get_options().unwrap_or_default().to_owned();
        let plain = told("postgres://u:p@db/promptgate");
        for (name, value) in PATIENCE {
            assert!(plain.contains(&format!("-c {name}={value}")), "{plain}");
        }
        for url in [
            "postgres://u:p@db/promptgate?options=-c%20statement_timeout%3D5min",
            "postgres://u:p@db/promptgate?options=-cstatement_timeout%3D5min%20-c%20deadlock_timeout%3D2s",
            "postgres://u:p@db/promptgate?options=--statement_timeout%3D5min",
            "postgres://u:p@db/promptgate?options[statement_timeout]=5min",
        ] {
            let told = told(url);
            assert_eq!(told.matches("statement_timeout").count(), 1, "{told}");
            assert!(told.contains("statement_timeout=5min"), "{told}");
            assert!(told.contains("-c lock_timeout=15s"), "{told}");
        }
    }
}
