//! `GET /api/v1/admin/service-accounts`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_auth::{AccountFilter, AccountKind, AccountSort};
use promptgate_control::Control;
use promptgate_control::accounts;
use promptgate_kernel::SortDirection;

use super::ServiceAccountView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};

const SORTS: [(&str, AccountSort); 7] = [
    ("name", AccountSort::Name),
    ("identifier", AccountSort::Username),
    ("isActive", AccountSort::Active),
    ("createdAt", AccountSort::CreatedAt),
    ("updatedAt", AccountSort::UpdatedAt),
    ("inputTokens", AccountSort::InputTokens),
    ("outputTokens", AccountSort::OutputTokens),
];

/// Lists service accounts. `sortBy`: createdAt (default, the newest first), name, identifier, isActive,
/// updatedAt, inputTokens, outputTokens.
#[utoipa::path(get, path = "/api/v1/admin/service-accounts", tag = "service-accounts", params(ListParams),
    responses(
        (status = OK, body = ListView<ServiceAccountView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<ServiceAccountView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (AccountSort::CreatedAt, SortDirection::Descending))?;
    let filter =
        AccountFilter { kind: AccountKind::Service, search: None, role: None, active: None, sort, direction };
    let page = accounts::list(&control, actor, &filter, params.page()).await?;
    Ok(Json(ListView::of(page, ServiceAccountView::from)))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;

    #[tokio::test]
    async fn programs_are_listed_without_people() {
        let api = Api::new().await;
        api.create_person("a@example.com", "user").await;
        for name in ["b", "a"] {
            api.create_service(name).await;
        }
        let page = api.get("/api/v1/admin/service-accounts?sortBy=identifier").await.ok();
        let names: Vec<_> =
            page["items"].as_array().unwrap().iter().map(|item| &item["identifier"]).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(page["total"], 2);
        assert_eq!(api.get("/api/v1/admin/service-accounts").await.ok()["items"][0]["identifier"], "a");
        api.get("/api/v1/admin/service-accounts?sortBy=email").await.refused(400, "invalid_sort");
    }
}
