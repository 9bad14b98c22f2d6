//! `POST …/firewall/simulate`: tries the rules.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::Actor;
use promptgate_control::{Control, network_rules};
use promptgate_firewall::{Namespace, client_address};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::whose::{OfProject, OfService, OfToken, OfUser};
use super::{NetworkRuleView, invalid};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};

/// Where a client would be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SimulateBody {
    /// An IPv4 or IPv6 address, with or without a port.
    #[serde(default)]
    #[schema(required, value_type = String, example = "192.0.2.1")]
    client_ip: Option<String>,
}

/// What the enabled rules say of a client.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SimulationView {
    /// Whether it may in.
    allowed: bool,
    /// The rule that decides; null where none is about the address.
    matched_rule: Option<NetworkRuleView>,
}

async fn simulate(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
    body: &SimulateBody,
) -> Result<Json<SimulationView>, ApiError> {
    let client = client_address(body.client_ip.as_deref().unwrap_or_default());
    let client = client.map_err(|error| invalid(error, "clientIp"))?;
    let simulated = network_rules::simulate(control, actor, namespace, client).await?;
    let matched_rule = simulated.rule.map(NetworkRuleView::from);
    Ok(Json(SimulationView { allowed: simulated.allowed, matched_rule }))
}

/// Says what the rules for everybody do with a client; one that none is about may in, unless the default
/// action was changed.
#[utoipa::path(post, path = "/api/v1/admin/firewall/simulate", tag = "firewall",
    operation_id = "simulate_for_everybody",
    request_body = SimulateBody,
    responses(
        (status = OK, body = SimulationView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`", body = ErrorBody),
    ))]
pub(super) async fn for_everybody(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<SimulateBody>,
) -> Result<Json<SimulationView>, ApiError> {
    simulate(&control, actor, Namespace::Global, &body).await
}

/// Says what the rules of one user do with a client; one that none is about may not in, unless the default
/// action was changed. It does not matter whether the user goes by rules of their own.
#[utoipa::path(post, path = "/api/v1/admin/users/{id}/firewall/simulate", tag = "firewall",
    operation_id = "simulate_for_user",
    params(("id" = String, Path, description = "The user")),
    request_body = SimulateBody,
    responses(
        (status = OK, body = SimulationView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`", body = ErrorBody),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn for_user(
    OfUser(actor, namespace): OfUser,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<SimulateBody>,
) -> Result<Json<SimulationView>, ApiError> {
    simulate(&control, actor, namespace, &body).await
}

/// Says what the rules of one service account do with a client; one that none is about may not in, unless
/// the default action was changed. It does not matter whether the account goes by rules of its own.
#[utoipa::path(post, path = "/api/v1/admin/service-accounts/{id}/firewall/simulate", tag = "firewall",
    operation_id = "simulate_for_service",
    params(("id" = String, Path, description = "The service account")),
    request_body = SimulateBody,
    responses(
        (status = OK, body = SimulationView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`", body = ErrorBody),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
    ))]
pub(super) async fn for_service(
    OfService(actor, namespace): OfService,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<SimulateBody>,
) -> Result<Json<SimulationView>, ApiError> {
    simulate(&control, actor, namespace, &body).await
}

/// Says what the rules of one project do with a client; one that none is about meets the project's default action.
/// Calls go by other rules besides.
#[utoipa::path(post, path = "/api/v1/admin/projects/{uuid}/firewall/simulate", tag = "firewall",
    operation_id = "simulate_for_project",
    params(("uuid" = String, Path, description = "The project")),
    request_body = SimulateBody,
    responses(
        (status = OK, body = SimulationView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn for_project(
    OfProject(actor, namespace): OfProject,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<SimulateBody>,
) -> Result<Json<SimulationView>, ApiError> {
    simulate(&control, actor, namespace, &body).await
}

/// Says what the rules of one token do with a client; one that none is about meets the token's default action.
/// Calls go by other rules besides.
#[utoipa::path(post, path = "/api/v1/admin/tokens/{id}/firewall/simulate", tag = "firewall",
    operation_id = "simulate_for_token",
    params(("id" = String, Path, description = "The token")),
    request_body = SimulateBody,
    responses(
        (status = OK, body = SimulationView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`", body = ErrorBody),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
    ))]
pub(super) async fn for_token(
    OfToken(actor, namespace): OfToken,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<SimulateBody>,
) -> Result<Json<SimulationView>, ApiError> {
    simulate(&control, actor, namespace, &body).await
}
