//! `POST /api/v1/admin/projects/{uuid}/endpoints/{id}/evals`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, evals};
use promptgate_endpoints::NewEvalSet;

use super::body::EvalBody;
use super::view::EvalView;
use crate::admin::{Acting, endpoints};
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Creates a golden set of an AI endpoint.
#[utoipa::path(post, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals", tag = "evals",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
    ),
    request_body = EvalBody,
    responses(
        (status = CREATED, body = EvalView),
        (status = BAD_REQUEST, description = "`invalid_eval`, with `errors`; `invalid_request_body`",
            body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<EvalBody>,
) -> Result<(StatusCode, Json<EvalView>), ApiError> {
    let address = endpoints::parse_address(&segments)?;
    let created = evals::create(&control, actor, address, body.onto(NewEvalSet::default())).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn a_golden_set_is_created_changed_and_deleted() {
        let api = Api::new().await;
        let path = format!("{}/evals", api.create_endpoint("Mail").await);
        let item = json!({"name": "greets", "input": {"message": "Hi", "sessionTtl": 1}, "expected":
            {"contains": ["hi"], "notContains": ["bye"], "matchesSchema": null, "minTotalTokens": 1,
            "maxTotalTokens": 100}});
        let view = api.post(&path, &json!({"name": "Basics", "items": [item]})).await.created();
        assert_eq!((&view["items"][0], &view["description"]), (&item, &json!(null)));
        let own = format!("{path}/{}", view["id"].as_str().unwrap());
        let changed = api.patch(&own, &json!({"description": "d"})).await.ok();
        assert_eq!((&changed["items"][0], &changed["description"]), (&item, &json!("d")));
        assert_eq!(api.get(&path).await.ok()["items"][0]["name"], "Basics");
        api.delete(&own).await.no_content();
        for method in ["GET", "PATCH", "DELETE"] {
            api.send(method, &own, "{}").await.refused(404, "eval_not_found");
        }
        let actions = api.audit_actions().await;
        assert_eq!(actions[actions.len() - 3..], ["eval.created", "eval.updated", "eval.deleted"]);
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_by_its_place() {
        let api = Api::new().await;
        let path = format!("{}/evals", api.create_endpoint("Mail").await);
        let refused = api.post(&path, &json!({})).await.refused(400, "invalid_eval");
        assert!(refused["errors"]["name"].is_array() && refused["errors"]["items"].is_array());
        let wrong =
            json!({"name": "x", "items": [{"name": "a", "input": {}, "expected": {"notContains": 7}}]});
        let refused = api.post(&path, &wrong).await.refused(400, "invalid_eval");
        assert!(refused["field"].as_str().unwrap().starts_with("items.0"), "{refused}");
        api.post(&path, &json!({"title": "x"})).await.refused(400, "invalid_request_body");
    }
}
