//! What the two engines do differently.

use promptgate_store::Access;
use sqlx::{Database, Postgres, Sqlite};

use crate::rows::{Columns, Rows, Values};

/// How transactions are opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begin {
    /// One that sees one state of the database and writes nothing.
    read: &'static str,
    /// One that may write.
    write: &'static str,
}

impl Begin {
    pub(crate) const POSTGRES: Self = Self {
        read: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        write: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    };
    /// Over connections of two kinds, those of readers being `query_only` for good. Writers take the
    /// write lock at once: a transaction that reads first and writes later would fail whenever
    /// another one wrote in between.
    pub(crate) const SQLITE: Self = Self { read: "BEGIN DEFERRED", write: "BEGIN IMMEDIATE" };
    /// Over one connection. Switching makes SQLite prepare all its statements anew.
    pub(crate) const SQLITE_IN_MEMORY: Self = Self {
        read: "PRAGMA query_only = ON; BEGIN DEFERRED",
        write: "PRAGMA query_only = OFF; BEGIN IMMEDIATE",
    };

    /// The statement that opens one.
    pub(crate) const fn transaction(self, access: Access) -> &'static str {
        match access {
            Access::Read => self.read,
            Access::Write => self.write,
        }
    }
}

/// The statements that one engine says in its own way.
pub(crate) trait Dialect: Database {
    /// How many rows go into one statement.
    type Rows: Rows<Db = Self>;

    /// Waits until no other process migrates, for as long as that takes; holds until the end of the
    /// transaction.
    const LOCK_SCHEMA: &'static str;
    /// Counts 1 when the table `schema_migrations` is there.
    const HAS_SCHEMA: &'static str;
    /// Creates that table where it is missing.
    const CREATE_SCHEMA_TABLE: &'static str;

    /// What the user wrote last, of the row `said` of `call_contents`: in its own column, or in bytes of
    /// the request, as JSON. What is recorded there has nothing that an engine could not read.
    const PROMPT: &'static str;

    /// The function that makes a row of each element of a list in JSON, in a column `value`.
    const ELEMENTS: &'static str;

    /// The function that makes a row of each text of a list in JSON, in a column `value`.
    const TEXTS: &'static str;

    /// Keeps everybody from filling counters of the ledger until the end of the transaction.
    const SHARE_LEDGER: &'static str;
    /// Keeps everybody from recording calls until the end of the transaction, and from filling too.
    const CLOSE_LEDGER: &'static str;

    /// The function whose value is the smallest of its arguments.
    const LEAST: &'static str;

    /// The sum over rows of something that is never negative, or the largest number that there is.
    fn sum(of: &str) -> String;

    /// The one of two texts that is for this engine.
    fn pick<'t>(postgres: &'t str, sqlite: &'t str) -> &'t str;
}

impl Dialect for Postgres {
    type Rows = Columns;

    // The number is the CRC-32 of "promptgate migrate"; it only has to be ours.
    const LOCK_SCHEMA: &'static str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
         SELECT pg_advisory_xact_lock(1255279195)";
    const HAS_SCHEMA: &'static str = "SELECT count(*) FROM information_schema.tables \
         WHERE table_schema = current_schema() AND table_name = 'schema_migrations'";
    const CREATE_SCHEMA_TABLE: &'static str = "CREATE TABLE IF NOT EXISTS schema_migrations \
         (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)";
    const PROMPT: &'static str = "COALESCE(said.prompt, CAST(convert_from(substring(convert_to(said.request, 'UTF8') \
         FROM CAST(said.prompt_start AS INTEGER) + 1 FOR CAST(said.prompt_end - said.prompt_start AS INTEGER)), \
         'UTF8') AS JSONB) #>> '{}') COLLATE \"C\"";
    const ELEMENTS: &'static str = "jsonb_array_elements";
    const TEXTS: &'static str = "jsonb_array_elements_text";
    // The CRC-32 of "promptgate ledger".
    const SHARE_LEDGER: &'static str = "SELECT pg_advisory_xact_lock_shared(2302606023)";
    const CLOSE_LEDGER: &'static str = "SELECT pg_advisory_xact_lock(2302606023)";
    const LEAST: &'static str = "LEAST";

    // A sum of whole numbers is a number of any size there, and the least of nothing and a number is the
    // number.
    fn sum(of: &str) -> String {
        format!("CAST(LEAST(COALESCE(SUM({of}), 0), {}) AS BIGINT)", i64::MAX)
    }

    fn pick<'t>(postgres: &'t str, _: &'t str) -> &'t str {
        postgres
    }
}

impl Dialect for Sqlite {
    type Rows = Values;

    const LOCK_SCHEMA: &'static str = "SELECT 1"; // BEGIN IMMEDIATE holds the lock already.
    const HAS_SCHEMA: &'static str =
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'";
    const CREATE_SCHEMA_TABLE: &'static str = "CREATE TABLE IF NOT EXISTS schema_migrations \
         (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL) STRICT";
    const PROMPT: &'static str = "COALESCE(said.prompt, json_extract(CAST(substr(CAST(said.request AS BLOB), \
         said.prompt_start + 1, said.prompt_end - said.prompt_start) AS TEXT), '$'))";
    const ELEMENTS: &'static str = "json_each";
    const TEXTS: &'static str = "json_each";
    // There is one writer at a time.
    const SHARE_LEDGER: &'static str = "SELECT 1";
    const CLOSE_LEDGER: &'static str = "SELECT 1";
    const LEAST: &'static str = "MIN";

    // A sum that is too large is an error there, also where it is not looked at: so there are two, of the
    // halves of the numbers.
    fn sum(of: &str) -> String {
        let (high, low) = (format!("SUM(({of}) >> 32)"), format!("SUM(({of}) & 4294967295)"));
        format!(
            "CASE WHEN {high} + ({low} >> 32) > 2147483647 THEN {} ELSE ({high} << 32) + {low} END",
            i64::MAX
        )
    }

    fn pick<'t>(_: &'t str, sqlite: &'t str) -> &'t str {
        sqlite
    }
}
