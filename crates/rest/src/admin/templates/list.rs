//! `GET /api/v1/admin/provider-templates`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, templates};
use promptgate_kernel::SortDirection;
use promptgate_providers::{TemplateFilter, TemplateSort};
use serde::Deserialize;
use utoipa::IntoParams;

use super::TemplateView;
use crate::admin::{Acting, providers};
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView, flag, given};

const SORTS: [(&str, TemplateSort); 4] = [
    ("name", TemplateSort::Name),
    ("slug", TemplateSort::Slug),
    ("createdAt", TemplateSort::CreatedAt),
    ("updatedAt", TemplateSort::UpdatedAt),
];

/// Which templates are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only templates whose name contains this text, whatever its case.
    search: Option<String>,
    /// Only those of this provider.
    #[param(value_type = Option<String>, format = "uuid")]
    provider_id: Option<String>,
    /// Only those that are offered for new endpoints, or only those that are not.
    #[param(value_type = Option<bool>)]
    is_active: Option<String>,
}

/// Lists provider templates. `sortBy`: name (default), slug, createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/provider-templates", tag = "templates", params(ListParams, Wanted),
    responses(
        (status = OK, body = ListView<TemplateView>),
        (status = BAD_REQUEST, description = "`invalid_sort`, `invalid_filter`", body = ErrorBody),
        (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<ListView<TemplateView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (TemplateSort::Name, SortDirection::Ascending))?;
    let provider = given(wanted.provider_id).map(|id| id.parse().map_err(providers::unknown)).transpose()?;
    let active = flag("isActive", wanted.is_active.as_deref())?;
    let filter = TemplateFilter { search: given(wanted.search), provider, active, sort, direction };
    let page = templates::list(&control, actor, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, TemplateView::from)))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn templates_are_searched_filtered_and_sorted() {
        let api = Api::new().await;
        let (one, two) =
            (api.create_provider("one", "openai").await, api.create_provider("two", "openai").await);
        let path = "/api/v1/admin/provider-templates";
        for (name, provider, active) in [("beta", &one, true), ("Alpha", &one, false), ("gamma", &two, true)]
        {
            let body = json!({"name": name, "providerId": provider, "model": "m", "isActive": active});
            api.post(path, &body).await.created();
        }
        for (query, expected) in [
            ("", vec!["Alpha", "beta", "gamma"]),
            ("?sortBy=createdAt&sortDir=desc", vec!["gamma", "Alpha", "beta"]),
            ("?search=%20GAM", vec!["gamma"]),
            (&*format!("?providerId={one}"), vec!["Alpha", "beta"]),
            ("?isActive=true", vec!["beta", "gamma"]),
        ] {
            let listed = api.get(&format!("{path}{query}")).await.ok();
            let names: Vec<_> =
                listed["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
            assert_eq!(names, expected, "{query}");
            assert_eq!(listed["total"], expected.len());
        }
        api.get(&format!("{path}?sortBy=model")).await.refused(400, "invalid_sort");
    }
}
