//! The secrets of a provider.

use std::time::Duration;

use promptgate_kernel::{
    CredentialId, Entropy, KeyRing, ProviderId, SealError, Sealed, SecretString, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::limits::is_line;

/// The longest time that a replaced secret goes on serving.
const MAX_OVERLAP: Duration = Duration::from_hours(30 * 24);
const MAX_SECRET_BYTES: usize = 8 * 1024;

/// What is wrong with a credential that somebody wants to create or change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredential {
    /// The name is blank or too long.
    #[error("name must have 1 to 120 characters that are no control characters")]
    Name,
    /// The weight is out of range.
    #[error("weight must be a whole number from 1 to 100")]
    Weight,
    /// The secret cannot be sent.
    #[error("secret must be 1 to 8,192 printable ASCII characters without blanks")]
    Secret,
    /// The old secret would serve for too long.
    #[error("overlapSeconds must be at most 2,592,000 (30 days)")]
    Overlap,
}

impl InvalidCredential {
    /// The field that is wrong, as the wire names it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Weight => "weight",
            Self::Secret => "secret",
            Self::Overlap => "overlapSeconds",
        }
    }
}

/// One secret of a provider, sealed at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its identity.
    pub id: CredentialId,
    /// Whose secret it is. Never changes.
    pub provider_id: ProviderId,
    /// Its name for people.
    pub name: String,
    /// What may be shown of the secret.
    pub preview: String,
    /// Its share of the calls, from 1 to 100, among the credentials of its provider.
    pub weight: u32,
    /// Whether it is used; an inactive one is skipped by everything.
    pub active: bool,
    /// The secret, sealed for this row only.
    pub sealed: Sealed,
    /// The secret before, while it still serves.
    pub previous: Option<PreviousSecret>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// A secret that was replaced and still serves where the new one is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret, sealed for the same row.
    pub sealed: Sealed,
    /// Until when it serves.
    pub until: Timestamp,
}

/// What a credential is made from.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// Whose secret it is.
    pub provider_id: ProviderId,
    /// Its name for people.
    pub name: String,
    /// Its share of the calls.
    pub weight: u32,
    /// Whether it is used.
    pub active: bool,
    /// The secret.
    pub secret: SecretString,
}

/// What may be changed about a credential without touching its secret; `None` keeps a value.
#[derive(Debug, Clone, Default)]
pub struct CredentialChanges {
    /// Another name for people.
    pub name: Option<String>,
    /// Another share of the calls.
    pub weight: Option<u32>,
    /// Use it or do not.
    pub active: Option<bool>,
}

impl Credential {
    /// The name of a credential that somebody gave together with its provider.
    pub const DEFAULT_NAME: &'static str = "default";

    /// Checks and seals a new credential.
    pub fn create(
        id: CredentialId,
        new: &NewCredential,
        keys: &KeyRing,
        entropy: &dyn Entropy,
        at: Timestamp,
    ) -> Result<Self, InvalidCredential> {
        check_secret(&new.secret)?;
        let mut credential = Self::seal(id, new.provider_id, &new.secret, keys, entropy, at);
        new.name.trim().clone_into(&mut credential.name);
        credential.weight = new.weight;
        credential.active = new.active;
        credential.check()?;
        Ok(credential)
    }

