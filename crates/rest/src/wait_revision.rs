//! Waiting for a change to be served: `?wait_revision=` and `x-promptgate-wait-revision`.
//!
//! Whoever changes something and then calls a proxy would have to guess when the proxy knows. With the
//! wait, the answer of the change comes when every proxy that runs serves it, or says which do not yet.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use promptgate_control::replicas::{self, LONGEST_WAIT, Served};

use crate::ApiState;
use crate::error::ApiError;

const HEADER: &str = "x-promptgate-wait-revision";
const PARAMETER: &str = "wait_revision";
/// How long `true` waits.
const USUAL: Duration = Duration::from_secs(10);
/// So many replicas are named at most.
const NAMED: usize = 20;

/// The revision that was waited for.
const REVISION: HeaderName = HeaderName::from_static("x-promptgate-revision");
/// How many of how many replicas serve it.
const SERVED: HeaderName = HeaderName::from_static("x-promptgate-revision-served");
/// The ids of those that do not.
const BEHIND: HeaderName = HeaderName::from_static("x-promptgate-replicas-behind");

/// Lets changes wait that ask for it; one place for every route.
pub(crate) async fn wait_revision(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let changes = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    if !changes || !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let (uri, parameter) = without_parameter(request.uri());
    let limit = match asked(request.headers(), parameter.as_deref()) {
        Ok(limit) => limit,
        Err(refused) => return refused.into_response(),
    };
    if let Some(uri) = uri {
        // Handlers refuse parameters that they do not know.
        *request.uri_mut() = uri;
    }
    let mut response = next.run(request).await;
    let Some(limit) = limit.filter(|_| response.status().is_success()) else { return response };
    match replicas::wait(&state.control, limit).await {
        Ok(served) => say(&served, response.headers_mut()),
        // The change is made; nobody knows who serves it.
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "cannot tell which replicas serve a change"
        ),
    }
    response
}

/// How long to wait, if at all.
fn asked(headers: &HeaderMap, parameter: Option<&str>) -> Result<Option<Duration>, ApiError> {
    let header = headers.get(HEADER).map(|value| value.to_str().unwrap_or_default().trim());
    let (text, field) = match (header, parameter) {
        (Some(text), _) => (text, HEADER),
        (None, Some(text)) => (text, PARAMETER),
        (None, None) => return Ok(None),
    };
    let seconds = text.parse::<u64>().ok().filter(|seconds| (1..=LONGEST_WAIT.as_secs()).contains(seconds));
    match (text, seconds) {
        ("true", _) => Ok(Some(USUAL)),
        ("false", _) => Ok(None),
        (_, Some(seconds)) => Ok(Some(Duration::from_secs(seconds))),
        (_, None) => Err(ApiError::bad_request("invalid_wait_revision").field(field).message(format!(
            "must be `true`, `false`, or a number of seconds from 1 to {}",
            LONGEST_WAIT.as_secs()
        ))),
    }
}

/// The address without the parameter, if it has it, and its value.
fn without_parameter(uri: &Uri) -> (Option<Uri>, Option<String>) {
    let Some(query) = uri.query() else { return (None, None) };
    let is_it = |pair: &&str| pair.split('=').next() == Some(PARAMETER);
    let Some(found) = query.split('&').find(is_it) else { return (None, None) };
    let value = found.split_once('=').map_or("true", |(_, value)| value).to_owned();
    let rest = query.split('&').filter(|pair| !is_it(pair)).collect::<Vec<_>>().join("&");
    let path = uri.path();
    let text = if rest.is_empty() { path.to_owned() } else { format!("{path}?{rest}") };
    (text.parse().ok(), Some(value))
}

