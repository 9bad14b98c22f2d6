//! The outside world: providers that list two models, and a data plane that says what it is told.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use promptgate_control::catalog::{ListingAnswer, ListingRequest, ModelLister, Unreachable};
use promptgate_control::endpoints::{EndpointRunner, RunRequest, RunResult};
use promptgate_control::monitoring::ServiceChecker;
use promptgate_monitoring::Seen;
use serde_json::{Value, json};

/// Every provider has the same two models.
pub(crate) struct Listed;

#[async_trait]
impl ModelLister for Listed {
    async fn fetch(&self, _: ListingRequest) -> Result<ListingAnswer, Unreachable> {
        let body = br#"{"data":[{"id":"listed-1"},{"id":"listed-2"}]}"#.to_vec();
        Ok(ListingAnswer { status: 200, body })
    }
}

/// Answers with the last thing that was said; `!fail` fails.
#[derive(Default)]
pub(crate) struct Parrot(Mutex<Option<RunRequest>>);

impl Parrot {
    pub(crate) fn last(&self) -> Option<RunRequest> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl EndpointRunner for Parrot {
    async fn run(&self, request: RunRequest) -> RunResult {
        let last = request.body.get("messages").and_then(Value::as_array).and_then(|all| all.last());
        let said = last.map_or(request.body.get("message"), |message| message.get("content"));
        let said = said.and_then(Value::as_str).unwrap_or_default().to_owned();
        *self.0.lock().unwrap() = Some(request);
        let refused_by = (said == "!refuse").then(|| "secret_scanner".to_owned());
        let (status, body) = match &*said {
            "!refuse" => (422, json!({"ok": false, "error": "refused"})),
            "!fail" => (502, json!({"ok": false, "error": "upstream failed"})),
            said => (200, json!({"ok": true, "content": said})),
        };
        RunResult {
            status,
            body,
            request_id: "run".into(),
            call_id: None,
            refused_by,
            total_tokens: 7,
            latency: Duration::from_millis(2),
        }
    }
}

/// Services whose address ends with the status that they answer with; others do not answer.
pub(crate) struct Watched;

#[async_trait]
impl ServiceChecker for Watched {
    async fn look(&self, url: &str) -> Seen {
        let status_code = url.rsplit('/').next().and_then(|last| last.parse().ok());
        Seen { status_code, error: format!("GET {url}: connection refused"), latency_ms: 5 }
    }
}
