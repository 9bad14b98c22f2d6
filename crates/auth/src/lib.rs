//! Who acts on the control plane, and what they may do.
//!
//! An [`Actor`] is made by whatever authenticated a request and is handed to every use case, which
//! asks [`Actor::require`] before it does anything. The crate knows neither sessions nor HTTP.
//!
//! ```
//! use promptgate_auth::{Actor, AdminKey, Permission};
//!
//! let key = AdminKey::from_text("correct horse").expect("not blank");
//! assert!(key.matches("correct horse") && !key.matches("wrong"));
//! assert!(Actor::AdminKey.require(Permission::ManageProjects).is_ok());
//! ```

mod actor;
mod admin_key;

pub use actor::{Actor, Forbidden, Permission};
pub use admin_key::AdminKey;
