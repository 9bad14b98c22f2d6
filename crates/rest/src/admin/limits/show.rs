//! `GET …/limits`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::{AccountKind, Actor};
use promptgate_control::Control;
use promptgate_control::limits::{self, CallsOf, LimitsOf, ShowLimitsError};

use crate::admin::tokens::Addressed;
use crate::admin::{Acting, endpoints, groups, projects, service_accounts, tokens, users};
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::limits::{LimitStandingsView, OfCalls, OfModel, not_shown};
use crate::segment::{Segment, Segments};

async fn show(
    control: &Control,
    actor: Actor,
    of: LimitsOf,
    calls: impl Into<CallsOf>,
) -> Result<Json<LimitStandingsView>, ApiError> {
    let shown = limits::show(control, actor, of, &calls.into()).await;
    Ok(Json(shown.map_err(|error| not_shown(error, |error| not_found(error, of)))?.into()))
}

fn not_found(error: ShowLimitsError, of: LimitsOf) -> ApiError {
    match of {
        LimitsOf::Project(_) | LimitsOf::Endpoint(_) => projects::not_found(error),
        LimitsOf::Group(_) => groups::not_found(error),
        LimitsOf::Account(AccountKind::Service, _) => service_accounts::not_found(error),
        LimitsOf::Account(AccountKind::Person, _) => users::not_found(error),
        LimitsOf::Token(_) => tokens::not_found(error),
    }
}

/// Shows how the limits of a project stand.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/limits", tag = "limits",
    params(("uuid" = String, Path, description = "The project"), OfModel),
    responses(
        (status = OK, body = LimitStandingsView),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_project(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    Params(wanted): Params<OfModel>,
) -> Result<Json<LimitStandingsView>, ApiError> {
    show(&control, actor, LimitsOf::Project(projects::parse_id(&uuid)?), wanted).await
}

/// Shows how the limits of an access group stand, which all of its members share.
#[utoipa::path(get, path = "/api/v1/admin/groups/{id}/limits", tag = "limits",
    params(("id" = String, Path, description = "The group"), OfModel),
    responses(
        (status = OK, body = LimitStandingsView),
        (status = NOT_FOUND, description = "`group_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_group(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    Params(wanted): Params<OfModel>,
) -> Result<Json<LimitStandingsView>, ApiError> {
    show(&control, actor, LimitsOf::Group(groups::parse_id(&id)?), wanted).await
}

/// Shows how each limit stands that counts for calls of a person: those of the groups, the person's own, and the
/// quotas of the plan.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/limits", tag = "limits",
    params(("id" = String, Path, description = "The person"), OfModel),
    responses(
        (status = OK, body = LimitStandingsView),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_user(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    Params(wanted): Params<OfModel>,
) -> Result<Json<LimitStandingsView>, ApiError> {
    show(&control, actor, LimitsOf::Account(AccountKind::Person, users::parse_id(&id)?), wanted).await
}

/// Shows how each limit stands that counts for calls of a service account: those of its groups, its own, and the
/// quotas of the plan.
#[utoipa::path(get, path = "/api/v1/admin/service-accounts/{id}/limits", tag = "limits",
    params(("id" = String, Path, description = "The service account"), OfModel),
    responses(
        (status = OK, body = LimitStandingsView),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_service_account(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    Params(wanted): Params<OfModel>,
) -> Result<Json<LimitStandingsView>, ApiError> {
    show(&control, actor, LimitsOf::Account(AccountKind::Service, service_accounts::parse_id(&id)?), wanted)
        .await
}

/// Shows how each limit stands that counts for calls of a token: its own, those of the tokens that it was minted
/// under, of its project, of the groups of the account that it acts for, of that account and of its plan. With an
/// endpoint also those of that, but for the ones whose place the token's own take.
#[utoipa::path(get, path = "/api/v1/admin/tokens/{id}/limits", tag = "limits",
    params(("id" = String, Path, description = "The token"), OfCalls),
    responses(
        (status = OK, body = LimitStandingsView),
        (status = NOT_FOUND, description = "`token_not_found`, `endpoint_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_token(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Addressed(address): Addressed,
    Params(wanted): Params<OfCalls>,
) -> Result<Json<LimitStandingsView>, ApiError> {
    show(&control, actor, LimitsOf::Token(address), wanted).await
}

/// Shows how the limits of an AI endpoint stand, which all of its callers share but for those whose place their
/// tokens' own take, and those of its project, which count for all of them.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/limits", tag = "limits",
    params(("uuid" = String, Path, description = "The project"), ("id" = String, Path, description = "The endpoint"), OfModel),
    responses(
        (status = OK, body = LimitStandingsView),
        (status = BAD_REQUEST, description = "`invalid_project_type`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_endpoint(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    Params(wanted): Params<OfModel>,
) -> Result<Json<LimitStandingsView>, ApiError> {
    show(&control, actor, LimitsOf::Endpoint(endpoints::parse_address(&segments)?), wanted).await
}
