//! `GET /api/v1/admin/users/{id}/statistics`

use axum::Json;
use axum::extract::State;
use promptgate_control::statistics::{self, Subject};
use promptgate_usage::Grain;

use super::parse_id;
use crate::ApiState;
use crate::admin::Acting;
use crate::body::Params;
use crate::dashboard::{StatisticsView, WindowParams};
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows what a person's calls add up to.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/statistics", tag = "users",
    params(("id" = String, Path, description = "The person"), WindowParams),
    responses(
        (status = OK, body = StatisticsView),
        (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn statistics(
    Acting(actor): Acting,
    State(state): State<ApiState>,
    Segment(id): Segment,
    Params(params): Params<WindowParams>,
) -> Result<Json<StatisticsView>, ApiError> {
    let window = params.window()?;
    let subject = Subject::Person(parse_id(&id)?);
    let found = statistics::read(&state.control, actor, subject, window, Grain::Daily, state.costs).await?;
    Ok(Json((&found).into()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn a_persons_numbers_are_theirs_and_a_services_are_hidden() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let token = api.issue_token(&project).await.id;
        let [ada, bob] = [api.create_user("ada").await, api.create_user("bob").await];
        let service = api.create_service("ci").await;
        for owner in [&ada, &ada, &bob, &service] {
            api.record_call_with(&project, &token, "r", |event, _| {
                event.owner = Some(owner.parse().unwrap());
            })
            .await;
        }
        let path = |id: &str| format!("/api/v1/admin/users/{id}/statistics");
        let found = api.get(&path(&ada)).await.ok();
        assert_eq!((&found["window"], &found["totals"]["requests"]), (&json!("30d"), &json!(2)));
        assert_eq!((&found["totals"]["toolCalls"], &found["totalDurationMs"]), (&json!(0), &json!(2)));
        assert_eq!(found["daily"].as_array().unwrap().len(), 30);
        assert_eq!(found["daily"][29]["requests"], 2);
        assert_eq!(found["totals"]["estimatedCost"]["totalUsd"], 0.005);
        for id in [&service, "x", "018f4e6e-0000-7000-8000-000000000001"] {
            api.get(&path(id)).await.refused(404, "user_not_found");
        }
        api.get(&format!("{}?window=1d", path(&ada))).await.refused(400, "invalid_usage_window");
        let none = api.get(&format!("{}?window=all", path(&api.create_user("new").await))).await.ok();
        assert_eq!((&none["daily"], none["totals"].get("estimatedCost")), (&json!([]), None));
    }
}
