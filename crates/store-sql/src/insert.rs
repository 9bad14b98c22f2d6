//! Many rows by few statements.

use std::sync::{Arc, OnceLock};

use sqlx::types::Type;
use sqlx::{AssertSqlSafe, Database, Encode, QueryBuilder};

/// The numbers of rows that one statement inserts are the powers of two below two to this.
const STATEMENTS: usize = 8;

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
    texts: [OnceLock<Arc<str>>; STATEMENTS],
}

impl Insertions {
    /// Into these columns, given with commas between them; `key` is the primary key.
    pub(crate) const fn new(table: &'static str, columns: &'static str, key: &'static str) -> Self {
        let texts = [const { OnceLock::new() }; STATEMENTS];
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

    /// The statement for as many rows as one of the [`batches`] has.
    pub(crate) fn of_rows<DB>(&self, rows: usize) -> AssertSqlSafe<Arc<str>>
    where
        DB: Database,
        i64: Type<DB> + for<'q> Encode<'q, DB>,
    {
        let text = self.texts[rows.ilog2() as usize].get_or_init(|| {
            let mut query = QueryBuilder::<DB>::new("INSERT INTO ");
            query.push(self.table).push(" (").push(self.columns);
            for column in self.sums.iter().copied().chain(self.constants.iter().map(|(column, _)| *column)) {
                query.push(", ").push(column);
            }
            query.push(") ");
            query.push_values(0..rows, |mut row, _| {
                for _ in self.columns.split(',').chain(self.sums.iter().copied()) {
                    row.push_bind(0_i64);
                }
                for (_, constant) in self.constants {
                    row.push(*constant);
                }
            });
            query.push(" ON CONFLICT (").push(self.key).push(") DO ");
            if self.sums.is_empty() {
                query.push("NOTHING");
            } else {
                query.push("UPDATE SET ").push(self.both());
            }
            if self.is_telling {
                query.push(" RETURNING ").push(self.key);
            }
            query.sql().as_str().into()
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
    }
}
