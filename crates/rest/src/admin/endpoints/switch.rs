//! `PATCH /api/v1/admin/projects/{uuid}/endpoints/{id}/activate` and `…/deactivate`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, endpoints};

use super::parse_address;
use super::view::EndpointView;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Switches an AI endpoint on. This makes no version.
#[utoipa::path(patch, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/activate", tag = "endpoints",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
    ),
    responses(
        (status = OK, body = EndpointView),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn activate(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<EndpointView>, ApiError> {
    Ok(Json(endpoints::switch(&control, actor, parse_address(&segments)?, true).await?.into()))
}

/// Switches an AI endpoint off: its callers get 404. Everything else stays.
#[utoipa::path(patch, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/deactivate", tag = "endpoints",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
    ),
    responses(
        (status = OK, body = EndpointView),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn deactivate(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<EndpointView>, ApiError> {
    Ok(Json(endpoints::switch(&control, actor, parse_address(&segments)?, false).await?.into()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn an_endpoint_is_switched_without_a_version() {
        let api = Api::new().await;
        let path = api.create_endpoint("Mail").await;
        let off = api.send("PATCH", &format!("{path}/deactivate"), "").await.ok();
        assert_eq!((&off["isActive"], &off["version"]), (&false.into(), &1.into()));
        let listed = path.rsplit_once('/').unwrap().0;
        assert_eq!(api.get(&format!("{listed}?isActive=true")).await.ok()["total"], 0);
        assert_eq!(api.get(&format!("{listed}?isActive=false&sortBy=slug")).await.ok()["total"], 1);
        let entries = api.audit_actions().await.len();
        api.send("PATCH", &format!("{path}/deactivate"), "").await.ok();
        assert_eq!(api.audit_actions().await.len(), entries, "it was off already");
        api.send("PATCH", &format!("{path}/activate"), "").await.ok();
        let actions = api.audit_actions().await;
        assert_eq!(actions[entries - 1..], ["endpoint.deactivated", "endpoint.activated"]);
    }
}