fn say(served: &Served, headers: &mut HeaderMap) {
    let mut insert = |name: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    };
    insert(REVISION, served.revision.to_string());
    insert(SERVED, format!("{}/{}", served.replicas - served.behind.len(), served.replicas));
    if !served.behind.is_empty() {
        let named: Vec<String> =
            served.behind.iter().take(NAMED).map(|replica| replica.id.to_string()).collect();
        insert(BEHIND, named.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Api;

    const PROJECTS: &str = "/api/v1/admin/projects";

    #[tokio::test]
    async fn without_a_proxy_there_is_nobody_to_wait_for() {
        let api = Api::new().await;
        let body = json!({"name": "Mail", "projectType": "ai_wrapper"});
        let made = api.post(&format!("{PROJECTS}?wait_revision=true"), &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert_eq!(made.header("x-promptgate-revision"), api.revision().await.number().to_string());
        assert_eq!(made.header("x-promptgate-revision-served"), "0/0");
        assert_eq!(made.header("x-promptgate-replicas-behind"), "");
        let made = api.post(PROJECTS, &body).await;
        assert_eq!((made.status, made.header("x-promptgate-revision")), (201, ""), "nobody asked");
    }

    #[tokio::test]
    async fn the_answer_comes_when_every_proxy_serves_the_change_or_says_which_do_not() {
        let api = Api::new().await;
        let body = json!({"name": "Mail", "projectType": "ai_wrapper"});
        let (quick, slow) = (api.beat("proxy", 1_000).await, api.beat("proxy", 0).await);
        api.beat("api", 0).await;
        let waited = tokio::time::Instant::now();
        let made = api.post(&format!("{PROJECTS}?wait_revision=1"), &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert!(waited.elapsed() >= std::time::Duration::from_secs(1));
        assert_eq!(made.header("x-promptgate-revision-served"), "1/2");
        assert_eq!(made.header("x-promptgate-replicas-behind"), slow);
        assert_ne!(made.header("x-promptgate-replicas-behind"), quick);
        let catching_up = async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            api.beat_again(&slow, 1_000).await;
        };
        let path = format!("{PROJECTS}?wait_revision=true");
        let waited = tokio::time::Instant::now();
        let (made, ()) = tokio::join!(api.post(&path, &body), catching_up);
        assert_eq!(made.header("x-promptgate-revision-served"), "2/2", "{}", made.text());
        assert!(waited.elapsed() < std::time::Duration::from_secs(5));
    }

    #[tokio::test]
    async fn who_falls_silent_meanwhile_is_not_waited_for_and_not_taken_to_serve_the_change() {
        let api = Api::new().await;
        let body = json!({"name": "Mail", "projectType": "ai_wrapper"});
        let frozen = api.beat("proxy", 0).await;
        let falling_silent = async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            api.clock.advance(std::time::Duration::from_secs(11));
        };
        let path = format!("{PROJECTS}?wait_revision=true");
        let waited = tokio::time::Instant::now();
        let (made, ()) = tokio::join!(api.post(&path, &body), falling_silent);
        assert!(waited.elapsed() < std::time::Duration::from_secs(5));
        assert_eq!(made.header("x-promptgate-revision-served"), "0/1", "{}", made.text());
        assert_eq!(made.header("x-promptgate-replicas-behind"), frozen);
        let made = api.post(&path, &body).await;
        assert_eq!(made.header("x-promptgate-revision-served"), "0/0", "who does not run is not asked");
    }

    #[tokio::test]
    async fn what_is_no_bound_is_refused_before_anything_changes() {
        let api = Api::new().await;
        let before = api.revision().await;
        let body = json!({"name": "Mail", "projectType": "ai_wrapper"});
        for wrong in ["", "0", "61", "yes", "-1", "1.5"] {
            let answer = api.post(&format!("{PROJECTS}?wait_revision={wrong}"), &body).await;
            answer.refused(400, "invalid_wait_revision");
        }
        assert_eq!(api.revision().await, before);
        api.post(&format!("{PROJECTS}?wait_revision=false&other=1"), &body).await.created();
        let failed = api.post(&format!("{PROJECTS}?wait_revision=true"), &json!({})).await;
        assert_eq!((failed.status, failed.header("x-promptgate-revision")), (400, ""));
    }
}
