//! `POST /api/v1/admin/projects/{uuid}/endpoints`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, endpoints};
use promptgate_endpoints::NewEndpoint;

use super::body::EndpointBody;
use super::view::EndpointView;
use crate::admin::{Acting, projects};
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Creates an AI endpoint in an `ai_gateway` project, and its first version. A slug that is made from
/// the name gets a number where it is taken.
#[utoipa::path(post, path = "/api/v1/admin/projects/{uuid}/endpoints", tag = "endpoints",
    params(("uuid" = String, Path, description = "The project")),
    request_body = EndpointBody,
    responses(
        (status = CREATED, body = EndpointView),
        (status = BAD_REQUEST, description = "`invalid_endpoint`, with `errors`; `invalid_project_type`, \
            `invalid_request_body`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`slug_conflict`", body = ErrorBody),
    ))]
pub(super) async fn create(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    StrictJson(body): StrictJson<EndpointBody>,
) -> Result<(StatusCode, Json<EndpointView>), ApiError> {
    let project = projects::parse_id(&uuid)?;
    let created = endpoints::create(&control, actor, project, body.onto(NewEndpoint::default())).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::{Value, json};

    async fn fixture(api: &Api) -> (String, String) {
        let provider = api.create_provider("main", "openai").await;
        let project = api.create_project("x", "ai_gateway").await;
        (provider, format!("/api/v1/admin/projects/{project}/endpoints"))
    }

    #[tokio::test]
    async fn every_field_comes_back_as_it_was_sent() {
        let api = Api::new().await;
        let (provider, path) = fixture(&api).await;
        let credential = api.create_credential(&provider, "a").await;
        let body = json!({
            "name": "Summarise Mail", "slug": "mail", "description": "d", "isActive": false,
            "exposeAsMcpTool": true, "providerId": provider, "providerModel": "gpt-x",
            "credentialId": credential,
            "failover": [{"credentialId": credential, "providerId": null, "providerModel": "gpt-y"}],
            "temperature": 0.5, "topP": 0.25, "maxOutputTokens": 99, "usageHardLimitTokens": 1000,
            "monthlyBudgetUsd": 12.5, "estimatedCostPer1kTokensUsd": 0.01, "rateLimitPerMinute": 3,
            "rateLimitPerHour": 30, "streamingEnabled": true, "sessionsEnabled": true,
            "sessionTtlSeconds": 600, "sessionMaxMessages": 20, "sessionMaxTokens": 5000,
            "cacheEnabled": true, "cacheTtlSeconds": 60, "prompt": "Be short.",
            "userPromptTemplate": "Mail: {{body}}", "inputSchema": {"type": "object"},
            "routingRules": "rules:\n  - when: {streaming: true}\n    use: {model: gpt-z}\n",
            "timeouts": {"connectMs": 5, "firstByteMs": null, "idleMs": 7, "totalMs": null},
            "guardrails": {"piiFilter": {"enabled": true, "customPatterns": [{"label": "a", "pattern": "b"}]}},
        });
        let view = api.post(&path, &body).await.created();
        for (member, value) in body.as_object().unwrap() {
            assert_eq!(&view[member], value, "{member}");
        }
        assert_eq!((&view["version"], &view["id"]), (&json!(1), &view["uuid"]));
        assert_eq!(api.audit_actions().await.last().unwrap(), "endpoint.created");
        let variables = json!([{"name": "body", "type": "string", "maxLength": 10}]);
        let small = json!({"name": "v", "providerId": provider, "providerModel": "m", "variables": variables,
            "userPromptTemplate": "{{body}}"});
        let view = api.post(&path, &small).await.created();
        assert_eq!((&view["variables"][0]["maxLength"], &view["isActive"]), (&json!(10), &json!(true)));
    }

    #[tokio::test]
    async fn a_slug_is_made_of_the_name_and_numbered_where_it_is_taken() {
        let api = Api::new().await;
        let (provider, path) = fixture(&api).await;
        let body = json!({"name": "My Mail", "providerId": provider, "providerModel": "m"});
        let slug = |view: Value| view["slug"].as_str().unwrap().to_owned();
        assert_eq!(slug(api.post(&path, &body).await.created()), "my-mail");
        assert_eq!(slug(api.post(&path, &body).await.created()), "my-mail-2");
        let asked = json!({"name": "x", "slug": "my-mail", "providerId": provider, "providerModel": "m"});
        assert_eq!(api.post(&path, &asked).await.refused(409, "slug_conflict")["field"], "slug");
        let reserved = json!({"name": "x", "slug": "models", "providerId": provider, "providerModel": "m"});
        assert_eq!(api.post(&path, &reserved).await.refused(400, "invalid_endpoint")["field"], "slug");
    }

    #[tokio::test]
    async fn everything_that_is_wrong_is_said_at_once() {
        let api = Api::new().await;
        let (provider, path) = fixture(&api).await;
        let wrong = json!({"providerId": provider, "providerModel": "m", "temperature": 3,
            "sessionTtlSeconds": 1, "failover": [{"providerModel": "m"}], "timeouts": {"idleMs": 0},
            "routingRules": "rules: [", "inputSchema": {"type": "nonsense"}, "streamingEnabled": true,
            "outputSchema": {}});
        let refused = api.post(&path, &wrong).await.refused(400, "invalid_endpoint");
        let errors = refused["errors"].as_object().unwrap();
        for field in [
            "name",
            "temperature",
            "sessionTtlSeconds",
            "timeouts.idleMs",
            "routingRules",
            "inputSchema",
            "streamingEnabled",
        ] {
            assert!(errors.contains_key(field), "{field}: {refused}");
        }
        assert!(errors.keys().any(|field| field.starts_with("failover.0")), "{refused}");
        assert_eq!(refused["field"], "name");
        for (body, code, field) in [
            (json!({"name": "x"}), "invalid_endpoint", "providerTemplateId"),
            (json!({"name": "x", "providerTemplateId": provider}), "invalid_endpoint", "providerTemplateId"),
            (json!({"name": "x", "provider_model": "m"}), "invalid_request_body", "provider_model"),
            (json!({"name": "x", "credentialId": 7}), "invalid_request_body", "credentialId"),
        ] {
            assert_eq!(api.post(&path, &body).await.refused(400, code)["field"], field, "{body}");
        }
        let wrapper = api.create_project("y", "ai_wrapper").await;
        let body = json!({"name": "x", "providerId": provider, "providerModel": "m"});
        let path = format!("/api/v1/admin/projects/{wrapper}/endpoints");
        api.post(&path, &body).await.refused(400, "invalid_project_type");
        api.get(&path).await.refused(400, "invalid_project_type");
        api.post("/api/v1/admin/projects/x/endpoints", &body).await.refused(404, "project_not_found");
    }
}
