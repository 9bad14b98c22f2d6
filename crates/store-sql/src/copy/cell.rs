//! One value of a row, as either engine has it.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Row};
use uuid::Uuid;

/// The types that columns have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Uuid,
    Bigint,
    Text,
    Boolean,
    Document,
    Bytes,
    Double,
}

impl Kind {
    /// What PostgreSQL calls the type of a column.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "uuid" => Self::Uuid,
            "bigint" => Self::Bigint,
            "text" => Self::Text,
            "boolean" => Self::Boolean,
            "jsonb" => Self::Document,
            "bytea" => Self::Bytes,
            "double precision" => Self::Double,
            _ => return None,
        })
    }

    /// The type of a list of such values, on their way to PostgreSQL.
    pub(super) const fn list(self) -> &'static str {
        match self {
            Self::Uuid => "uuid[]",
            Self::Bigint => "bigint[]",
            Self::Text | Self::Document => "text[]",
            Self::Boolean => "boolean[]",
            Self::Bytes => "bytea[]",
            Self::Double => "double precision[]",
        }
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Cell {
    #[default]
    Null,
    Uuid(Uuid),
    Bigint(i64),
    Text(String),
    Boolean(bool),
    Document(String),
    Bytes(Vec<u8>),
    Double(f64),
}

impl Cell {
    /// What stands in a column of a row of SQLite.
    pub(super) fn of_sqlite(row: &SqliteRow, column: usize, kind: Kind) -> Result<Self, Error> {
        Ok(match kind {
            Kind::Uuid => row.try_get::<Option<Uuid>, _>(column)?.map(Self::Uuid),
            Kind::Bigint => row.try_get::<Option<i64>, _>(column)?.map(Self::Bigint),
            Kind::Text => row.try_get::<Option<String>, _>(column)?.map(Self::Text),
            Kind::Boolean => row.try_get::<Option<bool>, _>(column)?.map(Self::Boolean),
            Kind::Document => row.try_get::<Option<String>, _>(column)?.map(Self::Document),
            Kind::Bytes => row.try_get::<Option<Vec<u8>>, _>(column)?.map(Self::Bytes),
            Kind::Double => row.try_get::<Option<f64>, _>(column)?.map(Self::Double),
        }
        .unwrap_or_default())
    }

    /// What stands in a column of a row of PostgreSQL, documents as texts.
    pub(super) fn of_postgres(row: &PgRow, column: usize, kind: Kind) -> Result<Self, Error> {
        Ok(match kind {
            Kind::Uuid => row.try_get::<Option<Uuid>, _>(column)?.map(Self::Uuid),
            Kind::Bigint => row.try_get::<Option<i64>, _>(column)?.map(Self::Bigint),
            Kind::Text => row.try_get::<Option<String>, _>(column)?.map(Self::Text),
            Kind::Boolean => row.try_get::<Option<bool>, _>(column)?.map(Self::Boolean),
            Kind::Document => row.try_get::<Option<String>, _>(column)?.map(Self::Document),
            Kind::Bytes => row.try_get::<Option<Vec<u8>>, _>(column)?.map(Self::Bytes),
            Kind::Double => row.try_get::<Option<f64>, _>(column)?.map(Self::Double),
        }
        .unwrap_or_default())
    }

    /// About how much room it takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Null | Self::Boolean(_) | Self::Bigint(_) | Self::Double(_) | Self::Uuid(_) => 16,
            Self::Text(text) | Self::Document(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Adds itself to what a row's checksum is made of: which kind of value it is, how long, and what.
    fn digest(&self, into: &mut Sha256) {
        let mut add = |kind: u8, bytes: &[u8]| {
            into.update([kind]);
            into.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            into.update(bytes);
        };
        match self {
            Self::Null => add(0, &[]),
            Self::Uuid(id) => add(1, id.as_bytes()),
            Self::Bigint(number) => add(2, &number.to_be_bytes()),
            Self::Text(text) => add(3, text.as_bytes()),
            Self::Boolean(flag) => add(4, &[u8::from(*flag)]),
            Self::Document(text) => add(5, canonical(text).as_bytes()),
            Self::Bytes(bytes) => add(6, bytes),
            Self::Double(number) => add(7, &number.to_be_bytes()),
        }
    }
}

/// How many rows a table has, and what they come to, in whatever order they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    sum: u128,
}

impl Tally {
    /// Counts a row.
    pub(super) fn add(&mut self, row: &[Cell]) {
        let mut digest = Sha256::new();
        for cell in row {
            cell.digest(&mut digest);
        }
        let digest = digest.finalize();
        let half = digest.iter().take(16).fold(0u128, |sum, byte| (sum << 8) | u128::from(*byte));
        self.sum = self.sum.wrapping_add(half);
        self.rows += 1;
    }

    /// The checksum as a text.
    pub(super) fn checksum(self) -> String {
        format!("{:032x}", self.sum)
    }
}

/// A document in one spelling: members sorted, no blanks, numbers by what they are. PostgreSQL keeps
/// documents by what they say and not letter by letter.
fn canonical(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    match serde_json::from_str(text) {
        Ok(value) => write_value(&value, &mut out),
        // Neither engine holds such a text in a column for documents; it is compared as it is.
        Err(_) => out.push_str(text),
    }
    out
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Number(number) => write_number(number, out),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_value(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            for (name, value) in sorted {
                let _ = write!(out, "{}:", Value::String(name.clone()));
                write_value(value, out);
                out.push(',');
            }
            out.push('}');
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

fn write_number(number: &Number, out: &mut String) {
    /// Beyond it not every whole number is a floating-point number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let _ = match number.as_f64() {
        Some(float)
            if !number.is_i64() && !number.is_u64() && float.fract() == 0.0 && float.abs() < EXACT =>
        {
            write!(out, "{float:.0}")
        }
        Some(float) if number.is_f64() => write!(out, "{float:e}"),
        _ => write!(out, "{number}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_that_say_the_same_are_the_same() {
        for (one, two) in [
            (r#"{"b":1,"a":[1.0,null]}"#, r#"{"a": [1, null], "b": 1e0}"#),
            (r#"{"a":1e2}"#, r#"{"a":100}"#),
            (r#"{"a":0.10}"#, r#"{"a":1e-1}"#),
            ("1e30", "1000000000000000000000000000000"),
            ("18446744073709551615", "18446744073709551615"),
            (r#""\u00e9""#, "\"é\""),
        ] {
            assert_eq!(canonical(one), canonical(two), "{one}");
        }
        for (one, two) in [("[1,2]", "[2,1]"), ("1", "\"1\""), ("1.5", "1"), ("-0.5", "0.5"), ("{}", "[]")] {
            assert_ne!(canonical(one), canonical(two), "{one}");
        }
    }

    #[test]
    fn a_checksum_is_of_all_rows_in_any_order() {
        let rows = [
            vec![Cell::Text("ab".into()), Cell::Text("c".into())],
            vec![Cell::Text("a".into()), Cell::Text("bc".into())],
            vec![Cell::Null, Cell::Bigint(7)],
        ];
        let tally = |order: &[usize]| {
            let mut tally = Tally::default();
            for row in order {
                tally.add(&rows[*row]);
            }
            tally
        };
        assert_eq!(tally(&[0, 1, 2]), tally(&[2, 0, 1]));
        assert_ne!(tally(&[0, 0]).checksum(), tally(&[1, 1]).checksum());
        assert_ne!(tally(&[0]), tally(&[0, 0]));
        assert_ne!(tally(&[2]).checksum(), tally(&[]).checksum());
    }
}