    /// Seals a secret under the default name, for the one credential of a provider.
    pub fn seal(
        id: CredentialId,
        provider_id: ProviderId,
        secret: &SecretString,
        keys: &KeyRing,
        entropy: &dyn Entropy,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            provider_id,
            name: Self::DEFAULT_NAME.to_owned(),
            preview: preview(secret.expose()),
            weight: 1,
            active: true,
            sealed: keys.seal(secret.expose().as_bytes(), &context(id), entropy),
            previous: None,
            created_at: at,
            updated_at: at,
            version: 1,
        }
    }

    /// Applies changes.
    pub fn change(mut self, changes: CredentialChanges, at: Timestamp) -> Result<Self, InvalidCredential> {
        if let Some(name) = changes.name {
            name.trim().clone_into(&mut self.name);
        }
        self.weight = changes.weight.unwrap_or(self.weight);
        self.active = changes.active.unwrap_or(self.active);
        self.updated_at = at;
        self.version += 1;
        self.check()?;
        Ok(self)
    }

    /// Puts another secret in place. The id stays, so that whatever uses the credential goes on; the
    /// secret of today serves for the time of the overlap where the new one is refused.
    pub fn rotate(
        mut self,
        secret: &SecretString,
        overlap: Duration,
        keys: &KeyRing,
        entropy: &dyn Entropy,
        at: Timestamp,
    ) -> Result<Self, InvalidCredential> {
        check_secret(secret)?;
        if overlap > MAX_OVERLAP {
            return Err(InvalidCredential::Overlap);
        }
        let sealed = keys.seal(secret.expose().as_bytes(), &context(self.id), entropy);
        let replaced = std::mem::replace(&mut self.sealed, sealed);
        self.previous =
            (!overlap.is_zero()).then(|| PreviousSecret { sealed: replaced, until: at.plus(overlap) });
        self.preview = preview(secret.expose());
        self.updated_at = at;
        self.version += 1;
        Ok(self)
    }

    /// Opens the secret, to be sent upstream and nowhere else.
    pub fn open(&self, keys: &KeyRing) -> Result<SecretString, SealError> {
        open(&self.sealed, self.id, keys)
    }

    /// Opens the secret before this one, if it may still serve at that instant.
    pub fn open_previous(&self, keys: &KeyRing, at: Timestamp) -> Option<Result<SecretString, SealError>> {
        let previous = self.previous.as_ref().filter(|previous| at < previous.until)?;
        Some(open(&previous.sealed, self.id, keys))
    }

    /// Seals the secrets again under the key that seals now; `None` when there is nothing to do. What
    /// cannot be opened stays as it is, and is the error, unless the other secret could be moved: then
    /// the next attempt says so.
    pub fn reseal(&self, keys: &KeyRing, entropy: &dyn Entropy) -> Result<Option<Self>, SealError> {
        let context = context(self.id);
        let sealed = keys.reseal(&self.sealed, &context, entropy);
        let previous = match &self.previous {
            Some(previous) => keys.reseal(&previous.sealed, &context, entropy),
            None => Ok(None),
        };
        let mut moved = self.clone();
        let mut is_moved = false;
        if let Ok(Some(sealed)) = &sealed {
            moved.sealed = sealed.clone();
            is_moved = true;
        }
        if let (Ok(Some(sealed)), Some(previous)) = (&previous, &mut moved.previous) {
            previous.sealed = sealed.clone();
            is_moved = true;
        }
        if is_moved {
            moved.version += 1;
            return Ok(Some(moved));
        }
        sealed.and(previous).map(|_| None)
    }

    fn check(&self) -> Result<(), InvalidCredential> {
        if !is_line(&self.name, 1, 120) {
            return Err(InvalidCredential::Name);
        }
        if !(1..=100).contains(&self.weight) {
            return Err(InvalidCredential::Weight);
        }
        Ok(())
    }
}

fn check_secret(secret: &SecretString) -> Result<(), InvalidCredential> {
    let bytes = secret.expose().as_bytes();
    let fits = !bytes.is_empty() && bytes.len() <= MAX_SECRET_BYTES && bytes.iter().all(u8::is_ascii_graphic);
    if fits { Ok(()) } else { Err(InvalidCredential::Secret) }
}

/// The first four characters and the last three of a long secret; of a shorter one the last three,
/// of a short one nothing.
fn preview(secret: &str) -> String {
    let characters: Vec<char> = secret.chars().collect();
    let of = |range: &[char]| range.iter().collect::<String>();
    match characters.len() {
        length @ 24.. => format!("{}…{}", of(&characters[..4]), of(&characters[length - 3..])),
        length @ 16.. => format!("…{}", of(&characters[length - 3..])),
        _ => "…".to_owned(),
    }
}

fn open(sealed: &Sealed, id: CredentialId, keys: &KeyRing) -> Result<SecretString, SealError> {
    let bytes = keys.open(sealed, &context(id))?;
    let text = String::from_utf8(bytes.expose().clone()).map_err(|_| SealError::Malformed)?;
    Ok(SecretString::new(text))
}

