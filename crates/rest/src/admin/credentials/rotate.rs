//! `POST /api/v1/admin/credentials/{id}/rotate`

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use promptgate_control::credentials::RotateCredential;
use promptgate_control::{Control, credentials};
use promptgate_kernel::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{CredentialView, parse_id};
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// What takes the place of a secret. It has no `Debug`, because it holds one.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RotateCredentialBody {
    /// The new secret. It is sealed and never shown again.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, write_only, min_length = 1, max_length = 8192)]
    secret: String,
    /// For how long the secret of today goes on serving where the new one is refused; 0 unless given.
    #[schema(maximum = 2_592_000)]
    overlap_seconds: Option<u64>,
}

/// Puts another secret in place. The id stays, so that whatever uses the credential goes on.
#[utoipa::path(post, path = "/api/v1/admin/credentials/{id}/rotate", tag = "credentials",
    params(("id" = String, Path, description = "The credential")),
    request_body = RotateCredentialBody,
    responses(
        (status = OK, body = CredentialView),
        (status = NOT_FOUND, description = "`credential_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn rotate(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<RotateCredentialBody>,
) -> Result<Json<CredentialView>, ApiError> {
    let command = RotateCredential {
        secret: SecretString::new(body.secret.trim().to_owned()),
        overlap: Duration::from_secs(body.overlap_seconds.unwrap_or(0)),
    };
    let rotated = credentials::rotate(&control, actor, parse_id(&id)?, command).await?;
    Ok(Json(CredentialView::of(rotated, &control.keys)))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn the_id_stays_and_the_old_secret_serves_for_a_while() {
        let api = Api::new().await;
        let provider = api.create_provider("main", "openai").await;
        let id = api.create_credential(&provider, "a").await;
        let path = format!("/api/v1/admin/credentials/{id}/rotate");
        let body = json!({"secret": "sk-next-canary-9876543210", "overlapSeconds": 3600});
        let answer = api.post(&path, &body).await;
        assert!(!answer.text().contains("canary"));
        let view = answer.ok();
        assert_eq!((&view["id"], &view["preview"]), (&json!(id), &json!("sk-n…210")));
        assert!(view["previousUntil"].is_string());
        let at_once = api.post(&path, &json!({"secret": "sk-third-canary-987654321"})).await.ok();
        assert_eq!(at_once["previousUntil"], json!(null), "without an overlap the old one is gone");
        assert_eq!(api.audit_actions().await.last().unwrap(), "credential.rotated");
        let long = json!({"secret": "k", "overlapSeconds": 2_592_001});
        assert_eq!(api.post(&path, &long).await.refused(400, "invalid_overlap")["field"], "overlapSeconds");
        api.post(&path, &json!({})).await.refused(400, "invalid_secret");
        let nobody = "/api/v1/admin/credentials/x/rotate";
        api.post(nobody, &body).await.refused(404, "credential_not_found");
    }
}
