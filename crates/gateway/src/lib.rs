//! The data plane: a request's way from its first byte to its settled usage.
//!
//! [`Gateway::call`] takes an [`IncomingRequest`] that the HTTP surface has routed and answers it;
//! `pipeline.rs` shows the stages between. What a provider is called with and where usage events go
//! are [`ports`]. The configuration is a [`Snapshot`] in memory, kept up to date
//! by the [`Synchroniser`]; tokens are looked up by the [`Authenticator`].
//!
//! The crate knows no HTTP framework and no database, changes no configuration, and holds nothing of
//! a call but what it needs to settle it.

mod address;
mod admit;
mod affinity;
mod allowance;
mod attempt;
mod attend;
mod authenticate;
mod authenticator;
mod bodies;
mod candidate;
mod config_source;
mod contextual;
mod endpoint;
mod exchange;
mod failures;
mod fault;
mod forward;
mod guardrails;
mod headers;
mod idempotency;
mod inspect;
mod kept;
mod last_used;
mod limits;
mod meter;
mod models;
mod network;
mod outgoing;
mod passage;
mod pipeline;
pub mod ports;
mod prepare;
mod readers;
mod receive;
mod record;
mod refusal;
mod relay;
mod relay_chat;
mod reply;
mod reported;
mod resilience;
mod said;
#[cfg(test)]
mod scripted;
mod settle;
mod snapshot;
mod stream;
mod sync;
#[cfg(test)]
mod testing;
mod trace_context;
mod upload;

pub use allowance::{LimitRefusal, Limiters};
pub use authenticator::{AuthUnavailable, Authenticator, AuthenticatorOptions};
pub use config_source::{ConfigSource, TokenSource};
pub use contextual::ContextualModel;
pub use endpoint::{EndpointMemory, EndpointRefusal, RunCall, RunKind, RunOutcome, StoredMemory};
pub use fault::Fault;
pub use forward::Forwarded;
pub use idempotency::{IdempotencyRefusal, IdempotencySource};
pub use kept::{Keeper, Keepsakes, KeptLimits, KeptToken, KeptTokens};
pub use limits::{DisconnectPolicy, GatewayLimits};
pub use pipeline::{Gateway, GatewayParts};
pub use receive::{Entry, IncomingRequest, RequestBody, Route};
pub use refusal::{Refusal, Who};
pub use reply::ReplyBody;
pub use snapshot::{
    CompiledProvider, Compiler, Configuration, Parts, Snapshot, SnapshotCell, UnusableCredential,
};
pub use sync::Synchroniser;
pub use trace_context::{PassedOn, TraceContext};
