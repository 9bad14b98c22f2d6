//! `GET …/limits`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::{AccountKind, Actor};
use promptgate_control::Control;
use promptgate_control::limits::{self, LimitsOf, ShowLimitsError};

use super::view::LimitStandingsView;
use crate::admin::tokens::Addressed;
use crate::admin::{Acting, endpoints, groups, projects, service_accounts, tokens, users};
use crate::error::{ApiError, ErrorBody};
use crate::segment::{Segment, Segments};

async fn show(control: &Control, actor: Actor, of: LimitsOf) -> Result<Json<LimitStandingsView>, ApiError> {
    Ok(Json(limits::show(control, actor, of).await.map_err(|error| refused(error, of))?.into()))
}

fn refused(error: ShowLimitsError, of: LimitsOf) -> ApiError {
    match error {
        ShowLimitsError::Forbidden(error) => error.into(),
        error @ ShowLimitsError::NoProject(_) => projects::not_found(error),
        error @ ShowLimitsError::NoGroup(_) => groups::not_found(error),
        error @ ShowLimitsError::NoAccount(_) => match of {
            LimitsOf::Account(AccountKind::Service, _) => service_accounts::not_found(error),
            _ => users::not_found(error),
        },
        error @ ShowLimitsError::NoToken(_) => tokens::not_found(error),
        ShowLimitsError::Endpoint(error) => error.into(),
        ShowLimitsError::Store(error) => error.into(),
    }
}

/// Shows how the limits of a project stand.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/limits", tag = "limits",
    params(("uuid" = String, Path, description = "The project")),
    responses(
        (status = OK, body = LimitStandingsView),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_project(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
) -> Result<Json<LimitStandingsView>, ApiError> {
    show(&control, actor, LimitsOf::Project(projects::parse_id(&uuid)?)).await
}

/// Shows how the limits of an access group stand, which all of its members share.
#[utoipa::path(get, path = "/api/v1/admin/groups/{id}/limits", tag = "limits",
    params(("id" = String, Path, description = "The group")),
    responses(
        (status = OK, body = LimitStandingsView),
        (status = NOT_FOUND, description = "`group_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_group(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<LimitStandingsView>, ApiError> {
    show(&control, actor, LimitsOf::Group(groups::parse_id(&id)?)).await
}

/// Shows how the limits of a person stand, and the quotas of the plan.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/limits", tag = "limits",
    params(("id" = String, Path, description = "The person")),
    responses(
        (status = OK, body = LimitStandingsView),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_user(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<LimitStandingsView>, ApiError> {
    show(&control, actor, LimitsOf::Account(AccountKind::Person, users::parse_id(&id)?)).await
}

/// Shows how the limits of a service account stand, and the quotas of the plan.
#[utoipa::path(get, path = "/api/v1/admin/service-accounts/{id}/limits", tag = "limits",
    params(("id" = String, Path, description = "The service account")),
    responses(
        (status = OK, body = LimitStandingsView),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_service_account(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<LimitStandingsView>, ApiError> {
    show(&control, actor, LimitsOf::Account(AccountKind::Service, service_accounts::parse_id(&id)?)).await
}

/// Shows how the limits of a token stand. What it does not limit, its endpoint may.
#[utoipa::path(get, path = "/api/v1/admin/tokens/{id}/limits", tag = "limits",
    params(("id" = String, Path, description = "The token")),
    responses(
        (status = OK, body = LimitStandingsView),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_token(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Addressed(address): Addressed,
) -> Result<Json<LimitStandingsView>, ApiError> {
    show(&control, actor, LimitsOf::Token(address)).await
}

/// Shows how the limits of an AI endpoint stand, which all of its callers share but for those that their
/// tokens replace.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/limits", tag = "limits",
    params(("uuid" = String, Path, description = "The project"), ("id" = String, Path, description = "The endpoint")),
    responses(
        (status = OK, body = LimitStandingsView),
        (status = BAD_REQUEST, description = "`invalid_project_type`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_endpoint(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<LimitStandingsView>, ApiError> {
    show(&control, actor, LimitsOf::Endpoint(endpoints::parse_address(&segments)?)).await
}
