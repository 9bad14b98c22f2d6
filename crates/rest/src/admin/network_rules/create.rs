//! `POST …/firewall/rules`: creates a rule.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_auth::Actor;
use promptgate_control::{Control, network_rules};
use promptgate_firewall::{Action, Namespace, NewNetworkRule, Priority, RuleAddress};
use serde::Deserialize;
use utoipa::ToSchema;

use super::whose::{OfProject, OfService, OfToken, OfUser};
use super::{NetworkRuleView, invalid};
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};

/// A new rule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateNetworkRuleBody {
    /// An IPv4 or IPv6 address, or a range of them.
    #[serde(default)]
    #[schema(required, value_type = String, example = "10.0.0.0/8")]
    address: Option<String>,
    description: Option<String>,
    /// Its turn; must be free.
    #[serde(default)]
    #[schema(required, value_type = i64, minimum = 1, maximum = 9999)]
    priority: Option<i64>,
    /// `allow` or `deny`.
    #[serde(default)]
    #[schema(required, value_type = String)]
    action: Option<String>,
    /// Whether it counts; no unless said otherwise.
    enabled: Option<bool>,
}

impl TryFrom<CreateNetworkRuleBody> for NewNetworkRule {
    type Error = ApiError;

    fn try_from(body: CreateNetworkRuleBody) -> Result<Self, ApiError> {
        let address = RuleAddress::parse(body.address.as_deref().unwrap_or_default());
        let address = address.map_err(|error| invalid(error, "address"))?;
        let priority = Priority::new(body.priority.unwrap_or_default());
        let priority = priority.map_err(|error| invalid(error, "priority"))?;
        let action = Action::parse(body.action.as_deref().unwrap_or_default());
        let action = action.map_err(|error| invalid(error, "action"))?;
        let description = body.description.unwrap_or_default();
        Ok(Self { address, description, priority, action, enabled: body.enabled.unwrap_or_default() })
    }
}

async fn create(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
    body: CreateNetworkRuleBody,
) -> Result<(StatusCode, Json<NetworkRuleView>), ApiError> {
    let created = network_rules::create(control, actor, namespace, body.try_into()?).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

/// Creates a rule for everybody.
#[utoipa::path(post, path = "/api/v1/admin/firewall/rules", tag = "firewall",
    operation_id = "create_for_everybody",
    request_body = CreateNetworkRuleBody,
    responses(
        (status = CREATED, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`, \
            `priority_out_of_range`, `invalid_action`", body = ErrorBody),
        (status = CONFLICT, description = "`priority_conflict`", body = ErrorBody),
    ))]
pub(super) async fn for_everybody(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateNetworkRuleBody>,
) -> Result<(StatusCode, Json<NetworkRuleView>), ApiError> {
    create(&control, actor, Namespace::Global, body).await
}

/// Creates a rule for one user.
#[utoipa::path(post, path = "/api/v1/admin/users/{id}/firewall/rules", tag = "firewall",
    operation_id = "create_for_user",
    params(("id" = String, Path, description = "The user")),
    request_body = CreateNetworkRuleBody,
    responses(
        (status = CREATED, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`, \
            `priority_out_of_range`, `invalid_action`", body = ErrorBody),
        (status = CONFLICT, description = "`priority_conflict`", body = ErrorBody),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn for_user(
    OfUser(actor, namespace): OfUser,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateNetworkRuleBody>,
) -> Result<(StatusCode, Json<NetworkRuleView>), ApiError> {
    create(&control, actor, namespace, body).await
}

/// Creates a rule for one service account.
#[utoipa::path(post, path = "/api/v1/admin/service-accounts/{id}/firewall/rules", tag = "firewall",
    operation_id = "create_for_service",
    params(("id" = String, Path, description = "The service account")),
    request_body = CreateNetworkRuleBody,
    responses(
        (status = CREATED, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`, \
            `priority_out_of_range`, `invalid_action`", body = ErrorBody),
        (status = CONFLICT, description = "`priority_conflict`", body = ErrorBody),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
    ))]
pub(super) async fn for_service(
    OfService(actor, namespace): OfService,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateNetworkRuleBody>,
) -> Result<(StatusCode, Json<NetworkRuleView>), ApiError> {
    create(&control, actor, namespace, body).await
}

/// Creates a rule for one project.
#[utoipa::path(post, path = "/api/v1/admin/projects/{uuid}/firewall/rules", tag = "firewall",
    operation_id = "create_for_project",
    params(("uuid" = String, Path, description = "The project")),
    request_body = CreateNetworkRuleBody,
    responses(
        (status = CREATED, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`, \
            `priority_out_of_range`, `invalid_action`", body = ErrorBody),
        (status = CONFLICT, description = "`priority_conflict`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn for_project(
    OfProject(actor, namespace): OfProject,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateNetworkRuleBody>,
) -> Result<(StatusCode, Json<NetworkRuleView>), ApiError> {
    create(&control, actor, namespace, body).await
}

/// Creates a rule for one token.
#[utoipa::path(post, path = "/api/v1/admin/tokens/{id}/firewall/rules", tag = "firewall",
    operation_id = "create_for_token",
    params(("id" = String, Path, description = "The token")),
    request_body = CreateNetworkRuleBody,
    responses(
        (status = CREATED, body = NetworkRuleView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_ipv4_address`, \
            `priority_out_of_range`, `invalid_action`", body = ErrorBody),
        (status = CONFLICT, description = "`priority_conflict`", body = ErrorBody),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
    ))]
pub(super) async fn for_token(
    OfToken(actor, namespace): OfToken,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateNetworkRuleBody>,
) -> Result<(StatusCode, Json<NetworkRuleView>), ApiError> {
    create(&control, actor, namespace, body).await
}
