//! What every process answers about itself: `/livez`, `/readyz`, `/metrics`.

mod livez;
mod metrics;
mod readyz;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use promptgate_auth::AdminKey;
use promptgate_kernel::{Revision, Timestamp};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::headers::secure;
use crate::router::wrong_method;

/// What a process knows about itself.
#[async_trait]
pub trait Ops: Send + Sync {
    /// Whether it may be sent work, and how its surroundings are. Answers within a few seconds,
    /// whatever they do.
    async fn ready(&self) -> Report;

    /// The process's metrics, in Prometheus's text format.
    fn metrics(&self) -> String;

    /// The token that opens `/metrics` from elsewhere; without one only loopback peers may.
    fn metrics_token(&self) -> Option<&AdminKey> {
        None
    }
}

/// Whether a process may be sent work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It may.
    Ready,
    /// It is starting, or lacks something that it cannot do without.
    NotReady,
    /// It is finishing what it has.
    Draining,
}

/// How one thing that a process depends on is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// It works.
    Ok,
    /// It does not, and the process goes on without it; why, in a few words.
    Degraded(String),
    /// It does not, and that matters; why, in a few words.
    Failed(String),
}

/// Something that is away, and what a process gives up meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Degraded {
    /// What it is, such as `database`.
    pub dependency: String,
    /// Since when.
    pub since: Timestamp,
    /// What is given up, in a sentence.
    pub gives_up: String,
}

/// What `/readyz` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether it may be sent work.
    pub readiness: Readiness,
    /// The revision of the configuration it works from, if it works from one.
    pub revision: Option<Revision>,
    /// What was looked at, by name, such as `database`.
    pub checks: BTreeMap<String, Check>,
    /// What is away, by name.
    pub degraded: Vec<Degraded>,
}

/// The routes of `ops`, to be merged into any router. Needs `ConnectInfo<SocketAddr>` to tell
/// loopback peers.
pub fn router(ops: Arc<dyn Ops>) -> Router {
    let (router, _) = documented().with_state(ops).split_for_parts();
    router.method_not_allowed_fallback(wrong_method).layer(middleware::from_fn(secured))
}

pub(crate) fn documented() -> OpenApiRouter<Arc<dyn Ops>> {
    OpenApiRouter::new()
        .routes(routes!(livez::livez))
        .routes(routes!(readyz::readyz))
        .routes(routes!(metrics::metrics))
}

async fn secured(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    secure(response.headers_mut());
    response
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use promptgate_auth::AdminKey;

    pub(crate) struct Fake {
        pub(crate) readiness: Readiness,
        pub(crate) token: Option<AdminKey>,
        pub(crate) degraded: Vec<Degraded>,
    }

    #[async_trait]
    impl Ops for Fake {
        async fn ready(&self) -> Report {
            let checks = [
                ("database".to_owned(), Check::Ok),
                ("redis".to_owned(), Check::Degraded("no connection".to_owned())),
            ];
            Report {
                readiness: self.readiness,
                revision: Some(Revision::from_number(7)),
                checks: checks.into_iter().collect(),
                degraded: self.degraded.clone(),
            }
        }

        fn metrics(&self) -> String {
            "up 1\n".to_owned()
        }

        fn metrics_token(&self) -> Option<&AdminKey> {
            self.token.as_ref()
        }
    }

    #[tokio::test]
    async fn a_wrong_method_is_told_as_json() {
        use crate::testing::{Answer, request};
        for path in ["/livez", "/readyz", "/metrics"] {
            let answer = Answer::of(fake(Readiness::Ready, None), request("POST", path, "")).await;
            assert_eq!(answer.header("allow"), "GET,HEAD");
            answer.refused(405, "method_not_allowed");
        }
    }

    pub(crate) fn fake(readiness: Readiness, token: Option<&str>) -> Router {
        router(Arc::new(Fake { readiness, token: token.and_then(AdminKey::from_text), degraded: vec![] }))
    }

    /// One that lacks something.
    pub(crate) fn degraded(dependency: &str, gives_up: &str) -> Router {
        let degraded = Degraded {
            dependency: dependency.to_owned(),
            since: Timestamp::from_micros(1_500_000),
            gives_up: gives_up.to_owned(),
        };
        router(Arc::new(Fake { readiness: Readiness::Ready, token: None, degraded: vec![degraded] }))
    }
}
