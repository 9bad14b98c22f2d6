//! `GET /api/v1/admin/credentials`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, credentials};
use promptgate_kernel::{KeyRing, SortDirection};
use promptgate_providers::{CredentialFilter, CredentialSort, CredentialUses, ListedCredential};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::CredentialView;
use crate::admin::{Acting, providers};
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView, flag, given};

const SORTS: [(&str, CredentialSort); 5] = [
    ("name", CredentialSort::Name),
    ("provider", CredentialSort::Provider),
    ("isActive", CredentialSort::Active),
    ("createdAt", CredentialSort::CreatedAt),
    ("updatedAt", CredentialSort::UpdatedAt),
];

/// Which credentials are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only those of this provider.
    #[param(value_type = Option<String>, format = "uuid")]
    provider_id: Option<String>,
    /// Only those that are used, or only those that are not.
    #[param(value_type = Option<bool>)]
    is_active: Option<String>,
}

/// A credential of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedCredentialView {
    #[serde(flatten)]
    credential: CredentialView,
    used_by: CredentialUsesView,
}

/// How much depends on a credential.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CredentialUsesView {
    /// AI endpoints that name it themselves.
    endpoints: u64,
    /// Provider templates that name it.
    templates: u64,
    /// Projects whose calls to the provider use it.
    project_settings: u64,
}

/// Lists credentials. `sortBy`: name (default), provider, isActive, createdAt, updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/credentials", tag = "credentials", params(ListParams, Wanted),
    responses(
        (status = OK, body = ListView<ListedCredentialView>),
        (status = BAD_REQUEST, description = "`invalid_sort`, `invalid_filter`", body = ErrorBody),
        (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<ListView<ListedCredentialView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (CredentialSort::Name, SortDirection::Ascending))?;
    let provider = given(wanted.provider_id).map(|id| id.parse().map_err(providers::unknown)).transpose()?;
    let active = flag("isActive", wanted.is_active.as_deref())?;
    let filter = CredentialFilter { provider, active, sort, direction };
    let page = credentials::list(&control, actor, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, |listed| ListedCredentialView::of(listed, &control.keys))))
}

impl ListedCredentialView {
    fn of(listed: ListedCredential, keys: &KeyRing) -> Self {
        let CredentialUses { endpoints, templates, projects } = listed.used_by;
        let used_by = CredentialUsesView { endpoints, templates, project_settings: projects };
        Self { credential: CredentialView::of(listed.credential, keys), used_by }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn credentials_are_filtered_sorted_and_their_uses_counted() {
        let api = Api::new().await;
        let (one, two) =
            (api.create_provider("one", "openai").await, api.create_provider("two", "openai").await);
        let used = api.create_credential(&one, "used").await;
        api.create_credential(&one, "Idle").await;
        let other = api.create_credential(&two, "other").await;
        api.patch(&format!("/api/v1/admin/credentials/{other}"), &json!({"isActive": false})).await.ok();
        let template = json!({"name": "t", "providerId": one, "model": "m", "credentialId": used});
        api.post("/api/v1/admin/provider-templates", &template).await.created();
        let project = api.create_project("x", "ai_wrapper").await;
        let setting = format!("/api/v1/admin/projects/{project}/provider-settings/{one}");
        api.send("PUT", &setting, &json!({"credentialId": used}).to_string()).await.ok();

        let path = "/api/v1/admin/credentials";
        let names = |listed: &Value| -> Vec<String> {
            let items = listed["items"].as_array().unwrap();
            items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
        };
        let all = api.get(path).await;
        assert!(!all.text().contains("canary"));
        let all = all.ok();
        assert_eq!(names(&all), ["Idle", "other", "used"]);
        assert_eq!(all["items"][2]["usedBy"], json!({"endpoints": 0, "templates": 1, "projectSettings": 1}));
        assert_eq!(all["items"][0]["usedBy"], json!({"endpoints": 0, "templates": 0, "projectSettings": 0}));
        let of_one = api.get(&format!("{path}?providerId={one}&sortBy=createdAt&sortDir=asc")).await.ok();
        assert_eq!((names(&of_one), &of_one["total"]), (vec!["used".into(), "Idle".into()], &json!(2)));
        assert_eq!(names(&api.get(&format!("{path}?isActive=false")).await.ok()), ["other"]);
        for (key, _) in super::SORTS {
            assert_eq!(api.get(&format!("{path}?sortBy={key}")).await.ok()["total"], 3, "{key}");
        }
        api.get(&format!("{path}?isActive=maybe")).await.refused(400, "invalid_filter");
        api.get(&format!("{path}?sortBy=secret")).await.refused(400, "invalid_sort");
        api.get(&format!("{path}?providerId=x")).await.refused(404, "provider_not_found");
    }
}
