//! AI endpoints: what they are, how a request becomes a prompt, and where it is routed.
//!
//! An [`Endpoint`] is a named call with a fixed prompt and a fixed target. [`CompiledEndpoint`] is what
//! the gateway works with: schemas, patterns and rules are compiled once. On the way of a call come
//! [`ChatInput`] (the body, read once and in one way only), [`CompiledEndpoint::check_input`],
//! [`SessionRules`], [`CompiledEndpoint::apply`] (variables and prompts), [`RoutingRules::decide`],
//! [`CacheKey::of`] and [`CompiledEndpoint::check_output`].
//!
//! The crate does no I/O, asks no model, and does not know how providers or their wire formats look:
//! templates, providers and credentials are ids and names to it, which a [`Catalogue`] looks up.
//!
//! ```
//! use promptgate_endpoints::{Catalogue, ChatInput, CompiledEndpoint, Endpoint, Named, NewEndpoint};
//! use promptgate_kernel::{Clock, CredentialId, EndpointId, OsEntropy, ProjectId, ProviderId};
//! use promptgate_kernel::{SystemClock, TemplateId};
//!
//! /// Knows every id and no name.
//! struct Everything;
//!
//! impl Catalogue for Everything {
//!     fn has_template(&self, _: TemplateId) -> bool {
//!         true
//!     }
//!     fn has_provider(&self, _: ProviderId) -> bool {
//!         true
//!     }
//!     fn provider_of(&self, _: CredentialId) -> Option<ProviderId> {
//!         None
//!     }
//!     fn template_named(&self, _: &str) -> Named {
//!         Named::Nothing
//!     }
//!     fn credential_named(&self, _: &str) -> Named {
//!         Named::Nothing
//!     }
//! }
//!
//! let (clock, entropy) = (SystemClock, OsEntropy);
//! let new = NewEndpoint {
//!     name: "Summarise Mail".to_owned(),
//!     provider_template_id: Some(TemplateId::mint(&clock, &entropy)),
//!     prompt: Some("Answer in one sentence.".to_owned()),
//!     user_prompt_template: Some("Summarise:\n{{input}}".to_owned()),
//!     ..NewEndpoint::default()
//! };
//! let id = EndpointId::mint(&clock, &entropy);
//! let project = ProjectId::mint(&clock, &entropy);
//! let saved = Endpoint::create(id, project, new, &Everything, None, clock.now())?;
//! assert_eq!(saved.endpoint.config.slug.as_str(), "summarise-mail");
//! assert_eq!(saved.version.number, 1);
//!
//! let endpoint = CompiledEndpoint::compile(saved.endpoint)?;
//! let input = ChatInput::read(br#"{"message":"Dear all, {{input}}"}"#)?;
//! endpoint.check_input(&input)?;
//! let prompted = endpoint.apply(input.messages, vec![])?;
//! assert_eq!(prompted.messages[0].text(), "Answer in one sentence.");
//! assert_eq!(prompted.messages[1].text(), "Summarise:\nDear all, {{input}}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cache;
mod compiled;
mod config;
mod draft;
mod endpoint;
mod error;
mod eval;
mod input;
mod json;
mod message;
mod placeholder;
mod repository;
mod routing;
#[cfg(test)]
mod samples;
mod schema;
mod session;
mod slug;
mod variable;
mod version;

pub use cache::{CacheKey, Cacheable, CachedAnswer};
pub use compiled::{CapExceeded, CompiledEndpoint, InputRefusal, Prompted};
pub use config::{EndpointConfig, EndpointTimeouts, Failover, Sampling, Target};
pub use draft::{Catalogue, Named, NewEndpoint};
pub use endpoint::{Endpoint, RestoreError, Saved};
pub use error::{FieldError, FieldErrors};
pub use eval::{
    EvalItem, EvalRun, EvalSet, Expected, Failure, FailureKind, ItemResult, NewEvalSet, Observed, RunDiff,
    RunStart, RunSummary,
};
pub use input::{ChatInput, InvalidInput, Spoken};
pub use json::Json;
pub use message::{Content, Message, Part, Role, estimate_tokens};
pub use repository::{
    Append, EndpointFilter, EndpointRepository, EndpointSort, EvalRepository, ResponseCacheRepository,
    SessionRepository,
};
pub use routing::{Comparison, Condition, DayTime, Facts, InvalidRules, Operator, Route, RoutingRules, Rule};
pub use schema::{InvalidOutput, InvalidSchema, Schema, SchemaViolation};
pub use session::{AiSession, SessionMessage, SessionRefusal, SessionRules, Turn, TurnRecord};
pub use slug::{InvalidSlug, Slug};
pub use variable::{Values, VariableDefinition, VariableError, VariableKind, Variables};
pub use version::{EndpointVersion, FieldChange, VersionNote};
