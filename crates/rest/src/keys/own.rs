//! `/api/v1/tokens`: the keys of whoever is signed in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, keys};
use promptgate_tokens::KeyFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{IssueKeyBody, IssuedKeyView, KeyView, filter, parse_id, parse_status};
use crate::body::{Params, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView, given};
use crate::segment::Segment;
use crate::session::SignedIn;

/// Which keys are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct KeyParams {
    /// A part of the name, of the description or of the id, in any case.
    search: Option<String>,
    /// `all` (default), `active`, `expired` or `revoked`.
    status: Option<String>,
}

/// Lists one's own keys. `sortBy`: createdAt (default, the newest first), name, description, expiresAt,
/// revokedAt, expiredAt, status.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "keys", params(ListParams, KeyParams),
    responses(
        (status = OK, body = ListView<KeyView>),
        (status = BAD_REQUEST, description = "`invalid_sort`, of `status` too", body = ErrorBody),
    ))]
pub(super) async fn list(
    signed_in: SignedIn,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
    Params(narrowing): Params<KeyParams>,
) -> Result<Json<ListView<KeyView>>, ApiError> {
    let owner = signed_in.account.id;
    let filter = KeyFilter {
        search: given(narrowing.search),
        status: parse_status(narrowing.status.as_deref())?,
        ..filter(owner, &params, control.clock.now())?
    };
    let page = keys::list(&control, signed_in.actor, None, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, KeyView::of(owner))))
}

/// Issues a key for oneself. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "keys", request_body = IssueKeyBody,
    responses(
        (status = CREATED, body = IssuedKeyView),
        (status = BAD_REQUEST, description = "`invalid_token_name`, `invalid_token_ttl`, \
            `invalid_request_body`", body = ErrorBody),
    ))]
pub(super) async fn issue(
    signed_in: SignedIn,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<IssueKeyBody>,
) -> Result<(StatusCode, Json<IssuedKeyView>), ApiError> {
    let owner = signed_in.account.id;
    let issued = keys::issue(&control, signed_in.actor, body.into_command(owner, None)?).await?;
    Ok((StatusCode::CREATED, Json(IssuedKeyView::of(owner, issued))))
}

/// Revokes one of one's own keys for good; repeating it changes nothing.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "keys",
    params(("id" = String, Path, description = "The key")),
    responses(
        (status = NO_CONTENT, description = "Revoked, now or before"),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn revoke(
    signed_in: SignedIn,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    let owner = signed_in.account.id;
    keys::revoke(&control, signed_in.actor, None, owner, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
