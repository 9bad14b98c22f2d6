//! Upstream model services: what kinds there are, how their secrets are kept, and which one
//! answers a model name.
//!
//! A [`Provider`] is a configured upstream, a [`Credential`] one sealed secret of it, and
//! [`resolve`] the rule that turns the `model` of a request into a provider and that provider's
//! own model name. The crate makes no calls; [`ProviderRepository`] says what a store must do.
//!
//! ```
//! use promptgate_providers::{ProviderKind, ProviderName};
//!
//! assert!(ProviderName::parse("team-openai").is_ok());
//! assert!(ProviderName::parse("console").is_err(), "a route of the gateway itself");
//! assert_eq!("openai".parse(), Ok(ProviderKind::OpenAi));
//! ```

mod capabilities;
mod credential;
mod kind;
mod name;
mod provider;
mod repository;
mod resolve;
mod shape;

pub use capabilities::{Capabilities, Feature, Modality};
pub use credential::Credential;
pub use kind::{Operation, ProviderKind, UnknownKind, WireFormat};
pub use name::ProviderName;
pub use provider::{BaseUrl, InvalidProvider, NewProvider, Provider, ProviderChanges, Timeouts};
pub use repository::{ProviderFilter, ProviderRepository, ProviderSort};
pub use shape::Shape;
pub use resolve::{Listed, Resolved, UnknownModel, resolve};
