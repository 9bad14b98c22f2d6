//! Calls that are repeated.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use promptgate_control::calls::{Replay, replay};
use promptgate_control::endpoints::{self, EndpointRunner, RunRequest, RunResult, RunSource};
use promptgate_control::providers;
use promptgate_endpoints::NewEndpoint;
use promptgate_kernel::CallId;
use promptgate_projects::ProjectType;
use promptgate_store::Access;
use promptgate_usage::{Outcome, UsageEvent};
use serde_json::{Value, json};

use crate::fixture::{ADMIN, Fixture, new_provider};

/// A data plane that keeps what it is asked.
#[derive(Default)]
struct Asked(Mutex<Vec<RunRequest>>);

#[async_trait]
impl EndpointRunner for Asked {
    async fn run(&self, request: RunRequest) -> RunResult {
        self.0.lock().unwrap().push(request);
        RunResult {
            status: 200,
            body: Value::Null,
            request_id: "again".to_owned(),
            call_id: None,
            refused_by: None,
            total_tokens: 0,
            latency: Duration::ZERO,
        }
    }
}

#[tokio::test]
async fn a_replay_carries_all_tokens_that_the_one_of_the_call_comes_from() {
    let (mut fixture, asked) = (Fixture::new().await, Arc::<Asked>::default());
    fixture.control.runner = Some(asked.clone());
    let project = fixture.project(ProjectType::AiGateway).await.id;
    let top = fixture.token(project, None).await.token.id;
    let middle = fixture.below(top, None).await;
    let lowest = fixture.below(middle, None).await;
    let provider = providers::create(&fixture.control, ADMIN, new_provider("main", "k")).await.unwrap();
    let new = NewEndpoint {
        name: "Mail".to_owned(),
        provider_id: Some(provider.provider.id),
        provider_model: Some("m".to_owned()),
        ..NewEndpoint::default()
    };
    let endpoint = endpoints::create(&fixture.control, ADMIN, project, new).await.unwrap().id;
    for (token, above) in [(top, vec![]), (middle, vec![top]), (lowest, vec![middle, top])] {
        let (id, at) =
            (CallId::mint(&*fixture.clock, &*fixture.control.entropy), fixture.control.clock.now());
        let event = UsageEvent {
            request_id: token.to_string(),
            endpoint_id: Some(endpoint),
            ..UsageEvent::of_call(id, at, project, token, "endpoint", Outcome::Completed, 200)
        };
        let mut work = fixture.control.store.begin(Access::Write).await.unwrap();
        work.usage().record(&[&event]).await.unwrap();
        work.commit().await.unwrap();
        let command = Replay {
            project,
            request_id: token.to_string(),
            messages: Some(vec![json!({"role": "user", "content": "hi"})]),
        };
        replay(&fixture.control, ADMIN, command).await.unwrap();
        let source = asked.0.lock().unwrap().pop().unwrap().source;
        assert_eq!(source, RunSource::Replay { request_id: token.to_string(), token_id: token, above });
    }
}
