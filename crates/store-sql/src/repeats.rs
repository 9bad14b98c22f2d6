//! Texts that row after row has again.

use std::sync::Arc;

use crate::value::text;

/// The texts that the row before had in some columns. Most rows of a batch have the same ones, and a
/// driver keeps a text of its own for each value unless it gets one that is shared.
pub(crate) struct Repeats<const COLUMNS: usize>([Option<Arc<str>>; COLUMNS]);

impl<const COLUMNS: usize> Repeats<COLUMNS> {
    /// Nothing was there before.
    pub(crate) const fn new() -> Self {
        Self([const { None }; COLUMNS])
    }

    /// What [`text`] makes of the value of the next row.
    pub(crate) fn text(&mut self, column: usize, value: &str) -> Arc<str> {
        let last = &mut self.0[column];
        match last {
            Some(last) if **last == *value => Arc::clone(last),
            _ => Arc::clone(last.insert(text(value).into())),
        }
    }

    /// The same for a value that may be missing.
    pub(crate) fn optional(&mut self, column: usize, value: Option<&String>) -> Option<Arc<str>> {
        value.map(|value| self.text(column, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_is_shared_and_what_was_not_is_made() {
        let mut repeats = Repeats::<2>::new();
        let first = repeats.text(0, "a");
        assert!(Arc::ptr_eq(&first, &repeats.text(0, "a")));
        assert!(!Arc::ptr_eq(&first, &repeats.text(1, "a")));
        assert_eq!(&*repeats.text(0, "b"), "b");
        assert_eq!(repeats.optional(0, None), None);
        for _ in 0..2 {
            assert_eq!(repeats.optional(0, Some(&"x\0".to_owned())).as_deref(), Some("x\u{fffd}"));
        }
    }
}
