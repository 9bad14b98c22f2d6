//! The driver's errors as the repositories' error.

use std::fmt;

use promptgate_kernel::RepositoryError;
use serde::de::DeserializeOwned;

/// An earlier statement of the unit of work failed, so that it can only be dropped.
#[derive(Debug, thiserror::Error)]
#[error("a statement of this unit of work failed before; nothing of it was kept")]
pub(crate) struct Abandoned;

/// Names the violated constraint where a value was not unique; everything else is the store's own
/// failure. The names are the same on both engines.
pub(crate) fn classify(error: sqlx::Error) -> RepositoryError {
    let constraint = match &error {
        sqlx::Error::Database(cause) if cause.is_unique_violation() => {
            let primary = cause.code().is_some_and(|code| code == SQLITE_CONSTRAINT_PRIMARYKEY);
            cause.constraint().map(str::to_owned).or_else(|| constraint_of(cause.message(), primary))
        }
        _ => None,
    };
    match constraint {
        Some(constraint) => RepositoryError::Conflict { constraint },
        None => RepositoryError::Unavailable { source: Box::new(error) },
    }
}

const SQLITE_CONSTRAINT_PRIMARYKEY: &str = "1555";

/// SQLite says `UNIQUE constraint failed: tokens.hash`, PostgreSQL calls the same `tokens_hash_key`.
fn constraint_of(message: &str, primary: bool) -> Option<String> {
    let columns = message.strip_prefix("UNIQUE constraint failed: ")?;
    let mut table = None;
    let mut name = String::new();
    for column in columns.split(", ") {
        let (of, column) = column.split_once('.')?;
        table = Some(of);
        name.push('_');
        name.push_str(column);
    }
    let table = table?;
    Some(if primary { format!("{table}_pkey") } else { format!("{table}{name}_key") })
}

/// A stored row that cannot be understood.
pub(crate) fn corrupt(
    table: &'static str,
    id: impl fmt::Display,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> RepositoryError {
    RepositoryError::Corrupt { table, id: id.to_string(), source: source.into() }
}

/// A stored number that must fit into a narrower type.
pub(crate) fn narrow<T: TryFrom<i64>>(
    table: &'static str,
    id: impl fmt::Display,
    number: i64,
) -> Result<T, RepositoryError>
where
    T::Error: std::error::Error + Send + Sync + 'static,
{
    T::try_from(number).map_err(|error| corrupt(table, id, error))
}

/// A stored document, as [`verbatim`](crate::value::verbatim) wrote it.
pub(crate) fn read_document<T: DeserializeOwned>(
    table: &'static str,
    id: impl fmt::Display,
    text: &str,
) -> Result<T, RepositoryError> {
    serde_json::from_str(text).map_err(|error| corrupt(table, id, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_messages_become_the_names_of_constraints() {
        for (message, primary, name) in [
            ("UNIQUE constraint failed: tokens.hash", false, Some("tokens_hash_key")),
            ("UNIQUE constraint failed: a.b, a.c", false, Some("a_b_c_key")),
            ("UNIQUE constraint failed: tokens.id", true, Some("tokens_pkey")),
            ("FOREIGN KEY constraint failed", false, None),
        ] {
            assert_eq!(constraint_of(message, primary).as_deref(), name, "{message}");
        }
    }
}
