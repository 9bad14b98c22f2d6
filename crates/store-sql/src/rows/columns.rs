//! Rows as PostgreSQL takes them: an array for each column.

use serde::Serialize;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo};
use sqlx::{Arguments, Encode, Postgres, Type};
use uuid::Uuid;

use super::Rows;
use crate::insert::STATEMENTS;
use crate::value::text;

/// The most rows of one statement: what it is given has to be in one message.
const MOST_ROWS: usize = 2_048;
/// What stands in the place of the length of a value that there is none.
const NULL: i32 = -1;
/// The version of a document in its binary form.
const DOCUMENT: u8 = 1;

/// What a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Id,
    Text,
    Number,
    Flag,
    Document,
}

impl Kind {
    /// The object id of the type of one value, which is the same in every database.
    const fn element(self) -> u32 {
        match self {
            Self::Id => 2950,
            Self::Text => 25,
            Self::Number => 20,
            Self::Flag => 16,
            Self::Document => 3802,
        }
    }

    fn array(self) -> PgTypeInfo {
        match self {
            Self::Id => <Vec<Uuid> as Type<Postgres>>::type_info(),
            Self::Text => <Vec<String> as Type<Postgres>>::type_info(),
            Self::Number => <Vec<i64> as Type<Postgres>>::type_info(),
            Self::Flag => <Vec<bool> as Type<Postgres>>::type_info(),
            Self::Document => <Vec<sqlx::types::JsonValue> as Type<Postgres>>::type_info(),
        }
    }
}

/// The values of a column, one behind the other as PostgreSQL reads them: each with its length before it.
#[derive(Debug)]
struct Column {
    kind: Kind,
    has_nulls: bool,
    count: usize,
    bytes: Vec<u8>,
}

impl Column {
    fn add(&mut self, value: Option<impl FnOnce(&mut Vec<u8>)>) -> Result<(), BoxDynError> {
        self.count += 1;
        let Some(write) = value else {
            self.has_nulls = true;
            self.bytes.extend(NULL.to_be_bytes());
            return Ok(());
        };
        let start = self.bytes.len();
        self.bytes.extend([0; 4]);
        write(&mut self.bytes);
        let length = i32::try_from(self.bytes.len() - start - 4)?;
        self.bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }
}

impl Type<Postgres> for Column {
    /// Of the value in question: see [`Encode::produces`].
    fn type_info() -> PgTypeInfo {
        Kind::Number.array()
    }
}

impl Encode<'_, Postgres> for Column {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let (dimensions, first) = (1_i32, 1_i32);
        buffer.extend(dimensions.to_be_bytes());
        buffer.extend(i32::from(self.has_nulls).to_be_bytes());
        buffer.extend(self.kind.element().to_be_bytes());
        buffer.extend(i32::try_from(self.count)?.to_be_bytes());
        buffer.extend(first.to_be_bytes());
        buffer.extend_from_slice(&self.bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.kind.array())
    }

    fn size_hint(&self) -> usize {
        self.bytes.len() + 20
    }
}

/// The columns of rows.
pub(crate) struct Columns {
    filled: Vec<Column>,
    /// How many there are.
    width: usize,
    at: usize,
    failed: Option<BoxDynError>,
}

impl Columns {
    fn add(&mut self, kind: Kind, value: Option<impl FnOnce(&mut Vec<u8>)>) -> &mut Self {
        if self.at == self.filled.len() {
            self.filled.push(Column { kind, has_nulls: false, count: 0, bytes: Vec::new() });
        }
        let column = &mut self.filled[self.at];
        debug_assert_eq!(column.kind, kind, "a column has values of one kind");
        if let Err(error) = column.add(value) {
            self.failed.get_or_insert(error);
        }
        self.at = (self.at + 1) % self.width;
        self
    }
}

impl Rows for Columns {
    type Db = Postgres;

    fn of(columns: usize) -> Self {
        Self { filled: Vec::with_capacity(columns), width: columns, at: 0, failed: None }
    }

