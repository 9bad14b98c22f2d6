//! What is found, and where.

use std::borrow::Cow;
use std::ops::Range;

/// What sort of thing a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Data of a person.
    Pii,
    /// A credential.
    Secret,
    /// Instructions that somebody slipped in, or an attempt to talk a model out of its own.
    Injection,
    /// A word of a list.
    Keyword,
}

/// The stable name of what was found, such as `email`, `github_pat` or `ignore_previous`; for a custom
/// pattern or keyword, its label.
pub type Kind = Cow<'static, str>;

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// It has the shape and nothing else speaks for it.
    Shape,
    /// It has the shape, and a word near it or its own form says what it is.
    Likely,
    /// A checksum or a prefix that nothing else has proves it.
    Certain,
}

/// How much has to speak for a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Strictness {
    /// A valid checksum, an unmistakable form or a word near it: the default.
    #[default]
    Standard,
    /// The shape alone is enough.
    Lenient,
}

impl Strictness {
    /// Whether a finding of that certainty counts.
    pub fn accepts(self, certainty: Certainty) -> bool {
        self == Self::Lenient || certainty > Certainty::Shape
    }
}

/// Something in a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    /// What sort of thing it is.
    pub category: Category,
    /// What it is.
    pub kind: Kind,
    /// Where it stands, in bytes of the text that was read, on the borders of characters.
    pub span: Range<usize>,
    /// How sure it is.
    pub certainty: Certainty,
}
