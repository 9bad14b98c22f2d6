//! `…/guardrails`: what each level says.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::Actor;
use promptgate_control::Control;
use promptgate_control::guardrails::{self, Change, Whose};

use super::body::GuardrailsBody;
use super::unknown_token;
use super::view::GuardrailsView;
use crate::admin::{Acting, endpoints, projects};
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::{Segment, Segments};

async fn show(control: &Control, actor: Actor, whose: Whose) -> Result<Json<GuardrailsView>, ApiError> {
    let levels = guardrails::find(control, actor, whose).await?;
    Ok(Json(GuardrailsView::of(&levels, control.finds_names)))
}

async fn apply(
    control: &Control,
    actor: Actor,
    whose: Whose,
    change: Change,
) -> Result<Json<GuardrailsView>, ApiError> {
    let levels = guardrails::change(control, actor, whose, change).await?;
    Ok(Json(GuardrailsView::of(&levels, control.finds_names)))
}

fn of_a_token(segments: &Segments) -> Result<Whose, ApiError> {
    let project = projects::parse_id(segments.named("uuid"))?;
    Ok(Whose::Token(project, segments.named("id").parse().map_err(unknown_token)?))
}

/// Shows the guardrails of everybody.
#[utoipa::path(get, path = "/api/v1/admin/guardrails", tag = "guardrails",
    operation_id = "of_everybody",
    responses((status = OK, body = GuardrailsView)))]
pub(super) async fn of_everybody(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
) -> Result<Json<GuardrailsView>, ApiError> {
    show(&control, actor, Whose::Installation).await
}

/// Changes the guardrails of everybody: a field that is null is taken back, and a guardrail that is null
/// with all its fields.
#[utoipa::path(patch, path = "/api/v1/admin/guardrails", tag = "guardrails",
    operation_id = "change_of_everybody",
    request_body = GuardrailsBody,
    responses(
        (status = OK, body = GuardrailsView),
        (status = BAD_REQUEST, description = "`invalid_guardrails`, `invalid_request_body`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn change_of_everybody(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<GuardrailsBody>,
) -> Result<Json<GuardrailsView>, ApiError> {
    apply(&control, actor, Whose::Installation, Change::Patch(body.document())).await
}

/// Replaces the guardrails of everybody: what is left out has its default.
#[utoipa::path(put, path = "/api/v1/admin/guardrails", tag = "guardrails",
    operation_id = "replace_of_everybody",
    request_body = GuardrailsBody,
    responses(
        (status = OK, body = GuardrailsView),
        (status = BAD_REQUEST, description = "`invalid_guardrails`, `invalid_request_body`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn replace_of_everybody(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<GuardrailsBody>,
) -> Result<Json<GuardrailsView>, ApiError> {
    apply(&control, actor, Whose::Installation, Change::Replace(body.whole())).await
}

/// Shows the guardrails of a project: its own, and what counts there.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/guardrails", tag = "guardrails",
    operation_id = "of_project",
    params(("uuid" = String, Path, description = "The project")),
    responses(
        (status = OK, body = GuardrailsView),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_project(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
) -> Result<Json<GuardrailsView>, ApiError> {
    show(&control, actor, Whose::Project(projects::parse_id(&uuid)?)).await
}

/// Changes the guardrails of a project: a field that is null is taken back, so that what everybody has
/// counts again, and a guardrail that is null with all its fields.
#[utoipa::path(patch, path = "/api/v1/admin/projects/{uuid}/guardrails", tag = "guardrails",
    operation_id = "change_of_project",
    params(("uuid" = String, Path, description = "The project")),
    request_body = GuardrailsBody,
    responses(
        (status = OK, body = GuardrailsView),
        (status = BAD_REQUEST, description = "`invalid_guardrails`, `invalid_request_body`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn change_of_project(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    StrictJson(body): StrictJson<GuardrailsBody>,
) -> Result<Json<GuardrailsView>, ApiError> {
    let whose = Whose::Project(projects::parse_id(&uuid)?);
    apply(&control, actor, whose, Change::Patch(body.document())).await
}

/// Replaces the guardrails of a project: what is left out is what everybody has.
#[utoipa::path(put, path = "/api/v1/admin/projects/{uuid}/guardrails", tag = "guardrails",
    operation_id = "replace_of_project",
    params(("uuid" = String, Path, description = "The project")),
    request_body = GuardrailsBody,
    responses(
        (status = OK, body = GuardrailsView),
        (status = BAD_REQUEST, description = "`invalid_guardrails`, `invalid_request_body`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn replace_of_project(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    StrictJson(body): StrictJson<GuardrailsBody>,
) -> Result<Json<GuardrailsView>, ApiError> {
    let whose = Whose::Project(projects::parse_id(&uuid)?);
    apply(&control, actor, whose, Change::Replace(body.whole())).await
}

/// Shows the guardrails of a token: its own, and what counts for its calls, but for what an AI endpoint
/// says that it calls.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/tokens/{id}/guardrails", tag = "guardrails",
    operation_id = "of_token",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The token"),
    ),
    responses(
        (status = OK, body = GuardrailsView),
        (status = NOT_FOUND, description = "`project_not_found`, `token_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_token(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<GuardrailsView>, ApiError> {
    show(&control, actor, of_a_token(&segments)?).await
}

/// Changes the guardrails of a token: a field that is null is taken back, so that the levels above count
/// again, and a guardrail that is null with all its fields.
#[utoipa::path(patch, path = "/api/v1/admin/projects/{uuid}/tokens/{id}/guardrails", tag = "guardrails",
    operation_id = "change_of_token",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The token"),
    ),
    request_body = GuardrailsBody,
    responses(
        (status = OK, body = GuardrailsView),
        (status = BAD_REQUEST, description = "`invalid_guardrails`, `invalid_request_body`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn change_of_token(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<GuardrailsBody>,
) -> Result<Json<GuardrailsView>, ApiError> {
    apply(&control, actor, of_a_token(&segments)?, Change::Patch(body.document())).await
}

/// Replaces the guardrails of a token: what is left out is what the levels above say.
#[utoipa::path(put, path = "/api/v1/admin/projects/{uuid}/tokens/{id}/guardrails", tag = "guardrails",
    operation_id = "replace_of_token",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The token"),
    ),
    request_body = GuardrailsBody,
    responses(
        (status = OK, body = GuardrailsView),
        (status = BAD_REQUEST, description = "`invalid_guardrails`, `invalid_request_body`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn replace_of_token(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<GuardrailsBody>,
) -> Result<Json<GuardrailsView>, ApiError> {
    apply(&control, actor, of_a_token(&segments)?, Change::Replace(body.whole())).await
}

/// Shows the guardrails of an AI endpoint: its own, which are changed with the endpoint, and what counts
/// for its calls, but for what the token says.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/endpoints/{id}/guardrails", tag = "guardrails",
    operation_id = "of_endpoint",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("id" = String, Path, description = "The endpoint"),
    ),
    responses(
        (status = OK, body = GuardrailsView),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`guardrails_unreadable`: the endpoint is closed until they are replaced",
            body = ErrorBody),
    ))]
pub(super) async fn of_endpoint(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<GuardrailsView>, ApiError> {
    let address = endpoints::parse_address(&segments)?;
    let levels = guardrails::find_of_endpoint(&control, actor, address.project, address.id).await?;
    Ok(Json(GuardrailsView::of(&levels, control.finds_names)))
}
