//! The values of many rows on their way into one statement.
//!
//! PostgreSQL takes a whole column as one value: its statement is the same however many rows there are, and
//! is read and planned once. SQLite takes each value for itself, and few different numbers of rows, so that
//! only a handful of statements is ever prepared.

mod columns;

use std::sync::Arc;

use serde::Serialize;
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;
use sqlx::types::Json;
use sqlx::{Arguments, Database, Encode, Sqlite, Type};
use uuid::Uuid;

use crate::insert::batches;
use crate::value::text;

pub(crate) use columns::Columns;

/// Rows that are made value by value, from the first column to the last, row after row.
pub(crate) trait Rows: Sized + Send {
    /// Whose values they are.
    type Db: Database;

    /// No rows yet, of so many columns.
    fn of(columns: usize) -> Self;

    /// An id, or none.
    fn id(&mut self, id: impl Into<Option<Uuid>>) -> &mut Self;

    /// A text, or none. What an engine would not take of it is replaced.
    fn text<'t>(&mut self, value: impl Into<Option<&'t str>>) -> &mut Self;

    /// A number, or none.
    fn number(&mut self, number: impl Into<Option<i64>>) -> &mut Self;

    /// Yes or no.
    fn flag(&mut self, flag: bool) -> &mut Self;

    /// A document.
    fn document<T: Serialize + Send + Sync>(&mut self, document: &T) -> &mut Self;

    /// The values, as a statement gets them.
    fn arguments(self) -> Result<<Self::Db as Database>::Arguments, BoxDynError>;

    /// What selects so many rows of so many columns in a statement that has nothing else to be given; each has
    /// besides, at its end, the same `constants`.
    fn source(columns: usize, rows: usize, constants: &[&str]) -> String;

    /// Cuts items into as many as one statement takes.
    fn runs<T>(items: &[T]) -> impl Iterator<Item = &[T]> + Send
    where
        T: Sync;

    /// Which of the statements is for so many rows: up to [`STATEMENTS`](crate::insert::STATEMENTS), and none
    /// that is another engine's.
    fn statement(rows: usize) -> usize;
}

/// Each value for itself.
pub(crate) struct Values {
    arguments: SqliteArguments,
    failed: Option<BoxDynError>,
    /// The texts that the row before had: most rows of a batch have the same ones in some columns, and the
    /// driver keeps a text of its own for each value unless it gets one that is shared.
    before: Vec<Option<Arc<str>>>,
    at: usize,
}

impl Values {
    fn add<'q, T: Encode<'q, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        self.at = (self.at + 1) % self.before.len();
        if let Err(error) = self.arguments.add(value) {
            self.failed.get_or_insert(error);
        }
        self
    }
}

impl Rows for Values {
    type Db = Sqlite;

    fn of(columns: usize) -> Self {
        Self { arguments: SqliteArguments::default(), failed: None, before: vec![None; columns], at: 0 }
    }

    fn id(&mut self, id: impl Into<Option<Uuid>>) -> &mut Self {
        self.add(id.into())
    }

    fn text<'t>(&mut self, value: impl Into<Option<&'t str>>) -> &mut Self {
        let shared = value.into().map(|value| {
            let before = &mut self.before[self.at];
            match before {
                Some(before) if **before == *value => Arc::clone(before),
                _ => Arc::clone(before.insert(text(value).into())),
            }
        });
        self.add(shared)
    }

    fn number(&mut self, number: impl Into<Option<i64>>) -> &mut Self {
        self.add(number.into())
    }

    fn flag(&mut self, flag: bool) -> &mut Self {
        self.add(flag)
    }

    fn document<T: Serialize + Send + Sync>(&mut self, document: &T) -> &mut Self {
        self.add(Json(document))
    }

    fn arguments(self) -> Result<SqliteArguments, BoxDynError> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.arguments),
        }
    }

    fn source(columns: usize, rows: usize, constants: &[&str]) -> String {
        let mut row: Vec<&str> = vec!["?"; columns];
        row.extend(constants);
        let row = format!("({})", row.join(", "));
        format!("VALUES {}", vec![row; rows].join(", "))
    }

    fn runs<T>(items: &[T]) -> impl Iterator<Item = &[T]> + Send
    where
        T: Sync,
    {
        batches(items)
    }

    fn statement(rows: usize) -> usize {
        rows.ilog2() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_is_shared_and_what_was_not_is_made() {
        let mut values = Values::of(2);
        for (one, other) in [("a", "a"), ("a", "b"), ("x\0", "b"), ("x\0", "b")] {
            values.text(one).text(other);
        }
        let (one, other) = (values.before[0].clone().unwrap(), values.before[1].clone().unwrap());
        assert_eq!((&*one, &*other), ("x\u{fffd}", "b"));
        // The last row's, and the one that is kept; `b` is in three rows.
        assert_eq!(Arc::strong_count(&other), 5);
        assert_eq!(values.arguments().unwrap().len(), 8);
    }

    #[test]
    fn each_engine_gets_its_rows_as_it_likes_them() {
        assert_eq!(Values::source(2, 2, &["0"]), "VALUES (?, ?, 0), (?, ?, 0)");
        let one = Columns::source(2, 1, &["0"]);
        assert_eq!(one, "SELECT given.*, 0 FROM unnest($1, $2) AS given");
        assert_eq!(Columns::source(2, 500, &["0"]), one);
    }
}
