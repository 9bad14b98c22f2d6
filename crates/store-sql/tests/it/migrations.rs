//! The schema: made once, refused when unknown, the same on both engines.

use std::collections::{BTreeMap, BTreeSet};

use promptgate_store_sql::{Connected, SchemaError, connect};
use promptgate_testkit::postgres::database;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

use crate::OPTIONS;

/// What is checked over an empty database of either engine.
async fn the_schema_is_made_once(first: &Connected, second: &Connected) {
    let missing = first.check_schema().await.unwrap_err();
    assert!(matches!(&missing, SchemaError::Behind { missing } if missing.len() > 4), "{missing}");
    assert!(missing.to_string().ends_with("run `promptgate migrate`"), "{missing}");
    let (one, other) = tokio::join!(first.migrate(), second.migrate());
    let (mut applied, other) = (one.unwrap().applied, other.unwrap().applied);
    assert!(applied.is_empty() != other.is_empty(), "{applied:?} {other:?}");
    applied.extend(other);
    assert_eq!(applied[0], "0001_projects");
    first.check_schema().await.unwrap();
    let again = second.migrate().await.unwrap();
    assert_eq!(again.to_string(), "the schema is up to date");
}

async fn a_newer_schema_is_refused(connected: &Connected) {
    for refused in [connected.check_schema().await.err(), connected.migrate().await.err()] {
        let refused = refused.expect("it is refused");
        assert!(
            matches!(&refused, SchemaError::Unknown { migration } if migration == "9999_later"),
            "{refused}"
        );
    }
}

const NEWER: &str = "INSERT INTO schema_migrations (number, name) VALUES (9999, 'later')";

#[tokio::test]
async fn the_schema_is_made_once_on_postgresql() {
    let database = database().await.unwrap();
    let first = connect(database.url(), OPTIONS).await.unwrap();
    let second = connect(database.url(), OPTIONS).await.unwrap();
    the_schema_is_made_once(&first, &second).await;
    PgConnection::connect(database.url()).await.unwrap().execute(NEWER).await.unwrap();
    a_newer_schema_is_refused(&first).await;
}

#[tokio::test]
async fn the_schema_is_made_once_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/promptgate.db", directory.path().display());
    let (first, second) = tokio::join!(connect(&url, OPTIONS), connect(&url, OPTIONS));
    let (first, second) = (first.unwrap(), second.unwrap());
    the_schema_is_made_once(&first, &second).await;
    SqliteConnection::connect(&url).await.unwrap().execute(NEWER).await.unwrap();
    a_newer_schema_is_refused(&first).await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/promptgate.db", directory.path().display());
    let connected = connect(&url, OPTIONS).await.unwrap();
    // Somebody else's table stands in the way of a late migration.
    let mut operator = SqliteConnection::connect(&url).await.unwrap();
    operator.execute("CREATE TABLE heads (id INTEGER)").await.unwrap();
    let failed = connected.migrate().await.unwrap_err();
    assert!(
        matches!(&failed, SchemaError::Failed { migration, .. } if migration.starts_with("0005")),
        "{failed}"
    );
    assert!(matches!(connected.check_schema().await, Err(SchemaError::Behind { .. })));
    operator.execute("DROP TABLE heads").await.unwrap();
    assert!(connected.migrate().await.unwrap().applied.len() > 12);
    connected.check_schema().await.unwrap();
}

/// What two engines must agree on. Types are compared by what they hold.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    columns: BTreeMap<String, (String, bool)>,
    primary_key: Vec<String>,
    unique: BTreeSet<Vec<String>>,
    foreign_keys: BTreeSet<(String, String)>,
    indexes: BTreeMap<String, Vec<String>>,
}

type Schema = BTreeMap<String, Table>;

#[tokio::test]
async fn both_engines_have_the_same_schema() {
    let postgres = crate::postgres().await;
    let sqlite = crate::sqlite_file().await;
    let path = sqlite.directory.as_ref().unwrap().path().join("promptgate.db");
    let url = format!("sqlite:{}", path.display());
    let from_postgres = postgres_schema(postgres.database.as_ref().unwrap().url()).await;
    let from_sqlite = sqlite_schema(&url).await;
    assert!(from_postgres.len() > 7, "{:?}", from_postgres.keys());
    for (name, table) in &from_postgres {
        assert_eq!(Some(table), from_sqlite.get(name), "{name}");
    }
    assert_eq!(from_postgres.len(), from_sqlite.len());
}

