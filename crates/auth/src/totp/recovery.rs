//! Recovery codes: for owners who lost their device.

use std::fmt;

use promptgate_kernel::{Entropy, SecretString};
use sha2::{Digest, Sha256};

use super::secret::base32;

/// How many codes there are.
const CODES: usize = 10;

/// Ten new recovery codes of 80 bits. They are shown once.
#[derive(Debug, Clone)]
pub struct RecoveryCodes(Vec<SecretString>);

/// What is kept of one recovery code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecoveryHash([u8; 32]);

impl RecoveryCodes {
    /// Makes ten codes: `abcd-efgh-ijkl-mnop`.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let code = || {
            let mut bytes = [0u8; 10];
            entropy.fill(&mut bytes);
            let text = base32(&bytes).to_lowercase();
            SecretString::new(format!("{}-{}-{}-{}", &text[..4], &text[4..8], &text[8..12], &text[12..]))
        };
        Self(std::iter::repeat_with(code).take(CODES).collect())
    }

    /// The codes in plain text, for the one answer that shows them.
    pub fn expose(&self) -> &[SecretString] {
        &self.0
    }

    /// What is kept of them.
    pub fn hashes(&self) -> Vec<RecoveryHash> {
        self.0.iter().map(|code| RecoveryHash::of(code.expose())).collect()
    }
}

impl RecoveryHash {
    /// The hash of a code as somebody typed it: case, blanks and hyphens do not count.
    pub fn of(code: &str) -> Self {
        let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
        Self(Sha256::digest(plain.to_ascii_lowercase().as_bytes()).into())
    }

    /// Wraps a stored hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storage.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RecoveryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryHash(…)")
    }
}
