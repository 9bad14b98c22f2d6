//! `GET /api/v1/admin/providers`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::providers::{self, ListProvidersError};
use promptgate_kernel::SortDirection;
use promptgate_providers::{ProviderFilter, ProviderSort};

use super::ProviderView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};

const SORTS: [(&str, ProviderSort); 7] = [
    ("name", ProviderSort::Name),
    ("displayName", ProviderSort::DisplayName),
    ("type", ProviderSort::Kind),
    ("hasApiKey", ProviderSort::HasApiKey),
    ("enabled", ProviderSort::Enabled),
    ("createdAt", ProviderSort::CreatedAt),
    ("updatedAt", ProviderSort::UpdatedAt),
];

/// Lists providers. `sortBy`: name (default), displayName, type, hasApiKey, enabled, createdAt,
/// updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/providers", tag = "providers", params(ListParams), responses(
    (status = OK, body = ListView<ProviderView>),
    (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<ProviderView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (ProviderSort::Name, SortDirection::Ascending))?;
    let filter = ProviderFilter { sort, direction };
    let page = providers::list(&control, actor, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, ProviderView::from)))
}

impl From<ListProvidersError> for ApiError {
    fn from(error: ListProvidersError) -> Self {
        match error {
            ListProvidersError::Forbidden(error) => error.into(),
            ListProvidersError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn every_sort_key_is_known_and_keys_show_only_that_they_are_there() {
        let api = Api::new().await;
        api.create_provider("beta", "echo").await;
        let alpha = json!({"name": "alpha", "type": "openai", "apiKey": "sk-canary"});
        api.post("/api/v1/admin/providers", &alpha).await.created();
        for (key, _) in super::SORTS {
            let listed = api.get(&format!("/api/v1/admin/providers?sortBy={key}&sortDir=asc")).await;
            assert!(!listed.text().contains("canary"));
            assert_eq!(listed.ok()["total"], 2, "{key}");
        }
        let listed = api.get("/api/v1/admin/providers").await.ok();
        assert_eq!(
            (&listed["items"][0]["name"], &listed["items"][0]["hasApiKey"]),
            (&json!("alpha"), &json!(true))
        );
        assert_eq!(listed["items"][1]["hasApiKey"], false);
        api.get("/api/v1/admin/providers?sortBy=apiKey").await.refused(400, "invalid_sort");
    }
}
