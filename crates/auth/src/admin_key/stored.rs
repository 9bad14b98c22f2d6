//! Admin API keys that are kept in the store, each with a name.

use std::fmt;
use std::time::Duration;

use promptgate_kernel::{AdminKeyId, Entropy, SecretString, Timestamp, is_key_text, mint_key_text};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::ENVIRONMENT;

const PREFIX: &str = "pgadm_";
const MAX_NAME: usize = 80;
/// How long the secret before may serve at most.
const MAX_OVERLAP: Duration = Duration::from_hours(30 * 24);
/// Uses are noted this often at most.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// SHA-256 of an admin key: what is stored and looked up.
#[derive(Clone, Copy, Eq)]
pub struct AdminKeyHash([u8; 32]);

impl AdminKeyHash {
    /// Wraps a stored hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storage.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash of what somebody presents; `None` for a text that no key can be.
    pub fn of_presented(text: &str) -> Option<Self> {
        is_key_text(PREFIX, text).then(|| Self::of(text))
    }

    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

/// Takes the same time whatever differs.
impl PartialEq for AdminKeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for AdminKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdminKeyHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// A new key in plain text, `pgadm_` and what tokens have behind their prefix. It is shown once.
#[derive(Debug, Clone)]
pub struct AdminKeySecret(SecretString);

impl AdminKeySecret {
    /// Makes a key from 256 random bits.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(SecretString::new(mint_key_text(PREFIX, entropy)))
    }

    /// The plain text, for the one answer that shows it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    fn hash(&self) -> AdminKeyHash {
        AdminKeyHash::of(self.expose())
    }

    /// The prefix and the first four random characters.
    fn shown_prefix(&self) -> String {
        self.expose()[..PREFIX.len() + 4].to_owned()
    }
}

/// The secret that a key had before its last rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviousAdminKey {
    /// What is stored of it.
    pub hash: AdminKeyHash,
    /// Until when it serves.
    pub until: Timestamp,
}

/// An admin API key of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAdminKey {
    /// Its identity.
    pub id: AdminKeyId,
    /// What operators call it; it is in the audit log.
    pub name: String,
    /// What is stored of the secret.
    pub hash: AdminKeyHash,
    /// The secret before, while it still serves.
    pub previous: Option<PreviousAdminKey>,
    /// The first characters of the secret.
    pub prefix: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops to serve; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Rises with each change.
    pub version: i64,
}

/// Something about an admin key is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAdminKey {
    /// The name.
    #[error("a name has 1 to 80 characters without line breaks, and is not `environment`")]
    Name,
    /// The end of its time.
    #[error("expiresAt must be in the future")]
    ExpiresAt,
    /// How long the secret before serves.
    #[error("overlapSeconds is at most 2592000, which are 30 days")]
    Overlap,
    /// It serves no more.
    #[error("the admin key was revoked, or its time is over")]
    Over,
}

impl InvalidAdminKey {
    /// The name of the field.
    pub const fn field(self) -> Option<&'static str> {
        match self {
            Self::Name => Some("name"),
            Self::ExpiresAt => Some("expiresAt"),
            Self::Overlap => Some("overlapSeconds"),
            Self::Over => None,
        }
    }
}

impl StoredAdminKey {
    /// A new key and its secret.
    pub fn create(
        id: AdminKeyId,
        name: &str,
        expires_at: Option<Timestamp>,
        entropy: &dyn Entropy,
        at: Timestamp,
    ) -> Result<(Self, AdminKeySecret), InvalidAdminKey> {
        let name = name.trim();
        let fits = (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if !fits || name.eq_ignore_ascii_case(ENVIRONMENT) {
            return Err(InvalidAdminKey::Name);
        }
        if expires_at.is_some_and(|end| end <= at) {
            return Err(InvalidAdminKey::ExpiresAt);
        }
        let secret = AdminKeySecret::generate(entropy);
        let key = Self {
            id,
            name: name.to_owned(),
            hash: secret.hash(),
            previous: None,
            prefix: secret.shown_prefix(),
            created_at: at,
            expires_at,
            last_used_at: None,
            revoked_at: None,
            version: 1,
        };
        Ok((key, secret))
    }

    /// The same key under a new secret. The old one serves for `overlap` more.
    pub fn rotate(
        mut self,
        overlap: Duration,
        entropy: &dyn Entropy,
        at: Timestamp,
    ) -> Result<(Self, AdminKeySecret), InvalidAdminKey> {
        if overlap > MAX_OVERLAP {
            return Err(InvalidAdminKey::Overlap);
        }
        if !self.is_active(at) {
            return Err(InvalidAdminKey::Over);
        }
        let secret = AdminKeySecret::generate(entropy);
        let replaced = std::mem::replace(&mut self.hash, secret.hash());
        self.previous =
            (!overlap.is_zero()).then(|| PreviousAdminKey { hash: replaced, until: at.plus(overlap) });
        self.prefix = secret.shown_prefix();
        self.version += 1;
        Ok((self, secret))
    }

    /// The same key, which opens nothing from now on.
    pub fn revoke(mut self, at: Timestamp) -> Result<Self, InvalidAdminKey> {
        if self.revoked_at.is_some() {
            return Err(InvalidAdminKey::Over);
        }
        self.revoked_at = Some(at);
        self.previous = None;
        self.version += 1;
        Ok(self)
    }

    /// Whether it serves at that instant.
    pub fn is_active(&self, at: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| at < end)
    }

