//! Secrets at rest: XChaCha20-Poly1305 under keys that the ciphertext names.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Entropy, Secret};

const FORMAT: &str = "pg1";
const NONCE_LENGTH: usize = 24;

/// A 256-bit key that secrets are sealed under.
#[derive(Clone, Debug)]
pub struct SecretsKey(Secret<[u8; 32]>);

/// A text that is no secrets key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be base64 of 32 bytes, or 32 raw characters; it has {length} characters. \
     Make one with: openssl rand -base64 32"
)]
pub struct InvalidSecretsKey {
    /// How long the refused text was. The text itself is never repeated.
    pub length: usize,
}

impl SecretsKey {
    /// Wraps 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Makes a new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0u8; 32];
        entropy.fill(&mut bytes);
        Self::from_bytes(bytes)
    }

    /// Reads a key: base64 of 32 bytes, or exactly 32 raw bytes. Blanks around it do not count.
    pub fn parse(text: &str) -> Result<Self, InvalidSecretsKey> {
        let text = text.trim();
        let decoded = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let raw = || <[u8; 32]>::try_from(text.as_bytes()).ok();
        decoded.or_else(raw).map(Self::from_bytes).ok_or(InvalidSecretsKey { length: text.chars().count() })
    }

    /// The key in the form that [`Self::parse`] reads. It is the secret itself.
    pub fn encode(&self) -> Secret<String> {
        Secret::new(STANDARD.encode(self.0.expose()))
    }

    /// Eight hexadecimal characters that name this key without giving it away.
    pub fn id(&self) -> String {
        let digest =
            Sha256::new().chain_update(b"promptgate secrets key id").chain_update(self.0.expose()).finalize();
        digest[..4].iter().fold(String::with_capacity(8), |mut id, byte| {
            use fmt::Write;
            let _ = write!(id, "{byte:02x}");
            id
        })
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        self.0.expose()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0.expose()))
    }
}

/// A sealed secret: `pg1:<key id>:<base64 of nonce and ciphertext>`. Safe to store and to show.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sealed(String);

impl Sealed {
    /// Wraps a stored text. It is checked when it is opened.
    pub const fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    pub fn as_text(&self) -> &str {
        &self.0
    }

    /// The name of the key it was sealed under, where it has the form of something sealed.
    pub fn key_id(&self) -> Option<&str> {
        Some(self.0.strip_prefix(FORMAT)?.strip_prefix(':')?.split_once(':')?.0)
    }
}

/// Why a sealed secret cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text is not in the sealed format.
    #[error("not a sealed secret")]
    Malformed,
    /// It was sealed under a key that this process does not have.
    #[error(
        "sealed under the key `{key_id}`, which is not configured; add it to PROMPTGATE_SECRETS_KEYS_OLD"
    )]
    UnknownKey {
        /// The key's name.
        key_id: String,
    },
    /// It was changed, or belongs to something else.
    #[error("the sealed secret was altered, or belongs to another row")]
    Forged,
}

/// The keys of a process: one that seals, and older ones that still open.
#[derive(Debug, Clone)]
pub struct KeyRing {
    active: SecretsKey,
    old: Vec<SecretsKey>,
}

impl KeyRing {
    /// A ring that seals under `active` and opens under all.
    pub const fn new(active: SecretsKey, old: Vec<SecretsKey>) -> Self {
        Self { active, old }
    }

    /// The name of the key that seals and signs.
    pub fn active_id(&self) -> String {
        self.active.id()
    }

    pub(crate) const fn active(&self) -> &SecretsKey {
        &self.active
    }

    pub(crate) fn find(&self, key_id: &str) -> Option<&SecretsKey> {
        std::iter::once(&self.active).chain(&self.old).find(|key| key.id() == key_id)
    }

    /// Seals again, under the key that seals now, what was sealed under an older one; `None` when
    /// there is nothing to do.
    pub fn reseal(
        &self,
        sealed: &Sealed,
        context: &str,
        entropy: &dyn Entropy,
    ) -> Result<Option<Sealed>, SealError> {
        if sealed.key_id() == Some(self.active.id().as_str()) {
            return Ok(None);
        }
        let plaintext = self.open(sealed, context)?;
        Ok(Some(self.seal(plaintext.expose(), context, entropy)))
    }

