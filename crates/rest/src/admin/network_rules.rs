//! `/api/v1/admin/firewall`, and the same below a user, a service account, a project and a token.

mod create;
mod default_action;
mod delete;
mod find;
mod list;
mod priority;
mod simulate;
#[cfg(test)]
mod tests;
mod update;
mod whose;

use http::StatusCode;
use promptgate_control::network_rules::NetworkRuleError;
use promptgate_firewall::{InvalidNetworkRule, Namespace, NetworkRule};
use promptgate_kernel::{AccountId, NetworkRuleId, ProjectId, Timestamp, TokenId};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::of_everybody, create::for_everybody))
        .routes(routes!(find::of_everybody, update::of_everybody, delete::of_everybody))
        .routes(routes!(priority::of_everybody))
        .routes(routes!(simulate::for_everybody))
        .routes(routes!(list::of_user, create::for_user))
        .routes(routes!(find::of_user, update::of_user, delete::of_user))
        .routes(routes!(priority::of_user))
        .routes(routes!(simulate::for_user))
        .routes(routes!(list::of_service, create::for_service))
        .routes(routes!(find::of_service, update::of_service, delete::of_service))
        .routes(routes!(priority::of_service))
        .routes(routes!(simulate::for_service))
        .routes(routes!(list::of_project, create::for_project))
        .routes(routes!(find::of_project, update::of_project, delete::of_project))
        .routes(routes!(priority::of_project))
        .routes(routes!(simulate::for_project))
        .routes(routes!(list::of_token, create::for_token))
        .routes(routes!(find::of_token, update::of_token, delete::of_token))
        .routes(routes!(priority::of_token))
        .routes(routes!(simulate::for_token))
        .routes(routes!(default_action::of_everybody, default_action::set_of_everybody))
        .routes(routes!(default_action::of_user, default_action::set_of_user))
        .routes(routes!(default_action::of_service, default_action::set_of_service))
        .routes(routes!(default_action::of_project, default_action::set_of_project))
        .routes(routes!(default_action::of_token, default_action::set_of_token))
}

/// A rule that lets an address or a range in, or keeps it out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NetworkRuleView {
    #[schema(value_type = String, format = "uuid")]
    id: NetworkRuleId,
    /// The service account whose rule it is; not there for other rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    service_account_id: Option<AccountId>,
    /// The user whose rule it is; not there for other rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    user_id: Option<AccountId>,
    /// The project whose rule it is; not there for other rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    project_id: Option<ProjectId>,
    /// The token whose rule it is; not there for other rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    token_id: Option<TokenId>,
    /// The address or range, as it was typed.
    #[schema(example = "10.0.0.0/8")]
    address: String,
    description: String,
    /// Its turn; smaller ones come earlier, and the first that matches decides.
    #[schema(minimum = 1, maximum = 9999)]
    priority: u16,
    /// `allow` or `deny`.
    action: &'static str,
    /// Whether it counts.
    enabled: bool,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<NetworkRule> for NetworkRuleView {
    fn from(rule: NetworkRule) -> Self {
        let (mut service_account_id, mut user_id, mut project_id, mut token_id) = (None, None, None, None);
        match rule.namespace {
            Namespace::Global => {}
            Namespace::Person(id) => user_id = Some(id),
            Namespace::Service(id) => service_account_id = Some(id),
            Namespace::Project(id) => project_id = Some(id),
            Namespace::Token(id) => token_id = Some(id),
        }
        Self {
            id: rule.id,
            service_account_id,
            user_id,
            project_id,
            token_id,
            address: rule.address.as_str().to_owned(),
            description: rule.description,
            priority: rule.priority.number(),
            action: rule.action.as_str(),
            enabled: rule.enabled,
            created_at: rule.created_at,
            updated_at: rule.updated_at,
        }
    }
}

/// Reads the id of a rule in the address; what is no id belongs to no rule.
fn parse_id(text: &str) -> Result<NetworkRuleId, ApiError> {
    text.parse().map_err(not_found)
}

fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("firewall_rule_not_found").message(error)
}

fn unknown_user(error: impl ToString) -> ApiError {
    ApiError::not_found("user_not_found").message(error)
}

fn unknown_service(error: impl ToString) -> ApiError {
    ApiError::not_found("service_account_not_found").message(error)
}

fn unknown_project(error: impl ToString) -> ApiError {
    ApiError::not_found("project_not_found").message(error)
}

fn unknown_token(error: impl ToString) -> ApiError {
    ApiError::not_found("token_not_found").message(error)
}

fn invalid(error: InvalidNetworkRule, field: &'static str) -> ApiError {
    let code = match error {
        // IPv6 is read as well; the code is the one that clients know.
        InvalidNetworkRule::Address => "invalid_ipv4_address",
        InvalidNetworkRule::Priority => "priority_out_of_range",
        InvalidNetworkRule::Action => "invalid_action",
        InvalidNetworkRule::Direction => "invalid_direction",
    };
    ApiError::bad_request(code).field(field).message(error)
}

impl From<NetworkRuleError> for ApiError {
    fn from(error: NetworkRuleError) -> Self {
        match error {
            NetworkRuleError::Forbidden(error) => error.into(),
            error @ NetworkRuleError::UnknownPerson(_) => unknown_user(error),
            error @ NetworkRuleError::UnknownService(_) => unknown_service(error),
            error @ NetworkRuleError::UnknownProject(_) => unknown_project(error),
            error @ NetworkRuleError::UnknownToken(_) => unknown_token(error),
            error @ NetworkRuleError::NotFound(_) => not_found(error),
            // Only moves meet it here: they end at the first and the last priority.
            NetworkRuleError::Invalid(error) => invalid(error, "direction"),
            error @ NetworkRuleError::PriorityTaken => {
                Self::new(StatusCode::CONFLICT, "priority_conflict").field("priority").message(error)
            }
            error @ NetworkRuleError::Changed(_) => Self::changed(&error),
            NetworkRuleError::Store(error) => error.into(),
        }
    }
}
