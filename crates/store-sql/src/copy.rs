//! Moving an installation from SQLite to PostgreSQL.
//!
//! All tables are read in one transaction, so that they fit together, and written in one, so that the
//! target has all or nothing. Before that one is committed, every table is read back, counted and compared.

mod cell;
mod shape;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use futures_util::TryStreamExt;
use promptgate_kernel::Timestamp;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Postgres, SqliteConnection};

use crate::connect::postgres_options;
use crate::dialect::Dialect;
use crate::{ConnectError, SchemaError, SqlOptions, connect};
use cell::{Cell, Kind, Tally};
use shape::{Table, compare, references, tables};

/// What an installation that nobody used may have already: what its first start writes, and what running
/// processes say of themselves. It is replaced. Every other table must be empty.
const SEEDED: &[&str] = &[
    "access_group_members",
    "access_group_providers",
    "access_groups",
    "account_locks",
    "accounts",
    "audit_checkpoints",
    "audit_log",
    "changes",
    "drills",
    "heads",
    "job_runs",
    "jobs",
    "list_prices",
    "price_refreshes",
    "price_versions",
    "prices",
    "replicas",
    "seedings",
    "setup_guides",
    "subscription_plans",
    "switches",
    "throttles",
];

/// How many rows one statement writes at most.
const ROWS: usize = 500;
/// About how many bytes it writes at most, and one row.
const BYTES: usize = 4 << 20;

/// A process that said so recently that it runs is taken to run.
const RUNS: Duration = Duration::from_secs(10);

/// What becomes of a copy whose source is in use. What is written to it after the copy began is not in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveSource {
    /// Nothing is copied.
    Refused,
    /// It is copied as it is at the moment.
    Taken,
}

/// One table that was copied: what is in the target is what was in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableCopied {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// The checksum over all of them, the same on both sides.
    pub checksum: String,
}

/// Why nothing was copied. No message repeats a URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source is no SQLite file.
    #[error("the source must be a `sqlite:` URL of a file")]
    NotSqlite,
    /// The target is no PostgreSQL database.
    #[error("the target must be a `postgres:` URL")]
    NotPostgres,
    /// There is no such file.
    #[error("there is no database at {path}")]
    Missing {
        /// Where it should be.
        path: String,
    },
    /// A database cannot be opened.
    #[error("cannot open the {side}")]
    Connect {
        /// `source` or `target`.
        side: &'static str,
        /// Why not.
        #[source]
        source: ConnectError,
    },
    /// A database has another schema than this version works with.
    #[error("the {side} has another schema than this version of PromptGate")]
    Schema {
        /// `source` or `target`.
        side: &'static str,
        /// What is wrong with it.
        #[source]
        source: SchemaError,
    },
    /// Somebody uses a database.
    #[error(
        "the {side} is in use by {process}; stop every process over it, and wait ten seconds if one died"
    )]
    InUse {
        /// `source` or `target`.
        side: &'static str,
        /// The kind of the first process, its number and its host.
        process: String,
    },
    /// Something is in the target.
    #[error(
        "the target is not empty: its table {table} has rows that no new installation has; \
         take a new database"
    )]
    NotEmpty {
        /// The first such table.
        table: String,
    },
    /// A table is not the same on both sides.
    #[error("the table {table} cannot be copied: {what}")]
    Shape {
        /// Which one.
        table: String,
        /// What is odd about it.
        what: String,
    },
    /// What was read back is not what was written.
    #[error(
        "the table {table} differs after the copy: {read} rows with checksum {read_sum} were read, {written} \
         with {written_sum} are there; nothing was kept"
    )]
    Differs {
        /// Which one.
        table: String,
        /// The rows of the source.
        read: u64,
        /// Their checksum.
        read_sum: String,
        /// The rows of the target.
        written: u64,
        /// Their checksum.
        written_sum: String,
    },
    /// A database failed.
    #[error("the {side} failed; nothing was kept")]
    Failed {
        /// `source` or `target`.
        side: &'static str,
        /// Its error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CopyError {
    fn source(error: sqlx::Error) -> Self {
        Self::Failed { side: "source", source: error.into() }
    }

    fn target(error: sqlx::Error) -> Self {
        Self::Failed { side: "target", source: error.into() }
    }
}

