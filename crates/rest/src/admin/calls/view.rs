//! What is shown of a call.

use promptgate_kernel::{CredentialId, EndpointId};
use promptgate_usage::UsageEvent;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::usage::{UsageView, millis};

/// The record of one call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallView {
    #[serde(flatten)]
    usage: UsageView,
    /// The AI endpoint that was called.
    #[schema(value_type = Option<String>, format = "uuid")]
    endpoint_id: Option<EndpointId>,
    /// The endpoint's slug at that time.
    endpoint_slug: Option<String>,
    /// The request id of the call that this one repeats, or that the gateway made it for.
    parent_request_id: Option<String>,
    /// The credential whose answer went out.
    #[schema(value_type = Option<String>, format = "uuid")]
    credential_id: Option<CredentialId>,
    /// Why it went where it went.
    routing_decision: Option<String>,
    /// Whether it was answered from the response cache.
    cache_hit: bool,
    /// The tokens that the hit saved.
    cached_tokens: u64,
    /// What the client was told went wrong.
    error_message: Option<String>,
    /// The tool that called, such as `claude_code`.
    client_tool: Option<String>,
    /// That tool's own id of its session.
    client_session: Option<String>,
    /// The provider's id of its answer.
    provider_response_id: Option<String>,
    /// How long providers took of the latency.
    upstream_ms: Option<f64>,
    /// The hints of the request that its provider has no counterpart for.
    dropped: Vec<String>,
}

impl From<UsageEvent> for CallView {
    fn from(mut event: UsageEvent) -> Self {
        Self {
            endpoint_id: event.endpoint_id,
            endpoint_slug: event.endpoint_slug.take(),
            parent_request_id: event.parent_request_id.take(),
            credential_id: event.credential_id,
            routing_decision: event.routing_decision.take(),
            cache_hit: event.cache_hit,
            cached_tokens: event.cached_tokens,
            error_message: event.error_message.take(),
            client_tool: event.client_tool.take(),
            client_session: event.client_session.take(),
            provider_response_id: event.provider_response_id.take(),
            upstream_ms: event.upstream_us.map(millis),
            dropped: std::mem::take(&mut event.dropped),
            usage: event.into(),
        }
    }
}
