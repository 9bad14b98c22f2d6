//! Many rows by few statements.

use std::sync::{Arc, OnceLock};

use promptgate_kernel::RepositoryError;
use promptgate_store_sql_macros::each_dialect;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::rows::Rows;
use crate::work::SqlWork;

/// The numbers of rows that one statement inserts are the powers of two below two to this, where they are not
/// any number.
pub(crate) const STATEMENTS: usize = 8;

/// Cuts items into runs whose lengths are powers of two, the longest first: however many there are,
/// only a handful of different statements is ever prepared.
pub(crate) fn batches<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = items.len().min(1 << (STATEMENTS - 1)).checked_ilog2()?;
        let (batch, rest) = items.split_at(1 << length);
        items = rest;
        Some(batch)
    })
}

/// The texts of the statements that insert into one table, each made when it is first needed. Rows
/// that are there already are left as they are, or [added](Insertions::adding) to.
pub(crate) struct Insertions {
    table: &'static str,
    columns: &'static str,
    key: &'static str,
    /// Other columns, and what every row has in them, in SQL.
    constants: &'static [(&'static str, &'static str)],
    /// Columns behind these that are added to what is there, none of them with a negative value.
    sums: &'static [&'static str],
    /// Whether the keys of the rows that were not there come back.
    is_telling: bool,
    texts: [OnceLock<Arc<str>>; STATEMENTS + 1],
}

impl Insertions {
    /// Into these columns, given with commas between them; `key` is the primary key.
    pub(crate) const fn new(table: &'static str, columns: &'static str, key: &'static str) -> Self {
        let texts = [const { OnceLock::new() }; STATEMENTS + 1];
        Self { table, columns, key, constants: &[], sums: &[], is_telling: false, texts }
    }

    /// With these columns behind the others. Where the row is there, they become the sums of both, or the
    /// largest number that there is: counts are what upstreams say, and none may keep a row from being
    /// written.
    pub(crate) const fn adding(mut self, sums: &'static [&'static str]) -> Self {
        self.sums = sums;
        self
    }

    /// Statements that give back the keys of the rows that were not there before.
    pub(crate) const fn telling(mut self) -> Self {
        self.is_telling = true;
        self
    }

    /// The same value for every row in each of these columns, given in SQL.
    pub(crate) const fn with(mut self, constants: &'static [(&'static str, &'static str)]) -> Self {
        self.constants = constants;
        self
    }

    /// No rows yet, for these columns and the sums behind them.
    pub(crate) fn rows<DB: Dialect>(&self) -> DB::Rows {
        DB::Rows::of(self.width())
    }

    fn width(&self) -> usize {
        self.columns.split(',').count() + self.sums.len()
    }

    /// The statement for so many rows, as one of the [runs](Rows::runs) has.
    fn of_rows<DB: Dialect>(&self, rows: usize) -> AssertSqlSafe<Arc<str>> {
        let text = self.texts[DB::Rows::statement(rows)].get_or_init(|| {
            let (names, values): (Vec<&str>, Vec<&str>) = self.constants.iter().copied().unzip();
            let columns: Vec<&str> =
                [self.columns].into_iter().chain(self.sums.iter().copied()).chain(names).collect();
            let source = DB::Rows::source(self.width(), rows, &values);
            let mut text = format!(
                "INSERT INTO {} ({}) {source} ON CONFLICT ({}) DO ",
                self.table,
                columns.join(", "),
                self.key
            );
            if self.sums.is_empty() {
                text.push_str("NOTHING");
            } else {
                text.push_str("UPDATE SET ");
                text.push_str(&self.both());
            }
            if self.is_telling {
                text.push_str(" RETURNING ");
                text.push_str(self.key);
            }
            text.into()
        });
        AssertSqlSafe(Arc::clone(text))
    }

    fn both(&self) -> String {
        let (table, largest) = (self.table, i64::MAX);
        let sums = self.sums.iter().map(|sum| {
            format!(
                "{sum} = CASE WHEN {table}.{sum} > {largest} - excluded.{sum} THEN {largest} \
                 ELSE {table}.{sum} + excluded.{sum} END"
            )
        });
        sums.collect::<Vec<_>>().join(", ")
    }
}

#[each_dialect]
impl SqlWork<Db> {
    /// Inserts so many rows.
    pub(crate) async fn insert(
        &mut self,
        insertions: &Insertions,
        count: usize,
        rows: <Db as Dialect>::Rows,
    ) -> Result<(), RepositoryError> {
        let arguments = rows.arguments().map_err(|error| self.fail(sqlx::Error::Encode(error)))?;
        let query = sqlx::query_with::<Db, _>(insertions.of_rows::<Db>(count), arguments);
        query.execute(&mut *self.tx).await.map(|_| ()).map_err(|error| self.fail(error))
    }

    /// Inserts so many rows; the ids of those that were not there come back.
    pub(crate) async fn insert_new(
        &mut self,
        insertions: &Insertions,
        count: usize,
        rows: <Db as Dialect>::Rows,
    ) -> Result<Vec<Uuid>, RepositoryError> {
        let arguments = rows.arguments().map_err(|error| self.fail(sqlx::Error::Encode(error)))?;
        let query = sqlx::query_scalar_with::<Db, Uuid, _>(insertions.of_rows::<Db>(count), arguments);
        query.fetch_all(&mut *self.tx).await.map_err(|error| self.fail(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_items_is_cut_into_powers_of_two() {
        let lengths = |count: usize| batches(&vec![0; count]).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(0), [0usize; 0]);
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(523), [128, 128, 128, 128, 8, 2, 1]);
    }

    #[test]
    fn a_statement_has_a_place_for_every_value() {
        let insertions = Insertions::new("t", "a, b", "a");
        let text = insertions.of_rows::<sqlx::Sqlite>(2).0;
        assert_eq!(&*text, "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON CONFLICT (a) DO NOTHING");
        let insertions = Insertions::new("t", "a", "a").with(&[("b", "0"), ("c", "''")]);
        let text = insertions.of_rows::<sqlx::Sqlite>(2).0;
        assert_eq!(
            &*text,
            "INSERT INTO t (a, b, c) VALUES (?, 0, ''), (?, 0, '') ON CONFLICT (a) DO NOTHING"
        );
        let insertions = Insertions::new("t", "a", "a").telling();
        let text = insertions.of_rows::<sqlx::Sqlite>(1).0;
        assert_eq!(&*text, "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO NOTHING RETURNING a");
        let insertions = Insertions::new("t", "a", "a").adding(&["n"]);
        let text = insertions.of_rows::<sqlx::Sqlite>(1).0;
        assert_eq!(
            &*text,
            "INSERT INTO t (a, n) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET n = CASE WHEN t.n > \
             9223372036854775807 - excluded.n THEN 9223372036854775807 ELSE t.n + excluded.n END"
        );
        let insertions = Insertions::new("t", "a", "a").with(&[("b", "0")]).telling();
        let text = insertions.of_rows::<sqlx::Postgres>(300).0;
        assert_eq!(
            &*text,
            "INSERT INTO t (a, b) SELECT given.*, 0 FROM unnest($1) AS given ON CONFLICT (a) DO NOTHING RETURNING a"
        );
    }
}
