//! The secrets of a provider.

use promptgate_kernel::{
    CredentialId, Entropy, KeyRing, ProviderId, SealError, Sealed, SecretString, Timestamp,
};

/// One secret of a provider, sealed at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its identity.
    pub id: CredentialId,
    /// Whose secret it is.
    pub provider_id: ProviderId,
    /// The secret, sealed for this row only.
    pub sealed: Sealed,
    /// When it was stored.
    pub created_at: Timestamp,
}

impl Credential {
    /// Seals a secret.
    pub fn seal(
        id: CredentialId,
        provider_id: ProviderId,
        secret: &SecretString,
        keys: &KeyRing,
        entropy: &dyn Entropy,
        at: Timestamp,
    ) -> Self {
        let sealed = keys.seal(secret.expose().as_bytes(), &context(id), entropy);
        Self { id, provider_id, sealed, created_at: at }
    }

    /// Opens the secret, to be sent upstream and nowhere else.
    pub fn open(&self, keys: &KeyRing) -> Result<SecretString, SealError> {
        let bytes = keys.open(&self.sealed, &context(self.id))?;
        let text = String::from_utf8(bytes.expose().clone()).map_err(|_| SealError::Malformed)?;
        Ok(SecretString::new(text))
    }
}

fn context(id: CredentialId) -> String {
    format!("credential:{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::SecretsKey;
    use promptgate_kernel::testing::{SeededEntropy, TestClock};

    #[test]
    fn a_sealed_secret_opens_for_its_own_row_only() {
        let (clock, entropy) = (TestClock::at_millis(1), SeededEntropy::new(1));
        let keys = KeyRing::new(SecretsKey::generate(&entropy), vec![]);
        let [first, second] = [(); 2].map(|()| CredentialId::mint(&clock, &entropy));
        let provider = ProviderId::mint(&clock, &entropy);
        let secret = SecretString::new("sk-canary".into());
        let credential = Credential::seal(first, provider, &secret, &keys, &entropy, Timestamp::default());
        assert_eq!(credential.open(&keys).unwrap().expose(), "sk-canary");
        assert!(!credential.sealed.as_text().contains("canary"));
        assert_eq!(Credential { id: second, ..credential }.open(&keys).unwrap_err(), SealError::Forged);
    }
}
