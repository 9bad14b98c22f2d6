//! Keys: `/api/v1/tokens` of whoever is signed in, and those of users and service accounts.

mod of_service_accounts;
mod of_users;
mod own;

use promptgate_control::keys::{IssueKey, IssueKeyError, ListKeysError, RevokeKeyError};
use promptgate_control::tokens::Issued;
use promptgate_kernel::{AccountId, SortDirection, Timestamp, TokenId};
use promptgate_tokens::{InvalidKey, KeyFilter, KeyName, KeySort, KeyStatus, Token, TokenState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::body::or_default;
use crate::error::ApiError;
use crate::listing::ListParams;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(own::list, own::issue))
        .routes(routes!(own::revoke))
        .routes(routes!(of_users::list))
        .routes(routes!(of_users::revoke))
        .routes(routes!(of_service_accounts::list, of_service_accounts::issue))
        .routes(routes!(of_service_accounts::revoke))
}

const SORTS: [(&str, KeySort); 7] = [
    ("name", KeySort::Name),
    ("description", KeySort::Description),
    ("createdAt", KeySort::CreatedAt),
    ("expiresAt", KeySort::ExpiresAt),
    ("revokedAt", KeySort::RevokedAt),
    ("expiredAt", KeySort::ExpiredAt),
    ("status", KeySort::Status),
];

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct KeyView {
    #[schema(value_type = String, format = "uuid")]
    id: TokenId,
    /// Whose it is.
    #[schema(value_type = String, format = "uuid")]
    user_id: AccountId,
    name: String,
    description: String,
    /// When it stops working.
    #[schema(value_type = String, format = "date-time")]
    expires_at: Option<Timestamp>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When it was revoked; absent when it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    revoked_at: Option<Timestamp>,
    /// When it was noted that its time was over; absent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    expired_at: Option<Timestamp>,
}

impl KeyView {
    fn of(owner: AccountId) -> impl FnMut(Token) -> Self {
        move |key| {
            let revoked_at = match key.state {
                TokenState::Active | TokenState::Inactive => None,
                TokenState::Revoked { at } => Some(at),
            };
            Self {
                id: key.id,
                user_id: owner,
                name: key.name.as_str().to_owned(),
                description: key.description,
                expires_at: key.expires_at,
                created_at: key.created_at,
                revoked_at,
                expired_at: key.expired_at,
            }
        }
    }
}

/// A key with its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct IssuedKeyView {
    /// The secret. It is shown this once.
    token: String,
    token_info: KeyView,
}

impl IssuedKeyView {
    fn of(owner: AccountId, issued: Issued) -> Self {
        Self { token: issued.secret.expose().to_owned(), token_info: KeyView::of(owner)(issued.token) }
    }
}

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IssueKeyBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, pattern = "^[a-z0-9_-]{1,64}$", example = "laptop")]
    name: String,
    /// Kept as it is.
    #[serde(default, deserialize_with = "or_default")]
    description: String,
    /// 1 to 30 for people, 1 to 365 for service accounts; by default 30 for managers and
    /// administrators, else 7.
    #[schema(minimum = 1, maximum = 365)]
    expires_in_days: Option<i64>,
}

impl IssueKeyBody {
    fn into_command(
        self,
        owner: AccountId,
        kind: Option<promptgate_auth::AccountKind>,
    ) -> Result<IssueKey, ApiError> {
        let name = KeyName::parse(&self.name)?;
        Ok(IssueKey { owner, kind, name, description: self.description, days: self.expires_in_days })
    }
}

/// Every key of an account, revoked ones too, in the order that is wanted.
fn filter(owner: AccountId, params: &ListParams, now: Timestamp) -> Result<KeyFilter, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (KeySort::CreatedAt, SortDirection::Descending))?;
    Ok(KeyFilter { owner, search: None, status: None, include_revoked: true, now, sort, direction })
}

/// The status that is wanted; `None` for any.
fn parse_status(text: Option<&str>) -> Result<Option<KeyStatus>, ApiError> {
    let text = text.map(str::trim).unwrap_or_default();
    if text.is_empty() || text == "all" {
        return Ok(None);
    }
    let known = KeyStatus::ALL.into_iter().find(|status| status.as_str() == text);
    known.map(Some).ok_or_else(|| {
        ApiError::bad_request("invalid_sort")
            .field("status")
            .message("status must be all, active, expired or revoked")
    })
}

/// Reads the id in the address; what is no id belongs to no key.
fn parse_id(text: &str) -> Result<TokenId, ApiError> {
    text.parse().map_err(not_found)
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("token_not_found").message(error)
}

fn no_service_account(error: impl ToString) -> ApiError {
    ApiError::not_found("service_account_not_found").message(error)
}

impl From<InvalidKey> for ApiError {
    fn from(error: InvalidKey) -> Self {
        match error {
            error @ InvalidKey::Name => Self::bad_request("invalid_token_name").field("name").message(error),
            error @ InvalidKey::Days { .. } => {
                Self::bad_request("invalid_token_ttl").field("expiresInDays").message(error)
            }
        }
    }
}

impl From<IssueKeyError> for ApiError {
    fn from(error: IssueKeyError) -> Self {
        match error {
            IssueKeyError::Forbidden(error) => error.into(),
            error @ IssueKeyError::UnknownAccount(_) => no_service_account(error),
            IssueKeyError::Invalid(error) => error.into(),
            IssueKeyError::Token(error) => error.into(),
            IssueKeyError::Project(error) => error.into(),
            IssueKeyError::Store(error) => error.into(),
        }
    }
}

impl From<ListKeysError> for ApiError {
    fn from(error: ListKeysError) -> Self {
        match error {
            ListKeysError::Forbidden(error) => error.into(),
            error @ ListKeysError::UnknownAccount(_) => no_service_account(error),
            ListKeysError::Store(error) => error.into(),
        }
    }
}

impl From<RevokeKeyError> for ApiError {
    fn from(error: RevokeKeyError) -> Self {
        match error {
            RevokeKeyError::Forbidden(error) => error.into(),
            error @ RevokeKeyError::UnknownAccount(_) => no_service_account(error),
            error @ RevokeKeyError::NotFound(_) => not_found(error),
            error @ RevokeKeyError::Changed(_) => Self::changed(&error),
            RevokeKeyError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