    /// Seals `plaintext`. It opens only with the same `context`, which names the row it belongs to,
    /// so that a ciphertext cannot be moved to another row.
    pub fn seal(&self, plaintext: &[u8], context: &str, entropy: &dyn Entropy) -> Sealed {
        let mut nonce = [0u8; NONCE_LENGTH];
        entropy.fill(&mut nonce);
        let payload = Payload { msg: plaintext, aad: context.as_bytes() };
        let ciphertext = self
            .active
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .expect("XChaCha20-Poly1305 only fails beyond 256 GiB");
        let mut sealed = nonce.to_vec();
        sealed.extend(ciphertext);
        Sealed(format!("{FORMAT}:{}:{}", self.active.id(), STANDARD.encode(sealed)))
    }

    /// Opens what [`Self::seal`] made with the same context.
    pub fn open(&self, sealed: &Sealed, context: &str) -> Result<Secret<Vec<u8>>, SealError> {
        let mut parts = sealed.0.splitn(3, ':');
        let (Some(FORMAT), Some(key_id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SealError::Malformed);
        };
        let key = self
            .find(key_id)
            .ok_or_else(|| SealError::UnknownKey { key_id: key_id.chars().take(16).collect() })?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SealError::Malformed)?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_LENGTH>().ok_or(SealError::Malformed)?;
        let payload = Payload { msg: ciphertext, aad: context.as_bytes() };
        key.cipher().decrypt(&XNonce::from(*nonce), payload).map(Secret::new).map_err(|_| SealError::Forged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;
    use proptest::prelude::*;

    fn ring(seed: u64) -> KeyRing {
        KeyRing::new(SecretsKey::generate(&SeededEntropy::new(seed)), vec![])
    }

    #[test]
    fn the_same_plaintext_seals_differently_each_time() {
        let (ring, entropy) = (ring(1), SeededEntropy::new(2));
        assert_ne!(ring.seal(b"key", "row", &entropy), ring.seal(b"key", "row", &entropy));
    }

    #[test]
    fn an_old_key_still_opens() {
        let old = SecretsKey::generate(&SeededEntropy::new(1));
        let sealed = KeyRing::new(old.clone(), vec![]).seal(b"key", "row", &SeededEntropy::new(2));
        let new = KeyRing::new(SecretsKey::generate(&SeededEntropy::new(3)), vec![old]);
        assert_eq!(new.open(&sealed, "row").unwrap().expose(), b"key");
    }

    #[test]
    fn resealing_moves_to_the_active_key_once() {
        let entropy = SeededEntropy::new(2);
        let old = SecretsKey::generate(&SeededEntropy::new(1));
        let sealed = KeyRing::new(old.clone(), vec![]).seal(b"key", "row", &entropy);
        let new = KeyRing::new(SecretsKey::generate(&SeededEntropy::new(3)), vec![old]);
        let moved = new.reseal(&sealed, "row", &entropy).unwrap().unwrap();
        assert_eq!(moved.key_id(), Some(new.active_id().as_str()));
        assert_eq!(new.open(&moved, "row").unwrap().expose(), b"key");
        assert_eq!(new.reseal(&moved, "row", &entropy), Ok(None));
        assert_eq!(new.reseal(&sealed, "other row", &entropy), Err(SealError::Forged));
        assert_eq!(new.reseal(&Sealed::from_text("x".into()), "row", &entropy), Err(SealError::Malformed));
    }

    #[test]
    fn another_row_another_key_and_garbage_are_told_apart() {
        let sealed = ring(1).seal(b"key", "row", &SeededEntropy::new(2));
        assert_eq!(ring(1).open(&sealed, "other row").unwrap_err(), SealError::Forged);
        assert!(matches!(ring(9).open(&sealed, "row").unwrap_err(), SealError::UnknownKey { .. }));
        assert_eq!(
            ring(1).open(&Sealed::from_text("v1:abc".into()), "row").unwrap_err(),
            SealError::Malformed
        );
    }

    #[test]
    fn keys_are_read_in_both_forms() {
        let raw = "0123456789abcdef0123456789abcdef";
        let key = SecretsKey::parse(raw).unwrap();
        assert_eq!(SecretsKey::parse(key.encode().expose()).unwrap().id(), key.id());
        assert_eq!(SecretsKey::parse("short").unwrap_err().length, 5);
        assert!(!SecretsKey::parse("canary").unwrap_err().to_string().contains("canary"));
    }

    proptest! {
        #[test]
        fn everything_round_trips(plaintext: Vec<u8>, context in ".*") {
            let ring = ring(1);
            let sealed = ring.seal(&plaintext, &context, &SeededEntropy::new(2));
            let opened = ring.open(&sealed, &context).unwrap();
            prop_assert_eq!(opened.expose(), &plaintext);
        }
    }
}
