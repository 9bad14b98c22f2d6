//! What a project does with a provider.

use promptgate_kernel::{CredentialId, ProjectId, ProviderId};
use serde::{Deserialize, Serialize};

/// A project's settings of one provider. Without any, the provider is enabled, uses its own
/// credentials and comes after those that have a position, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectProvider {
    /// The project.
    pub project_id: ProjectId,
    /// The provider.
    pub provider_id: ProviderId,
    /// Whether the project may use it.
    pub enabled: bool,
    /// The one credential that the project's calls use; `None` leaves it to the provider's own.
    pub credential_id: Option<CredentialId>,
    /// Its place in the project's order, smallest first.
    pub position: Option<u32>,
}

impl ProjectProvider {
    /// What counts where nothing is stored.
    pub const fn unset(project_id: ProjectId, provider_id: ProviderId) -> Self {
        Self { project_id, provider_id, enabled: true, credential_id: None, position: None }
    }

    /// What providers are sorted by, before their name: those with a position come first.
    pub fn place(&self) -> u32 {
        self.position.unwrap_or(u32::MAX)
    }
}
