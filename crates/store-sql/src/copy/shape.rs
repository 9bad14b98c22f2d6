//! Which tables there are, and what they are made of.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};

use super::CopyError;
use super::cell::Kind;

/// What says which schema a database has, and is the same on both sides.
const SCHEMA: &str = "schema_migrations";

/// A table and its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<(String, Kind)>,
}

impl Table {
    /// Its columns, with commas between them.
    pub(super) fn columns(&self) -> String {
        self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// The tables of a PostgreSQL database, by name.
pub(super) async fn tables(target: &mut PgConnection) -> Result<Vec<Table>, CopyError> {
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT CAST(columns.table_name AS TEXT), CAST(columns.column_name AS TEXT), \
         CAST(columns.data_type AS TEXT) FROM information_schema.columns columns \
         JOIN information_schema.tables tables ON tables.table_schema = columns.table_schema \
         AND tables.table_name = columns.table_name AND tables.table_type = 'BASE TABLE' \
         WHERE columns.table_schema = current_schema() AND columns.table_name <> $1 \
         ORDER BY columns.table_name, columns.ordinal_position",
    )
    .bind(SCHEMA)
    .fetch_all(target)
    .await
    .map_err(CopyError::target)?;
    let mut tables: Vec<Table> = Vec::new();
    for (table, column, kind) in columns {
        let Some(kind) = Kind::parse(&kind) else {
            return Err(CopyError::Shape { table, what: format!("its column {column} is of type {kind}") });
        };
        match tables.last_mut() {
            Some(last) if last.name == table => last.columns.push((column, kind)),
            _ => tables.push(Table { name: table, columns: vec![(column, kind)] }),
        }
    }
    Ok(tables)
}

/// Whether a SQLite database has just these tables with just these columns.
pub(super) async fn compare(source: &mut SqliteConnection, wanted: &[Table]) -> Result<(), CopyError> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> $1",
    )
    .bind(SCHEMA)
    .fetch_all(&mut *source)
    .await
    .map_err(CopyError::source)?;
    let mut there = BTreeMap::new();
    for name in names {
        let columns: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{name}')")))
                .fetch_all(&mut *source)
                .await
                .map_err(CopyError::source)?;
        there.insert(name, columns);
    }
    for table in wanted {
        let odd = |what: &str| CopyError::Shape { table: table.name.clone(), what: what.to_owned() };
        let mut columns = there.remove(&table.name).ok_or_else(|| odd("the source has no such table"))?;
        let mut others: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
        columns.sort_unstable();
        others.sort_unstable();
        if columns != others {
            return Err(odd("it has other columns in the source"));
        }
    }
    match there.pop_first() {
        Some((table, _)) => Err(CopyError::Shape { table, what: "the target has no such table".to_owned() }),
        None => Ok(()),
    }
}

/// What PostgreSQL keeps of one table on another.
pub(super) struct Reference {
    table: String,
    name: String,
    definition: String,
}

/// All of them.
pub(super) async fn references(target: &mut PgConnection) -> Result<Vec<Reference>, CopyError> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT CAST(tables.relname AS TEXT), CAST(constraints.conname AS TEXT), \
         pg_get_constraintdef(constraints.oid) FROM pg_constraint constraints \
         JOIN pg_class tables ON tables.oid = constraints.conrelid \
         JOIN pg_namespace spaces ON spaces.oid = constraints.connamespace \
         WHERE constraints.contype = 'f' AND spaces.nspname = current_schema() ORDER BY 1, 2",
    )
    .fetch_all(target)
    .await
    .map_err(CopyError::target)?;
    Ok(rows.into_iter().map(|(table, name, definition)| Reference { table, name, definition }).collect())
}

impl Reference {
    /// Lets the table be filled in any order.
    pub(super) fn drop(&self) -> String {
        format!("ALTER TABLE {} DROP CONSTRAINT {}", self.table, self.name)
    }

    /// Puts it back, which fails unless every row has what it refers to.
    pub(super) fn add(&self) -> String {
        format!("ALTER TABLE {} ADD CONSTRAINT {} {}", self.table, self.name, self.definition)
    }
}
