//! `GET /api/v1/admin/users`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::{AccountFilter, AccountKind, AccountSort, Role};
use promptgate_control::Control;
use promptgate_control::accounts::{self, ListAccountsError};
use promptgate_kernel::SortDirection;
use serde::Deserialize;
use utoipa::IntoParams;

use super::UserView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView, given};

const SORTS: [(&str, AccountSort); 10] = [
    ("name", AccountSort::Name),
    ("email", AccountSort::Email),
    ("role", AccountSort::Role),
    ("isActive", AccountSort::Active),
    ("lastLoginAt", AccountSort::LastLoginAt),
    ("createdAt", AccountSort::CreatedAt),
    ("updatedAt", AccountSort::UpdatedAt),
    ("inputTokens", AccountSort::InputTokens),
    ("outputTokens", AccountSort::OutputTokens),
    ("preferredUsername", AccountSort::Username),
];

/// Which people are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
#[expect(clippy::struct_field_names, reason = "they are the names of parameters")]
pub(super) struct Search {
    /// Only people whose name, e-mail or user name contains this text, whatever its case.
    search: Option<String>,
    /// Only people with this role.
    role: Option<String>,
    /// `active` or `inactive`.
    status: Option<String>,
}

/// Lists people. `sortBy`: lastLoginAt (default, the latest first), name, email, role, isActive,
/// createdAt, updatedAt, inputTokens, outputTokens, preferredUsername.
#[utoipa::path(get, path = "/api/v1/admin/users", tag = "users", params(ListParams, Search), responses(
    (status = OK, body = ListView<UserView>),
    (status = BAD_REQUEST, description = "`invalid_sort`, `invalid_role`, `invalid_status`", body = ErrorBody),
))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
    Params(search): Params<Search>,
) -> Result<Json<ListView<UserView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (AccountSort::LastLoginAt, SortDirection::Descending))?;
    let filter = AccountFilter {
        kind: AccountKind::Person,
        search: given(search.search),
        role: given(search.role)
            .map(|role| role.parse::<Role>().map_err(super::update::invalid_role))
            .transpose()?,
        active: status(given(search.status).as_deref())?,
        sort,
        direction,
    };
    let page = accounts::list(&control, actor, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, UserView::from)))
}

fn status(text: Option<&str>) -> Result<Option<bool>, ApiError> {
    match text {
        None => Ok(None),
        Some("active") => Ok(Some(true)),
        Some("inactive") => Ok(Some(false)),
        Some(_) => Err(ApiError::bad_request("invalid_status")
            .field("status")
            .message("status must be active or inactive")),
    }
}

impl From<ListAccountsError> for ApiError {
    fn from(error: ListAccountsError) -> Self {
        match error {
            ListAccountsError::Forbidden(error) => error.into(),
            ListAccountsError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn people_are_found_by_what_they_are() {
        let api = Api::new().await;
        api.create_person("ada@example.com", "admin").await;
        api.create_person("bob@example.com", "user").await;
        let names = async |query: &str| {
            let page = api.get(&format!("/api/v1/admin/users?{query}")).await.ok();
            let items = page["items"].as_array().unwrap().clone();
            items.iter().map(|item| item["email"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("sortBy=email&sortDir=desc").await, ["bob@example.com", "ada@example.com"]);
        assert_eq!(names("search=ADA").await, ["ada@example.com"]);
        assert_eq!(names("role=user").await, ["bob@example.com"]);
        assert_eq!(names("status=inactive").await, Vec::<String>::new());
        assert_eq!(names("status=active&search=example").await.len(), 2);
        for (query, code) in
            [("role=boss", "invalid_role"), ("status=x", "invalid_status"), ("sortBy=sub", "invalid_sort")]
        {
            api.get(&format!("/api/v1/admin/users?{query}")).await.refused(400, code);
        }
    }
}
