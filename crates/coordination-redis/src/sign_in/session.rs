//! A session as Redis keeps it.

use std::net::IpAddr;

use promptgate_auth::{Renewal, Session, SessionHash, SessionStage};
use promptgate_kernel::{AccountId, RepositoryError, Sealed, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct SessionDocument {
    hash: String,
    id: SessionId,
    account: AccountId,
    created_at: i64,
    expires_at: i64,
    address: Option<IpAddr>,
    user_agent: String,
    provider: Option<String>,
    id_token: Option<String>,
    stage: SessionStage,
}

impl SessionDocument {
    /// Everything but the last use and the renewal, which change by themselves.
    pub(super) fn write(session: &Session) -> Result<String, RepositoryError> {
        let document = Self {
            hash: session.hash.to_text(),
            id: session.id,
            account: session.account,
            created_at: session.created_at.as_micros(),
            expires_at: session.expires_at.as_micros(),
            address: session.address,
            user_agent: session.user_agent.clone(),
            provider: session.provider.clone(),
            id_token: session.id_token.as_ref().map(|token| token.as_text().to_owned()),
            stage: session.stage,
        };
        serde_json::to_string(&document).map_err(corrupt)
    }

    /// Reads documents, each with the instant of its last use after it, and with the ticket of its renewal
    /// and the instant when that is due; without a renewal these are empty.
    pub(super) fn read_all(found: &[String]) -> Result<Vec<Session>, RepositoryError> {
        let (parts, _) = found.as_chunks::<4>();
        parts.iter().map(Self::read).collect()
    }

    fn read([document, seen, ticket, due_at]: &[String; 4]) -> Result<Session, RepositoryError> {
        let document: Self = serde_json::from_str(document).map_err(corrupt)?;
        let seen: i64 = seen.parse().map_err(corrupt)?;
        let renewal = if ticket.is_empty() {
            None
        } else {
            let due_at = Timestamp::from_micros(due_at.parse().map_err(corrupt)?);
            Some(Renewal { ticket: Sealed::from_text(ticket.clone()), due_at })
        };
        Ok(Session {
            id: document.id,
            hash: SessionHash::from_text(&document.hash).ok_or_else(|| corrupt("no hash"))?,
            account: document.account,
            created_at: Timestamp::from_micros(document.created_at),
            last_seen_at: Timestamp::from_micros(seen),
            expires_at: Timestamp::from_micros(document.expires_at),
            address: document.address,
            user_agent: document.user_agent,
            provider: document.provider,
            id_token: document.id_token.map(Sealed::from_text),
            renewal,
            stage: document.stage,
        })
    }
}

pub(super) fn corrupt(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RepositoryError {
    RepositoryError::Corrupt { table: "sessions", id: String::new(), source: source.into() }
}
