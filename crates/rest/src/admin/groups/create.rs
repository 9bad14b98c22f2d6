//! `POST /api/v1/admin/groups`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_access::{InvalidGroup, NewGroup};
use promptgate_control::{Control, groups};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{GroupView, granted, parse_patterns};
use crate::admin::Acting;
use crate::body::{StrictJson, or_default};
use crate::error::{ApiError, ErrorBody};
use crate::limits::{LimitsBody, new_limits};

/// A new access group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateGroupBody {
    /// Lower-case letters and digits with single hyphens; never changes.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 120)]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 120)]
    display_name: String,
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// At least one, unless it grants all of them.
    provider_ids: Option<Vec<String>>,
    /// Whether it grants every provider, also those that come later.
    all_providers: Option<bool>,
    /// Regular expressions, found anywhere in a model's name; all models where none is given.
    #[schema(max_items = 200)]
    model_patterns: Option<Vec<String>>,
    /// Regular expressions of models that are denied, whatever other groups allow.
    #[schema(max_items = 200)]
    excluded_model_patterns: Option<Vec<String>>,
    /// Whether accounts are put into it when they are made; no unless said otherwise.
    for_new_accounts: Option<bool>,
    /// How much its members may use, all of them together.
    limits: Option<LimitsBody>,
}

/// Creates an access group that nobody is in.
#[utoipa::path(post, path = "/api/v1/admin/groups", tag = "groups",
    request_body = CreateGroupBody,
    responses(
        (status = CREATED, body = GroupView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_name`, `invalid_display_name`, \
            `invalid_description`, `provider_required`, `invalid_regex`, `invalid_limit`", body = ErrorBody),
        (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`name_conflict`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<CreateGroupBody>,
) -> Result<(StatusCode, Json<GroupView>), ApiError> {
    let created = groups::create(&control, actor, body.try_into()?).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

impl TryFrom<CreateGroupBody> for NewGroup {
    type Error = ApiError;

    fn try_from(body: CreateGroupBody) -> Result<Self, ApiError> {
        let providers = granted(body.all_providers, body.provider_ids.as_deref())?;
        Ok(Self {
            name: body.name,
            display_name: body.display_name,
            description: body.description.unwrap_or_default(),
            providers: providers.unwrap_or(promptgate_access::Providers::Some(Vec::new())),
            allow: parse_patterns(&body.model_patterns.unwrap_or_default(), InvalidGroup::Allow)?,
            exclude: parse_patterns(
                &body.excluded_model_patterns.unwrap_or_default(),
                InvalidGroup::Exclude,
            )?,
            for_new_accounts: body.for_new_accounts.unwrap_or(false),
            limits: new_limits(body.limits)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::{Value, json};

    const PATH: &str = "/api/v1/admin/groups";

    #[tokio::test]
    async fn what_was_sent_comes_back_with_everything_counted() {
        let api = Api::new().await;
        let (main, other) =
            (api.create_provider("main", "openai").await, api.create_provider("alpha", "ollama").await);
        let body = json!({"name": " Research ", "displayName": "Research", "description": "d",
            "providerIds": [main, other, main], "modelPatterns": [" ^gpt ", "", "^gpt"],
            "excludedModelPatterns": ["^bge"]});
        let view = api.post(PATH, &body).await.created();
        assert_eq!((&view["name"], &view["displayName"]), (&json!("research"), &json!("Research")));
        assert_eq!(view["modelPatterns"], json!(["^gpt"]));
        assert_eq!(view["excludedModelPatterns"], json!(["^bge"]));
        assert_eq!(
            view["providers"],
            json!([{"id": other, "name": "alpha", "displayName": "alpha", "type": "ollama", "enabled": true},
                {"id": main, "name": "main", "displayName": "main", "type": "openai", "enabled": true}])
        );
        let counts = ["providerCount", "modelPatternCount", "memberCount"].map(|count| view[count].clone());
        assert_eq!(counts, [2, 1, 0].map(Value::from));
        assert_eq!((&view["members"], &view["allProviders"]), (&json!([]), &json!(false)));
        assert_eq!(api.audit_actions().await.last().unwrap(), "access_group.created");
        let found = api.get(&format!("{PATH}/{}", view["id"].as_str().unwrap())).await.ok();
        assert_eq!(found, view);
    }

    #[tokio::test]
    async fn no_pattern_means_every_model_and_all_providers_means_later_ones_too() {
        let api = Api::new().await;
        let body = json!({"name": "all", "displayName": "All", "allProviders": true, "forNewAccounts": true});
        let view = api.post(PATH, &body).await.created();
        assert_eq!((&view["modelPatterns"], &view["excludedModelPatterns"]), (&json!([".*"]), &json!([])));
        assert_eq!((&view["providerCount"], &view["forNewAccounts"]), (&json!(0), &json!(true)));
        api.create_provider("later", "openai").await;
        let found = api.get(&format!("{PATH}/{}", view["id"].as_str().unwrap())).await.ok();
        assert_eq!((&found["providerCount"], &found["providers"][0]["name"]), (&json!(1), &json!("later")));
    }

    #[tokio::test]
    async fn what_is_wrong_has_a_code_and_a_field() {
        let api = Api::new().await;
        let main = api.create_provider("main", "openai").await;
        let with = |field: &str, value: Value| {
            let mut body = json!({"name": "a", "displayName": "A", "providerIds": [main]});
            body[field] = value;
            body
        };
        let nobody = "018f4e6e-0000-7000-8000-00000000dead";
        for (field, value, status, code) in [
            ("name", json!("a_b"), 400, "invalid_name"),
            ("name", json!("-a"), 400, "invalid_name"),
            ("displayName", json!(" "), 400, "invalid_display_name"),
            ("description", json!("x".repeat(2_001)), 400, "invalid_description"),
            ("providerIds", json!([]), 400, "provider_required"),
            ("providerIds", json!(["x"]), 404, "provider_not_found"),
            ("providerIds", json!([nobody]), 404, "provider_not_found"),
            ("modelPatterns", json!(["("]), 400, "invalid_regex"),
            ("excludedModelPatterns", json!(["a", "[z"]), 400, "invalid_regex"),
        ] {
            let refused = api.post(PATH, &with(field, value)).await.refused(status, code);
            assert_eq!(refused["field"], field, "{refused}");
        }
        api.post(PATH, &json!({"displayName": "A", "providerIds": [main]}))
            .await
            .refused(400, "invalid_name");
        api.post(PATH, &json!({"name": "a", "providerIds": [main]}))
            .await
            .refused(400, "invalid_display_name");
        api.post(PATH, &json!({"name": "a", "displayName": "A"})).await.refused(400, "provider_required");
        api.post(PATH, &with("more", json!(1))).await.refused(400, "invalid_request_body");
        api.post(PATH, &with("name", json!("a"))).await.created();
        let taken = api.post(PATH, &with("name", json!(" A "))).await.refused(409, "name_conflict");
        assert_eq!(taken["field"], "name");
    }
}
