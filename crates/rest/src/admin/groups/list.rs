//! `GET /api/v1/admin/groups`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_access::{GroupFilter, GroupSort};
use promptgate_control::{Control, groups};
use promptgate_kernel::SortDirection;
use serde::Deserialize;
use utoipa::IntoParams;

use super::GroupView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView, given};

const SORTS: [(&str, GroupSort); 7] = [
    ("name", GroupSort::Name),
    ("displayName", GroupSort::DisplayName),
    ("providerCount", GroupSort::ProviderCount),
    ("modelPatternCount", GroupSort::PatternCount),
    ("memberCount", GroupSort::MemberCount),
    ("createdAt", GroupSort::CreatedAt),
    ("updatedAt", GroupSort::UpdatedAt),
];

/// Which groups are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only groups whose name, name for people or description contains this text, whatever its case.
    search: Option<String>,
}

/// Lists access groups. `sortBy`: name (default), displayName, providerCount, modelPatternCount,
/// memberCount, createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/groups", tag = "groups", params(ListParams, Wanted),
    responses(
        (status = OK, body = ListView<GroupView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<ListView<GroupView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (GroupSort::Name, SortDirection::Ascending))?;
    let filter = GroupFilter { search: given(wanted.search), sort, direction };
    let page = groups::list(&control, actor, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, GroupView::from)))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn groups_are_searched_and_sorted_by_what_is_counted() {
        let api = Api::new().await;
        let path = "/api/v1/admin/groups";
        let (one, two) =
            (api.create_provider("one", "openai").await, api.create_provider("two", "openai").await);
        for (name, providers, patterns) in
            [("few", json!([one]), json!(["a", "b"])), ("more", json!([one, two]), json!([]))]
        {
            let body = json!({"name": name, "displayName": name, "description": format!("of {name}"),
                "providerIds": providers, "modelPatterns": patterns});
            api.post(path, &body).await.created();
        }
        for (query, expected) in [
            ("", vec!["few", "more"]),
            ("?sortBy=providerCount&sortDir=desc", vec!["more", "few"]),
            ("?sortBy=modelPatternCount", vec!["more", "few"]),
            ("?sortBy=memberCount", vec!["few", "more"]),
            ("?search=OF%20MO", vec!["more"]),
        ] {
            let listed = api.get(&format!("{path}{query}")).await.ok();
            let names: Vec<_> =
                listed["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
            assert_eq!(names, expected, "{query}");
            assert_eq!(listed["total"], expected.len());
        }
        api.get(&format!("{path}?sortBy=members")).await.refused(400, "invalid_sort");
    }
}
