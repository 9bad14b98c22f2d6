//! `/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}/runs`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, evals};

use super::view::{RunSummaryView, RunView};
use super::{parse_address, run_not_found};
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};
use crate::segment::Segments;

/// Asks a golden set now, one item after the other, through the endpoint's present configuration, and
/// compares what came out with the run before.
#[utoipa::path(post, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}/runs",
    tag = "evals",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
        ("evalId" = String, Path, description = "The golden set"),
    ),
    responses(
        (status = CREATED, body = RunView),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`, `eval_not_found`",
            body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "`data_plane_unavailable`, `store_unavailable`",
            body = ErrorBody),
    ))]
pub(super) async fn run(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<(StatusCode, Json<RunView>), ApiError> {
    let run = evals::run(&control, actor, parse_address(&segments)?).await?;
    Ok((StatusCode::CREATED, Json(run.into())))
}

/// Lists the totals of a golden set's runs, newest first.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}/runs",
    tag = "evals",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
        ("evalId" = String, Path, description = "The golden set"),
        ListParams,
    ),
    responses(
        (status = OK, body = ListView<RunSummaryView>),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`, `eval_not_found`",
            body = ErrorBody),
    ))]
pub(super) async fn runs(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<RunSummaryView>>, ApiError> {
    let page = evals::runs(&control, actor, parse_address(&segments)?, params.page()).await?;
    Ok(Json(ListView::of(page, RunSummaryView::from)))
}

/// Shows one run, item by item.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}/runs/{runId}",
    tag = "evals",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
        ("evalId" = String, Path, description = "The golden set"),
        ("runId" = String, Path, description = "The run"),
    ),
    responses(
        (status = OK, body = RunView),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`, `eval_not_found`, \
            `eval_run_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find_run(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<RunView>, ApiError> {
    let address = parse_address(&segments)?;
    let id = segments.named("runId").parse().map_err(run_not_found)?;
    Ok(Json(evals::find_run(&control, actor, address, id).await?.into()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::{Value, json};

    const SESSION: &str = "018f4e6e-0000-7000-8000-00000000dead";

    fn item(name: &str, message: &str, expected: &Value) -> Value {
        json!({"name": name, "input": {"message": message, "session_id": SESSION, "stream": true},
            "expected": expected})
    }

    #[tokio::test]
    async fn a_run_is_judged_kept_and_compared_with_the_one_before() {
        let api = Api::new().await;
        let path = format!("{}/evals", api.create_endpoint("Mail").await);
        let items = json!([
            item("says", "Hello", &json!({"contains": ["HELLO"], "maxTotalTokens": 100})),
            item("lacks", "Hello", &json!({"contains": ["bye"]})),
            item("breaks", "!fail", &json!({})),
        ]);
        let set = api.post(&path, &json!({"name": "Basics", "items": items})).await.created();
        let own = format!("{path}/{}", set["id"].as_str().unwrap());
        let first = api.send("POST", &format!("{own}/runs"), "").await.created();
        assert_eq!((&first["passed"], &first["failed"], &first["total"]), (&json!(1), &json!(2), &json!(3)));
        assert_eq!((&first["diff"], &first["endpointVersion"]), (&json!(null), &json!(1)));
        assert_eq!(first["items"][1]["failures"], json!([{"kind": "missing", "detail": "bye"}]));
        let broken = &first["items"][2];
        assert_eq!((&broken["failures"][0]["kind"], &broken["answer"]), (&json!("exec_error"), &json!(null)));
        assert_eq!(broken["failures"][0]["detail"], "502: upstream failed");
        assert_eq!(api.audit_actions().await.last().unwrap(), "eval.run");
        let asked = api.last_run().unwrap().body;
        assert!(!asked.contains_key("session_id") && !asked.contains_key("stream"));

        let better = json!([
            item("says", "Hello", &json!({"contains": ["x"]})),
            item("lacks", "bye", &json!({"contains": ["bye"]})),
            items[2].clone()
        ]);
        api.patch(&own, &json!({"items": better})).await.ok();
        let second = api.send("POST", &format!("{own}/runs"), "").await.created();
        let diff = &second["diff"];
        assert_eq!((&diff["previousRunId"], &diff["delta"]), (&first["id"], &json!(0)));
        assert_eq!((&diff["newlyFailing"], &diff["newlyPassing"]), (&json!(["says"]), &json!(["lacks"])));

        let listed = api.get(&format!("{own}/runs")).await.ok();
        assert_eq!((&listed["total"], &listed["items"][0]["id"]), (&json!(2), &second["id"]));
        assert!(listed["items"][0].get("items").is_none());
        let shown = api.get(&format!("{own}/runs/{}", second["id"].as_str().unwrap())).await.ok();
        assert_eq!(shown, second);
        for nobody in ["x", set["id"].as_str().unwrap()] {
            api.get(&format!("{own}/runs/{nobody}")).await.refused(404, "eval_run_not_found");
        }
    }

    #[tokio::test]
    async fn a_process_without_a_data_plane_says_so() {
        let api = Api::without_runner().await;
        let path = format!("{}/evals", api.create_endpoint("Mail").await);
        let items = json!([item("says", "Hello", &json!({}))]);
        let set = api.post(&path, &json!({"name": "Basics", "items": items})).await.created();
        let runs = format!("{path}/{}/runs", set["id"].as_str().unwrap());
        api.send("POST", &runs, "").await.refused(503, "data_plane_unavailable");
    }
}
