//! `GET /api/v1/admin/users/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::AccountKind;
use promptgate_control::Control;
use promptgate_control::accounts::{self, FindAccountError};

use super::{UserView, not_found, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Shows a person.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}", tag = "users",
    params(("id" = String, Path, description = "The person")),
    responses(
        (status = OK, body = UserView),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<UserView>, ApiError> {
    let found = accounts::find(&control, actor, AccountKind::Person, parse_id(&id)?).await;
    Ok(Json(found.map_err(|error| missing(error, not_found))?.into()))
}

/// A person or a service account that was not found, which is what `not_found` says.
pub(in crate::admin) fn missing(error: FindAccountError, not_found: fn(String) -> ApiError) -> ApiError {
    match error {
        FindAccountError::Forbidden(error) => error.into(),
        error @ FindAccountError::NotFound(_) => not_found(error.to_string()),
        FindAccountError::Store(error) => error.into(),
    }
}
