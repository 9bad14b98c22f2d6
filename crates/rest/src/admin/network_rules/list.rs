//! `GET …/firewall/rules`: lists rules.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::Actor;
use promptgate_control::{Control, network_rules};
use promptgate_firewall::{Namespace, NetworkRuleFilter, NetworkRuleSort};
use promptgate_kernel::SortDirection;

use super::NetworkRuleView;
use super::whose::{OfService, OfUser};
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
