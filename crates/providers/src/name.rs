//! Names of providers.

use std::fmt;

use crate::InvalidProvider;

/// First path segments that the gateway uses itself, so that no provider may have them.
const RESERVED: [&str; 22] = [
    "api",
    "auth",
    "login",
    "logout",
    "oauth",
    "console",
    "health",
    "livez",
    "readyz",
    "metrics",
    "mcp",
    "v1",
    "v2",
    "static",
    "assets",
    "well-known",
    "admin",
    "projects",
    "docs",
    "openapi",
    "favicon",
    "robots",
];

/// A provider's name: lower-case letters and digits with single hyphens, at most 120 characters.
/// It never changes, because it is the prefix of the provider's routes and models.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderName(String);

impl ProviderName {
    /// Trims, lower-cases and checks a name.
    pub fn parse(text: &str) -> Result<Self, InvalidProvider> {
        let name = text.trim().to_lowercase();
        let words_fit = name.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        if !words_fit || name.len() > 120 {
            return Err(InvalidProvider::Name);
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(InvalidProvider::ReservedName);
        }
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_route_prefixes() {
        assert_eq!(ProviderName::parse("  OpenAI-2 ").unwrap().as_str(), "openai-2");
        for wrong in ["", "-a", "a-", "a--b", "a_b", "ä", "a/b", &"x".repeat(121)] {
            assert_eq!(ProviderName::parse(wrong), Err(InvalidProvider::Name), "{wrong}");
        }
        assert_eq!(ProviderName::parse("V1"), Err(InvalidProvider::ReservedName));
    }
}
