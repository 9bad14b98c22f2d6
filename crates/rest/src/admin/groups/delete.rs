//! `DELETE /api/v1/admin/groups/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, groups};

use super::parse_id;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Deletes an access group. Its members lose what it granted at once; its name is free again.
#[utoipa::path(delete, path = "/api/v1/admin/groups/{id}", tag = "groups",
    params(("id" = String, Path, description = "The group")),
    responses(
        (status = NO_CONTENT, description = "Deleted"),
        (status = NOT_FOUND, description = "`group_not_found`", body = ErrorBody),
    ))]
pub(super) async fn delete(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    groups::delete(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn a_name_is_free_again() {
        let api = Api::new().await;
        let body = json!({"name": "a", "displayName": "A", "allProviders": true});
        for _ in 0..2 {
            let group = api.post("/api/v1/admin/groups", &body).await.created();
            let path = format!("/api/v1/admin/groups/{}", group["id"].as_str().unwrap());
            api.delete(&path).await.no_content();
            api.delete(&path).await.refused(404, "group_not_found");
            api.get(&path).await.refused(404, "group_not_found");
        }
        assert_eq!(api.audit_actions().await.last().unwrap(), "access_group.deleted");
    }
}
