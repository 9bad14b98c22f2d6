//! Keys: the tokens of people and service accounts.
//!
//! They live in the project [`PROJECT`], of type `agent_proxy`, which is made when the first key needs
//! it. A key is found, shown and revoked as its owner's; nobody sees the keys of another account but whoever manages accounts.

mod expiry;
mod issue;
mod list;
mod project;
mod revoke;

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::AccountId;

pub use expiry::Expiry;
pub(crate) use issue::most_days;
pub use issue::{IssueKey, IssueKeyError, issue};
pub use list::{ListKeysError, list};
pub use project::PROJECT;
pub(crate) use project::home;
pub use revoke::{RevokeKeyError, revoke};

/// Whether the actor may have to do with the keys of an account: its own, or as whoever manages
/// accounts.
fn require(actor: Actor, owner: AccountId) -> Result<(), Forbidden> {
    let own = actor.account() == Some(owner);
    actor.require(if own { Permission::UseOwnAccount } else { Permission::ManageAccounts })
}
