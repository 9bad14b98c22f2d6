//! `PATCH /api/v1/admin/users/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::{AccountChanges, AccountKind, Role, UnknownRole};
use promptgate_control::Control;
use promptgate_control::accounts;
use promptgate_kernel::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{UserView, not_found, parse_id, refused};
use crate::admin::Acting;
use crate::body::{Patch, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::limits::{LimitsBody, limit_changes};
use crate::segment::Segment;

/// What is to change about a person. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateUserBody {
    /// `none`, `user`, `manager` or `admin`; `none` ends the person's keys.
    role: Option<String>,
    is_active: Option<bool>,
    firewall_override_enabled: Option<bool>,
    /// When the access ends, in the future; null for never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Patch<String>,
    /// How much it may use; null takes every limit away.
    #[serde(default)]
    #[schema(value_type = Option<LimitsBody>)]
    limits: Patch<LimitsBody>,
}

/// Changes a person. The last administrator stays one.
#[utoipa::path(patch, path = "/api/v1/admin/users/{id}", tag = "users",
    params(("id" = String, Path, description = "The person")),
    request_body = UpdateUserBody,
    responses(
        (status = OK, body = UserView),
        (status = BAD_REQUEST, description = "`invalid_role`, `invalid_expiration`, `invalid_limit`, \
            `invalid_request_body`",
            body = ErrorBody),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`last_administrator`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<UpdateUserBody>,
) -> Result<Json<UserView>, ApiError> {
    let id = parse_id(&id)?;
    let changed = accounts::update(&control, actor, AccountKind::Person, id, body.try_into()?).await;
    Ok(Json(changed.map_err(|error| refused(error, not_found))?.into()))
}

impl TryFrom<UpdateUserBody> for AccountChanges {
    type Error = ApiError;

    fn try_from(body: UpdateUserBody) -> Result<Self, ApiError> {
        let expires = body.expires_at.try_map(|text| {
            text.parse::<Timestamp>().map_err(|_| {
                ApiError::bad_request("invalid_expiration")
                    .field("expiresAt")
                    .message("expiresAt must be an instant, such as 2030-01-31T12:00:00Z")
            })
        })?;
        Ok(Self {
            role: body.role.map(|role| role.parse::<Role>().map_err(invalid_role)).transpose()?,
            active: body.is_active,
            firewall_override: body.firewall_override_enabled,
            expires_at: expires.into_change(),
            limits: limit_changes(body.limits)?,
            ..Self::default()
        })
    }
}

pub(super) fn invalid_role(error: UnknownRole) -> ApiError {
    ApiError::bad_request("invalid_role").field("role").message(error)
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn what_is_left_out_stays() {
        let api = Api::new().await;
        let id = api.create_person("a@example.com", "manager").await;
        let path = format!("/api/v1/admin/users/{id}");
        let end = "2030-01-31T12:00:00Z";
        let set = api.patch(&path, &json!({"expiresAt": end, "firewallOverrideEnabled": true})).await.ok();
        assert_eq!((&set["role"], &set["isActive"]), (&json!("manager"), &json!(true)));
        let off = api.patch(&path, &json!({"isActive": false})).await.ok();
        assert_eq!(
            (&off["isActive"], &off["expiresAt"], &off["firewallOverrideEnabled"]),
            (&json!(false), &set["expiresAt"], &json!(true))
        );
        let full =
            json!({"role": "user", "isActive": true, "expiresAt": null, "firewallOverrideEnabled": false});
        let full = api.patch(&path, &full).await.ok();
        assert_eq!((&full["role"], &full["expiresAt"]), (&json!("user"), &json!(null)));
        assert!(full.as_object().unwrap().contains_key("subscriptionPlanId"));
        let gone = api.patch(&path, &json!({"role": "none", "expiresAt": end})).await.ok();
        assert_eq!((&gone["role"], &gone["expiresAt"]), (&json!("none"), &json!(null)));
    }

    #[tokio::test]
    async fn what_is_wrong_has_its_code() {
        let api = Api::new().await;
        let id = api.create_person("a@example.com", "user").await;
        let path = format!("/api/v1/admin/users/{id}");
        for (body, code) in [
            (json!({"role": "boss"}), "invalid_role"),
            (json!({"expiresAt": "2001-01-01T00:00:00Z"}), "invalid_expiration"),
            (json!({"expiresAt": "soon"}), "invalid_expiration"),
            (json!({"email": "b@example.com"}), "invalid_request_body"),
        ] {
            api.patch(&path, &body).await.refused(400, code);
        }
        for id in ["x", "018f4e6e-0000-7000-8000-00000000dead"] {
            api.patch(&format!("/api/v1/admin/users/{id}"), &json!({})).await.refused(404, "user_not_found");
        }
    }

    #[tokio::test]
    async fn somebody_always_runs_the_installation() {
        let api = Api::new().await;
        let first = api.create_person("a@example.com", "admin").await;
        let path = format!("/api/v1/admin/users/{first}");
        for body in [
            json!({"role": "user"}),
            json!({"isActive": false}),
            json!({"expiresAt": "2030-01-31T12:00:00Z"}),
        ] {
            api.patch(&path, &body).await.refused(409, "last_administrator");
        }
        api.delete(&path).await.refused(409, "last_administrator");
        api.create_person("b@example.com", "admin").await;
        api.patch(&path, &json!({"role": "user"})).await.ok();
    }
}
