//! Tokens: issue, mint, find, list, change, rotate and revoke them. Whatever changes a token locks the tree
//! that it belongs to, so that nobody mints below what is being ended.

mod address;
mod find;
mod issue;
mod list;
mod mint;
mod revoke;
mod rotate;
mod tree;
mod update;

pub use address::TokenAddress;
pub use find::{FindTokenError, find};
pub use issue::{Escalation, Escape, IssueToken, IssueTokenError, Issued, default_scopes, issue};
pub use list::{ListTokensError, list};
pub use mint::{MintTokenError, mint};
pub use revoke::{RevokeTokenError, revoke};
pub use rotate::{RotateTokenError, rotate};
pub use update::{UpdateTokenError, update};

pub(crate) use issue::{make, record};
pub(crate) use tree::{Ended, Lost, end_all, end_all_of};
