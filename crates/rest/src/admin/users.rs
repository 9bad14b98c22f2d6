//! `/api/v1/admin/users`: people.

mod delete;
mod find;
mod list;
mod note;
mod plan;
mod sessions;
mod statistics;
mod update;
mod view;

use promptgate_auth::{InvalidAccount, LastAdministrator};
use promptgate_control::accounts::UpdateAccountError;
use promptgate_kernel::AccountId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;

pub(super) use delete::refused as not_deleted;
pub(super) use find::missing;
pub(super) use note::NoteBody;
pub(super) use plan::{PlanBody, not_assigned};
pub(super) use view::{PlanView, UserView};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(find::find, update::update, delete::delete))
        .routes(routes!(note::note))
        .routes(routes!(plan::assign))
        .routes(routes!(statistics::statistics))
        .routes(routes!(sessions::list, sessions::end_all))
        .routes(routes!(sessions::end))
}

/// Reads the id in the address; what is no id belongs to nobody.
pub(super) fn parse_id(text: &str) -> Result<AccountId, ApiError> {
    text.parse().map_err(not_found)
}

pub(super) fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("user_not_found").message(error)
}

pub(super) fn last_administrator(error: LastAdministrator) -> ApiError {
    ApiError::new(http::StatusCode::CONFLICT, "last_administrator").message(error)
}

/// A change that failed, of a person or of a service account, which is what `not_found` says.
pub(super) fn refused(error: UpdateAccountError, not_found: fn(String) -> ApiError) -> ApiError {
    match error {
        UpdateAccountError::Forbidden(error) => error.into(),
        error @ UpdateAccountError::NotFound(_) => not_found(error.to_string()),
        UpdateAccountError::Invalid(error) => error.into(),
        UpdateAccountError::LastAdministrator(error) => last_administrator(error),
        error @ UpdateAccountError::IdentifierTaken => {
            ApiError::new(http::StatusCode::CONFLICT, "identifier_conflict")
                .field("identifier")
                .message(error)
        }
        error @ UpdateAccountError::Changed(_) => ApiError::changed(&error),
        UpdateAccountError::Store(error) => error.into(),
    }
}

impl From<InvalidAccount> for ApiError {
    fn from(error: InvalidAccount) -> Self {
        Self::bad_request(error.code()).field(error.field()).message(error)
    }
}