/// Copies everything that the SQLite database of one URL has into the PostgreSQL database of another, which
/// has the same schema and is otherwise empty. At `now` no process runs over the target, nor over the source
/// unless that is `live`. Tells of each table once it is written.
pub async fn copy(
    from: &str,
    to: &str,
    options: SqlOptions,
    live: LiveSource,
    now: Timestamp,
    mut tell: impl FnMut(&str, u64),
) -> Result<Vec<TableCopied>, CopyError> {
    let mut source = open_source(from, options).await?;
    let mut target = open_target(to, options).await?;
    // One state of the source from here to the end.
    run(&mut source, "BEGIN DEFERRED").await.map_err(CopyError::source)?;
    let begun = async {
        sqlx::raw_sql("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").execute(&mut target).await?;
        sqlx::raw_sql("SET LOCAL idle_in_transaction_session_timeout = 0").execute(&mut target).await?;
        // Takes time limits away too, and keeps migrations out.
        sqlx::raw_sql(Postgres::LOCK_SCHEMA).execute(&mut target).await
    };
    begun.await.map_err(CopyError::target)?;
    let since = now.minus(RUNS);
    if live == LiveSource::Refused {
        let found = sqlx::query_as(RUNNING).bind(since.as_micros()).fetch_optional(&mut source).await;
        refuse_running("source", found.map_err(CopyError::source)?)?;
    }
    // Before anything is locked that its processes need.
    refuse_live_target(&mut target, since).await?;
    let copied = fill(&mut source, &mut target, since, &mut tell).await;
    if copied.is_ok() {
        order(&mut target, "COMMIT".to_owned()).await?;
        // How much is where; without it the first questions are answered slowly.
        let _ = order(&mut target, "ANALYZE".to_owned()).await;
    }
    // What was not committed is rolled back with the connection.
    let _ = target.close().await;
    let _ = source.close().await;
    copied
}

/// A process of which somebody heard since then.
const RUNNING: &str =
    "SELECT kind, process, host FROM replicas WHERE seen_at > $1 ORDER BY started_at LIMIT 1";

fn refuse_running(side: &'static str, found: Option<(String, i64, String)>) -> Result<(), CopyError> {
    match found {
        None => Ok(()),
        Some((kind, process, host)) => {
            Err(CopyError::InUse { side, process: format!("`{kind}` (process {process} on {host})") })
        }
    }
}

async fn refuse_live_target(target: &mut PgConnection, since: Timestamp) -> Result<(), CopyError> {
    let found = sqlx::query_as(RUNNING).bind(since.as_micros()).fetch_optional(target).await;
    refuse_running("target", found.map_err(CopyError::target)?)
}

async fn open_source(url: &str, options: SqlOptions) -> Result<SqliteConnection, CopyError> {
    if !url.starts_with("sqlite:") || url.contains(":memory:") || url.contains("mode=memory") {
        return Err(CopyError::NotSqlite);
    }
    let address = SqliteConnectOptions::from_str(url).map_err(|_| CopyError::NotSqlite)?;
    let path = address.get_filename().to_owned();
    if !Path::new(&*path).is_file() {
        return Err(CopyError::Missing { path: path.display().to_string() });
    }
    check(url, options, "source").await?;
    let patience = Duration::from_secs(30);
    address
        .create_if_missing(false)
        .busy_timeout(patience)
        .pragma("query_only", "ON")
        .connect()
        .await
        .map_err(CopyError::source)
}

async fn open_target(url: &str, options: SqlOptions) -> Result<PgConnection, CopyError> {
    if !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
        return Err(CopyError::NotPostgres);
    }
    check(url, options, "target").await?;
    let address = postgres_options(url).map_err(|source| CopyError::Connect { side: "target", source })?;
    address.connect().await.map_err(CopyError::target)
}

/// Both have the schema of this version.
async fn check(url: &str, options: SqlOptions, side: &'static str) -> Result<(), CopyError> {
    let connected = connect(url, options).await.map_err(|source| CopyError::Connect { side, source })?;
    let checked = connected.check_schema().await;
    connected.close().await;
    checked.map_err(|source| CopyError::Schema { side, source })
}

async fn run(source: &mut SqliteConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(statement).execute(source).await.map(|_| ())
}

/// One statement without values.
async fn order(target: &mut PgConnection, statement: String) -> Result<(), CopyError> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(target).await.map_err(CopyError::target)?;
    Ok(())
}

async fn fill(
    source: &mut SqliteConnection,
    target: &mut PgConnection,
    since: Timestamp,
    tell: &mut impl FnMut(&str, u64),
) -> Result<Vec<TableCopied>, CopyError> {
    let tables = tables(target).await?;
    compare(source, &tables).await?;
    let names = tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", ");
    order(target, format!("LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")).await?;
    // Nobody came in the meantime.
    refuse_live_target(target, since).await?;
    require_empty(target, &tables).await?;
    let references = references(target).await?;
    for reference in &references {
        order(target, reference.drop()).await?;
    }
    order(target, format!("TRUNCATE TABLE {names}")).await?;
    let mut read = Vec::new();
    for table in &tables {
        let tally = write(source, target, table).await?;
        tell(&table.name, tally.rows);
        read.push(tally);
    }
    for reference in &references {
        order(target, reference.add()).await?;
    }
    let mut copied = Vec::new();
    for (table, read) in tables.iter().zip(read) {
        let written = read_back(target, table).await?;
        if written != read {
            return Err(CopyError::Differs {
                table: table.name.clone(),
                read: read.rows,
                read_sum: read.checksum(),
                written: written.rows,
                written_sum: written.checksum(),
            });
        }
        copied.push(TableCopied {
            name: table.name.clone(),
            rows: written.rows,
            checksum: written.checksum(),
        });
    }
    Ok(copied)
}

