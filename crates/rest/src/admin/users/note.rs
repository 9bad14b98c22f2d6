//! `PATCH /api/v1/admin/users/{id}/note`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::{AccountChanges, AccountKind};
use promptgate_control::Control;
use promptgate_control::accounts;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{UserView, not_found, parse_id, refused};
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// A note for administrators.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct NoteBody {
    /// At most 2,000 characters, kept word for word; empty clears it.
    #[serde(deserialize_with = "or_default")]
    #[schema(max_length = 2000)]
    pub(in crate::admin) note: String,
}

/// Writes the note about a person.
#[utoipa::path(patch, path = "/api/v1/admin/users/{id}/note", tag = "users",
    params(("id" = String, Path, description = "The person")),
    request_body = NoteBody,
    responses(
        (status = OK, body = UserView),
        (status = BAD_REQUEST, description = "`invalid_note`, `invalid_request_body`", body = ErrorBody),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn note(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<NoteBody>,
) -> Result<Json<UserView>, ApiError> {
    let changes = AccountChanges { note: Some(body.note), ..AccountChanges::default() };
    let updated = accounts::update(&control, actor, AccountKind::Person, parse_id(&id)?, changes).await;
    Ok(Json(updated.map_err(|error| refused(error, not_found))?.into()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn notes_are_kept_word_for_word_and_each_kind_has_its_own_door() {
        let api = Api::new().await;
        let person = api.create_person("a@example.com", "user").await;
        let service = api.create_service("ci").await;
        let users = |id: &str| format!("/api/v1/admin/users/{id}/note");
        let services = |id: &str| format!("/api/v1/admin/service-accounts/{id}/note");
        let written = api.patch(&users(&person), &json!({"note": "  two \n words "})).await.ok();
        assert_eq!(written["note"], "  two \n words ");
        assert_eq!(api.patch(&users(&person), &json!({"note": ""})).await.ok()["note"], "");
        api.patch(&users(&person), &json!({"note": "x".repeat(2_001)})).await.refused(400, "invalid_note");
        api.patch(&users(&service), &json!({"note": ""})).await.refused(404, "user_not_found");
        api.patch(&services(&person), &json!({"note": ""})).await.refused(404, "service_account_not_found");
        assert_eq!(api.patch(&services(&service), &json!({"note": "n"})).await.ok()["note"], "n");
    }
}
