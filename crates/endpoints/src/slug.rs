//! The last segment of an endpoint's address.

use std::fmt;

use promptgate_kernel::slug_of;
use serde::{Deserialize, Serialize};

/// Words that the gateway's own routes begin with, so that no endpoint may have them.
const RESERVED: [&str; 26] = [
    "admin",
    "api",
    "assets",
    "auth",
    "chat",
    "console",
    "control",
    "docs",
    "endpoints",
    "health",
    "info",
    "livez",
    "login",
    "logout",
    "mcp",
    "metrics",
    "models",
    "oauth",
    "openapi",
    "proxy",
    "readyz",
    "static",
    "tokens",
    "v1",
    "v2",
    "well-known",
];

/// The name of an endpoint in addresses, and of its MCP tool: lower-case ASCII letters and digits with
/// single hyphens or underscores between them, at most 64 characters, none of the gateway's own words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// A text that cannot be a slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSlug {
    /// It has other characters, or too many.
    #[error(
        "must be 1 to 64 lower-case letters and digits with single hyphens or underscores, such as `summarise-mail`"
    )]
    Form,
    /// It is a word of the gateway.
    #[error("is reserved, because the gateway has a route of that name")]
    Reserved,
}

impl Slug {
    /// The longest slug.
    pub const MAX_LENGTH: usize = 64;

    /// Trims, lower-cases and checks a slug.
    pub fn parse(text: &str) -> Result<Self, InvalidSlug> {
        let slug = text.trim().to_ascii_lowercase();
        let words_fit = slug.split(['-', '_']).all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        if !words_fit || slug.len() > Self::MAX_LENGTH {
            return Err(InvalidSlug::Form);
        }
        if RESERVED.contains(&slug.as_str()) {
            return Err(InvalidSlug::Reserved);
        }
        Ok(Self(slug))
    }

    /// Makes a slug of a name. A name without letters and digits becomes `endpoint`; a reserved word
    /// gets `-endpoint` behind it.
    pub fn from_name(name: &str) -> Self {
        let slug = slug_of(name, Self::MAX_LENGTH);
        if slug.is_empty() {
            return Self("endpoint".to_owned());
        }
        if RESERVED.contains(&slug.as_str()) { Self(format!("{slug}-endpoint")) } else { Self(slug) }
    }

    /// This slug with a number behind it, for when it is taken: `mail`, `mail-2`, `mail-3`…
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        let suffix = format!("-{number}");
        let kept = self.0.len().min(Self::MAX_LENGTH - suffix.len());
        Self(format!("{}{suffix}", self.0[..kept].trim_end_matches(['-', '_'])))
    }

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidSlug;

    fn try_from(text: String) -> Result<Self, InvalidSlug> {
        Self::parse(&text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_become_slugs() {
        for (name, slug) in [
            ("Summarise Mail", "summarise-mail"),
            ("Größe", "groesse"),
            ("日本語", "endpoint"),
            ("日本語 2", "2"),
            ("", "endpoint"),
            ("Chat", "chat-endpoint"),
            ("V1", "v1-endpoint"),
        ] {
            assert_eq!(Slug::from_name(name).as_str(), slug, "{name}");
        }
    }

    #[test]
    fn slugs_are_one_segment_and_no_word_of_the_gateway() {
        assert_eq!(Slug::parse(" Mail_2-x ").unwrap().as_str(), "mail_2-x");
        for wrong in ["", "-a", "a-", "a--b", "a b", "ä", "a/b", "a.b", &"x".repeat(65)] {
            assert_eq!(Slug::parse(wrong), Err(InvalidSlug::Form), "{wrong}");
        }
        for word in ["chat", "v1", "proxy", "mcp", "Admin", "info", "endpoints", "tokens", "models"] {
            assert_eq!(Slug::parse(word), Err(InvalidSlug::Reserved), "{word}");
        }
    }

    #[test]
    fn taken_slugs_are_numbered() {
        assert_eq!(Slug::parse("mail").unwrap().numbered(2).as_str(), "mail-2");
        let longest = Slug::parse(&format!("{}-b", "a".repeat(62))).unwrap();
        assert_eq!(longest.numbered(10).as_str(), format!("{}-10", "a".repeat(61)));
    }

    proptest! {
        #[test]
        fn every_name_has_a_slug(name in ".{0,200}", number in any::<u32>()) {
            let slug = Slug::from_name(&name);
            prop_assert_eq!(Slug::parse(slug.as_str()), Ok(slug.clone()));
            let numbered = slug.numbered(number);
            prop_assert_eq!(Slug::parse(numbered.as_str()), Ok(numbered.clone()));
        }

        #[test]
        fn any_text_is_a_slug_or_refused(text in ".{0,80}") {
            if let Ok(slug) = Slug::parse(&text) {
                prop_assert!(slug.as_str().len() <= Slug::MAX_LENGTH);
            }
        }
    }
}
