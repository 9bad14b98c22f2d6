//! The secret in the cookie, and what is kept of it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use promptgate_kernel::{Entropy, SecretString};
use sha2::{Digest, Sha256};

/// The secret of a session: 256 random bits in base64url without padding.
#[derive(Debug, Clone)]
pub struct SessionSecret(SecretString);

/// SHA-256 of a session's secret: what is stored and looked up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionHash([u8; 32]);

impl SessionSecret {
    /// How many characters a secret has.
    const LENGTH: usize = 43;

    /// Makes a secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0u8; 32];
        entropy.fill(&mut bytes);
        Self(SecretString::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Takes what a cookie carries; `None` for what cannot be a secret, which needs no lookup.
    pub fn parse(text: &str) -> Option<Self> {
        let plausible = text.len() == Self::LENGTH
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        plausible.then(|| Self(SecretString::new(text.to_owned())))
    }

    /// The plain text, for the cookie.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is stored of it.
    pub fn hash(&self) -> SessionHash {
        SessionHash(Sha256::digest(self.expose().as_bytes()).into())
    }
}

impl SessionHash {
    /// Wraps a stored hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storage.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash as text, for stores whose keys are texts.
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Reads what [`Self::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Debug for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::testing::SeededEntropy;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_made_is_read_and_nothing_else_of_its_form(seed: u64, garbage in "\\PC*") {
            let secret = SessionSecret::generate(&SeededEntropy::new(seed));
            let read = SessionSecret::parse(secret.expose()).unwrap();
            prop_assert_eq!(read.hash(), secret.hash());
            prop_assert_eq!(SessionHash::from_text(&secret.hash().to_text()), Some(secret.hash()));
            prop_assert!(garbage.len() == 43 || SessionSecret::parse(&garbage).is_none());
        }
    }
}
