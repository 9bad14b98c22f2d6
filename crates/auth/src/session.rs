//! Sessions of people who signed in.

mod renewal;
mod secret;

use std::net::IpAddr;
use std::time::Duration;

use promptgate_kernel::{AccountId, Sealed, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

pub use renewal::Renewal;
pub use secret::{SessionHash, SessionSecret};

/// How long a user agent that is kept may be, in characters.
const MAX_USER_AGENT: usize = 512;

/// What a session opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStage {
    /// Whatever the account may do.
    Full,
    /// Only "set a new password".
    MustChangePassword,
    /// Only "give the code of the second factor".
    NeedsTotp,
}

impl SessionStage {
    /// The name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::MustChangePassword => "must_change_password",
            Self::NeedsTotp => "needs_totp",
        }
    }
}

/// A text that names no stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a stage of a session")]
pub struct UnknownSessionStage;

impl std::str::FromStr for SessionStage {
    type Err = UnknownSessionStage;

    fn from_str(text: &str) -> Result<Self, UnknownSessionStage> {
        [Self::Full, Self::MustChangePassword, Self::NeedsTotp]
            .into_iter()
            .find(|stage| stage.as_str() == text)
            .ok_or(UnknownSessionStage)
    }
}

/// A session, as it is kept: by the hash of its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name in lists. It opens nothing.
    pub id: SessionId,
    /// What is kept of the secret in the cookie.
    pub hash: SessionHash,
    /// Whose it is.
    pub account: AccountId,
    /// When its owner signed in.
    pub created_at: Timestamp,
    /// When it was last used, to within a minute.
    pub last_seen_at: Timestamp,
    /// When it ends, however much it is used.
    pub expires_at: Timestamp,
    /// Where it was opened from.
    pub address: Option<IpAddr>,
    /// With which browser, shortened.
    pub user_agent: String,
    /// The identity provider that vouched for its owner; `None` for a password.
    pub provider: Option<String>,
    /// The provider's ID token, sealed for [`Session::id_token_context`]; for signing out there.
    pub id_token: Option<Sealed>,
    /// How the provider is asked again, if it gave something to ask with.
    pub renewal: Option<Renewal>,
    /// What it opens.
    pub stage: SessionStage,
}

/// What a session is made from.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Whose it is.
    pub account: AccountId,
    /// How long it lives, however much it is used.
    pub lifetime: Duration,
    /// Where it is opened from.
    pub address: Option<IpAddr>,
    /// With which browser.
    pub user_agent: String,
    /// The identity provider that vouched for its owner.
    pub provider: Option<String>,
    /// What it opens.
    pub stage: SessionStage,
}

impl Session {
    /// How old the last use must be before it is written again.
    pub const TOUCH_AFTER: Duration = Duration::from_mins(1);

    /// Opens a session.
    pub fn open(id: SessionId, hash: SessionHash, new: NewSession, now: Timestamp) -> Self {
        Self {
            id,
            hash,
            account: new.account,
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(new.lifetime),
            address: new.address,
            user_agent: new.user_agent.chars().take(MAX_USER_AGENT).collect(),
            provider: new.provider,
            id_token: None,
            renewal: None,
            stage: new.stage,
        }
    }

    /// The same session under another secret and at another stage: what a change of privilege
    /// makes of it. Its absolute end stays.
    #[must_use]
    pub fn rotate(self, hash: SessionHash, stage: SessionStage, now: Timestamp) -> Self {
        Self { hash, stage, last_seen_at: now, ..self }
    }

    /// Whether the session is open: neither past its end nor unused for longer than `idle`.
    pub fn live(&self, now: Timestamp, idle: Duration) -> bool {
        now < self.expires_at && now.since(self.last_seen_at) < idle
    }

    /// Whether its use should be noted now.
    pub fn wants_touch(&self, now: Timestamp) -> bool {
        now.since(self.last_seen_at) >= Self::TOUCH_AFTER
    }

    /// What the ID token is sealed for. It survives rotation.
    pub fn id_token_context(&self) -> String {
        format!("sessions/{}/id_token", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::Clock;
    use promptgate_kernel::testing::{SeededEntropy, TestClock};

    #[test]
    fn a_session_ends_when_idle_and_at_its_absolute_end() {
        let (clock, entropy) = (TestClock::at_millis(1_700_000_000_000), SeededEntropy::new(1));
        let hash = SessionSecret::generate(&entropy).hash();
        let new = NewSession {
            account: AccountId::mint(&clock, &entropy),
            lifetime: Duration::from_mins(10),
            address: None,
            user_agent: "x".repeat(2_000),
            provider: None,
            stage: SessionStage::Full,
        };
        let mut session = Session::open(SessionId::mint(&clock, &entropy), hash, new, clock.now());
        let idle = Duration::from_mins(2);
        assert!(session.live(clock.now(), idle) && session.user_agent.len() == 512);
        let later = clock.now().plus(idle);
        assert!(!session.live(later, idle));
        session.last_seen_at = later;
        assert!(session.live(later, idle) && !session.wants_touch(later));
        let end = clock.now().plus(Duration::from_mins(10));
        session = session.rotate(SessionSecret::generate(&entropy).hash(), SessionStage::Full, end);
        assert!(!session.live(end, idle), "rotation does not prolong");
    }
}
