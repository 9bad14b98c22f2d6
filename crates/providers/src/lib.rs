//! Upstream model services: what kinds there are, how their secrets are kept, and which one
//! answers a model name.
//!
//! A [`Provider`] is a configured upstream, a [`Credential`] one sealed secret of it, and
//! [`resolve`] the rule that turns the `model` of a request into providers and their own name for
//! it. What a kind's models can do is in no code: the [`CapabilityTable`] is data. A [`Template`] is
//! a choice of provider, model and settings that endpoints share; an [`Alias`] is a project's own
//! name for a model. The crate makes no calls; the repository traits say what a store must do.
//!
//! ```
//! use promptgate_providers::{ProviderKind, ProviderName};
//!
//! assert!(ProviderName::parse("team-openai").is_ok());
//! assert!(ProviderName::parse("console").is_err(), "a route of the gateway itself");
//! assert_eq!("openai".parse(), Ok(ProviderKind::OpenAi));
//! ```

mod alias;
mod capabilities;
mod credential;
mod kind;
mod limits;
mod name;
mod project_provider;
mod provider;
mod repository;
mod resolve;
mod service;
mod shape;
mod table;
mod template;

pub use alias::{Alias, AliasChanges, InvalidAlias, NewAlias, Preset};
pub use capabilities::{Capabilities, Feature, Modality, PARAMETERS};
pub use credential::{Credential, CredentialChanges, InvalidCredential, NewCredential, PreviousSecret};
pub use kind::{AuthStyle, Operation, ProviderKind, UnknownKind, WireFormat};
pub use name::ProviderName;
pub use project_provider::ProjectProvider;
pub use provider::{BaseUrl, InvalidProvider, NewProvider, Provider, ProviderChanges, Timeouts};
pub use repository::{
    AliasRepository, CredentialFilter, CredentialRepository, CredentialSort, CredentialUses,
    ListedCredential, ProjectProviderRepository, ProviderFilter, ProviderRepository, ProviderSort,
    TemplateFilter, TemplateRepository, TemplateSort,
};
pub use resolve::{Listed, Resolved, Target, UnknownModel, resolve};
pub use service::UnaddressableModel;
pub use shape::Shape;
pub use table::{CapabilityCell, CapabilityTable, InvalidTable, ModelCapabilities, Origin};
pub use template::{InvalidTemplate, NewTemplate, Template, TemplateChanges};
