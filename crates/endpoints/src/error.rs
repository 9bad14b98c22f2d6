//! What is wrong with something that somebody wants to keep.

use std::collections::BTreeMap;
use std::fmt;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field as the wire names it; members of lists with dots, such as `variables.0.name`.
    pub field: String,
    /// What it must be, for people.
    pub message: String,
}

/// Everything that is wrong with something that somebody wants to keep, field by field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Notes that a field is wrong.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), message: message.into() });
    }

    /// Everything that is wrong, in the order it was found.
    pub fn as_slice(&self) -> &[FieldError] {
        &self.0
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages of each field.
    pub fn by_field(&self) -> BTreeMap<String, Vec<String>> {
        let mut fields = BTreeMap::<String, Vec<String>>::new();
        for error in &self.0 {
            fields.entry(error.field.clone()).or_default().push(error.message.clone());
        }
        fields
    }

    /// Notes everything that is wrong elsewhere too.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// `value`, unless something is wrong.
    pub(crate) fn unless<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let joint = if index == 0 { "" } else { "; " };
            write!(f, "{joint}{} {}", error.field, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_gathered_by_field() {
        let mut errors = FieldErrors::default();
        errors.add("top_p", "is too high");
        errors.add("name", "is required");
        errors.add("top_p", "is no number");
        assert_eq!(errors.to_string(), "top_p is too high; name is required; top_p is no number");
        assert_eq!(errors.by_field()["top_p"], ["is too high", "is no number"]);
        assert_eq!(FieldErrors::default().unless(1), Ok(1));
        assert!(errors.unless(1).is_err());
    }
}