/// Nothing but what a first start writes.
async fn require_empty(target: &mut PgConnection, tables: &[Table]) -> Result<(), CopyError> {
    for table in tables {
        let allowed = match table.name.as_str() {
            // The first administrator.
            "accounts" => 1,
            name if SEEDED.contains(&name) => continue,
            _ => 0,
        };
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 2) AS few",
            table.name
        )))
        .fetch_one(&mut *target)
        .await
        .map_err(CopyError::target)?;
        if rows > allowed {
            return Err(CopyError::NotEmpty { table: table.name.clone() });
        }
    }
    Ok(())
}

/// Writes all rows of a table.
async fn write(
    source: &mut SqliteConnection,
    target: &mut PgConnection,
    table: &Table,
) -> Result<Tally, CopyError> {
    let insert = insertion(table);
    let select = format!("SELECT {} FROM {}", table.columns(), table.name);
    let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(source);
    let mut tally = Tally::default();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    loop {
        let row = rows.try_next().await.map_err(CopyError::source)?;
        let is_last = row.is_none();
        if let Some(row) = row {
            let kinds = table.columns.iter().enumerate();
            let cells: Vec<Cell> = kinds
                .map(|(column, (_, kind))| Cell::of_sqlite(&row, column, *kind))
                .collect::<Result<_, _>>()
                .map_err(CopyError::source)?;
            tally.add(&cells);
            bytes += cells.iter().map(Cell::size).sum::<usize>();
            batch.push(cells);
        }
        if batch.len() >= ROWS || bytes >= BYTES || (is_last && !batch.is_empty()) {
            let mut query = sqlx::query(AssertSqlSafe(insert.clone()));
            for (column, (_, kind)) in table.columns.iter().enumerate() {
                query = bind(query, *kind, &mut batch, column);
            }
            query.execute(&mut *target).await.map_err(CopyError::target)?;
            batch.clear();
            bytes = 0;
        }
        if is_last {
            return Ok(tally);
        }
    }
}

/// The statement that writes many rows, a list for each column.
fn insertion(table: &Table) -> String {
    let numbered = || table.columns.iter().zip(1..);
    let lists: Vec<String> =
        numbered().map(|((_, kind), number)| format!("${number}::{}", kind.list())).collect();
    let names: Vec<String> = numbered().map(|(_, number)| format!("v{number}")).collect();
    let values: Vec<String> = numbered()
        .map(|((_, kind), number)| match kind {
            Kind::Document => format!("CAST(v{number} AS JSONB)"),
            Kind::Uuid | Kind::Bigint | Kind::Text | Kind::Boolean | Kind::Bytes | Kind::Double => {
                format!("v{number}")
            }
        })
        .collect();
    format!(
        "INSERT INTO {} ({}) SELECT {} FROM UNNEST({}) AS given ({})",
        table.name,
        table.columns(),
        values.join(", "),
        lists.join(", "),
        names.join(", ")
    )
}

type Insert<'q> = Query<'q, Postgres, PgArguments>;

/// Takes one column out of many rows.
fn bind<'q>(query: Insert<'q>, kind: Kind, rows: &mut [Vec<Cell>], column: usize) -> Insert<'q> {
    macro_rules! list {
        ($($kind:ident)|+) => {
            query.bind(
                rows.iter_mut()
                    .map(|row| match std::mem::take(&mut row[column]) {
                        $(Cell::$kind(value) => Some(value),)+
                        _ => None,
                    })
                    .collect::<Vec<_>>(),
            )
        };
    }
    match kind {
        Kind::Uuid => list!(Uuid),
        Kind::Bigint => list!(Bigint),
        Kind::Text | Kind::Document => list!(Text | Document),
        Kind::Boolean => list!(Boolean),
        Kind::Bytes => list!(Bytes),
        Kind::Double => list!(Double),
    }
}

/// Counts what is in a table of the target.
async fn read_back(target: &mut PgConnection, table: &Table) -> Result<Tally, CopyError> {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|(name, kind)| match kind {
            Kind::Document => format!("CAST({name} AS TEXT)"),
            Kind::Uuid | Kind::Bigint | Kind::Text | Kind::Boolean | Kind::Bytes | Kind::Double => {
                name.clone()
            }
        })
        .collect();
    let select = format!("SELECT {} FROM {}", columns.join(", "), table.name);
    let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(target);
    let mut tally = Tally::default();
    while let Some(row) = rows.try_next().await.map_err(CopyError::target)? {
        let kinds = table.columns.iter().enumerate();
        let cells: Vec<Cell> = kinds
            .map(|(column, (_, kind))| Cell::of_postgres(&row, column, *kind))
            .collect::<Result<_, _>>()
            .map_err(CopyError::target)?;
        tally.add(&cells);
    }
    Ok(tally)
}