async fn postgres_schema(url: &str) -> Schema {
    const COLUMNS: &str = "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text \
         FROM information_schema.columns WHERE table_schema = 'public'";
    const INDEXES: &str = "SELECT t.relname::text, c.relname::text, i.indisprimary, i.indisunique, \
         array_agg(a.attname::text ORDER BY k.position) \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
         JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public' \
         CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, position) \
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number GROUP BY 1, 2, 3, 4";
    const FOREIGN_KEYS: &str = "SELECT conrelid::regclass::text, confrelid::regclass::text, \
         (SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]) \
         FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace";
    let mut connection = PgConnection::connect(url).await.unwrap();
    let mut schema = Schema::new();
    for row in connection.fetch_all(COLUMNS).await.unwrap() {
        let holds = match row.get::<&str, _>(2) {
            "uuid" | "bytea" => "bytes",
            "bigint" | "boolean" => "number",
            "double precision" => "fraction",
            "text" | "jsonb" => "text",
            other => other,
        };
        let nullable = row.get::<&str, _>(3) == "YES";
        let table = schema.entry(row.get(0)).or_default();
        table.columns.insert(row.get(1), (holds.to_owned(), nullable));
    }
    for row in connection.fetch_all(INDEXES).await.unwrap() {
        let columns: Vec<String> = row.get(4);
        let table = schema.entry(row.get(0)).or_default();
        match (row.get(2), row.get(3)) {
            (true, _) => table.primary_key = columns,
            (false, true) => drop(table.unique.insert(columns)),
            (false, false) => drop(table.indexes.insert(row.get(1), columns)),
        }
    }
    for row in connection.fetch_all(FOREIGN_KEYS).await.unwrap() {
        schema.entry(row.get(0)).or_default().foreign_keys.insert((row.get(2), row.get(1)));
    }
    schema
}

async fn sqlite_schema(url: &str) -> Schema {
    let mut connection = SqliteConnection::connect(url).await.unwrap();
    let mut schema = Schema::new();
    let tables = connection.fetch_all("SELECT name FROM sqlite_master WHERE type = 'table'").await.unwrap();
    for row in tables {
        let name: String = row.get(0);
        let mut table = Table::default();
        let query =
            format!("SELECT name, type, \"notnull\", pk FROM pragma_table_info('{name}') ORDER BY pk");
        for row in connection.fetch_all(AssertSqlSafe(query)).await.unwrap() {
            let holds = match row.get::<&str, _>(1) {
                "BLOB" => "bytes",
                "INTEGER" => "number",
                "REAL" => "fraction",
                "TEXT" => "text",
                other => other,
            };
            let column: String = row.get(0);
            if row.get::<i64, _>(3) > 0 {
                table.primary_key.push(column.clone());
            }
            table.columns.insert(column, (holds.to_owned(), row.get::<i64, _>(2) == 0));
        }
        let query = format!(
            "SELECT l.name, l.\"unique\", l.origin, group_concat(i.name) FROM pragma_index_list('{name}') l, \
             pragma_index_info(l.name) i GROUP BY 1, 2, 3"
        );
        for row in connection.fetch_all(AssertSqlSafe(query)).await.unwrap() {
            let columns: Vec<String> = row.get::<&str, _>(3).split(',').map(str::to_owned).collect();
            match row.get::<&str, _>(2) {
                "pk" => {}
                _ if row.get::<i64, _>(1) == 1 => drop(table.unique.insert(columns)),
                _ => drop(table.indexes.insert(row.get(0), columns)),
            }
        }
        let query = format!("SELECT \"from\", \"table\" FROM pragma_foreign_key_list('{name}')");
        for row in connection.fetch_all(AssertSqlSafe(query)).await.unwrap() {
            table.foreign_keys.insert((row.get(0), row.get(1)));
        }
        schema.insert(name, table);
    }
    schema
}
