//! Patterns of models.

use regex::{RegexBuilder, RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};

/// What one pattern may take when it is compiled, in bytes.
const SIZE: usize = 256 * 1024;
/// What the patterns of one list may take together.
const SIZE_TOGETHER: usize = 4 * 1024 * 1024;
/// What an empty list of allowed patterns stands for.
const EVERYTHING: &str = ".*";
const MAX_PATTERNS: usize = 200;
const MAX_LENGTH: usize = 1_000;

/// What is wrong with patterns that somebody wants to use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// One does not compile.
    #[error("the pattern `{pattern}` is no regular expression: {why}")]
    Syntax {
        /// The pattern, shortened.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// One is too long or takes too much when it is compiled, or all do together.
    #[error("the pattern `{pattern}` is too large; use a shorter one")]
    TooLarge {
        /// The pattern, shortened.
        pattern: String,
    },
    /// There are too many.
    #[error("there may be at most {MAX_PATTERNS} patterns")]
    TooMany,
}

/// Regular expressions that are found anywhere in a model's name (`gpt-4` also in `my-gpt-4o`), in
/// the syntax of the `regex` crate, each once and none blank.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Patterns(Vec<String>);

impl Patterns {
    /// Trims patterns, drops blank and repeated ones, and checks the rest.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, InvalidPattern> {
        let mut patterns: Vec<String> = Vec::new();
        for text in texts {
            let text = text.as_ref().trim();
            if text.is_empty() || patterns.iter().any(|known| known == text) {
                continue;
            }
            check(text)?;
            patterns.push(text.to_owned());
            if patterns.len() > MAX_PATTERNS {
                return Err(InvalidPattern::TooMany);
            }
        }
        match set(&patterns) {
            Ok(_) => Ok(Self(patterns)),
            Err(_) => Err(too_large(patterns.last().map_or("", String::as_str))),
        }
    }

    /// Patterns that were parsed before, as a store kept them. They are not checked again: a rule of
    /// some that do not compile any more denies everything.
    pub const fn from_stored(patterns: Vec<String>) -> Self {
        Self(patterns)
    }

    /// The patterns, in the order in which they were given.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// The same, or the pattern of everything where there is none.
    #[must_use]
    pub fn or_everything(self) -> Self {
        if self.0.is_empty() { Self(vec![EVERYTHING.to_owned()]) } else { self }
    }

    /// Ready for use; `None` if some do not compile, which only stored ones can come to.
    pub(crate) fn compile(&self) -> Option<RegexSet> {
        set(&self.0).ok()
    }
}

fn set(patterns: &[String]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns).size_limit(SIZE_TOGETHER).build()
}

fn check(pattern: &str) -> Result<(), InvalidPattern> {
    if pattern.chars().count() > MAX_LENGTH {
        return Err(too_large(pattern));
    }
    match RegexBuilder::new(pattern).size_limit(SIZE).build() {
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(_)) => Err(too_large(pattern)),
        Err(error) => {
            // The last line says what; those before point at the place.
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default();
            let why = why.trim_start_matches("error:").trim().to_owned();
            Err(InvalidPattern::Syntax { pattern: shortened(pattern), why })
        }
    }
}

fn too_large(pattern: &str) -> InvalidPattern {
    InvalidPattern::TooLarge { pattern: shortened(pattern) }
}

fn shortened(pattern: &str) -> String {
    pattern.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blank_and_repeated_ones_are_dropped() {
        let patterns = Patterns::parse([" a ", "", "b", " ", "a"]).unwrap();
        assert_eq!(patterns.as_slice(), ["a", "b"]);
        assert_eq!(Patterns::parse([""; 0]).unwrap(), Patterns::default());
    }

    #[test]
    fn what_does_not_compile_is_named() {
        let wrong = Patterns::parse(["fine", "(a"]).unwrap_err();
        assert_eq!(wrong.to_string(), "the pattern `(a` is no regular expression: unclosed group");
        // Neither looks around nor back: what they take could not be bounded.
        for pattern in ["(?=a)", r"(a)\1"] {
            assert!(matches!(Patterns::parse([pattern]), Err(InvalidPattern::Syntax { .. })), "{pattern}");
        }
        for pattern in ["a{1000}{1000}", &"a".repeat(1_001)] {
            assert!(matches!(Patterns::parse([pattern]), Err(InvalidPattern::TooLarge { .. })), "{pattern}");
        }
        let many: Vec<String> = (0..=MAX_PATTERNS).map(|number| format!("m{number}")).collect();
        assert_eq!(Patterns::parse(&many), Err(InvalidPattern::TooMany));
    }

    #[test]
    fn many_large_ones_are_refused_before_they_are_used() {
        let large: Vec<String> = (0..MAX_PATTERNS).map(|number| format!(r"\pL{{20}}{number}")).collect();
        assert!(matches!(Patterns::parse(&large), Err(InvalidPattern::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn whatever_is_parsed_compiles(texts in proptest::collection::vec(".{0,30}", 0..6)) {
            if let Ok(patterns) = Patterns::parse(&texts) {
                prop_assert_eq!(patterns.compile().unwrap().len(), patterns.as_slice().len());
            }
        }
    }
}
