//! The definition of a server and its rules.

use promptgate_kernel::{Entropy, KeyRing, McpServerId, SealError, Timestamp};
use url::Url;

use crate::header::{replace, reseal};
use crate::{Header, HeaderChange};

const MAX_URL_BYTES: usize = 2_048;
const MAX_PATTERN_BYTES: usize = 4_096;
/// The most memory that a compiled pattern may take.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// What is wrong with a server that somebody wants to create or change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMcpServer {
    /// The name does not fit.
    #[error("name must be lower-case letters and digits with single hyphens, at most 120 characters")]
    Name,
    /// The display name is too long, or cannot be shown.
    #[error("displayName must have at most 120 characters that are no control characters")]
    DisplayName,
    /// The URL is not one.
    #[error("url must be an http or https URL with a host, without user, of at most 2,048 bytes")]
    Url,
    /// A header is none, or is there twice.
    #[error(
        "headers must be at most 50 of different names, whatever the case; a name is letters, digits and hyphens \
         without blanks and colons, a value at most 8,192 bytes on one line"
    )]
    Header,
    /// A header's value would have to be opened, and cannot be.
    #[error(
        "a value that is to stay was sealed under a key that is not configured; give it anew, or leave it sensitive"
    )]
    Unreadable,
    /// The pattern of tools that are allowed is none.
    #[error("allowPattern must be a regular expression of at most 4,096 bytes, or blank")]
    AllowPattern,
    /// The pattern of tools that are denied is none.
    #[error("denyPattern must be a regular expression of at most 4,096 bytes, or blank")]
    DenyPattern,
}

impl InvalidMcpServer {
    /// The field that is wrong, as the wire names it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::DisplayName => "displayName",
            Self::Url => "url",
            Self::Header | Self::Unreadable => "headers",
            Self::AllowPattern => "allowPattern",
            Self::DenyPattern => "denyPattern",
        }
    }
}

/// An MCP server that somebody wrote down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServer {
    /// Its identity.
    pub id: McpServerId,
    /// Its name, which the names of its tools begin with.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// Where it is, without a slash at the end.
    pub url: String,
    /// What is sent with every call.
    pub headers: Vec<Header>,
    /// Only tools whose name matches count; blank for all.
    pub allow_pattern: String,
    /// Tools whose name matches do not count, whatever else; blank for none.
    pub deny_pattern: String,
    /// Whether it is used.
    pub enabled: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// What a server is made from.
#[derive(Debug, Clone, Default)]
pub struct NewMcpServer {
    /// Its name.
    pub name: String,
    /// Its name for people; blank means the name.
    pub display_name: String,
    /// Where it is.
    pub url: String,
    /// What is sent with every call.
    pub headers: Vec<HeaderChange>,
    /// Which tools count.
    pub allow_pattern: String,
    /// Which tools do not.
    pub deny_pattern: String,
    /// Whether it is used.
    pub enabled: bool,
}

/// What may be changed about a server; `None` keeps a value.
#[derive(Debug, Clone, Default)]
pub struct McpServerChanges {
    /// Another name.
    pub name: Option<String>,
    /// Another name for people.
    pub display_name: Option<String>,
    /// Another address.
    pub url: Option<String>,
    /// Other headers, whole.
    pub headers: Option<Vec<HeaderChange>>,
    /// Another pattern of tools that count.
    pub allow_pattern: Option<String>,
    /// Another pattern of tools that do not.
    pub deny_pattern: Option<String>,
    /// Use it or do not.
    pub enabled: Option<bool>,
}

