//! Personal data that no pattern knows: names and addresses, which a model finds.
//!
//! [`Policy::question`](super::Policy::question) writes the texts of a call into a [`Question`], without
//! what patterns have found already. What the model answers is never taken over as it is: only where
//! something stands is read from it, and only as far as it fits the text that was sent.

mod alignment;
mod question;
mod values;

use std::fmt;
use std::ops::Range;

pub use question::{Question, Unusable};
pub(crate) use question::{Replaced, Writer};

/// What the call of that model is called where calls are recorded. No client makes it: the gateway does.
pub const CONTEXTUAL_CALL: &str = "contextual_pii";

/// A kind of personal data that a model finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContextualKind {
    /// The name of a person.
    PersonName,
    /// Where somebody lives or gets post.
    Address,
}

impl ContextualKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::PersonName, Self::Address];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PersonName => "person_name",
            Self::Address => "address",
        }
    }

    /// What stands in masks, in tokens and in messages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::PersonName => "PERSON",
            Self::Address => "ADDRESS",
        }
    }

    /// What a model writes in place of it.
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::PersonName => "[PERSON REDACTED]",
            Self::Address => "[ADDRESS REDACTED]",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What a model is told of it.
    const fn described(self) -> &'static str {
        match self {
            Self::PersonName => "the name of a person, whole or in part, with titles before it",
            Self::Address => {
                "where somebody lives or gets post: street, house number, postcode and town, as one whole"
            }
        }
    }

    /// The kind that a model calls so.
    fn called(name: &str) -> Option<Self> {
        let is = |known: &str| known.eq_ignore_ascii_case(name.trim());
        Self::ALL.into_iter().find(|kind| is(kind.name()) || is(kind.label()))
    }
}

impl fmt::Display for ContextualKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Something that a model found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spotted {
    /// What it is.
    pub kind: ContextualKind,
    /// The text it stands in, by its position among the parts.
    pub part: usize,
    /// Where in that text, in bytes.
    pub span: Range<usize>,
}

#[cfg(test)]
mod tests {
    use promptgate_guard::PiiKind;

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for kind in ContextualKind::ALL {
            assert_eq!(ContextualKind::named(kind.name()), Some(kind));
            assert_eq!(kind.placeholder(), format!("[{} REDACTED]", kind.label()));
            assert_eq!(PiiKind::of_name(kind.name()), None, "{kind} is no kind that patterns find");
        }
        assert_eq!(ContextualKind::called(" Person "), Some(ContextualKind::PersonName));
        assert_eq!(ContextualKind::called("city"), None);
    }
}
