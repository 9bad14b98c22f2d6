//! `GET /api/v1/admin/replicas`: the processes that run, and how new what they work from is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::replicas::{self, Replica, ReplicasError, Running};
use promptgate_kernel::{ReplicaId, Revision, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Acting;
use crate::ApiState;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReplicasView {
    /// The latest revision of the configuration.
    #[schema(minimum = 0)]
    revision: i64,
    /// Every process that was heard of within the last ten seconds, by kind, then by start.
    items: Vec<ReplicaView>,
}

/// A process that runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReplicaView {
    /// Given at its start.
    #[schema(value_type = String, format = "uuid")]
    id: ReplicaId,
    /// `api`, `proxy`, `schedule`, `worker` or `run-all`.
    #[schema(example = "proxy")]
    kind: String,
    /// Its version of the program.
    version: String,
    /// The machine that it runs on, as that calls itself.
    host: String,
    /// Where it listens; several addresses are parted by blanks.
    #[schema(example = "127.0.0.1:8081")]
    address: String,
    /// The number of the process on its machine.
    pid: u32,
    /// Whether programs call it with their tokens.
    answers_calls: bool,
    #[schema(value_type = String, format = "date-time")]
    started_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    last_seen_at: Timestamp,
    /// The revision of the configuration that it works from; null for a process that works from none.
    revision: Option<i64>,
    /// By how many revisions it is behind the latest; null for a process that works from none.
    lag: Option<i64>,
}

impl From<Running> for ReplicasView {
    fn from(running: Running) -> Self {
        let latest = running.revision;
        let view = |replica: Replica| ReplicaView {
            id: replica.id,
            kind: replica.kind,
            version: replica.version,
            host: replica.host,
            address: replica.address,
            pid: replica.process,
            answers_calls: replica.answers_calls,
            started_at: replica.started_at,
            last_seen_at: replica.seen_at,
            revision: replica.revision.map(Revision::number),
            lag: replica.revision.map(|own| (latest.number() - own.number()).max(0)),
        };
        Self { revision: latest.number(), items: running.replicas.into_iter().map(view).collect() }
    }
}

/// Lists the processes that run, with the revision that each works from.
#[utoipa::path(get, path = "/api/v1/admin/replicas", tag = "replicas",
    responses((status = OK, body = ReplicasView)))]
async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
) -> Result<Json<ReplicasView>, ApiError> {
    Ok(Json(replicas::list(&control, actor).await?.into()))
}

impl From<ReplicasError> for ApiError {
    fn from(error: ReplicasError) -> Self {
        match error {
            ReplicasError::Forbidden(error) => error.into(),
            ReplicasError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Api;

    #[tokio::test]
    async fn what_runs_is_listed_with_what_it_lacks() {
        let api = Api::new().await;
        let path = "/api/v1/admin/replicas";
        assert_eq!(api.get(path).await.ok()["items"], json!([]));
        api.create_project("Mail", "ai_wrapper").await;
        api.beat("proxy", api.revision().await.number() - 1).await;
        let listed = api.get(path).await.ok();
        assert_eq!(listed["revision"], api.revision().await.number());
        let shown = &listed["items"][0];
        assert_eq!((&shown["kind"], &shown["lag"], &shown["pid"]), (&json!("proxy"), &json!(1), &json!(7)));
        api.advance_secs(11);
        assert_eq!(api.get(path).await.ok()["items"], json!([]), "it was not heard of for long");
    }
}
