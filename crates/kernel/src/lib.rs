//! The vocabulary every PromptGate crate shares: typed ids, instants, money, secrets, pages and
//! revisions.
//!
//! It does no I/O, knows no framework, and reads neither the clock nor the random source on its
//! own: callers hand in a [`Clock`] and an [`Entropy`], so that tests repeat.
//!
//! Start at [`id`](macro@id) for identifiers, [`Timestamp`] for time and [`Money`] for cost.
//!
//! ```
//! use promptgate_kernel::{Money, PricePerMillion};
//!
//! let price = PricePerMillion::from_dollars(2.5).expect("a price is a small positive number");
//! assert_eq!(price.of(1_000), Money::from_nanos(2_500_000));
//! ```

extern crate self as promptgate_kernel;

mod entropy;
mod error;
mod ids;
mod key_text;
mod limit_set;
mod money;
mod page;
mod revision;
mod seal;
mod secret;
mod signature;
mod slug;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod time;

pub use entropy::{Entropy, OsEntropy};
pub use error::RepositoryError;
#[doc(hidden)]
pub use ids::uuid_v7 as __uuid_v7;
pub use ids::{
    AccountId, ActorId, AdminKeyId, AiSessionId, AliasId, AuditEventId, CallId, CredentialId, EndpointId,
    EvalId, EvalRunId, FaqEntryId, GroupId, InvalidId, JobRunId, McpServerId, MonitoredServiceId,
    NetworkRuleId, PlanId, PriceId, PriceRefreshId, ProjectId, ProviderId, ReplicaId, RepricingId, SessionId,
    SetupGuideId, TemplateId, TokenId,
};
pub use key_text::{KEY_TEXT_LENGTH, is_key_text, mint_key_text};
pub use limit_set::{
    InvalidLimit, LimitChanges, LimitSet, LimitsByModel, ModelChanges, ModelLimitChanges, ModelLimits,
    change_models, check_models,
};
pub use money::{Money, PricePerMillion};
pub use page::{Page, PageRequest, SortDirection};
pub use revision::Revision;
pub use seal::{InvalidSecretsKey, KeyRing, SealError, Sealed, SecretsKey};
pub use secret::{Secret, SecretString};
pub use signature::Signature;
pub use slug::slug_of;
pub use time::{Clock, SystemClock, Timestamp};

/// Re-exports for the [`id`](macro@id) macro. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use serde;
    pub use uuid;
}
