//! Admin API keys: the one of the settings, and those of the store.

mod repository;
mod stored;

use promptgate_kernel::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use repository::{AdminKeyFilter, AdminKeyRepository, AdminKeySort};
pub use stored::{AdminKeyHash, AdminKeySecret, InvalidAdminKey, PreviousAdminKey, StoredAdminKey};

/// What the audit log calls the key of the settings.
pub const ENVIRONMENT: &str = "environment";

/// A configured admin API key, kept as its SHA-256.
#[derive(Debug, Clone)]
pub struct AdminKey(Secret<[u8; 32]>);

impl AdminKey {
    /// Takes a key; blanks around it do not count, and a blank text is no key.
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(Secret::new(Sha256::digest(text.as_bytes()).into())))
    }

    /// Whether `given` is the key. Takes the same time whatever differs.
    pub fn matches(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given.as_bytes()).into();
        self.0.expose().ct_eq(&given).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_is_no_key_and_nothing_is_shown() {
        assert!(AdminKey::from_text("  ").is_none());
        let key = AdminKey::from_text(" canary ").unwrap();
        assert!(key.matches("canary") && !key.matches(" canary "));
        assert!(!format!("{key:?}").contains("canary"));
    }
}
