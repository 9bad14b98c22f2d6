//! `PATCH /api/v1/admin/service-accounts/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::{AccountChanges, AccountKind};
use promptgate_control::Control;
use promptgate_control::accounts;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ServiceAccountView, not_found, parse_id};
use crate::admin::Acting;
use crate::admin::users::refused;
use crate::body::{Patch, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::limits::{LimitsBody, limit_changes};
use crate::segment::Segment;

/// What is to change about a service account. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateServiceAccountBody {
    /// 1 to 64 letters, digits, `-` and `_`.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    identifier: Option<String>,
    #[schema(min_length = 1, max_length = 320)]
    name: Option<String>,
    is_active: Option<bool>,
    firewall_override_enabled: Option<bool>,
    /// How much it may use; null takes every limit away.
    #[serde(default)]
    #[schema(value_type = Option<LimitsBody>)]
    limits: Patch<LimitsBody>,
}

/// Changes a service account.
#[utoipa::path(patch, path = "/api/v1/admin/service-accounts/{id}", tag = "service-accounts",
    params(("id" = String, Path, description = "The service account")),
    request_body = UpdateServiceAccountBody,
    responses(
        (status = OK, body = ServiceAccountView),
        (status = BAD_REQUEST, description = "`invalid_identifier`, `invalid_name`, `invalid_limit`, \
            `invalid_request_body`",
            body = ErrorBody),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`identifier_conflict`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<UpdateServiceAccountBody>,
) -> Result<Json<ServiceAccountView>, ApiError> {
    let changes = AccountChanges {
        username: body.identifier,
        name: body.name,
        active: body.is_active,
        firewall_override: body.firewall_override_enabled,
        limits: limit_changes(body.limits)?,
        ..AccountChanges::default()
    };
    let updated = accounts::update(&control, actor, AccountKind::Service, parse_id(&id)?, changes).await;
    Ok(Json(updated.map_err(|error| refused(error, not_found))?.into()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn what_is_left_out_stays_and_names_stay_apart() {
        let api = Api::new().await;
        let [one, _] = [api.create_service("one").await, api.create_service("two").await];
        let path = format!("/api/v1/admin/service-accounts/{one}");
        let changed = api.patch(&path, &json!({"name": "Another"})).await.ok();
        assert_eq!(
            (&changed["name"], &changed["isActive"], &changed["identifier"]),
            (&json!("Another"), &json!(true), &json!("one"))
        );
        api.patch(&path, &json!({"identifier": "TWO"})).await.refused(409, "identifier_conflict");
        api.patch(&path, &json!({"identifier": "two words"})).await.refused(400, "invalid_identifier");
        api.patch(&path, &json!({"isActive": false})).await.ok();
        api.delete(&path).await.no_content();
        api.get(&path).await.refused(404, "service_account_not_found");
        api.create_service("one").await;
    }
}