fn context(id: CredentialId) -> String {
    format!("credential:{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::SecretsKey;
    use promptgate_kernel::testing::{SeededEntropy, TestClock};

    struct Fixture {
        clock: TestClock,
        entropy: SeededEntropy,
        keys: KeyRing,
    }

    impl Fixture {
        fn new() -> Self {
            let entropy = SeededEntropy::new(1);
            let keys = KeyRing::new(SecretsKey::generate(&entropy), vec![]);
            Self { clock: TestClock::at_millis(1), entropy, keys }
        }

        fn create(&self, name: &str, weight: u32, secret: &str) -> Result<Credential, InvalidCredential> {
            let new = NewCredential {
                provider_id: ProviderId::mint(&self.clock, &self.entropy),
                name: name.to_owned(),
                weight,
                active: true,
                secret: SecretString::new(secret.to_owned()),
            };
            let id = CredentialId::mint(&self.clock, &self.entropy);
            Credential::create(id, &new, &self.keys, &self.entropy, Timestamp::from_micros(1))
        }
    }

    #[test]
    fn a_sealed_secret_opens_for_its_own_row_only() {
        let fixture = Fixture::new();
        let credential = fixture.create("main", 1, "sk-canary").unwrap();
        assert_eq!(credential.open(&fixture.keys).unwrap().expose(), "sk-canary");
        assert!(!format!("{credential:?}").contains("canary"));
        let second = CredentialId::mint(&fixture.clock, &fixture.entropy);
        assert_eq!(
            Credential { id: second, ..credential }.open(&fixture.keys).unwrap_err(),
            SealError::Forged
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let fixture = Fixture::new();
        let long = "x".repeat(8_193);
        for (name, weight, secret, wrong) in [
            ("", 1, "s", InvalidCredential::Name),
            ("a\nb", 1, "s", InvalidCredential::Name),
            ("a", 0, "s", InvalidCredential::Weight),
            ("a", 101, "s", InvalidCredential::Weight),
            ("a", 1, "", InvalidCredential::Secret),
            ("a", 1, "a b", InvalidCredential::Secret),
            ("a", 1, "ü", InvalidCredential::Secret),
            ("a", 1, &long, InvalidCredential::Secret),
        ] {
            assert_eq!(fixture.create(name, weight, secret).unwrap_err(), wrong, "{name:?} {weight}");
        }
    }

    #[test]
    fn a_preview_gives_no_short_secret_away() {
        for (secret, shown) in [
            ("sk-ant-api03-0123456789abcdef", "sk-a…def"),
            ("0123456789abcdef", "…def"),
            ("0123456789abcde", "…"),
            ("x", "…"),
        ] {
            assert_eq!(preview(secret), shown);
        }
    }

    #[test]
    fn a_rotated_secret_serves_until_the_overlap_ends() {
        let fixture = Fixture::new();
        let first = fixture.create("main", 1, "first").unwrap();
        let secret = SecretString::new("second".into());
        let rotate = |overlap| {
            let at = Timestamp::from_micros(10_000_000);
            first.clone().rotate(&secret, Duration::from_secs(overlap), &fixture.keys, &fixture.entropy, at)
        };
        let rotated = rotate(5).unwrap();
        assert_eq!((rotated.id, rotated.version), (first.id, 2));
        assert_eq!(rotated.open(&fixture.keys).unwrap().expose(), "second");
        let before = |micros| rotated.open_previous(&fixture.keys, Timestamp::from_micros(micros));
        assert_eq!(before(14_999_999).unwrap().unwrap().expose(), "first");
        assert!(before(15_000_000).is_none());
        assert_eq!(rotate(0).unwrap().previous, None, "no overlap, no second secret");
        assert_eq!(rotate(2_592_001).unwrap_err(), InvalidCredential::Overlap);
    }

    #[test]
    fn both_secrets_move_to_the_newer_key() {
        let fixture = Fixture::new();
        let old = fixture.create("a", 1, "sk-0123456789-0123456789").unwrap();
        let at = Timestamp::from_micros(2);
        let second = SecretString::new("sk-other-0123456789-0123".to_owned());
        let old = old.rotate(&second, Duration::from_mins(5), &fixture.keys, &fixture.entropy, at).unwrap();
        assert_eq!(old.reseal(&fixture.keys, &fixture.entropy), Ok(None));
        let entropy = SeededEntropy::new(1);
        let first_key = SecretsKey::generate(&entropy);
        let newer = KeyRing::new(SecretsKey::generate(&entropy), vec![first_key]);
        let moved = old.reseal(&newer, &entropy).unwrap().unwrap();
        assert_eq!(moved.sealed.key_id(), Some(newer.active_id().as_str()));
        assert_eq!(moved.open(&newer).unwrap().expose(), second.expose());
        let previous = moved.open_previous(&newer, at).unwrap().unwrap();
        assert_eq!(previous.expose(), "sk-0123456789-0123456789");
        assert_eq!((moved.version, moved.updated_at), (old.version + 1, old.updated_at));
        let stranger = KeyRing::new(SecretsKey::from_bytes([3; 32]), vec![]);
        assert!(matches!(old.reseal(&stranger, &entropy), Err(SealError::UnknownKey { .. })));
    }
}
