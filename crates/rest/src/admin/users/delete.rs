//! `DELETE /api/v1/admin/users/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_auth::AccountKind;
use promptgate_control::Control;
use promptgate_control::accounts::{self, DeleteAccountError};

use super::{last_administrator, not_found, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Deletes a person. What names the person goes; calls stay attributable to the id.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}", tag = "users",
    params(("id" = String, Path, description = "The person")),
    responses(
        (status = NO_CONTENT),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`last_administrator`, `concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    let deleted = accounts::delete(&control, actor, AccountKind::Person, parse_id(&id)?).await;
    deleted.map_err(|error| refused(error, not_found))?;
    Ok(StatusCode::NO_CONTENT)
}

/// An account that was not deleted: a person or a service account, which is what `not_found` says.
pub(in crate::admin) fn refused(error: DeleteAccountError, not_found: fn(String) -> ApiError) -> ApiError {
    match error {
        DeleteAccountError::Forbidden(error) => error.into(),
        error @ DeleteAccountError::NotFound(_) => not_found(error.to_string()),
        DeleteAccountError::LastAdministrator(error) => last_administrator(error),
        error @ DeleteAccountError::Changed(_) => ApiError::changed(&error),
        DeleteAccountError::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Api, PASSWORD};

    #[tokio::test]
    async fn a_deleted_person_is_out_at_once_and_the_e_mail_is_free() {
        let api = Api::new().await;
        let id = api.create_person("a@example.com", "user").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let path = format!("/api/v1/admin/users/{id}");
        api.delete(&path).await.no_content();
        browser.get("/api/v1/me").await.refused(401, "invalid session");
        api.get(&path).await.refused(404, "user_not_found");
        api.delete(&path).await.refused(404, "user_not_found");
        assert_eq!(api.get("/api/v1/admin/users").await.ok()["total"], 0);
        api.sign_in("a@example.com", PASSWORD).await.refused(401, "invalid_credentials");
        let again = api.create_person("a@example.com", "user").await;
        assert_ne!(again, id);
    }
}
