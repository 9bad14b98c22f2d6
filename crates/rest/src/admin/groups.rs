//! `/api/v1/admin/groups`, and the groups of `/api/v1/admin/users/{id}`.

mod create;
mod delete;
mod find;
mod list;
mod members;
mod of_user;
mod update;
mod validate;

use http::StatusCode;
use promptgate_access::{InvalidGroup, InvalidPattern, Member, Patterns, Providers};
use promptgate_control::groups::{DescribedGroup, GroupError};
use promptgate_kernel::{AccountId, GroupId, ProviderId, Timestamp};
use promptgate_providers::Provider;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::providers;
use crate::ApiState;
use crate::error::ApiError;
use crate::limits::LimitsView;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(validate::validate))
        .routes(routes!(find::find, update::update, delete::delete))
        .routes(routes!(members::add, members::remove))
        .routes(routes!(of_user::of_user, of_user::replace))
}

/// A group of accounts, and the models that they may call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct GroupView {
    #[schema(value_type = String, format = "uuid")]
    id: GroupId,
    /// Never changes.
    name: String,
    display_name: String,
    description: String,
    /// The providers that it grants; of a group of all providers, those that there are now.
    providers: Vec<GrantedProviderView>,
    /// Whether it grants every provider, also those that come later.
    all_providers: bool,
    /// Regular expressions, one of which must be found in a model's name.
    model_patterns: Vec<String>,
    /// Regular expressions; what one of them is found in is denied, whatever other groups allow.
    excluded_model_patterns: Vec<String>,
    /// Who is in it.
    members: Vec<MemberView>,
    /// Whether accounts are put into it when they are made.
    for_new_accounts: bool,
    /// How much its members may use, all of them together.
    limits: LimitsView,
    provider_count: usize,
    model_pattern_count: usize,
    member_count: usize,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

/// A provider that a group grants.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct GrantedProviderView {
    #[schema(value_type = String, format = "uuid")]
    id: ProviderId,
    name: String,
    display_name: String,
    r#type: &'static str,
    enabled: bool,
}

/// An account that is in a group.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = GroupMemberView)]
struct MemberView {
    #[schema(value_type = String, format = "uuid")]
    id: AccountId,
    preferred_username: String,
    email: String,
    name: String,
    /// `user` or `service`.
    r#type: String,
    /// `none`, `user`, `manager` or `admin`.
    role: String,
    is_active: bool,
}

impl From<Provider> for GrantedProviderView {
    fn from(provider: Provider) -> Self {
        Self {
            id: provider.id,
            name: provider.name.as_str().to_owned(),
            display_name: provider.display_name,
            r#type: provider.kind.as_str(),
            enabled: provider.enabled,
        }
    }
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            id: member.id,
            preferred_username: member.username,
            email: member.email,
            name: member.name,
            r#type: member.kind,
            role: member.role,
            is_active: member.active,
        }
    }
}

impl From<DescribedGroup> for GroupView {
    fn from(DescribedGroup { group, providers, members }: DescribedGroup) -> Self {
        Self {
            id: group.id,
            name: group.name,
            display_name: group.display_name,
            description: group.description,
            provider_count: providers.len(),
            providers: providers.into_iter().map(GrantedProviderView::from).collect(),
            all_providers: group.providers == Providers::All,
            model_pattern_count: group.allow.as_slice().len(),
            model_patterns: group.allow.as_slice().to_vec(),
            excluded_model_patterns: group.exclude.as_slice().to_vec(),
            member_count: members.len(),
            members: members.into_iter().map(MemberView::from).collect(),
            for_new_accounts: group.for_new_accounts,
            limits: group.limits.into(),
            created_at: group.created_at,
            updated_at: group.updated_at,
        }
    }
}

/// Reads the id in the address; what is no id belongs to no group.
pub(super) fn parse_id(text: &str) -> Result<GroupId, ApiError> {
    text.parse().map_err(not_found)
}

pub(super) fn not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("group_not_found").message(error)
}

/// Reads the id of an account; what is no id belongs to nobody.
fn parse_user(text: &str) -> Result<AccountId, ApiError> {
    text.parse().map_err(no_user)
}

fn no_user(error: impl ToString) -> ApiError {
    ApiError::not_found("user_not_found").message(error)
}

fn parse_providers(ids: &[String]) -> Result<Vec<ProviderId>, ApiError> {
    let unknown = |error| providers::unknown(error).field("providerIds");
    ids.iter().map(|id| id.trim().parse().map_err(unknown)).collect()
}

/// The providers that a body means: all of them, or those that it names.
fn granted(all: Option<bool>, named: Option<&[String]>) -> Result<Option<Providers>, ApiError> {
    match (all, named) {
        (Some(true), _) => Ok(Some(Providers::All)),
        (_, Some(ids)) => Ok(Some(Providers::Some(parse_providers(ids)?))),
        (Some(false), None) => Err(InvalidGroup::NoProvider.into()),
        (None, None) => Ok(None),
    }
}

fn parse_patterns(texts: &[String], wrong: fn(InvalidPattern) -> InvalidGroup) -> Result<Patterns, ApiError> {
    Patterns::parse(texts).map_err(|error| wrong(error).into())
}

impl From<InvalidGroup> for ApiError {
    fn from(error: InvalidGroup) -> Self {
        let code = match &error {
            InvalidGroup::Name => "invalid_name",
            InvalidGroup::DisplayName => "invalid_display_name",
            InvalidGroup::Description => "invalid_description",
            InvalidGroup::NoProvider => "provider_required",
            InvalidGroup::Allow(_) | InvalidGroup::Exclude(_) => "invalid_regex",
            InvalidGroup::Limit(_) => "invalid_limit",
        };
        Self::bad_request(code).field(error.field()).message(error)
    }
}

impl From<GroupError> for ApiError {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::Forbidden(error) => error.into(),
            error @ GroupError::NotFound(_) => not_found(error),
            error @ GroupError::UnknownProvider(_) => providers::unknown(error).field("providerIds"),
            error @ GroupError::UnknownAccount(_) => no_user(error),
            GroupError::Invalid(error) => error.into(),
            error @ GroupError::NameTaken => {
                Self::new(StatusCode::CONFLICT, "name_conflict").field("name").message(error)
            }
            error @ GroupError::Changed(_) => Self::changed(&error),
            GroupError::Store(error) => error.into(),
        }
    }
}
