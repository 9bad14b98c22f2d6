//! People and service accounts, how they sign in, who acts on the control plane, and what they may
//! do.
//!
//! An [`Actor`] is made by whatever authenticated a request and is handed to every use case, which
//! asks [`Actor::require`] before it does anything. An [`Account`] is a person or a service
//! account; a [`Session`] is what a sign-in makes. The crate knows neither SQL nor HTTP nor the
//! clock; [`AccountRepository`], [`SessionStore`] and their neighbours say what a store must do.
//!
//! ```
//! use promptgate_auth::{Account, AccountRefused, NewService, Role};
//! use promptgate_kernel::{AccountId, Clock, OsEntropy, SystemClock};
//!
//! let new = NewService {
//!     identifier: " CI-Runner ".into(),
//!     name: "Continuous integration".into(),
//!     active: false,
//!     firewall_override: false,
//!     ..NewService::default()
//! };
//! let now = SystemClock.now();
//! let id = AccountId::mint(&SystemClock, &OsEntropy);
//! let account = Account::service(id, &new, now).expect("the identifier is well formed");
//! assert_eq!((account.username.as_str(), account.role), ("ci-runner", Role::User));
//! assert_eq!(account.usable(now), Err(AccountRefused::Inactive));
//! ```

mod account;
mod actor;
mod admin_key;
mod membership;
mod password;
mod permission;
mod repository;
mod role;
mod session;
mod sign_in;
mod switches;
mod totp;

pub use account::{
    Account, AccountChanges, AccountKind, AccountRefused, InvalidAccount, LastAdministrator, NewPerson,
    NewService, OidcPerson, UnknownAccountKind, keep_an_administrator,
};
pub use actor::{Actor, Forbidden, Origin, Via, Who};
pub use admin_key::{
    AdminKey, AdminKeyFilter, AdminKeyHash, AdminKeyRepository, AdminKeySecret, AdminKeySort, ENVIRONMENT,
    InvalidAdminKey, PreviousAdminKey, StoredAdminKey,
};
pub use membership::Membership;
pub use password::{InvalidCost, PasswordHash, PasswordHasher, PasswordPolicy, WeakPassword};
pub use permission::{ManagementScope, ManagementScopes, Permission};
pub use repository::{
    AccountFilter, AccountRepository, AccountSort, AccountUse, ListedAccount, MembershipRepository,
};
pub use role::{ProjectRole, Role, UnknownProjectRole, UnknownRole};
pub use session::{
    NewSession, Renewal, Session, SessionHash, SessionSecret, SessionStage, UnknownSessionStage,
};
pub use sign_in::{OneTimeStore, SessionStore, SignInKey, SignInState, Throttle, Verdict};
pub use switches::{Switch, SwitchRepository};
pub use totp::{RecoveryCodes, RecoveryHash, Totp, TotpSecret};
