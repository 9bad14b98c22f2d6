//! Calls AI endpoints for the control plane: replays, and golden sets.

use std::time::Duration;

use async_trait::async_trait;
use promptgate_control::endpoints::{EndpointRunner, RunRequest, RunResult, RunSource};
use promptgate_gateway::{Gateway, RunCall, RunKind};
use serde_json::{Value, json};

/// How long a change of configuration may take to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// The data plane's pipeline, as the control plane calls it.
pub(crate) struct GatewayRunner {
    gateway: Gateway,
}

impl GatewayRunner {
    /// A runner over a running pipeline.
    pub(crate) fn new(gateway: Gateway) -> Self {
        Self { gateway }
    }
}

#[async_trait]
impl EndpointRunner for GatewayRunner {
    async fn run(&self, request: RunRequest) -> RunResult {
        if !self.gateway.reaches(request.revision, PATIENCE).await {
            return RunResult {
                status: 503,
                body: json!({"ok": false, "error": "the latest configuration did not arrive in time; try again"}),
                request_id: String::new(),
                call_id: None,
                refused_by: None,
                total_tokens: 0,
                latency: Duration::ZERO,
            };
        }
        let kind = match request.source {
            RunSource::Replay { request_id, token_id, above } => {
                RunKind::Replay { request_id, token_id, above }
            }
            RunSource::Eval { .. } => RunKind::Eval,
        };
        let call = RunCall {
            project_id: request.project_id,
            endpoint_id: request.endpoint_id,
            body: request.body,
            kind,
        };
        let outcome = self.gateway.run_endpoint(call).await;
        RunResult {
            status: outcome.status,
            body: serde_json::from_slice::<Value>(&outcome.body).unwrap_or_default(),
            request_id: outcome.request_id,
            call_id: Some(outcome.call_id),
            refused_by: outcome.refused_by,
            total_tokens: outcome.total_tokens,
            latency: outcome.latency,
        }
    }
}
