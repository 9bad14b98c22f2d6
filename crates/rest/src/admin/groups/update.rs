//! `PATCH /api/v1/admin/groups/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_access::{GroupChanges, InvalidGroup};
use promptgate_control::groups::UpdateGroup;
use promptgate_control::{Control, groups};
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;

use super::{GroupView, granted, parse_id, parse_patterns};
use crate::admin::Acting;
use crate::body::{Patch, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::limits::{LimitsBody, limit_changes};
use crate::segment::Segment;

/// What is to change about an access group. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateGroupBody {
    /// Ignored: a name never changes.
    #[serde(default, rename = "name")]
    #[schema(value_type = Option<String>)]
    _name: Option<IgnoredAny>,
    #[schema(min_length = 1, max_length = 120)]
    display_name: Option<String>,
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// All of them; at least one. A group of all providers that is given all there are stays one of all,
    /// unless `allProviders` is false.
    provider_ids: Option<Vec<String>>,
    /// Whether it grants every provider, also those that come later.
    all_providers: Option<bool>,
    /// All of them; none for every model.
    #[schema(max_items = 200)]
    model_patterns: Option<Vec<String>>,
    /// All of them.
    #[schema(max_items = 200)]
    excluded_model_patterns: Option<Vec<String>>,
    /// Whether accounts are put into it when they are made.
    for_new_accounts: Option<bool>,
    /// How much its members may use, all of them together; null takes every limit away.
    #[serde(default)]
    #[schema(value_type = Option<LimitsBody>)]
    limits: Patch<LimitsBody>,
}

/// Changes an access group. It acts on the next call of everybody who is in it.
#[utoipa::path(patch, path = "/api/v1/admin/groups/{id}", tag = "groups",
    params(("id" = String, Path, description = "The group")),
    request_body = UpdateGroupBody,
    responses(
        (status = OK, body = GroupView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_display_name`, \
            `invalid_description`, `provider_required`, `invalid_regex`, `invalid_limit`", body = ErrorBody),
        (status = NOT_FOUND, description = "`group_not_found`, `provider_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn update(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    StrictJson(body): StrictJson<UpdateGroupBody>,
) -> Result<Json<GroupView>, ApiError> {
    let changed = groups::update(&control, actor, parse_id(&id)?, body.try_into()?).await?;
    Ok(Json(changed.into()))
}

impl TryFrom<UpdateGroupBody> for UpdateGroup {
    type Error = ApiError;

    fn try_from(body: UpdateGroupBody) -> Result<Self, ApiError> {
        let patterns =
            |texts: Option<Vec<String>>, wrong| texts.map(|texts| parse_patterns(&texts, wrong)).transpose();
        let changes = GroupChanges {
            display_name: body.display_name,
            description: body.description,
            providers: granted(body.all_providers, body.provider_ids.as_deref())?,
            allow: patterns(body.model_patterns, InvalidGroup::Allow)?,
            exclude: patterns(body.excluded_model_patterns, InvalidGroup::Exclude)?,
            for_new_accounts: body.for_new_accounts,
            limits: limit_changes(body.limits)?,
        };
        Ok(Self { changes, one_by_one: body.all_providers == Some(false) })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    const PATH: &str = "/api/v1/admin/groups";

    #[tokio::test]
    async fn a_name_is_ignored_and_what_is_left_out_stays() {
        let api = Api::new().await;
        let main = api.create_provider("main", "openai").await;
        let body = json!({"name": "a", "displayName": "A", "description": "d", "providerIds": [main],
            "modelPatterns": ["x"], "excludedModelPatterns": ["y"]});
        let created = api.post(PATH, &body).await.created();
        let path = format!("{PATH}/{}", created["id"].as_str().unwrap());
        let before = (api.revision().await, api.audit_actions().await);
        assert_eq!(api.patch(&path, &json!({"name": "other"})).await.ok(), created);
        assert_eq!(api.patch(&path, &json!({"name": 7})).await.ok()["name"], "a");
        assert_eq!((api.revision().await, api.audit_actions().await), before, "nothing changed");
        let kept = api.patch(&path, &json!({"name": "b", "displayName": " B "})).await.ok();
        assert_eq!((&kept["name"], &kept["displayName"]), (&json!("a"), &json!("B")));
        assert_eq!((&kept["modelPatterns"], &kept["description"]), (&json!(["x"]), &json!("d")));
        let cleared = api.patch(&path, &json!({"modelPatterns": [], "excludedModelPatterns": []})).await.ok();
        assert_eq!(
            (&cleared["modelPatterns"], &cleared["excludedModelPatterns"]),
            (&json!([".*"]), &json!([]))
        );
        assert_eq!(api.audit_actions().await.last().unwrap(), "access_group.updated");
        api.patch(&path, &json!({"providerIds": []})).await.refused(400, "provider_required");
        api.patch(&path, &json!({"modelPatterns": ["("]})).await.refused(400, "invalid_regex");
        api.patch(&path, &json!({"displayName": ""})).await.refused(400, "invalid_display_name");
        api.patch(&path, &json!({"id": "x"})).await.refused(400, "invalid_request_body");
        api.patch(&format!("{PATH}/x"), &json!({})).await.refused(404, "group_not_found");
    }

    #[tokio::test]
    async fn a_group_of_all_providers_stays_one_until_it_is_said_otherwise() {
        let api = Api::new().await;
        let main = api.create_provider("main", "openai").await;
        let body = json!({"name": "a", "displayName": "A", "allProviders": true});
        let created = api.post(PATH, &body).await.created();
        let path = format!("{PATH}/{}", created["id"].as_str().unwrap());
        // An editor that knows nothing of it sends back what it was shown.
        let saved = api.patch(&path, &json!({"displayName": "B", "providerIds": [main]})).await.ok();
        assert_eq!(saved["allProviders"], true);
        let other = api.create_provider("other", "openai").await;
        assert_eq!(api.get(&path).await.ok()["providerCount"], 2);
        let narrowed = api.patch(&path, &json!({"providerIds": [main]})).await.ok();
        assert_eq!((&narrowed["allProviders"], &narrowed["providerCount"]), (&json!(false), &json!(1)));
        api.patch(&path, &json!({"allProviders": true})).await.ok();
        let body = json!({"allProviders": false, "providerIds": [main, other]});
        assert_eq!(api.patch(&path, &body).await.ok()["allProviders"], false);
        api.patch(&path, &json!({"allProviders": false})).await.refused(400, "provider_required");
    }
}
