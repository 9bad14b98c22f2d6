//! Repeating a call of an AI endpoint.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{ProjectId, RepositoryError};
use promptgate_store::{Access, UnitOfWork};
use promptgate_usage::{CallContent, CallFilter, UsageEvent};
use serde_json::{Map, Value};
use tracing::instrument;

use crate::Control;
use crate::endpoints::{EndpointAddress, EndpointError, RunRequest, RunResult, RunSource, load};
use crate::journal::Entry;
use crate::members::actor_in;

/// Which call is repeated, and with what.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// The project that was called.
    pub project: ProjectId,
    /// The request id of the call.
    pub request_id: String,
    /// What is said instead; `None` repeats what was said.
    pub messages: Option<Vec<Value>>,
}

/// Why a call is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project or the endpoint is not there any more.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The project has no call of this request id.
    #[error("there is no call with this request id in the project")]
    NotFound,
    /// The call asked no AI endpoint, so that there is nothing whose present configuration could
    /// answer.
    #[error("only calls of AI endpoints can be repeated")]
    NoEndpoint,
    /// What was said was not kept, not kept for so long, or not as a whole.
    #[error("what was said in the call is not kept; send the messages")]
    NoContent,
    /// This process has no data plane.
    #[error("this process runs no AI endpoints")]
    NoRunner,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Repeats a call through the present configuration of its endpoint. The call itself stays as it is.
#[instrument(name = "control.calls.replay", skip_all, fields(project.id = %command.project))]
pub async fn replay(control: &Control, actor: Actor, command: Replay) -> Result<RunResult, ReplayError> {
    let runner = control.runner.as_ref().ok_or(ReplayError::NoRunner)?;
    let mut work = control.store.begin(Access::Read).await?;
    let member = actor_in(&mut *work, actor, command.project).await?;
    member.require_in(command.project, Permission::ManageEndpoints)?;
    member.require_in(command.project, Permission::ReadContents)?;
    let source = find(&mut *work, command.project, &command.request_id).await?;
    let id = source.endpoint_id.ok_or(ReplayError::NoEndpoint)?;
    let endpoint = load(&mut *work, EndpointAddress { project: command.project, id }).await?;
    let content = work.call_contents().find(source.id).await?;
    let body = body(content, command.messages).ok_or(ReplayError::NoContent)?;
    let above = work.tokens().line_above(source.token_id).await?;
    let revision = work.changes().revision().await?;
    drop(work);

    let result = runner
        .run(RunRequest {
            project_id: command.project,
            endpoint_id: id,
            body,
            source: RunSource::Replay { request_id: command.request_id, token_id: source.token_id, above },
            revision,
        })
        .await;
    let entry = Entry::of_endpoint("gateway.replay", &endpoint)
        .detail("sourceRequestId", source.request_id)
        .detail("newRequestId", result.request_id.clone())
        .detail("status", result.status.to_string());
    let refused = result.refused_by.clone().map(|guardrail| {
        Entry::of_refused_run(guardrail, &endpoint).detail("newRequestId", result.request_id.clone())
    });
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    for entry in std::iter::once(entry).chain(refused) {
        control.audit(&mut *work, actor, entry, at).await?;
    }
    work.commit().await?;
    Ok(result)
}

/// The newest call of a request id, which clients choose and may choose again.
async fn find(
    work: &mut dyn UnitOfWork,
    project: ProjectId,
    request_id: &str,
) -> Result<UsageEvent, ReplayError> {
    let filter = CallFilter {
        project: Some(project),
        request_id: Some(request_id.to_owned()),
        ..CallFilter::default()
    };
    work.usage().page(&filter, None, 1).await?.into_iter().next().ok_or(ReplayError::NotFound)
}

/// What is sent: the body of then, without its conversation and its stream, and with other messages
/// where they are given.
fn body(content: Option<CallContent>, messages: Option<Vec<Value>>) -> Option<Map<String, Value>> {
    let whole = content.filter(|content| !content.truncated).and_then(|content| content.request);
    let kept = whole.and_then(|request| serde_json::from_str::<Map<String, Value>>(&request).ok());
    let mut body = match (kept, &messages) {
        (Some(body), _) => body,
        (None, Some(_)) => Map::new(),
        (None, None) => return None,
    };
    for member in ["session_id", "stream", "endpoint"] {
        body.remove(member);
    }
    if let Some(messages) = messages {
        body.remove("message");
        body.insert("messages".to_owned(), messages.into());
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::Timestamp;
    use serde_json::json;

    fn content(request: &str, truncated: bool) -> CallContent {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        let content = CallContent::of_call(id.parse().unwrap(), Timestamp::default(), id.parse().unwrap());
        CallContent { request: Some(request.to_owned()), truncated, ..content }
    }

    #[test]
    fn what_was_said_is_sent_again_outside_of_its_conversation() {
        let request = r#"{"message":"hi","session_id":"s","stream":true,"locale":"de"}"#;
        let again = body(Some(content(request, false)), None).unwrap();
        assert_eq!(Value::Object(again), json!({"message": "hi", "locale": "de"}));
        let other = vec![json!({"role": "user", "content": "ho"})];
        let again = body(Some(content(request, false)), Some(other.clone())).unwrap();
        assert_eq!(Value::Object(again), json!({"messages": other, "locale": "de"}));
    }

    #[test]
    fn what_was_not_kept_whole_needs_messages() {
        for missing in [None, Some(content("{}", true)), Some(content("[1]", false))] {
            assert_eq!(body(missing.clone(), None), None);
            assert!(body(missing, Some(vec![])).is_some());
        }
    }
}
