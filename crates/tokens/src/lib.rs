//! Bearer tokens: what they look like, what they open, how they live and end.
//!
//! A [`Token`] is what is kept: a SHA-256 of the secret, never the secret. The secret itself is a
//! [`TokenSecret`] and is shown once. [`PresentedToken::parse`] refuses garbage by its checksum,
//! so that a lookup is only made for texts that could be tokens.
//!
//! A token may mint others below itself ([`NewChild`]), which never have more than it has and never
//! outlive it. A key is a token with an owner: a person or a service account ([`KeyName`]).
//!
//! This crate does not know HTTP, SQL or a cache; [`TokenRepository`] says what a store must do.
//!
//! ```
//! use promptgate_kernel::OsEntropy;
//! use promptgate_tokens::{PresentedToken, TokenEnv, TokenSecret};
//!
//! let secret = TokenSecret::generate(TokenEnv::Live, &OsEntropy);
//! let presented = PresentedToken::parse(secret.expose()).expect("a generated token is well formed");
//! assert_eq!(presented.hash(), secret.hash());
//! assert!(PresentedToken::parse("pg_live_oops").is_err());
//! ```

mod child;
mod error;
mod key;
mod overlap;
mod repository;
mod scope;
mod secret;
mod token;

pub use child::{Above, MAX_DEPTH, MAX_LIVE_IN_TREE, NewChild};
pub use error::{AccessDenied, InvalidToken};
pub use key::{InvalidKey, KeyDays, KeyName, KeyStatus, key_scopes};
pub use overlap::{Overlap, PreviousSecret};
pub use repository::{KeyFilter, KeySort, TokenFilter, TokenRepository, TokenSort};
pub use scope::{Scope, ScopeSet, UnknownScope};
pub use secret::{MalformedToken, PresentedToken, TokenEnv, TokenHash, TokenSecret};
pub use token::{AlreadyRevoked, NewToken, Token, TokenChanges, TokenLimits, TokenName, TokenState};
