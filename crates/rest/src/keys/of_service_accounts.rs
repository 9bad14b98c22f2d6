//! `/api/v1/admin/service-accounts/{id}/tokens`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_auth::AccountKind;
use promptgate_control::{Control, keys};
use promptgate_tokens::KeyFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{IssueKeyBody, IssuedKeyView, KeyView, filter, no_service_account, parse_id};
use crate::admin::Acting;
use crate::body::{Params, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};
use crate::segment::{Segment, Segments};

const KIND: Option<AccountKind> = Some(AccountKind::Service);

/// Which keys are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct RevokedParams {
    /// `true` lists revoked ones too.
    include_revoked: Option<String>,
}

/// Lists the keys of a service account, without revoked ones unless `includeRevoked=true`. `sortBy` as
/// in the list of one's own.
#[utoipa::path(get, path = "/api/v1/admin/service-accounts/{id}/tokens", tag = "service-accounts",
    operation_id = "list_keys",
    params(("id" = String, Path, description = "The service account"), ListParams, RevokedParams),
    responses(
        (status = OK, body = ListView<KeyView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    Params(params): Params<ListParams>,
    Params(narrowing): Params<RevokedParams>,
) -> Result<Json<ListView<KeyView>>, ApiError> {
    let owner = id.parse().map_err(no_service_account)?;
    let include_revoked = narrowing.include_revoked.as_deref() == Some("true");
    let filter = KeyFilter { include_revoked, ..filter(owner, &params, control.clock.now())? };
    let page = keys::list(&control, actor, KIND, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, KeyView::of(owner))))
}

/// Issues a key for a service account. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/admin/service-accounts/{id}/tokens", tag = "service-accounts",
    params(("id" = String, Path, description = "The service account")),
    request_body = IssueKeyBody,
    responses(
        (status = CREATED, body = IssuedKeyView),
        (status = BAD_REQUEST, description = "`invalid_token_name`, `invalid_token_ttl`, \
            `invalid_request_body`", body = ErrorBody),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
    ))]
pub(super) async fn issue(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<IssueKeyBody>,
) -> Result<(StatusCode, Json<IssuedKeyView>), ApiError> {
    let owner = id.parse().map_err(no_service_account)?;
    let issued = keys::issue(&control, actor, body.into_command(owner, KIND)?).await?;
    Ok((StatusCode::CREATED, Json(IssuedKeyView::of(owner, issued))))
}

/// Revokes a key of a service account for good; repeating it changes nothing.
#[utoipa::path(delete, path = "/api/v1/admin/service-accounts/{id}/tokens/{tokenId}",
    tag = "service-accounts",
    params(
        ("id" = String, Path, description = "The service account"),
        ("tokenId" = String, Path, description = "The key"),
    ),
    responses(
        (status = NO_CONTENT, description = "Revoked, now or before"),
        (status = NOT_FOUND, description = "`service_account_not_found`, `token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn revoke(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<StatusCode, ApiError> {
    let owner = segments.named("id").parse().map_err(no_service_account)?;
    let id = parse_id(segments.named("tokenId"))?;
    keys::revoke(&control, actor, KIND, owner, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
