//! `PATCH /api/v1/admin/projects/{uuid}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::projects::{self, UpdateProjectError};
use promptgate_projects::{ProjectChanges, ProjectEnv, ProjectName, RecordBodies};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ProjectView, not_found, parse_id, unknown_provider};
use crate::admin::Acting;
use crate::body::{Patch, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::limits::{LimitsBody, limit_changes};
use crate::segment::Segment;

/// What is to change about a project. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateProjectBody {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// `dev`, `staging` or `prod`.
    env: Option<String>,
    /// Whether its routes answer.
    is_active: Option<bool>,
    /// The provider that answers models nobody else claims; null for none.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uuid")]
    default_provider_id: Patch<String>,
    /// What is kept of what was said in its calls: `full`, `prompts` or `none`; null for what the
    /// installation keeps.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    record_bodies: Patch<String>,
    /// How much may be used in it, by all of its callers together; null takes every limit away.
    #[serde(default)]
    #[schema(value_type = Option<LimitsBody>)]
    limits: Patch<LimitsBody>,
    /// Free data, whole; null empties it.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Patch<Map<String, Value>>,
}

/// Changes a project. Its type and its slug cannot be changed.
#[utoipa::path(patch, path = "/api/v1/admin/projects/{uuid}", tag = "projects",
    params(("uuid" = String, Path, description = "The project")),
    request_body = UpdateProjectBody,
    responses(
        (status = OK, body = ProjectView),
        (status = NOT_FOUND, description = "`project_not_found`, `provider_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    StrictJson(body): StrictJson<UpdateProjectBody>,
) -> Result<Json<ProjectView>, ApiError> {
    let project = projects::update(&control, actor, parse_id(&uuid)?, body.try_into()?).await?;
    Ok(Json(project.into()))
}

impl TryFrom<UpdateProjectBody> for ProjectChanges {
    type Error = ApiError;

    fn try_from(body: UpdateProjectBody) -> Result<Self, ApiError> {
        let provider = body.default_provider_id.try_map(|text| text.parse().map_err(unknown_provider))?;
        let kept = body.record_bodies.try_map(|text| text.parse::<RecordBodies>().map_err(ApiError::from))?;
        Ok(Self {
            name: body.name.as_deref().map(ProjectName::parse).transpose()?,
            env: body.env.as_deref().map(str::parse::<ProjectEnv>).transpose()?,
            active: body.is_active,
            default_provider: provider.into_change(),
            record_bodies: kept.into_change(),
            limits: limit_changes(body.limits)?,
            metadata: body.metadata.into_change().map(Option::unwrap_or_default),
        })
    }
}

impl From<UpdateProjectError> for ApiError {
    fn from(error: UpdateProjectError) -> Self {
        match error {
            UpdateProjectError::Forbidden(error) => error.into(),
            error @ UpdateProjectError::NotFound(_) => not_found(error),
            UpdateProjectError::Invalid(error) => error.into(),
            error @ UpdateProjectError::UnknownProvider(_) => unknown_provider(error),
            error @ UpdateProjectError::Changed(_) => Self::changed(&error),
            UpdateProjectError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn what_is_left_out_stays_and_null_clears() {
        let api = Api::new().await;
        let path = format!("/api/v1/admin/projects/{}", api.create_project("x", "ai_wrapper").await);
        let provider = api.create_provider("main", "echo").await;
        let changes = json!({"defaultProviderId": provider, "metadata": {"a": 1}, "env": "staging",
            "recordBodies": "prompts"});
        api.patch(&path, &changes).await.ok();
        let kept = api.patch(&path, &json!({"isActive": false})).await.ok();
        assert_eq!(kept["defaultProviderId"], provider);
        assert_eq!((&kept["metadata"], &kept["env"]), (&json!({"a": 1}), &json!("staging")));
        assert_eq!((&kept["isActive"], &kept["recordBodies"]), (&json!(false), &json!("prompts")));
        let cleared = api
            .patch(&path, &json!({"defaultProviderId": null, "metadata": null, "recordBodies": null}))
            .await
            .ok();
        assert_eq!(cleared["recordBodies"], json!(null));
        assert_eq!(cleared["defaultProviderId"], json!(null));
        assert_eq!(cleared["metadata"], json!({}));
    }

    #[tokio::test]
    async fn limits_are_changed_one_by_one() {
        let api = Api::new().await;
        let path = format!("/api/v1/admin/projects/{}", api.create_project("x", "ai_wrapper").await);
        let given = json!({"limits": {"requestsPerMinute": 5, "monthlyCost": 12.5,
            "models": {"gpt-4o": {"tokensPerHour": 7, "maxConcurrent": 2}, "o1": {"requestsPerHour": 1}}}});
        api.patch(&path, &given).await.ok();
        let changes = json!({"limits": {"monthlyCost": null, "dailyTokens": 9,
            "models": {"o1": null, "gpt-4o": {"maxConcurrent": null}}}});
        let limits = &api.patch(&path, &changes).await.ok()["limits"];
        assert_eq!((&limits["requestsPerMinute"], &limits["monthlyCost"]), (&json!(5), &json!(null)));
        assert_eq!(limits["dailyTokens"], 9);
        let model = json!({"requestsPerMinute": null, "requestsPerHour": null, "tokensPerMinute": null,
            "tokensPerHour": 7, "maxConcurrent": null});
        assert_eq!(limits["models"], json!({ "gpt-4o": model }));
        for (wrong, field) in [
            (json!({"dailyTokens": 0}), "limits.dailyTokens"),
            (json!({"dailyCost": -1}), "limits.dailyCost"),
            (json!({"dailyCost": 1e300}), "limits.dailyCost"),
            (json!({"models": {"o1": {"tokensPerMinute": 0}}}), "limits.models.o1.tokensPerMinute"),
        ] {
            let refused = api.patch(&path, &json!({ "limits": wrong })).await.refused(400, "invalid_limit");
            assert_eq!(refused["field"], field);
        }
        let unknown = json!({"limits": {"perMinute": 1}});
        let refused = api.patch(&path, &unknown).await.refused(400, "invalid_request_body");
        assert_eq!(refused["field"], "limits.perMinute");
        let audited = api.last_change().await;
        let said = |part: &str| audited[part]["limits"].as_str().unwrap_or_default().to_owned();
        assert!(said("before").contains("\"monthlyCost\":12.5"), "{audited}");
        assert!(said("after").contains("\"dailyTokens\":9"), "{audited}");
        let cleared = api.patch(&path, &json!({"limits": null})).await.ok();
        assert_eq!(
            (&cleared["limits"]["dailyTokens"], &cleared["limits"]["models"]),
            (&json!(null), &json!({}))
        );
    }

    #[tokio::test]
    async fn type_and_slug_cannot_be_changed() {
        let api = Api::new().await;
        let path = format!("/api/v1/admin/projects/{}", api.create_project("x", "ai_wrapper").await);
        for field in ["projectType", "slug", "uuid"] {
            let refused = api.patch(&path, &json!({field: "x"})).await.refused(400, "invalid_request_body");
            assert_eq!(refused["field"], field);
        }
        api.patch(&path, &json!({"defaultProviderId": "x"})).await.refused(404, "provider_not_found");
        api.patch("/api/v1/admin/projects/x", &json!({})).await.refused(404, "project_not_found");
    }
}