    /// Whether what was presented opens with it at that instant.
    pub fn opens(&self, presented: &AdminKeyHash, at: Timestamp) -> bool {
        let is_previous =
            self.previous.is_some_and(|previous| previous.hash == *presented && at < previous.until);
        self.is_active(at) && (self.hash == *presented || is_previous)
    }

    /// Whether a use at that instant is worth noting.
    pub fn should_note_use(&self, at: Timestamp) -> bool {
        self.last_used_at.is_none_or(|last| at.since(last) >= NOTED_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::testing::{SeededEntropy, TestClock};
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn later(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    fn create(
        name: &str,
        expires_at: Option<Timestamp>,
        entropy: &SeededEntropy,
    ) -> Result<(StoredAdminKey, AdminKeySecret), InvalidAdminKey> {
        let id = AdminKeyId::mint(&TestClock::at_millis(1), entropy);
        StoredAdminKey::create(id, name, expires_at, entropy, NOW)
    }

    fn presented(secret: &AdminKeySecret) -> AdminKeyHash {
        AdminKeyHash::of_presented(secret.expose()).unwrap()
    }

    #[test]
    fn what_is_wrong_is_named() {
        let entropy = SeededEntropy::new(1);
        for name in ["", "  ", "a\nb", "Environment", &"x".repeat(81)] {
            assert_eq!(create(name, None, &entropy).unwrap_err().field(), Some("name"), "{name}");
        }
        assert_eq!(create("a", Some(NOW), &entropy).unwrap_err(), InvalidAdminKey::ExpiresAt);
        let (key, secret) = create(" CI ", Some(later(10)), &entropy).unwrap();
        assert_eq!((key.name.as_str(), key.prefix.len(), secret.expose().len()), ("CI", 10, 55));
        assert!(!format!("{secret:?}").contains(&secret.expose()[6..]));
        assert!(key.opens(&presented(&secret), later(9)) && !key.opens(&presented(&secret), later(10)));
        let too_long = key.rotate(MAX_OVERLAP + Duration::from_secs(1), &entropy, NOW);
        assert_eq!(too_long.unwrap_err(), InvalidAdminKey::Overlap);
    }

    #[test]
    fn the_secret_before_serves_until_its_time_is_over() {
        let entropy = SeededEntropy::new(1);
        let (key, old) = create("a", None, &entropy).unwrap();
        let (key, new) = key.rotate(Duration::from_mins(1), &entropy, NOW).unwrap();
        let opens = |key: &StoredAdminKey, secret, at| key.opens(&presented(secret), at);
        assert!(opens(&key, &old, later(59)) && opens(&key, &new, later(59)));
        assert!(!opens(&key, &old, later(60)) && opens(&key, &new, later(60)));
        let (at_once, newest) = key.clone().rotate(Duration::ZERO, &entropy, NOW).unwrap();
        assert!(!opens(&at_once, &new, NOW) && opens(&at_once, &newest, NOW));
        let revoked = key.revoke(NOW).unwrap();
        assert!(!opens(&revoked, &old, NOW) && !opens(&revoked, &new, NOW));
        assert_eq!(revoked.clone().revoke(NOW), Err(InvalidAdminKey::Over));
        assert_eq!(revoked.rotate(Duration::ZERO, &entropy, NOW).unwrap_err(), InvalidAdminKey::Over);
    }

    #[test]
    fn uses_are_noted_once_a_minute() {
        let (key, _) = create("a", None, &SeededEntropy::new(1)).unwrap();
        assert!(key.should_note_use(NOW));
        let used = StoredAdminKey { last_used_at: Some(NOW), ..key };
        assert!(!used.should_note_use(later(59)) && used.should_note_use(later(60)));
    }

    proptest! {
        #[test]
        fn what_is_mistyped_is_not_looked_up(seed: u64, position in 6usize..55, other in "[0-9A-Za-z]") {
            let secret = AdminKeySecret::generate(&SeededEntropy::new(seed));
            prop_assert_eq!(presented(&secret), secret.hash());
            let mut text = secret.expose().to_owned();
            text.replace_range(position..=position, &other);
            prop_assume!(text != secret.expose());
            prop_assert!(AdminKeyHash::of_presented(&text).is_none());
        }
    }
}
