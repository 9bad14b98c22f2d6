//! What sign-ins share between replicas: sessions, throttles, and records that are read once.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use promptgate_kernel::{AccountId, RepositoryError, Sealed, SessionId, Timestamp};
use sha2::{Digest, Sha256};

use crate::{Renewal, Session, SessionHash};

/// Where sessions live. Behaviour every adapter must show: `store::contract::sign_in`.
///
/// What is removed is gone for every replica at once, and nothing but [`Self::insert`] and a
/// matching [`Self::replace`] makes a session.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Stores a new session.
    async fn insert(&self, session: &Session) -> Result<(), RepositoryError>;

    /// The session with this hash, whether it is still live or not.
    async fn find(&self, hash: SessionHash) -> Result<Option<Session>, RepositoryError>;

    /// Notes a use. Never moves it back and never brings a removed session back: `false` when there
    /// is no such session any more.
    async fn touch(&self, hash: SessionHash, seen_at: Timestamp) -> Result<bool, RepositoryError>;

    /// Puts `session` in the place of the one with the hash `old`, in one step; `false`, and nothing
    /// changes, when that one is gone. How the provider is asked again stays as it is in the store,
    /// because somebody may have asked meanwhile.
    async fn replace(&self, old: SessionHash, session: &Session) -> Result<bool, RepositoryError>;

    /// Removes a session; `false` when there was none.
    async fn remove(&self, hash: SessionHash) -> Result<bool, RepositoryError>;

    /// The sessions of an account, the newest first.
    async fn list_of(&self, account: AccountId) -> Result<Vec<Session>, RepositoryError>;

    /// Removes the sessions of an account but for `except`, and says how many those were.
    async fn remove_all_of(
        &self,
        account: AccountId,
        except: Option<SessionHash>,
    ) -> Result<u64, RepositoryError>;

    /// Removes sessions that are past their end, or were not used since `idle_since`, about `limit` of them at
    /// most; says how many.
    async fn prune(&self, now: Timestamp, idle_since: Timestamp, limit: u32) -> Result<u64, RepositoryError>;

    /// Puts off the renewal that is due at `due_at` to `until`. Of any number at once one gets `true`,
    /// and has the renewal for itself until then.
    async fn claim_renewal(
        &self,
        id: SessionId,
        due_at: Timestamp,
        until: Timestamp,
    ) -> Result<bool, RepositoryError>;

    /// Writes what came of a renewal that was claimed until `claimed`; `false`, and nothing changes, when
    /// the session is gone or the renewal is somebody else's.
    async fn save_renewal(
        &self,
        id: SessionId,
        claimed: Timestamp,
        renewal: &Renewal,
    ) -> Result<bool, RepositoryError>;

    /// What every session that has a renewal asks its provider with.
    async fn list_tickets(&self) -> Result<Vec<(SessionId, Sealed)>, RepositoryError>;

    /// Puts `ticket` in the place of `was`; `false`, and nothing changes, when that one is gone.
    async fn replace_ticket(
        &self,
        id: SessionId,
        was: &Sealed,
        ticket: &Sealed,
    ) -> Result<bool, RepositoryError>;
}

/// Names one thing that is counted or kept for a short while, without giving it away: the store
/// sees a purpose and a SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SignInKey(String);

impl SignInKey {
    /// The key of `subject` for `purpose`, which is a short constant such as `login`.
    pub fn of(purpose: &str, subject: &str) -> Self {
        let digest = Sha256::digest(subject.as_bytes());
        let mut key = format!("{purpose}:");
        for byte in digest {
            let _ = write!(key, "{byte:02x}");
        }
        Self(key)
    }

    /// The text to store.
    pub fn as_text(&self) -> &str {
        &self.0
    }
}

/// What a throttle says about one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the try may go on.
    pub allowed: bool,
    /// When the next may, if this one may not; zero otherwise.
    pub retry_after: Duration,
}

/// Counts tries over all replicas. Behaviour every adapter must show: `store::contract::sign_in`.
#[async_trait]
pub trait Throttle: Send + Sync {
    /// Counts one try. At most `limit` are allowed in a window, which begins with its first try; a
    /// refused try neither counts nor prolongs it.
    async fn hit(
        &self,
        key: &SignInKey,
        limit: u32,
        window: Duration,
        now: Timestamp,
    ) -> Result<Verdict, RepositoryError>;

    /// Forgets the tries of a key.
    async fn reset(&self, key: &SignInKey) -> Result<(), RepositoryError>;

    /// Forgets up to `limit` windows that are over; says how many.
    async fn prune(&self, now: Timestamp, limit: u32) -> Result<u64, RepositoryError>;
}

/// Keeps what is read once. Behaviour every adapter must show: `store::contract::sign_in`.
#[async_trait]
pub trait OneTimeStore: Send + Sync {
    /// Keeps a value until it is taken, or until `ttl` is over.
    async fn put(
        &self,
        key: &SignInKey,
        value: &Sealed,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<(), RepositoryError>;

    /// Takes the value away. Of any number of takers at once, one gets it.
    async fn take(&self, key: &SignInKey, now: Timestamp) -> Result<Option<Sealed>, RepositoryError>;

    /// Removes up to `limit` values that nobody took in time; says how many.
    async fn prune(&self, now: Timestamp, limit: u32) -> Result<u64, RepositoryError>;
}

/// What sign-ins share, all together.
#[derive(Clone)]
pub struct SignInState {
    /// The sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// The counters of tries.
    pub throttle: Arc<dyn Throttle>,
    /// What is read once.
    pub one_time: Arc<dyn OneTimeStore>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_purpose_and_gives_nothing_away() {
        let key = SignInKey::of("login", "somebody@example.com");
        assert!(key.as_text().starts_with("login:") && key.as_text().len() == 70);
        assert!(!key.as_text().contains("somebody"));
        assert_ne!(key, SignInKey::of("totp", "somebody@example.com"));
    }
}
