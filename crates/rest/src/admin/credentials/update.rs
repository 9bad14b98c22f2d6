//! `PATCH /api/v1/admin/credentials/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, credentials};
use promptgate_providers::CredentialChanges;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{CredentialView, parse_id};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// What is to change about a credential. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateCredentialBody {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// Its share of the calls.
    #[schema(minimum = 1, maximum = 100)]
    weight: Option<u32>,
    /// Whether it is used.
    is_active: Option<bool>,
}

/// Changes a credential. Its provider cannot be changed; its secret is changed by rotation.
#[utoipa::path(patch, path = "/api/v1/admin/credentials/{id}", tag = "credentials",
    params(("id" = String, Path, description = "The credential")),
    request_body = UpdateCredentialBody,
    responses(
        (status = OK, body = CredentialView),
        (status = NOT_FOUND, description = "`credential_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<UpdateCredentialBody>,
) -> Result<Json<CredentialView>, ApiError> {
    let UpdateCredentialBody { name, weight, is_active } = body;
    let changes = CredentialChanges { name, weight, active: is_active };
    let credential = credentials::update(&control, actor, parse_id(&id)?, changes).await?;
    Ok(Json(CredentialView::of(credential, &control.keys)))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn what_is_left_out_stays_and_the_provider_is_fixed() {
        let api = Api::new().await;
        let provider = api.create_provider("main", "openai").await;
        let path = format!("/api/v1/admin/credentials/{}", api.create_credential(&provider, "a").await);
        let changed = api.patch(&path, &json!({"weight": 7})).await.ok();
        assert_eq!((&changed["weight"], &changed["name"]), (&json!(7), &json!("a")));
        let changed = api.patch(&path, &json!({"name": "b", "isActive": false})).await.ok();
        assert_eq!((&changed["name"], &changed["isActive"]), (&json!("b"), &json!(false)));
        for field in ["providerId", "secret", "preview"] {
            let refused = api.patch(&path, &json!({field: "x"})).await.refused(400, "invalid_request_body");
            assert_eq!(refused["field"], field);
        }
        api.patch(&path, &json!({"weight": 101})).await.refused(400, "invalid_weight");
        api.patch(&path, &json!({"name": " "})).await.refused(400, "invalid_name");
        api.patch("/api/v1/admin/credentials/x", &json!({})).await.refused(404, "credential_not_found");
        let actions = api.audit_actions().await;
        assert!(actions.contains(&"credential.updated".to_owned()), "{actions:?}");
        api.patch(&path, &json!({"isActive": true})).await.ok();
        assert_eq!(api.audit_actions().await.last().unwrap(), "credential.activated");
        api.patch(&path, &json!({"isActive": false})).await.ok();
        assert_eq!(api.audit_actions().await.last().unwrap(), "credential.deactivated");
    }
}
