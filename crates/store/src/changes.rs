//! Configuration changes and their revisions.

use async_trait::async_trait;
use promptgate_kernel::{
    AccountId, EndpointId, GroupId, McpServerId, PlanId, ProjectId, ProviderId, RepositoryError, Revision,
    TemplateId, Timestamp, TokenId,
};
use promptgate_tokens::TokenHash;

/// Something that running processes must take note of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A project was created, changed or deleted, or one of its aliases or settings of providers.
    Project(ProjectId),
    /// A provider or its credentials were created, changed or removed.
    Provider(ProviderId),
    /// A template was created, changed or removed.
    Template(TemplateId),
    /// An AI endpoint was created, changed or removed.
    Endpoint(EndpointId),
    /// The definition of an MCP server was created, changed or removed.
    McpServer(McpServerId),
    /// An access group was created, changed or removed.
    Group(GroupId),
    /// An account was made, changed or removed, or the groups that it is in.
    Account(AccountId),
    /// A subscription plan was created, changed or removed, or is the default one or no longer.
    Plan(PlanId),
    /// A price was set, changed or removed.
    Prices,
    /// A network rule was created, changed or removed, or what happens where none is.
    NetworkRules,
    /// What the guardrails of the installation, of a project or of a token say.
    Guardrails,
    /// A token was changed, rotated or revoked: what is remembered under `hash` no longer holds.
    Token {
        /// The token.
        id: TokenId,
        /// The hash it was known by before the change.
        hash: TokenHash,
    },
}

/// A stored change that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown change `{0}`")]
pub struct InvalidChange(pub String);

impl Change {
    /// The text that is stored: `project:<id>`, `provider:<id>`, `template:<id>`, `endpoint:<id>`,
    /// `mcp_server:<id>`, `prices`, `network_rules`, `guardrails`, `group:<id>`, `account:<id>`, `plan:<id>`,
    /// `token:<id>:<hash in hexadecimal>`.
    pub fn to_text(self) -> String {
        match self {
            Self::Project(id) => format!("project:{id}"),
            Self::Provider(id) => format!("provider:{id}"),
            Self::Template(id) => format!("template:{id}"),
            Self::Endpoint(id) => format!("endpoint:{id}"),
            Self::Group(id) => format!("group:{id}"),
            Self::Account(id) => format!("account:{id}"),
            Self::Plan(id) => format!("plan:{id}"),
            Self::McpServer(id) => format!("mcp_server:{id}"),
            Self::Prices => "prices".to_owned(),
            Self::NetworkRules => "network_rules".to_owned(),
            Self::Guardrails => "guardrails".to_owned(),
            Self::Token { id, hash } => {
                let mut text = format!("token:{id}:");
                for byte in hash.as_bytes() {
                    use std::fmt::Write;
                    let _ = write!(text, "{byte:02x}");
                }
                text
            }
        }
    }

    /// Reads what [`Self::to_text`] wrote.
    pub fn parse(text: &str) -> Result<Self, InvalidChange> {
        let invalid = || InvalidChange(text.chars().take(128).collect());
        let mut parts = text.split(':');
        let (kind, id, hash) = (parts.next(), parts.next(), parts.next());
        match (kind, id, hash) {
            (Some("project"), Some(id), None) => id.parse().map(Self::Project).map_err(|_| invalid()),
            (Some("provider"), Some(id), None) => id.parse().map(Self::Provider).map_err(|_| invalid()),
            (Some("template"), Some(id), None) => id.parse().map(Self::Template).map_err(|_| invalid()),
            (Some("endpoint"), Some(id), None) => id.parse().map(Self::Endpoint).map_err(|_| invalid()),
            (Some("mcp_server"), Some(id), None) => id.parse().map(Self::McpServer).map_err(|_| invalid()),
            (Some("prices"), None, None) => Ok(Self::Prices),
            (Some("network_rules"), None, None) => Ok(Self::NetworkRules),
            (Some("guardrails"), None, None) => Ok(Self::Guardrails),
            (Some("group"), Some(id), None) => id.parse().map(Self::Group).map_err(|_| invalid()),
            (Some("account"), Some(id), None) => id.parse().map(Self::Account).map_err(|_| invalid()),
            (Some("plan"), Some(id), None) => id.parse().map(Self::Plan).map_err(|_| invalid()),
            (Some("token"), Some(id), Some(hash)) => {
                let id = id.parse().map_err(|_| invalid())?;
                let hash = parse_hash(hash).ok_or_else(invalid)?;
                Ok(Self::Token { id, hash })
            }
            _ => Err(invalid()),
        }
    }
}

fn parse_hash(text: &str) -> Option<TokenHash> {
    let mut bytes = [0u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (position, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[position * 2..position * 2 + 2], 16).ok()?;
    }
    Some(TokenHash::from_bytes(bytes))
}

/// Where configuration changes are kept, in the order of their revisions. Behaviour every adapter
/// must show: `store::contract::changes`.
#[async_trait]
pub trait ChangeLog: Send {
    /// Records a change and gives it the next revision. Writers queue, so that revisions commit in
    /// order: whoever sees a revision has all smaller ones.
    async fn record(&mut self, change: Change, at: Timestamp) -> Result<Revision, RepositoryError>;

    /// The latest revision; zero when nothing ever changed.
    async fn revision(&mut self) -> Result<Revision, RepositoryError>;

    /// Up to `limit` changes after a revision, in order. `None` when changes after it were pruned
    /// already, so that everything must be read anew.
    async fn since(
        &mut self,
        revision: Revision,
        limit: u32,
    ) -> Result<Option<Vec<(Revision, Change)>>, RepositoryError>;

    /// Removes up to `limit` changes from before an instant, oldest first; says how many. The
    /// latest revision stays known.
    async fn prune(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_round_trip_and_garbage_is_refused() {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        let changes = [
            Change::Project(id.parse().unwrap()),
            Change::Provider(id.parse().unwrap()),
            Change::Template(id.parse().unwrap()),
            Change::Endpoint(id.parse().unwrap()),
            Change::Group(id.parse().unwrap()),
            Change::Account(id.parse().unwrap()),
            Change::Plan(id.parse().unwrap()),
            Change::McpServer(id.parse().unwrap()),
            Change::Prices,
            Change::NetworkRules,
            Change::Guardrails,
            Change::Token { id: id.parse().unwrap(), hash: TokenHash::from_bytes([0xa7; 32]) },
        ];
        for change in changes {
            assert_eq!(Change::parse(&change.to_text()), Ok(change));
        }
        for wrong in [
            "",
            "project",
            "project:x",
            "token:018f4e6e-0000-7000-8000-000000000001:zz",
            "prices:1",
            "other:1",
        ] {
            assert!(Change::parse(wrong).is_err(), "{wrong}");
        }
    }
}
