//! `GET /api/v1/admin/projects`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::projects::{self, ListProjectsError};
use promptgate_kernel::SortDirection;
use promptgate_projects::{ProjectFilter, ProjectSort};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ProjectView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::ApiError;
use crate::listing::{ListParams, ListView};

const SORTS: [(&str, ProjectSort); 4] = [
    ("name", ProjectSort::Name),
    ("projectType", ProjectSort::Kind),
    ("createdAt", ProjectSort::CreatedAt),
    ("updatedAt", ProjectSort::UpdatedAt),
];

/// Which projects are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Search {
    /// Only projects whose name contains this text, whatever its case.
    search: Option<String>,
}

/// Lists projects; of a member of some the own ones. `sortBy`: name (default), projectType, createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/projects", tag = "projects", params(ListParams, Search), responses(
    (status = OK, body = ListView<ProjectView>),
    (status = BAD_REQUEST, description = "`invalid_sort`", body = crate::error::ErrorBody),
))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
    Params(search): Params<Search>,
) -> Result<Json<ListView<ProjectView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (ProjectSort::Name, SortDirection::Ascending))?;
    let search = search.search.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let filter = ProjectFilter { search, sort, direction, among: None };
    let page = projects::list(&control, actor, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, ProjectView::from)))
}

impl From<ListProjectsError> for ApiError {
    fn from(error: ListProjectsError) -> Self {
        match error {
            ListProjectsError::Forbidden(error) => error.into(),
            ListProjectsError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn pages_are_sorted_searched_and_counted() {
        let api = Api::new().await;
        for name in ["beta", "Alpha", "gamma"] {
            api.create_project(name, "ai_wrapper").await;
        }
        let page = api.get("/api/v1/admin/projects?pageSize=2").await.ok();
        let names: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
        assert_eq!(names, ["Alpha", "beta"]);
        assert_eq!((&page["page"], &page["pageSize"], &page["total"]), (&json!(1), &json!(2), &json!(3)));
        let found = api.get("/api/v1/admin/projects?search=%20GAM&sortDir=desc").await.ok();
        assert_eq!(found["items"][0]["name"], "gamma");
        assert_eq!(found["total"], 1);
        let beyond = api.get("/api/v1/admin/projects?page=9").await.ok();
        assert_eq!((&beyond["items"], &beyond["total"]), (&json!([]), &json!(3)));
    }

    #[tokio::test]
    async fn an_unknown_sort_is_refused() {
        let api = Api::new().await;
        api.get("/api/v1/admin/projects?sortBy=slug").await.refused(400, "invalid_sort");
        api.get("/api/v1/admin/projects?sortDir=sideways").await.refused(400, "invalid_sort");
    }
}
