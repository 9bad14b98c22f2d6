//! `GET /api/v1/admin/subscriptions`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_access::{PlanFilter, PlanSort};
use promptgate_control::{Control, plans};
use promptgate_kernel::SortDirection;

use super::SubscriptionPlanView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView};

const SORTS: [(&str, PlanSort); 6] = [
    ("name", PlanSort::Name),
    ("quota5hTokens", PlanSort::Quota5h),
    ("quota7dTokens", PlanSort::Quota7d),
    ("isDefault", PlanSort::IsDefault),
    ("createdAt", PlanSort::CreatedAt),
    ("updatedAt", PlanSort::UpdatedAt),
];

/// Lists subscription plans. `sortBy`: name (default), quota5hTokens, quota7dTokens, isDefault, createdAt,
/// updatedAt.
#[utoipa::path(get, path = "/api/v1/admin/subscriptions", tag = "subscriptions", params(ListParams),
    responses(
        (status = OK, body = ListView<SubscriptionPlanView>),
        (status = BAD_REQUEST, description = "`invalid_sort`", body = ErrorBody),
    ))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView<SubscriptionPlanView>>, ApiError> {
    let (sort, direction) = params.sort(&SORTS, (PlanSort::Name, SortDirection::Ascending))?;
    let page = plans::list(&control, actor, PlanFilter { sort, direction }, params.page()).await?;
    Ok(Json(ListView::of(page, SubscriptionPlanView::from)))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn plans_are_sorted() {
        let api = Api::new().await;
        let path = "/api/v1/admin/subscriptions";
        for (name, quota) in [("small", json!(1)), ("Large", json!(9)), ("free", json!(null))] {
            api.post(path, &json!({"name": name, "quota5hTokens": quota})).await.created();
        }
        for (query, expected) in [
            ("", ["free", "Large", "small"]),
            ("?sortBy=quota5hTokens", ["small", "Large", "free"]),
            ("?sortBy=createdAt&sortDir=desc", ["free", "Large", "small"]),
        ] {
            let listed = api.get(&format!("{path}{query}")).await.ok();
            let names: Vec<_> =
                listed["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
            assert_eq!(names, expected, "{query}");
        }
        api.get(&format!("{path}?sortBy=id")).await.refused(400, "invalid_sort");
    }
}
