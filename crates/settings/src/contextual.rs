//! The model that finds names and addresses.

use std::time::Duration;

use promptgate_kernel::CredentialId;

use crate::error::SettingsError;
use crate::settings::Settings;

/// The model that finds names and addresses in what clients write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextualSettings {
    /// Whether it is asked.
    pub enabled: bool,
    /// The name of its provider.
    pub provider: Option<String>,
    /// The credential it is called with.
    pub credential: Option<CredentialId>,
    /// Its name at the provider.
    pub model: String,
    /// About longer texts it is not asked.
    pub max_chars: usize,
    /// How long it may take.
    pub timeout: Duration,
}

impl ContextualSettings {
    /// Whether anybody is asked.
    pub const fn is_set_up(&self) -> bool {
        self.enabled && (self.provider.is_some() || self.credential.is_some())
    }
}

impl Settings {
    /// The model that finds names and addresses.
    pub fn contextual(&self) -> Result<ContextualSettings, SettingsError> {
        let credential = self.text("PROMPTGATE_PII_CONTEXTUAL_CREDENTIAL_ID")?;
        let provider = self.text("PROMPTGATE_PII_CONTEXTUAL_PROVIDER")?;
        let most = self.count("PROMPTGATE_PII_CONTEXTUAL_MAX_CHARS")?;
        Ok(ContextualSettings {
            enabled: self.switch("PROMPTGATE_PII_CONTEXTUAL_ENABLED")?,
            provider: provider.map(|name| name.to_lowercase()),
            credential: credential.and_then(|id| id.parse().ok()),
            model: self.text("PROMPTGATE_PII_CONTEXTUAL_MODEL")?.unwrap_or_default(),
            max_chars: usize::try_from(most).unwrap_or(usize::MAX),
            timeout: self.duration("PROMPTGATE_PII_CONTEXTUAL_TIMEOUT")?,
        })
    }
}
