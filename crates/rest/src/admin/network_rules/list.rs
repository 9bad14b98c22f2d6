//! `GET …/firewall/rules`: lists rules.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::Actor;
use promptgate_control::{Control, network_rules};
use promptgate_firewall::{Namespace, NetworkRuleFilter, NetworkRuleSort};
use promptgate_kernel::SortDirection;

use super::NetworkRuleView;
use super::whose::{OfProject, OfService, OfToken, OfUser};
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};

const SORTS: [(&str, NetworkRuleSort); 7] = [
    ("priority", NetworkRuleSort::Priority),
    ("address", NetworkRuleSort::Address),
    ("description", NetworkRuleSort::Description),
    ("action", NetworkRuleSort::Action),
    ("enabled", NetworkRuleSort::Enabled),
    ("createdAt", NetworkRuleSort::CreatedAt),
    ("updatedAt", NetworkRuleSort::UpdatedAt),
];

async fn list(
    control: &Control,
    actor: Actor,
    namespace: Namespace,
    params: &ListParams,
) -> Result<Json<ListView<NetworkRuleView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (NetworkRuleSort::Priority, SortDirection::Ascending))?;
    let filter = NetworkRuleFilter { sort, direction };
    let page = network_rules::list(control, actor, namespace, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, NetworkRuleView::from)))
}

/// Lists the rules for everybody. `sortBy`: priority (default), address, description, action, enabled,
/// createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/firewall/rules", tag = "firewall",
    operation_id = "list_of_everybody",
    params(ListParams),
    responses(
        (status = OK, body = ListView<NetworkRuleView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
    ))]
pub(super) async fn of_everybody(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<NetworkRuleView>>, ApiError> {
    list(&control, actor, Namespace::Global, &params).await
}

/// Lists the rules of one user. `sortBy`: priority (default), address, description, action, enabled,
/// createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/firewall/rules", tag = "firewall",
    operation_id = "list_of_user",
    params(("id" = String, Path, description = "The user"), ListParams),
    responses(
        (status = OK, body = ListView<NetworkRuleView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
        (status = NOT_FOUND, description = "`user_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_user(
    OfUser(actor, namespace): OfUser,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<NetworkRuleView>>, ApiError> {
    list(&control, actor, namespace, &params).await
}

/// Lists the rules of one service account. `sortBy`: priority (default), address, description, action,
/// enabled, createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/service-accounts/{id}/firewall/rules", tag = "firewall",
    operation_id = "list_of_service",
    params(("id" = String, Path, description = "The service account"), ListParams),
    responses(
        (status = OK, body = ListView<NetworkRuleView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
        (status = NOT_FOUND, description = "`service_account_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_service(
    OfService(actor, namespace): OfService,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<NetworkRuleView>>, ApiError> {
    list(&control, actor, namespace, &params).await
}

/// Lists the rules of one project. `sortBy`: priority (default), address, description, action,
/// enabled, createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/firewall/rules", tag = "firewall",
    operation_id = "list_of_project",
    params(("uuid" = String, Path, description = "The project"), ListParams),
    responses(
        (status = OK, body = ListView<NetworkRuleView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_project(
    OfProject(actor, namespace): OfProject,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<NetworkRuleView>>, ApiError> {
    list(&control, actor, namespace, &params).await
}

/// Lists the rules of one token. `sortBy`: priority (default), address, description, action,
/// enabled, createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/tokens/{id}/firewall/rules", tag = "firewall",
    operation_id = "list_of_token",
    params(("id" = String, Path, description = "The token"), ListParams),
    responses(
        (status = OK, body = ListView<NetworkRuleView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
        (status = NOT_FOUND, description = "`token_not_found`", body = ErrorBody),
    ))]
pub(super) async fn of_token(
    OfToken(actor, namespace): OfToken,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<NetworkRuleView>>, ApiError> {
    list(&control, actor, namespace, &params).await
}