    fn id(&mut self, id: impl Into<Option<Uuid>>) -> &mut Self {
        let id = id.into();
        self.add(Kind::Id, id.map(|id| move |bytes: &mut Vec<u8>| bytes.extend_from_slice(id.as_bytes())))
    }

    fn text<'t>(&mut self, value: impl Into<Option<&'t str>>) -> &mut Self {
        let value = value.into().map(text);
        self.add(
            Kind::Text,
            value.map(|value| move |bytes: &mut Vec<u8>| bytes.extend_from_slice(value.as_bytes())),
        )
    }

    fn number(&mut self, number: impl Into<Option<i64>>) -> &mut Self {
        let number = number.into();
        self.add(
            Kind::Number,
            number.map(|number| move |bytes: &mut Vec<u8>| bytes.extend_from_slice(&number.to_be_bytes())),
        )
    }

    fn flag(&mut self, flag: bool) -> &mut Self {
        self.add(Kind::Flag, Some(|bytes: &mut Vec<u8>| bytes.push(u8::from(flag))))
    }

    fn document<T: Serialize + Send + Sync>(&mut self, document: &T) -> &mut Self {
        let mut failed = None;
        self.add(
            Kind::Document,
            Some(|bytes: &mut Vec<u8>| {
                bytes.push(DOCUMENT);
                failed = serde_json::to_writer(bytes, document).err();
            }),
        );
        if let Some(error) = failed {
            self.failed.get_or_insert(error.into());
        }
        self
    }

    fn arguments(self) -> Result<PgArguments, BoxDynError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut arguments = PgArguments::default();
        let bytes = self.filled.iter().map(|column| column.bytes.len() + 24).sum();
        arguments.reserve(self.filled.len(), bytes);
        for column in self.filled {
            arguments.add(column)?;
        }
        Ok(arguments)
    }

    /// A function gives its rows in the order of the arrays, so that they are written in it.
    fn source(columns: usize, _rows: usize, constants: &[&str]) -> String {
        let places: Vec<String> = (1..=columns).map(|place| format!("${place}")).collect();
        let values: Vec<&str> = ["given.*"].into_iter().chain(constants.iter().copied()).collect();
        format!("SELECT {} FROM unnest({}) AS given", values.join(", "), places.join(", "))
    }

    fn runs<T>(items: &[T]) -> impl Iterator<Item = &[T]> + Send
    where
        T: Sync,
    {
        items.chunks(MOST_ROWS)
    }

    fn statement(_rows: usize) -> usize {
        STATEMENTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_what_the_driver_makes_of_a_list() {
        let (mut ours, mut drivers) = (PgArgumentBuffer::default(), PgArgumentBuffer::default());
        let mut rows = Columns::of(5);
        let ids = [None, Some(Uuid::from_u128(7))];
        let documents = [serde_json::json!({"a": [1]}), serde_json::json!(null)];
        for (at, document) in documents.iter().enumerate() {
            let text = ["a\0b", ""][at];
            rows.id(ids[at]).text(text).number(-3).flag(at == 0).document(document);
        }
        for column in &rows.filled {
            let _ = column.encode_by_ref(&mut ours).unwrap();
        }
        let _ = ids.to_vec().encode_by_ref(&mut drivers).unwrap();
        let _ = vec!["a\u{fffd}b", ""].encode_by_ref(&mut drivers).unwrap();
        let _ = vec![-3_i64, -3].encode_by_ref(&mut drivers).unwrap();
        let _ = vec![true, false].encode_by_ref(&mut drivers).unwrap();
        let _ = documents.to_vec().encode_by_ref(&mut drivers).unwrap();
        let nulls = |buffer: &mut PgArgumentBuffer| buffer[4..8].fill(0);
        // The driver never says whether there are nulls, and nobody reads it.
        nulls(&mut ours);
        nulls(&mut drivers);
        assert_eq!(**ours, **drivers);
    }
}
