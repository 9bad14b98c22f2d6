//! Where rules of guardrails live.

use async_trait::async_trait;
use promptgate_kernel::{RepositoryError, Timestamp};

use super::{Holder, Rules};

/// Rules as they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptRules {
    /// What they say.
    pub rules: Rules,
    /// How often they were written; zero for those that never were.
    pub version: i64,
}

/// Where rules of guardrails live: at most one document a holder, which goes when its holder goes.
/// Behaviour every adapter must show: `store::contract::guardrails`.
#[async_trait]
pub trait GuardrailRepository: Send {
    /// What a holder says; nothing when it never said anything.
    async fn find(&mut self, holder: Holder) -> Result<KeptRules, RepositoryError>;

    /// Writes what a holder says if the stored version is the one it was read at.
    async fn save(
        &mut self,
        holder: Holder,
        read: &KeptRules,
        rules: &Rules,
        at: Timestamp,
    ) -> Result<bool, RepositoryError>;

    /// Every holder that says something, in no certain order.
    async fn list_all(&mut self) -> Result<Vec<(Holder, Rules)>, RepositoryError>;
}
