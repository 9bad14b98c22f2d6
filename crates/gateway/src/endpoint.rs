//! Calls of AI endpoints: a fixed prompt, a fixed target, and everything between a caller's few words
//! and the answer.
//!
//! ```text
//! Authenticated → Called → Ready → answered → settled
//! ```
//!
//! `address` finds the endpoint and reads the body; `turn` makes of it what a provider is asked;
//! `answer` asks, checks, remembers and tells. Chats go through the same relay as those of the model
//! API, so failover, time-outs and booking are the same.

mod address;
mod answer;
mod ask;
mod cache;
mod conversation;
#[cfg(test)]
pub(crate) mod fake_memory;
mod history;
mod memory;
mod refusal;
mod reply;
mod run;
mod stream;
mod target;
#[cfg(test)]
mod tests;
mod turn;

use std::sync::Arc;

use http::Response;
use promptgate_endpoints::CompiledEndpoint;
use promptgate_kernel::{EndpointId, Money};

use crate::authenticate::authenticate;
use crate::pipeline::Shared;
use crate::receive::{IncomingRequest, receive};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::reply::ReplyBody;
use crate::settle::refuse;

pub(crate) use address::check_access;
pub use memory::{EndpointMemory, StoredMemory};
pub use refusal::EndpointRefusal;
pub use run::{RunCall, RunKind, RunOutcome};
pub(crate) use stream::TurnStream;

/// What the record of a call says about its endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndpointNote {
    pub(crate) id: EndpointId,
    pub(crate) slug: String,
    pub(crate) routing_decision: Option<String>,
    pub(crate) parent_request_id: Option<String>,
    pub(crate) cache_hit: bool,
    pub(crate) cached_tokens: u64,
    /// What these would have cost.
    pub(crate) saved: Money,
    /// What a thousand tokens cost where a model has no price.
    pub(crate) per_thousand: Option<Money>,
}

impl EndpointNote {
    fn of(endpoint: &CompiledEndpoint) -> Self {
        let endpoint = endpoint.endpoint();
        Self {
            id: endpoint.id,
            slug: endpoint.config.slug.as_str().to_owned(),
            routing_decision: None,
            parent_request_id: None,
            cache_hit: false,
            cached_tokens: 0,
            saved: Money::ZERO,
            per_thousand: endpoint.config.estimated_cost_per_1k_tokens_usd,
        }
    }
}

/// Answers a client's call.
pub(crate) async fn call(
    request: IncomingRequest,
    shared: &Arc<Shared>,
    mut record: Box<Record>,
) -> Response<ReplyBody> {
    match approach(request, shared, &mut record).await {
        Ok(ready) => answer::answer(ready, record).await,
        Err(refusal) => refuse(&refusal, record),
    }
}

/// Everything that comes before an answer.
async fn approach(
    request: IncomingRequest,
    shared: &Arc<Shared>,
    record: &mut Record,
) -> Result<turn::Ready, Refusal> {
    let received = receive(request, shared);
    let authenticated = authenticate(received, shared, record).await?;
    let called = address::address(authenticated, shared, record).await?;
    turn::ready(called, shared, record).await
}
