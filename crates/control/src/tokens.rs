//! Tokens: issue, find, list, change, rotate and revoke them.

mod address;
mod find;
mod issue;
mod list;
mod revoke;
mod rotate;
mod update;

pub use address::TokenAddress;
pub use find::{FindTokenError, find};
pub use issue::{IssueToken, IssueTokenError, Issued, default_scopes, issue};
pub use list::{ListTokensError, list};
pub use revoke::{RevokeTokenError, revoke};
pub use rotate::{RotateTokenError, rotate};
pub use update::{UpdateTokenError, update};

pub(crate) use issue::{make, record};
