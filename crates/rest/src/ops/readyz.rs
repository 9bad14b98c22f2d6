//! `GET /readyz`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_kernel::{Revision, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Check, Ops, Readiness, Report};

/// Whether the process may be sent work.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadyView {
    /// `ready`, `not_ready` or `draining`.
    status: &'static str,
    /// The revision of the configuration it works from.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<i64>,
    checks: BTreeMap<String, CheckView>,
    /// What is away; left out when nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    degraded: Vec<DegradedView>,
}

/// Something that is away.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DegradedView {
    /// `database`, `redis`, `usage_spool` or `identity_provider`.
    dependency: String,
    #[schema(value_type = String, format = "date-time")]
    since: Timestamp,
    /// What the process goes on without.
    gives_up: String,
}

/// How one thing that the process depends on is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckView {
    /// `ok`, `degraded` (the process goes on without it) or `error`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Tells whether the process may be sent work, and how what it depends on is.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses(
    (status = OK, body = ReadyView),
    (status = SERVICE_UNAVAILABLE, description = "Not ready, or draining", body = ReadyView),
))]
pub(super) async fn readyz(State(ops): State<Arc<dyn Ops>>) -> (StatusCode, Json<ReadyView>) {
    let report = ops.ready().await;
    let status = match report.readiness {
        Readiness::Ready => StatusCode::OK,
        Readiness::NotReady | Readiness::Draining => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(report.into()))
}

impl From<Report> for ReadyView {
    fn from(report: Report) -> Self {
        let status = match report.readiness {
            Readiness::Ready => "ready",
            Readiness::NotReady => "not_ready",
            Readiness::Draining => "draining",
        };
        let checks = report.checks.into_iter().map(|(name, check)| (name, check.into())).collect();
        let degraded = report.degraded.into_iter().map(|away| DegradedView {
            dependency: away.dependency,
            since: away.since,
            gives_up: away.gives_up,
        });
        let revision = report.revision.map(Revision::number);
        Self { status, revision, checks, degraded: degraded.collect() }
    }
}

impl From<Check> for CheckView {
    fn from(check: Check) -> Self {
        match check {
            Check::Ok => Self { status: "ok", detail: None },
            Check::Degraded(detail) => Self { status: "degraded", detail: Some(detail) },
            Check::Failed(detail) => Self { status: "error", detail: Some(detail) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Readiness;
    use super::super::tests::{degraded, fake};
    use crate::testing::{Answer, request};
    use serde_json::json;

    #[tokio::test]
    async fn what_is_given_up_is_said() {
        let answer = Answer::of(degraded("redis", "much"), request("GET", "/readyz", "")).await;
        let expected = json!([
            {"dependency": "redis", "since": "1970-01-01T00:00:01.500000Z", "givesUp": "much"},
        ]);
        assert_eq!((answer.status, &answer.json()["degraded"]), (200, &expected));
    }

    #[tokio::test]
    async fn only_a_ready_process_answers_200() {
        for (readiness, status, text) in [
            (Readiness::Ready, 200, "ready"),
            (Readiness::NotReady, 503, "not_ready"),
            (Readiness::Draining, 503, "draining"),
        ] {
            let answer = Answer::of(fake(readiness, None), request("GET", "/readyz", "")).await;
            assert_eq!(answer.status, status);
            let checks = json!({"database": {"status": "ok"},
                "redis": {"status": "degraded", "detail": "no connection"}});
            assert_eq!(answer.json(), json!({"status": text, "revision": 7, "checks": checks}));
        }
    }
}
