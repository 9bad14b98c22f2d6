//! `GET …/firewall/rules/{ruleId}`: shows a rule.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, network_rules};
use promptgate_firewall::Namespace;

use super::whose::{OfProject, OfService, OfToken, OfUser};
use super::{NetworkRuleView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Shows a rule for everybody.
#[utoipa::path(get, path = "/api/v1/admin/firewall/rules/{id}", tag = "firewall",
    operation_id = "find_of_everybody",
    params(("id" = String, Path, description = "The rule")),
    responses(
        (status = OK, body = NetworkRuleView),
        (status = NOT_FOUND, description = "`firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_everybody(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("id"))?;
    Ok(Json(network_rules::find(&control, actor, Namespace::Global, id).await?.into()))
}

/// Shows a rule of one user.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/firewall/rules/{ruleId}", tag = "firewall",
    operation_id = "find_of_user",
    params(("id" = String, Path, description = "The user"), ("ruleId" = String, Path, description = "The rule")),
    responses(
        (status = OK, body = NetworkRuleView),
        (status = NOT_FOUND, description = "`user_not_found`, `firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_user(
    OfUser(actor, namespace): OfUser,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("ruleId"))?;
    Ok(Json(network_rules::find(&control, actor, namespace, id).await?.into()))
}

/// Shows a rule of one service account.
#[utoipa::path(get, path = "/api/v1/admin/service-accounts/{id}/firewall/rules/{ruleId}", tag = "firewall",
    operation_id = "find_of_service",
    params(("id" = String, Path, description = "The service account"), ("ruleId" = String, Path, description = "The rule")),
    responses(
        (status = OK, body = NetworkRuleView),
        (status = NOT_FOUND, description = "`service_account_not_found`, `firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_service(
    OfService(actor, namespace): OfService,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("ruleId"))?;
    Ok(Json(network_rules::find(&control, actor, namespace, id).await?.into()))
}

/// Shows a rule of one project.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/firewall/rules/{ruleId}", tag = "firewall",
    operation_id = "find_of_project",
    params(("uuid" = String, Path, description = "The project"), ("ruleId" = String, Path, description = "The rule")),
    responses(
        (status = OK, body = NetworkRuleView),
        (status = NOT_FOUND, description = "`project_not_found`, `firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_project(
    OfProject(actor, namespace): OfProject,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("ruleId"))?;
    Ok(Json(network_rules::find(&control, actor, namespace, id).await?.into()))
}

/// Shows a rule of one token.
#[utoipa::path(get, path = "/api/v1/admin/tokens/{id}/firewall/rules/{ruleId}", tag = "firewall",
    operation_id = "find_of_token",
    params(("id" = String, Path, description = "The token"), ("ruleId" = String, Path, description = "The rule")),
    responses(
        (status = OK, body = NetworkRuleView),
        (status = NOT_FOUND, description = "`token_not_found`, `firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_token(
    OfToken(actor, namespace): OfToken,
    State(control): State<Arc<Control>>,
    segments: Segments,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("ruleId"))?;
    Ok(Json(network_rules::find(&control, actor, namespace, id).await?.into()))
}
