//! Signatures of the installation: HMAC-SHA256 under keys that come from the secrets keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{KeyRing, SealError, SecretsKey};

const FORMAT: &str = "sg1";

/// A signature: `sg1:<key id>:<base64>`. It says nothing about what it signs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Signature(String);

impl Signature {
    /// Wraps a stored text. It is checked when it is verified.
    pub const fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    pub fn as_text(&self) -> &str {
        &self.0
    }

    /// The name of the key it was made with, where it has the form of a signature.
    pub fn key_id(&self) -> Option<&str> {
        Some(self.parts()?.0)
    }

    fn parts(&self) -> Option<(&str, &str)> {
        self.0.strip_prefix(FORMAT)?.strip_prefix(':')?.split_once(':')
    }
}

impl KeyRing {
    /// Signs `message` under the key that seals. `context` says what kind of thing it is: a signature
    /// of one kind is none of another.
    pub fn sign(&self, message: &[u8], context: &str) -> Signature {
        let key = self.active();
        let mac = mac(key, message, context).finalize().into_bytes();
        Signature(format!("{FORMAT}:{}:{}", key.id(), STANDARD.encode(mac)))
    }

    /// Whether one of the keys signed `message` as something of this kind.
    pub fn verify(&self, signature: &Signature, message: &[u8], context: &str) -> Result<(), SealError> {
        let (key_id, encoded) = signature.parts().ok_or(SealError::Malformed)?;
        let key = self
            .find(key_id)
            .ok_or_else(|| SealError::UnknownKey { key_id: key_id.chars().take(16).collect() })?;
        let given = STANDARD.decode(encoded).map_err(|_| SealError::Malformed)?;
        mac(key, message, context).verify_slice(&given).map_err(|_| SealError::Forged)
    }
}

/// The key of signatures is not the key of seals, and each kind has its own.
fn mac(key: &SecretsKey, message: &[u8], context: &str) -> Hmac<Sha256> {
    let keyed = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).expect("a key of HMAC has any length");
    let derived = keyed(key.bytes()).chain_update(b"promptgate signature ").chain_update(context).finalize();
    keyed(&derived.into_bytes()).chain_update(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;
    use proptest::prelude::*;

    fn key(seed: u64) -> SecretsKey {
        SecretsKey::generate(&SeededEntropy::new(seed))
    }

    #[test]
    fn another_key_another_kind_and_another_message_are_refused() {
        let ring = KeyRing::new(key(1), vec![]);
        let signature = ring.sign(b"message", "kind");
        assert_eq!(ring.verify(&signature, b"message", "kind"), Ok(()));
        assert_eq!(ring.verify(&signature, b"massage", "kind"), Err(SealError::Forged));
        assert_eq!(ring.verify(&signature, b"message", "king"), Err(SealError::Forged));
        let newer = KeyRing::new(key(2), vec![key(1)]);
        assert_eq!(newer.verify(&signature, b"message", "kind"), Ok(()));
        let other = KeyRing::new(key(2), vec![]).verify(&signature, b"message", "kind");
        assert!(matches!(other, Err(SealError::UnknownKey { .. })));
        assert_eq!(signature.key_id(), Some(key(1).id().as_str()));
    }

    proptest! {
        #[test]
        fn garbage_is_no_signature(text in ".*") {
            prop_assert!(KeyRing::new(key(1), vec![]).verify(&Signature::from_text(text), b"", "").is_err());
        }
    }
}
