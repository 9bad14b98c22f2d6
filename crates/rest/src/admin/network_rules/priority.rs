//! `PATCH …/firewall/rules/{ruleId}/priority`: moves a rule by one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, network_rules};
use promptgate_firewall::{Direction, Namespace};
use serde::Deserialize;
use utoipa::ToSchema;

use super::whose::{OfProject, OfService, OfToken, OfUser};
use super::{NetworkRuleView, invalid, parse_id};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// Which way a rule is moved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MoveNetworkRuleBody {
    /// `increase`: its turn comes later. `decrease`: earlier.
    #[serde(default)]
    #[schema(required, value_type = String)]
    direction: Option<String>,
}

impl MoveNetworkRuleBody {
    fn direction(&self) -> Result<Direction, ApiError> {
        Direction::parse(self.direction.as_deref().unwrap_or_default())
            .map_err(|error| invalid(error, "direction"))
    }
}

/// Moves a rule for everybody by one. A rule that is there changes places with it; no gap is jumped.
#[utoipa::path(patch, path = "/api/v1/admin/firewall/rules/{id}/priority", tag = "firewall",
    operation_id = "move_of_everybody",
    params(("id" = String, Path, description = "The rule")),
    request_body = MoveNetworkRuleBody,
    responses(
        (status = OK, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_direction`, \
            `priority_out_of_range`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
        (status = NOT_FOUND, description = "`firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_everybody(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<MoveNetworkRuleBody>,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("id"))?;
    let moved = network_rules::move_one(&control, actor, Namespace::Global, id, body.direction()?).await?;
    Ok(Json(moved.into()))
}

/// Moves a rule of one user by one. A rule that is there changes places with it; no gap is jumped.
#[utoipa::path(patch, path = "/api/v1/admin/users/{id}/firewall/rules/{ruleId}/priority", tag = "firewall",
    operation_id = "move_of_user",
    params(("id" = String, Path, description = "The user"), ("ruleId" = String, Path, description = "The rule")),
    request_body = MoveNetworkRuleBody,
    responses(
        (status = OK, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_direction`, \
            `priority_out_of_range`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
        (status = NOT_FOUND, description = "`user_not_found`, `firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_user(
    OfUser(actor, namespace): OfUser,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<MoveNetworkRuleBody>,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("ruleId"))?;
    let moved = network_rules::move_one(&control, actor, namespace, id, body.direction()?).await?;
    Ok(Json(moved.into()))
}

/// Moves a rule of one service account by one. A rule that is there changes places with it; no gap is
/// jumped.
#[utoipa::path(patch, path = "/api/v1/admin/service-accounts/{id}/firewall/rules/{ruleId}/priority", tag = "firewall",
    operation_id = "move_of_service",
    params(("id" = String, Path, description = "The service account"), ("ruleId" = String, Path, description = "The rule")),
    request_body = MoveNetworkRuleBody,
    responses(
        (status = OK, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_direction`, \
            `priority_out_of_range`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
        (status = NOT_FOUND, description = "`service_account_not_found`, `firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_service(
    OfService(actor, namespace): OfService,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<MoveNetworkRuleBody>,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("ruleId"))?;
    let moved = network_rules::move_one(&control, actor, namespace, id, body.direction()?).await?;
    Ok(Json(moved.into()))
}

/// Moves a rule of one project by one. A rule that is there changes places with it; no gap is
/// jumped.
#[utoipa::path(patch, path = "/api/v1/admin/projects/{uuid}/firewall/rules/{ruleId}/priority", tag = "firewall",
    operation_id = "move_of_project",
    params(("uuid" = String, Path, description = "The project"), ("ruleId" = String, Path, description = "The rule")),
    request_body = MoveNetworkRuleBody,
    responses(
        (status = OK, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_direction`, \
            `priority_out_of_range`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_project(
    OfProject(actor, namespace): OfProject,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<MoveNetworkRuleBody>,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("ruleId"))?;
    let moved = network_rules::move_one(&control, actor, namespace, id, body.direction()?).await?;
    Ok(Json(moved.into()))
}

/// Moves a rule of one token by one. A rule that is there changes places with it; no gap is
/// jumped.
#[utoipa::path(patch, path = "/api/v1/admin/tokens/{id}/firewall/rules/{ruleId}/priority", tag = "firewall",
    operation_id = "move_of_token",
    params(("id" = String, Path, description = "The token"), ("ruleId" = String, Path, description = "The rule")),
    request_body = MoveNetworkRuleBody,
    responses(
        (status = OK, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_direction`, \
            `priority_out_of_range`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
        (status = NOT_FOUND, description = "`token_not_found`, `firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_token(
    OfToken(actor, namespace): OfToken,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<MoveNetworkRuleBody>,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("ruleId"))?;
    let moved = network_rules::move_one(&control, actor, namespace, id, body.direction()?).await?;
    Ok(Json(moved.into()))
}
