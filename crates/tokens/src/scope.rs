//! What a token opens.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One permission of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// AI calls: chat, messages, embeddings, and the model list of the `/v1` routes.
    #[serde(rename = "chat")]
    Chat,
    /// The project's own model list.
    #[serde(rename = "models")]
    Models,
    /// HTTP API routes.
    #[serde(rename = "proxy")]
    Proxy,
    /// MCP servers.
    #[serde(rename = "mcp")]
    Mcp,
    /// Introspection of the project; stands for every management scope, for no runtime scope.
    #[serde(rename = "admin")]
    Admin,
    /// Create, rotate and revoke tokens.
    #[serde(rename = "tokens:write")]
    TokensWrite,
    /// Create and change endpoints.
    #[serde(rename = "endpoints:write")]
    EndpointsWrite,
    /// List credentials, without their secrets.
    #[serde(rename = "credentials:read")]
    CredentialsRead,
}

impl Scope {
    /// Every scope, in the order they are shown.
    pub const ALL: [Self; 8] = [
        Self::Chat,
        Self::Models,
        Self::Proxy,
        Self::Mcp,
        Self::Admin,
        Self::TokensWrite,
        Self::EndpointsWrite,
        Self::CredentialsRead,
    ];

    /// The scope's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Models => "models",
            Self::Proxy => "proxy",
            Self::Mcp => "mcp",
            Self::Admin => "admin",
            Self::TokensWrite => "tokens:write",
            Self::EndpointsWrite => "endpoints:write",
            Self::CredentialsRead => "credentials:read",
        }
    }

    /// Whether this scope manages a project rather than calling through it.
    pub const fn is_management(self) -> bool {
        matches!(self, Self::Admin | Self::TokensWrite | Self::EndpointsWrite | Self::CredentialsRead)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown scope `{name}`; known scopes are chat, models, proxy, mcp, admin, tokens:write, endpoints:write, credentials:read"
)]
pub struct UnknownScope {
    /// What was given, shortened.
    pub name: String,
}

impl std::str::FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownScope { name: text.chars().take(64).collect() })
    }
}

/// The scopes of one token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeSet(BTreeSet<Scope>);

impl ScopeSet {
    /// Whether the set opens something that needs `wanted`.
    ///
    /// `admin` opens every management scope, and no runtime scope.
    pub fn allows(&self, wanted: Scope) -> bool {
        self.0.contains(&wanted) || (wanted.is_management() && self.0.contains(&Scope::Admin))
    }

    /// The scopes, in the order they are shown.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }

    /// Whether it opens nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (position, scope) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            fmt::Display::fmt(scope, f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_opens_management_and_nothing_at_run_time() {
        let admin: ScopeSet = [Scope::Admin].into_iter().collect();
        for scope in Scope::ALL {
            assert_eq!(admin.allows(scope), scope.is_management(), "{scope}");
        }
    }

    #[test]
    fn names_round_trip_and_wrong_ones_are_named() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert!("admin:*".parse::<Scope>().unwrap_err().to_string().contains("`admin:*`"));
    }
}