impl McpServer {
    /// Creates a server and seals what is secret about it.
    pub fn create(
        id: McpServerId,
        new: NewMcpServer,
        keys: &KeyRing,
        entropy: &dyn Entropy,
        at: Timestamp,
    ) -> Result<Self, InvalidMcpServer> {
        let mut server = Self {
            id,
            name: new.name.trim().to_lowercase(),
            display_name: new.display_name.trim().to_owned(),
            url: address(&new.url)?,
            headers: Vec::new(),
            allow_pattern: new.allow_pattern.trim().to_owned(),
            deny_pattern: new.deny_pattern.trim().to_owned(),
            enabled: new.enabled,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        server.check()?;
        server.headers = replace(id, &[], new.headers, keys, entropy)?;
        Ok(server)
    }

    /// Applies changes.
    pub fn change(
        mut self,
        changes: McpServerChanges,
        keys: &KeyRing,
        entropy: &dyn Entropy,
        at: Timestamp,
    ) -> Result<Self, InvalidMcpServer> {
        if let Some(name) = changes.name {
            let name = name.trim().to_lowercase();
            if self.display_name == self.name {
                self.display_name.clone_from(&name);
            }
            self.name = name;
        }
        if let Some(name) = changes.display_name {
            name.trim().clone_into(&mut self.display_name);
        }
        if let Some(url) = changes.url {
            self.url = address(&url)?;
        }
        if let Some(pattern) = changes.allow_pattern {
            pattern.trim().clone_into(&mut self.allow_pattern);
        }
        if let Some(pattern) = changes.deny_pattern {
            pattern.trim().clone_into(&mut self.deny_pattern);
        }
        self.enabled = changes.enabled.unwrap_or(self.enabled);
        self.updated_at = at;
        self.version += 1;
        self.check()?;
        if let Some(wanted) = changes.headers {
            self.headers = replace(self.id, &self.headers, wanted, keys, entropy)?;
        }
        Ok(self)
    }

    /// Seals what is secret about it again, under the key that seals now; `None` when there is nothing
    /// to do. What cannot be opened stays as it is, and is the error when nothing else was moved.
    pub fn reseal(&self, keys: &KeyRing, entropy: &dyn Entropy) -> Result<Option<Self>, SealError> {
        let headers = reseal(self.id, &self.headers, keys, entropy)?;
        Ok(headers.map(|headers| Self { headers, version: self.version + 1, ..self.clone() }))
    }

    fn check(&mut self) -> Result<(), InvalidMcpServer> {
        if !is_slug(&self.name) {
            return Err(InvalidMcpServer::Name);
        }
        if self.display_name.is_empty() {
            self.display_name.clone_from(&self.name);
        }
        if self.display_name.chars().count() > 120 || self.display_name.contains(char::is_control) {
            return Err(InvalidMcpServer::DisplayName);
        }
        if !is_pattern(&self.allow_pattern) {
            return Err(InvalidMcpServer::AllowPattern);
        }
        if !is_pattern(&self.deny_pattern) {
            return Err(InvalidMcpServer::DenyPattern);
        }
        Ok(())
    }
}

fn address(text: &str) -> Result<String, InvalidMcpServer> {
    let url = Url::parse(text.trim()).map_err(|_| InvalidMcpServer::Url)?;
    let fits = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none()
        && url.as_str().len() <= MAX_URL_BYTES;
    if fits { Ok(url.as_str().trim_end_matches('/').to_owned()) } else { Err(InvalidMcpServer::Url) }
}

fn is_slug(text: &str) -> bool {
    text.len() <= 120
        && text.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

fn is_pattern(text: &str) -> bool {
    let compiles = |text| regex::RegexBuilder::new(text).size_limit(MAX_COMPILED_BYTES).build().is_ok();
    text.len() <= MAX_PATTERN_BYTES && !text.contains('\0') && compiles(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueChange;
    use promptgate_kernel::SecretsKey;
    use promptgate_kernel::testing::SeededEntropy;
    use proptest::prelude::*;

    fn keys() -> KeyRing {
        KeyRing::new(SecretsKey::from_bytes([7; 32]), vec![])
    }

    fn new() -> NewMcpServer {
        NewMcpServer { name: " Search-1 ".into(), url: " https://h/mcp// ".into(), ..NewMcpServer::default() }
    }

    fn create(new: NewMcpServer) -> Result<McpServer, InvalidMcpServer> {
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        McpServer::create(id, new, &keys(), &SeededEntropy::new(1), Timestamp::default())
    }

    fn change(server: McpServer, changes: McpServerChanges) -> Result<McpServer, InvalidMcpServer> {
        server.change(changes, &keys(), &SeededEntropy::new(2), Timestamp::from_micros(5))
    }

    #[test]
    fn what_people_write_is_tidied() {
        let server = create(NewMcpServer { deny_pattern: " ^rm ".into(), ..new() }).unwrap();
        assert_eq!((&*server.name, &*server.display_name), ("search-1", "search-1"));
        assert_eq!((&*server.url, &*server.deny_pattern), ("https://h/mcp", "^rm"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let with = |edit: fn(&mut NewMcpServer)| {
            let mut new = new();
            edit(&mut new);
            create(new).unwrap_err()
        };
        for name in ["", "a_b", "-a", "a--b", "ä"] {
            assert_eq!(
                create(NewMcpServer { name: name.into(), ..new() }).unwrap_err(),
                InvalidMcpServer::Name
            );
        }
        for url in ["", "h", "ftp://h", "https://", "https://u@h", "https://u:p@h"] {
            assert_eq!(
                create(NewMcpServer { url: url.into(), ..new() }).unwrap_err(),
                InvalidMcpServer::Url,
                "{url}"
            );
        }
        assert_eq!(with(|new| new.display_name = "a\nb".into()), InvalidMcpServer::DisplayName);
        assert_eq!(with(|new| new.allow_pattern = "(".into()), InvalidMcpServer::AllowPattern);
        assert_eq!(with(|new| new.deny_pattern = "a{9999}{9999}".into()), InvalidMcpServer::DenyPattern);
        assert_eq!(InvalidMcpServer::Unreadable.field(), "headers");
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name_and_may_name_the_name() {
        let header = |value| HeaderChange { name: "a".into(), value, sensitive: false };
        let first =
            create(NewMcpServer { headers: vec![header(ValueChange::Set("1".to_owned().into()))], ..new() })
                .unwrap();
        let renamed =
            change(first.clone(), McpServerChanges { name: Some("Other".into()), ..Default::default() })
                .unwrap();
        assert_eq!((&*renamed.name, &*renamed.display_name, renamed.version), ("other", "other", 2));
        assert_eq!((&renamed.headers, &renamed.url), (&first.headers, &first.url));
        let gone = change(first, McpServerChanges { headers: Some(vec![]), ..Default::default() }).unwrap();
        assert!(gone.headers.is_empty(), "a list takes the place of the list");
    }

    proptest! {
        #[test]
        fn whatever_is_written_never_panics_and_what_is_accepted_fits(
            name in ".{0,20}", url in "(https?://)?.{0,30}", pattern in ".{0,20}"
        ) {
            let made = create(NewMcpServer { name, url, allow_pattern: pattern, ..NewMcpServer::default() });
            if let Ok(server) = made {
                prop_assert!(is_slug(&server.name));
                prop_assert!(!server.url.ends_with('/') && server.url.starts_with("http"));
                prop_assert!(regex::Regex::new(&server.allow_pattern).is_ok());
            }
        }
    }
}
