//! What repeating calls and asking golden sets needs from the data plane.

use std::time::Duration;

use async_trait::async_trait;
use promptgate_kernel::{CallId, EndpointId, EvalRunId, ProjectId, Revision, TokenId};
use serde_json::{Map, Value};

/// A call of an AI endpoint that no client made.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The endpoint's project.
    pub project_id: ProjectId,
    /// The endpoint; it is called whether it is on or off.
    pub endpoint_id: EndpointId,
    /// The body, as a client would send it.
    pub body: Map<String, Value>,
    /// Why it is made.
    pub source: RunSource,
    /// The configuration it must be served under, or a later one.
    pub revision: Revision,
}

/// Why a call is made that no client made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunSource {
    /// An earlier call is repeated. It belongs to no conversation, counts against no rate limit of the
    /// endpoint and never meets the response cache; guardrails apply.
    Replay {
        /// The request id of the earlier call.
        request_id: String,
        /// The token of the earlier call.
        token_id: TokenId,
        /// Those that the token comes from, its parent first: their guardrails count, too.
        above: Vec<TokenId>,
    },
    /// A golden set is asked. It belongs to no conversation; everything else is as for a client, the
    /// response cache too.
    Eval {
        /// The run.
        run: EvalRunId,
    },
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// The HTTP status that a client would have got.
    pub status: u16,
    /// The body that a client would have got, JSON.
    pub body: Value,
    /// Its request id.
    pub request_id: String,
    /// Its log row; `None` if it was not recorded.
    pub call_id: Option<CallId>,
    /// The guardrail that refused it, by its stable name.
    pub refused_by: Option<String>,
    /// The tokens of prompt and answer.
    pub total_tokens: u64,
    /// How long it took.
    pub latency: Duration,
}

/// Calls AI endpoints through the data plane's own pipeline. What goes wrong is a [`RunResult`] with
/// the status that a client would have got; a configuration that does not arrive in time is 503.
#[async_trait]
pub trait EndpointRunner: Send + Sync {
    /// Makes the call, and returns when it is answered and recorded.
    async fn run(&self, request: RunRequest) -> RunResult;
}
