//! `PATCH …/firewall/rules/{ruleId}`: changes a rule.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, network_rules};
use promptgate_firewall::{Action, Namespace, NetworkRuleChanges, Priority, RuleAddress};
use serde::Deserialize;
use utoipa::ToSchema;

use super::whose::{OfProject, OfService, OfToken, OfUser};
use super::{NetworkRuleView, invalid, parse_id};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segments;

/// What is to change about a rule. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateNetworkRuleBody {
    #[schema(example = "2001:db8::/32")]
    address: Option<String>,
    description: Option<String>,
    /// Another turn. A rule that has it gets this one's in exchange.
    #[schema(minimum = 1, maximum = 9999)]
    priority: Option<i64>,
    /// `allow` or `deny`.
    action: Option<String>,
    enabled: Option<bool>,
}

impl TryFrom<UpdateNetworkRuleBody> for NetworkRuleChanges {
    type Error = ApiError;

    fn try_from(body: UpdateNetworkRuleBody) -> Result<Self, ApiError> {
        let address = body.address.map(|text| RuleAddress::parse(&text)).transpose();
        let priority = body.priority.map(Priority::new).transpose();
        let action = body.action.map(|text| Action::parse(&text)).transpose();
        Ok(Self {
            address: address.map_err(|error| invalid(error, "address"))?,
            description: body.description,
            priority: priority.map_err(|error| invalid(error, "priority"))?,
            action: action.map_err(|error| invalid(error, "action"))?,
            enabled: body.enabled,
        })
    }
}

/// Changes a rule for everybody.
#[utoipa::path(patch, path = "/api/v1/admin/firewall/rules/{id}", tag = "firewall",
    operation_id = "update_of_everybody",
    params(("id" = String, Path, description = "The rule")),
    request_body = UpdateNetworkRuleBody,
    responses(
        (status = OK, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`, \
            `priority_out_of_range`, `invalid_action`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
        (status = NOT_FOUND, description = "`firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_everybody(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<UpdateNetworkRuleBody>,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("id"))?;
    Ok(Json(network_rules::update(&control, actor, Namespace::Global, id, body.try_into()?).await?.into()))
}

/// Changes a rule of one user.
#[utoipa::path(patch, path = "/api/v1/admin/users/{id}/firewall/rules/{ruleId}", tag = "firewall",
    operation_id = "update_of_user",
    params(("id" = String, Path, description = "The user"), ("ruleId" = String, Path, description = "The rule")),
    request_body = UpdateNetworkRuleBody,
    responses(
        (status = OK, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`, \
            `priority_out_of_range`, `invalid_action`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
        (status = NOT_FOUND, description = "`user_not_found`, `firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_user(
    OfUser(actor, namespace): OfUser,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<UpdateNetworkRuleBody>,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("ruleId"))?;
    Ok(Json(network_rules::update(&control, actor, namespace, id, body.try_into()?).await?.into()))
}

/// Changes a rule of one service account.
#[utoipa::path(patch, path = "/api/v1/admin/service-accounts/{id}/firewall/rules/{ruleId}", tag = "firewall",
    operation_id = "update_of_service",
    params(("id" = String, Path, description = "The service account"), ("ruleId" = String, Path, description = "The rule")),
    request_body = UpdateNetworkRuleBody,
    responses(
        (status = OK, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`, \
            `priority_out_of_range`, `invalid_action`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
        (status = NOT_FOUND, description = "`service_account_not_found`, `firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_service(
    OfService(actor, namespace): OfService,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<UpdateNetworkRuleBody>,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("ruleId"))?;
    Ok(Json(network_rules::update(&control, actor, namespace, id, body.try_into()?).await?.into()))
}

/// Changes a rule of one project.
#[utoipa::path(patch, path = "/api/v1/admin/projects/{uuid}/firewall/rules/{ruleId}", tag = "firewall",
    operation_id = "update_of_project",
    params(("uuid" = String, Path, description = "The project"), ("ruleId" = String, Path, description = "The rule")),
    request_body = UpdateNetworkRuleBody,
    responses(
        (status = OK, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`, \
            `priority_out_of_range`, `invalid_action`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_project(
    OfProject(actor, namespace): OfProject,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<UpdateNetworkRuleBody>,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("ruleId"))?;
    Ok(Json(network_rules::update(&control, actor, namespace, id, body.try_into()?).await?.into()))
}

/// Changes a rule of one token.
#[utoipa::path(patch, path = "/api/v1/admin/tokens/{id}/firewall/rules/{ruleId}", tag = "firewall",
    operation_id = "update_of_token",
    params(("id" = String, Path, description = "The token"), ("ruleId" = String, Path, description = "The rule")),
    request_body = UpdateNetworkRuleBody,
    responses(
        (status = OK, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`, \
            `priority_out_of_range`, `invalid_action`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
        (status = NOT_FOUND, description = "`token_not_found`, `firewall_rule_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_token(
    OfToken(actor, namespace): OfToken,
    State(control): State<Arc<Control>>,
    segments: Segments,
    StrictJson(body): StrictJson<UpdateNetworkRuleBody>,
) -> Result<Json<NetworkRuleView>, ApiError> {
    let id = parse_id(segments.named("ruleId"))?;
    Ok(Json(network_rules::update(&control, actor, namespace, id, body.try_into()?).await?.into()))
}
