//! Names of providers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::InvalidProvider;
use crate::limits::is_slug;

/// First path segments that the gateway uses itself, so that no provider may have them.
const RESERVED: [&str; 24] = [
    "api",
    "promptgate",
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
    "v1beta",
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProviderName(String);

impl ProviderName {
    /// Trims, lower-cases and checks a name.
    pub fn parse(text: &str) -> Result<Self, InvalidProvider> {
        let name = text.trim().to_lowercase();
        if !is_slug(&name) {
            return Err(InvalidProvider::Name);
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(InvalidProvider::ReservedName);
        }
        Ok(Self(name))
    }

    /// Wraps a name that was accepted when it was stored, also if it is reserved by now.
    pub const fn from_stored(name: String) -> Self {
        Self(name)
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
        for reserved in ["V1", "v1beta", "promptgate", "mcp"] {
            assert_eq!(ProviderName::parse(reserved), Err(InvalidProvider::ReservedName), "{reserved}");
        }
        assert_eq!(ProviderName::from_stored("v1".into()).as_str(), "v1", "what is stored stays readable");
        assert!(ProviderName::parse("openai").is_ok());
    }
}
