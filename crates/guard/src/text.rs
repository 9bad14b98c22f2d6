//! A text as detectors read it.

use std::borrow::Cow;
use std::ops::Range;

/// A text in the plain form that detectors read, which knows where everything stood in the original.
#[derive(Debug)]
pub struct Text<'a> {
    original: &'a str,
    plain: Cow<'a, str>,
}

impl<'a> Text<'a> {
    /// Reads a text.
    pub fn read(original: &'a str) -> Self {
        Self { original, plain: Cow::Borrowed(original) }
    }

    /// What was read.
    pub fn original(&self) -> &'a str {
        self.original
    }

    /// The plain form.
    pub fn plain(&self) -> &str {
        &self.plain
    }

    /// Where a span of the plain form stands in the original: the smallest span, on the borders of
    /// characters, that holds all of what the plain one was made of.
    pub fn original_span(&self, plain: Range<usize>) -> Range<usize> {
        plain
    }
}
