//! `…/firewall/default-action`: what happens to addresses that no rule is about.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::Actor;
use promptgate_control::{Control, network_rules};
use promptgate_firewall::{Action, Namespace};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::invalid;
use super::whose::{OfProject, OfService, OfToken, OfUser};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};

/// What is to happen to addresses that no rule is about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DefaultActionBody {
    /// `allow` or `deny`.
    #[serde(default)]
    #[schema(required, value_type = String, example = "deny")]
    default_action: Option<String>,
}

/// What happens to addresses that no rule is about.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DefaultActionView {
    /// `allow` or `deny`. Unless it was changed, it is `deny` for a user and a service account, and `allow`
    /// for everybody, a project and a token.
    #[schema(example = "allow")]
    default_action: &'static str,
}

impl From<Action> for DefaultActionView {
    fn from(action: Action) -> Self {
        Self { default_action: action.as_str() }
    }
}

async fn show(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
) -> Result<Json<DefaultActionView>, ApiError> {
    Ok(Json(network_rules::default_action(control, actor, namespace).await?.into()))
}

async fn set(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
    body: &DefaultActionBody,
) -> Result<Json<DefaultActionView>, ApiError> {
    let action = Action::parse(body.default_action.as_deref().unwrap_or_default());
    let action = action.map_err(|error| invalid(error, "defaultAction"))?;
    Ok(Json(network_rules::set_default_action(control, actor, namespace, action).await?.into()))
}

/// Shows what happens to addresses that none of the rules for everybody is about.
#[utoipa::path(get, path = "/api/v1/admin/firewall/default-action", tag = "firewall",
    operation_id = "default_action_of_everybody",
    responses(
        (status = OK, body = DefaultActionView),
    ))]
pub(super) async fn of_everybody(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
) -> Result<Json<DefaultActionView>, ApiError> {
    show(&control, actor, Namespace::Global).await
}

/// Sets what happens to addresses that none of the rules for everybody is about.
#[utoipa::path(put, path = "/api/v1/admin/firewall/default-action", tag = "firewall",
    operation_id = "set_default_action_of_everybody",
    request_body = DefaultActionBody,
    responses(
        (status = OK, body = DefaultActionView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_action`", body = ErrorBody),
    ))]
pub(super) async fn set_of_everybody(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<DefaultActionBody>,
) -> Result<Json<DefaultActionView>, ApiError> {
    set(&control, actor, Namespace::Global, &body).await
}

/// Shows what happens to addresses that none of the rules of one user is about.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/firewall/default-action", tag = "firewall",
    operation_id = "default_action_of_user",
    params(("id" = String, Path, description = "The user")),
    responses(
        (status = OK, body = DefaultActionView),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_user(
    OfUser(actor, namespace): OfUser,
    State(control): State<Arc<Control>>,
) -> Result<Json<DefaultActionView>, ApiError> {
    show(&control, actor, namespace).await
}

/// Sets what happens to addresses that none of the rules of one user is about.
#[utoipa::path(put, path = "/api/v1/admin/users/{id}/firewall/default-action", tag = "firewall",
    operation_id = "set_default_action_of_user",
    params(("id" = String, Path, description = "The user")),
    request_body = DefaultActionBody,
    responses(
        (status = OK, body = DefaultActionView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_action`", body = ErrorBody),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn set_of_user(
    OfUser(actor, namespace): OfUser,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<DefaultActionBody>,
) -> Result<Json<DefaultActionView>, ApiError> {
    set(&control, actor, namespace, &body).await
}

/// Shows what happens to addresses that none of the rules of one service account is about.
#[utoipa::path(get, path = "/api/v1/admin/service-accounts/{id}/firewall/default-action", tag = "firewall",
    operation_id = "default_action_of_service",
    params(("id" = String, Path, description = "The service account")),
    responses(
        (status = OK, body = DefaultActionView),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_service(
    OfService(actor, namespace): OfService,
    State(control): State<Arc<Control>>,
) -> Result<Json<DefaultActionView>, ApiError> {
    show(&control, actor, namespace).await
}

/// Sets what happens to addresses that none of the rules of one service account is about.
#[utoipa::path(put, path = "/api/v1/admin/service-accounts/{id}/firewall/default-action", tag = "firewall",
    operation_id = "set_default_action_of_service",
    params(("id" = String, Path, description = "The service account")),
    request_body = DefaultActionBody,
    responses(
        (status = OK, body = DefaultActionView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_action`", body = ErrorBody),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
    ))]
pub(super) async fn set_of_service(
    OfService(actor, namespace): OfService,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<DefaultActionBody>,
) -> Result<Json<DefaultActionView>, ApiError> {
    set(&control, actor, namespace, &body).await
}

/// Shows what happens to addresses that none of the rules of one project is about.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/firewall/default-action", tag = "firewall",
    operation_id = "default_action_of_project",
    params(("uuid" = String, Path, description = "The project")),
    responses(
        (status = OK, body = DefaultActionView),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_project(
    OfProject(actor, namespace): OfProject,
    State(control): State<Arc<Control>>,
) -> Result<Json<DefaultActionView>, ApiError> {
    show(&control, actor, namespace).await
}

/// Sets what happens to addresses that none of the rules of one project is about.
#[utoipa::path(put, path = "/api/v1/admin/projects/{uuid}/firewall/default-action", tag = "firewall",
    operation_id = "set_default_action_of_project",
    params(("uuid" = String, Path, description = "The project")),
    request_body = DefaultActionBody,
    responses(
        (status = OK, body = DefaultActionView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_action`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn set_of_project(
    OfProject(actor, namespace): OfProject,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<DefaultActionBody>,
) -> Result<Json<DefaultActionView>, ApiError> {
    set(&control, actor, namespace, &body).await
}

/// Shows what happens to addresses that none of the rules of one token is about.
#[utoipa::path(get, path = "/api/v1/admin/tokens/{id}/firewall/default-action", tag = "firewall",
    operation_id = "default_action_of_token",
    params(("id" = String, Path, description = "The token")),
    responses(
        (status = OK, body = DefaultActionView),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_token(
    OfToken(actor, namespace): OfToken,
    State(control): State<Arc<Control>>,
) -> Result<Json<DefaultActionView>, ApiError> {
    show(&control, actor, namespace).await
}

/// Sets what happens to addresses that none of the rules of one token is about.
#[utoipa::path(put, path = "/api/v1/admin/tokens/{id}/firewall/default-action", tag = "firewall",
    operation_id = "set_default_action_of_token",
    params(("id" = String, Path, description = "The token")),
    request_body = DefaultActionBody,
    responses(
        (status = OK, body = DefaultActionView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_action`", body = ErrorBody),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
    ))]
pub(super) async fn set_of_token(
    OfToken(actor, namespace): OfToken,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<DefaultActionBody>,
) -> Result<Json<DefaultActionView>, ApiError> {
    set(&control, actor, namespace, &body).await
}
