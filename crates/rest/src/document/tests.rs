mod bodies;

use super::*;
use crate::testing::Api;

/// Every admin route there is. A route that is added is added here, and so is looked at.
const ADMIN_ROUTES: &[(&str, &str)] = &[
    ("GET", "/api/v1/admin/users"),
    ("GET", "/api/v1/admin/users/{id}"),
    ("GET", "/api/v1/admin/users/{id}/limits"),
    ("PATCH", "/api/v1/admin/users/{id}"),
    ("DELETE", "/api/v1/admin/users/{id}"),
    ("PATCH", "/api/v1/admin/users/{id}/note"),
    ("GET", "/api/v1/admin/users/{id}/sessions"),
    ("DELETE", "/api/v1/admin/users/{id}/sessions"),
    ("DELETE", "/api/v1/admin/users/{id}/sessions/{sessionId}"),
    ("GET", "/api/v1/admin/service-accounts"),
    ("POST", "/api/v1/admin/service-accounts"),
    ("GET", "/api/v1/admin/service-accounts/{id}"),
    ("GET", "/api/v1/admin/service-accounts/{id}/limits"),
    ("PATCH", "/api/v1/admin/service-accounts/{id}"),
    ("DELETE", "/api/v1/admin/service-accounts/{id}"),
    ("PATCH", "/api/v1/admin/service-accounts/{id}/note"),
    ("GET", "/api/v1/admin/projects/{uuid}/members"),
    ("PUT", "/api/v1/admin/projects/{uuid}/members/{userId}"),
    ("DELETE", "/api/v1/admin/projects/{uuid}/members/{userId}"),
    ("GET", "/api/v1/admin/projects"),
    ("POST", "/api/v1/admin/projects"),
    ("GET", "/api/v1/admin/projects/{uuid}"),
    ("GET", "/api/v1/admin/projects/{uuid}/limits"),
    ("PATCH", "/api/v1/admin/projects/{uuid}"),
    ("DELETE", "/api/v1/admin/projects/{uuid}"),
    ("GET", "/api/v1/admin/projects/{uuid}/tokens"),
    ("POST", "/api/v1/admin/projects/{uuid}/tokens"),
    ("GET", "/api/v1/admin/projects/{uuid}/tokens/{id}"),
    ("PATCH", "/api/v1/admin/projects/{uuid}/tokens/{id}"),
    ("DELETE", "/api/v1/admin/projects/{uuid}/tokens/{id}"),
    ("POST", "/api/v1/admin/projects/{uuid}/tokens/{id}/rotate"),
    ("GET", "/api/v1/admin/projects/{uuid}/usage"),
    ("GET", "/api/v1/admin/tokens/{id}"),
    ("GET", "/api/v1/admin/tokens/{id}/limits"),
    ("PATCH", "/api/v1/admin/tokens/{id}"),
    ("DELETE", "/api/v1/admin/tokens/{id}"),
    ("POST", "/api/v1/admin/tokens/{id}/rotate"),
    ("GET", "/api/v1/admin/providers"),
    ("POST", "/api/v1/admin/providers"),
    ("GET", "/api/v1/admin/providers/{id}"),
    ("PATCH", "/api/v1/admin/providers/{id}"),
    ("DELETE", "/api/v1/admin/providers/{id}"),
    ("GET", "/api/v1/admin/providers/{id}/capabilities"),
    ("GET", "/api/v1/admin/providers/model-catalog"),
    ("GET", "/api/v1/admin/credentials"),
    ("POST", "/api/v1/admin/credentials"),
    ("GET", "/api/v1/admin/credentials/{id}"),
    ("PATCH", "/api/v1/admin/credentials/{id}"),
    ("DELETE", "/api/v1/admin/credentials/{id}"),
    ("POST", "/api/v1/admin/credentials/{id}/rotate"),
    ("GET", "/api/v1/admin/provider-templates"),
    ("POST", "/api/v1/admin/provider-templates"),
    ("GET", "/api/v1/admin/provider-templates/{id}"),
    ("PATCH", "/api/v1/admin/provider-templates/{id}"),
    ("DELETE", "/api/v1/admin/provider-templates/{id}"),
    ("GET", "/api/v1/admin/projects/{uuid}/provider-settings"),
    ("PUT", "/api/v1/admin/projects/{uuid}/provider-settings/{providerId}"),
    ("DELETE", "/api/v1/admin/projects/{uuid}/provider-settings/{providerId}"),
    ("GET", "/api/v1/admin/projects/{uuid}/aliases"),
    ("POST", "/api/v1/admin/projects/{uuid}/aliases"),
    ("GET", "/api/v1/admin/projects/{uuid}/aliases/{id}"),
    ("PATCH", "/api/v1/admin/projects/{uuid}/aliases/{id}"),
    ("DELETE", "/api/v1/admin/projects/{uuid}/aliases/{id}"),
    ("GET", "/api/v1/admin/projects/{uuid}/endpoints"),
    ("POST", "/api/v1/admin/projects/{uuid}/endpoints"),
    ("GET", "/api/v1/admin/projects/{uuid}/endpoints/{id}"),
    ("GET", "/api/v1/admin/projects/{uuid}/endpoints/{id}/limits"),
    ("PUT", "/api/v1/admin/projects/{uuid}/endpoints/{id}"),
    ("PATCH", "/api/v1/admin/projects/{uuid}/endpoints/{id}"),
    ("DELETE", "/api/v1/admin/projects/{uuid}/endpoints/{id}"),
    ("PATCH", "/api/v1/admin/projects/{uuid}/endpoints/{id}/activate"),
    ("PATCH", "/api/v1/admin/projects/{uuid}/endpoints/{id}/deactivate"),
    ("DELETE", "/api/v1/admin/projects/{uuid}/endpoints/{id}/cache"),
    ("GET", "/api/v1/admin/projects/{uuid}/endpoints/{id}/versions"),
    ("GET", "/api/v1/admin/projects/{uuid}/endpoints/{id}/versions/diff"),
    ("GET", "/api/v1/admin/projects/{uuid}/endpoints/{id}/versions/{number}"),
    ("POST", "/api/v1/admin/projects/{uuid}/endpoints/{id}/versions/{number}/restore"),
    ("GET", "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals"),
    ("POST", "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals"),
    ("GET", "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}"),
    ("PATCH", "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}"),
    ("DELETE", "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}"),
    ("GET", "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}/runs"),
    ("POST", "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}/runs"),
    ("GET", "/api/v1/admin/projects/{uuid}/endpoints/{id}/evals/{evalId}/runs/{runId}"),
    ("GET", "/api/v1/admin/firewall/rules"),
    ("POST", "/api/v1/admin/firewall/rules"),
    ("GET", "/api/v1/admin/firewall/rules/{id}"),
    ("PATCH", "/api/v1/admin/firewall/rules/{id}"),
    ("DELETE", "/api/v1/admin/firewall/rules/{id}"),
    ("PATCH", "/api/v1/admin/firewall/rules/{id}/priority"),
    ("POST", "/api/v1/admin/firewall/simulate"),
    ("GET", "/api/v1/admin/users/{id}/firewall/rules"),
    ("POST", "/api/v1/admin/users/{id}/firewall/rules"),
    ("GET", "/api/v1/admin/users/{id}/firewall/rules/{ruleId}"),
    ("PATCH", "/api/v1/admin/users/{id}/firewall/rules/{ruleId}"),
    ("DELETE", "/api/v1/admin/users/{id}/firewall/rules/{ruleId}"),
    ("PATCH", "/api/v1/admin/users/{id}/firewall/rules/{ruleId}/priority"),
    ("POST", "/api/v1/admin/users/{id}/firewall/simulate"),
    ("GET", "/api/v1/admin/service-accounts/{id}/firewall/rules"),
    ("POST", "/api/v1/admin/service-accounts/{id}/firewall/rules"),
    ("GET", "/api/v1/admin/service-accounts/{id}/firewall/rules/{ruleId}"),
    ("PATCH", "/api/v1/admin/service-accounts/{id}/firewall/rules/{ruleId}"),
    ("DELETE", "/api/v1/admin/service-accounts/{id}/firewall/rules/{ruleId}"),
    ("PATCH", "/api/v1/admin/service-accounts/{id}/firewall/rules/{ruleId}/priority"),
    ("POST", "/api/v1/admin/service-accounts/{id}/firewall/simulate"),
    ("GET", "/api/v1/admin/projects/{uuid}/firewall/rules"),
    ("POST", "/api/v1/admin/projects/{uuid}/firewall/rules"),
    ("GET", "/api/v1/admin/projects/{uuid}/firewall/rules/{ruleId}"),
    ("PATCH", "/api/v1/admin/projects/{uuid}/firewall/rules/{ruleId}"),
    ("DELETE", "/api/v1/admin/projects/{uuid}/firewall/rules/{ruleId}"),
    ("PATCH", "/api/v1/admin/projects/{uuid}/firewall/rules/{ruleId}/priority"),
    ("POST", "/api/v1/admin/projects/{uuid}/firewall/simulate"),
    ("GET", "/api/v1/admin/tokens/{id}/firewall/rules"),
    ("POST", "/api/v1/admin/tokens/{id}/firewall/rules"),
    ("GET", "/api/v1/admin/tokens/{id}/firewall/rules/{ruleId}"),
    ("PATCH", "/api/v1/admin/tokens/{id}/firewall/rules/{ruleId}"),
    ("DELETE", "/api/v1/admin/tokens/{id}/firewall/rules/{ruleId}"),
    ("PATCH", "/api/v1/admin/tokens/{id}/firewall/rules/{ruleId}/priority"),
    ("POST", "/api/v1/admin/tokens/{id}/firewall/simulate"),
    ("GET", "/api/v1/admin/firewall/default-action"),
    ("PUT", "/api/v1/admin/firewall/default-action"),
    ("GET", "/api/v1/admin/users/{id}/firewall/default-action"),
    ("PUT", "/api/v1/admin/users/{id}/firewall/default-action"),
    ("GET", "/api/v1/admin/service-accounts/{id}/firewall/default-action"),
    ("PUT", "/api/v1/admin/service-accounts/{id}/firewall/default-action"),
    ("GET", "/api/v1/admin/projects/{uuid}/firewall/default-action"),
    ("PUT", "/api/v1/admin/projects/{uuid}/firewall/default-action"),
    ("GET", "/api/v1/admin/tokens/{id}/firewall/default-action"),
    ("PUT", "/api/v1/admin/tokens/{id}/firewall/default-action"),
    ("GET", "/api/v1/admin/guardrails"),
    ("PATCH", "/api/v1/admin/guardrails"),
    ("PUT", "/api/v1/admin/guardrails"),
    ("GET", "/api/v1/admin/projects/{uuid}/guardrails"),
    ("PATCH", "/api/v1/admin/projects/{uuid}/guardrails"),
    ("PUT", "/api/v1/admin/projects/{uuid}/guardrails"),
    ("GET", "/api/v1/admin/projects/{uuid}/tokens/{id}/guardrails"),
    ("PATCH", "/api/v1/admin/projects/{uuid}/tokens/{id}/guardrails"),
    ("PUT", "/api/v1/admin/projects/{uuid}/tokens/{id}/guardrails"),
    ("GET", "/api/v1/admin/guardrails/catalogue"),
    ("GET", "/api/v1/admin/projects/{uuid}/endpoints/{id}/guardrails"),
    ("POST", "/api/v1/admin/firewall/explain"),
    ("POST", "/api/v1/admin/firewall/replay"),
    ("GET", "/api/v1/admin/pricing"),
    ("PUT", "/api/v1/admin/pricing"),
    ("PATCH", "/api/v1/admin/pricing/fallback"),
    ("POST", "/api/v1/admin/pricing/models"),
    ("GET", "/api/v1/admin/pricing/models/{id}"),
    ("PATCH", "/api/v1/admin/pricing/models/{id}"),
    ("DELETE", "/api/v1/admin/pricing/models/{id}"),
    ("GET", "/api/v1/admin/pricing/check"),
    ("GET", "/api/v1/admin/pricing/export"),
    ("POST", "/api/v1/admin/pricing/import"),
    ("GET", "/api/v1/admin/pricing/list-prices"),
    ("DELETE", "/api/v1/admin/pricing/list-prices/{id}"),
    ("GET", "/api/v1/admin/pricing/refreshes"),
    ("GET", "/api/v1/admin/pricing/repricings"),
    ("POST", "/api/v1/admin/pricing/repricings"),
    ("GET", "/api/v1/admin/pricing/repricings/{id}"),
    ("POST", "/api/v1/admin/pricing/repricings/{id}/cancel"),
    ("POST", "/api/v1/admin/pricing/repricings/{id}/resume"),
    ("GET", "/api/v1/admin/pricing/unpriced"),
    ("GET", "/api/v1/admin/pricing/versions"),
    ("GET", "/api/v1/admin/pricing/versions/{version}"),
    ("GET", "/api/v1/admin/mcp/servers"),
    ("POST", "/api/v1/admin/mcp/servers"),
    ("GET", "/api/v1/admin/mcp/servers/{id}"),
    ("PATCH", "/api/v1/admin/mcp/servers/{id}"),
    ("DELETE", "/api/v1/admin/mcp/servers/{id}"),
    ("GET", "/api/v1/admin/monitoring/services"),
    ("POST", "/api/v1/admin/monitoring/services"),
    ("GET", "/api/v1/admin/monitoring/services/{id}"),
    ("PATCH", "/api/v1/admin/monitoring/services/{id}"),
    ("DELETE", "/api/v1/admin/monitoring/services/{id}"),
    ("POST", "/api/v1/admin/monitoring/services/{id}/check"),
    ("GET", "/api/v1/admin/jobs"),
    ("PATCH", "/api/v1/admin/jobs/{name}"),
    ("GET", "/api/v1/admin/jobs/{name}/runs"),
    ("POST", "/api/v1/admin/jobs/{name}/run"),
    ("GET", "/api/v1/admin/jobs/dead-letters"),
    ("DELETE", "/api/v1/admin/jobs/dead-letters/{id}"),
    ("POST", "/api/v1/admin/jobs/dead-letters/{id}/retry"),
    ("GET", "/api/v1/admin/faqs"),
    ("POST", "/api/v1/admin/faqs"),
    ("GET", "/api/v1/admin/faqs/{id}"),
    ("PATCH", "/api/v1/admin/faqs/{id}"),
    ("DELETE", "/api/v1/admin/faqs/{id}"),
    ("PATCH", "/api/v1/admin/faqs/{id}/position"),
    ("POST", "/api/v1/admin/faqs/preview"),
    ("GET", "/api/v1/admin/setup-guides"),
    ("POST", "/api/v1/admin/setup-guides"),
    ("GET", "/api/v1/admin/setup-guides/{id}"),
    ("PATCH", "/api/v1/admin/setup-guides/{id}"),
    ("DELETE", "/api/v1/admin/setup-guides/{id}"),
    ("PUT", "/api/v1/admin/setup-guides/reorder"),
    ("POST", "/api/v1/admin/setup-guides/validate"),
    ("GET", "/api/v1/admin/groups"),
    ("POST", "/api/v1/admin/groups"),
    ("POST", "/api/v1/admin/groups/model-patterns/validate"),
    ("GET", "/api/v1/admin/groups/{id}"),
    ("GET", "/api/v1/admin/groups/{id}/limits"),
    ("PATCH", "/api/v1/admin/groups/{id}"),
    ("DELETE", "/api/v1/admin/groups/{id}"),
    ("PUT", "/api/v1/admin/groups/{id}/members/{userId}"),
    ("DELETE", "/api/v1/admin/groups/{id}/members/{userId}"),
    ("GET", "/api/v1/admin/users/{id}/groups"),
    ("PUT", "/api/v1/admin/users/{id}/groups"),
    ("PUT", "/api/v1/admin/users/{id}/subscription-plan"),
    ("PUT", "/api/v1/admin/service-accounts/{id}/subscription-plan"),
    ("GET", "/api/v1/admin/subscriptions"),
    ("POST", "/api/v1/admin/subscriptions"),
    ("GET", "/api/v1/admin/subscriptions/{id}"),
    ("PATCH", "/api/v1/admin/subscriptions/{id}"),
    ("DELETE", "/api/v1/admin/subscriptions/{id}"),
    ("PUT", "/api/v1/admin/subscriptions/{id}/default"),
    ("GET", "/api/v1/admin/users/{id}/tokens"),
    ("DELETE", "/api/v1/admin/users/{id}/tokens/{tokenId}"),
    ("GET", "/api/v1/admin/service-accounts/{id}/tokens"),
    ("POST", "/api/v1/admin/service-accounts/{id}/tokens"),
    ("DELETE", "/api/v1/admin/service-accounts/{id}/tokens/{tokenId}"),
    ("GET", "/api/v1/admin/replicas"),
    ("GET", "/api/v1/admin/settings"),
    ("PATCH", "/api/v1/admin/settings"),
    ("GET", "/api/v1/admin/users/{id}/statistics"),
    ("GET", "/api/v1/admin/usage/dead-letters"),
    ("GET", "/api/v1/admin/usage/dead-letters/{id}"),
    ("DELETE", "/api/v1/admin/usage/dead-letters/{id}"),
    ("POST", "/api/v1/admin/usage/dead-letters/{id}/retry"),
    ("GET", "/api/v1/admin/prompts"),
    ("GET", "/api/v1/admin/costs"),
    ("GET", "/api/v1/admin/projects/{uuid}/costs"),
    ("GET", "/api/v1/admin/dashboard/tokens"),
    ("GET", "/api/v1/admin/dashboard/messages"),
    ("GET", "/api/v1/admin/dashboard/duration"),
    ("GET", "/api/v1/admin/dashboard/activity"),
    ("GET", "/api/v1/admin/dashboard/top-models"),
    ("GET", "/api/v1/admin/dashboard/top-provider-names"),
    ("GET", "/api/v1/admin/dashboard/top-provider-types"),
    ("GET", "/api/v1/admin/dashboard/adoption"),
    ("GET", "/api/v1/admin/dashboard/top-identities"),
    ("GET", "/api/v1/admin/audit"),
    ("GET", "/api/v1/admin/audit/export"),
    ("GET", "/api/v1/admin/admin-keys"),
    ("POST", "/api/v1/admin/admin-keys"),
    ("DELETE", "/api/v1/admin/admin-keys/{id}"),
    ("POST", "/api/v1/admin/admin-keys/{id}/rotate"),
    ("GET", "/api/v1/admin/calls"),
    ("GET", "/api/v1/admin/calls/{id}"),
    ("POST", "/api/v1/admin/projects/{uuid}/calls/{requestId}/replay"),
];

fn documented_routes(prefix: &str) -> Vec<(String, String)> {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|_| path.starts_with(prefix)) {
            routes.push((method.to_uppercase(), path.clone()));
        }
    }
    routes.sort();
    routes
}

#[test]
fn every_admin_route_is_in_the_document() {
    let known = ADMIN_ROUTES.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned()));
    let mut expected: Vec<_> = known.collect();
    expected.sort();
    assert_eq!(documented_routes("/api/v1/admin/"), expected);
}

#[test]
fn operations_have_names_of_their_own_and_every_answer_is_described() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut names = std::collections::HashSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{operation}");
            for answer in operation["responses"].as_object().unwrap().values() {
                assert!(answer["description"].as_str().is_some_and(|text| !text.is_empty()), "{operation}");
            }
        }
    }
}

#[tokio::test]
async fn every_admin_route_refuses_without_the_key_before_it_reads_anything() {
    let api = Api::new().await;
    for (method, path) in documented_routes("/api/v1/admin/") {
        let path = path.replace("{uuid}", "x").replace("{id}", "x");
        let refused = api.without_key(&method, &path).await;
        assert_eq!(
            (refused.status, &refused.json()["error"]),
            (401, &"missing session".into()),
            "{method} {path}"
        );
        let refused = api.with_key(&method, &path, "wrong").await;
        assert_eq!(refused.json()["error"], "invalid_admin_api_key", "{method} {path}");
        assert_eq!(refused.status, 401);
    }
}

#[test]
fn the_document_says_who_may_call_and_how_it_fails() {
    let document = serde_json::to_value(openapi()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let create = &document["paths"]["/api/v1/admin/providers"]["post"];
    assert_eq!(create["security"][0], serde_json::json!({"adminApiKey": []}));
    for status in ["201", "400", "401", "409", "413", "500", "503"] {
        let schema = &create["responses"][status]["content"]["application/json"]["schema"]["$ref"];
        assert!(schema.is_string(), "{status}: {create}");
    }
    for path in ["/health", "/livez", "/readyz", "/metrics", "/api/{uuid}/info"] {
        assert!(document["paths"][path]["get"].is_object(), "{path}");
    }
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["adminApiKey"]["name"], "X-Admin-API-Key");
    assert_eq!(schemes["projectToken"]["scheme"], "bearer");
}

#[tokio::test]
async fn routes_that_a_projects_type_closes_say_so() {
    let api = Api::new().await;
    let document = serde_json::to_value(openapi()).unwrap();
    for (kind, below) in [("ai_gateway", "aliases"), ("ai_wrapper", "endpoints")] {
        let project = api.create_project(kind, kind).await;
        let prefix = format!("/api/v1/admin/projects/{{uuid}}/{below}");
        let routes = documented_routes(&prefix);
        assert!(routes.len() > 4, "{routes:?}");
        for (method, path) in routes {
            let described = &document["paths"][&path][method.to_lowercase()]["responses"]["400"];
            let said = described["description"].as_str().unwrap_or_default();
            assert!(said.contains("`invalid_project_type`"), "{method} {path}: {said}");
            let id = "018f4e6e-0000-7000-8000-00000000dead";
            let at = path.replace("{uuid}", &project).replace("{number}", "1");
            let at = ["{id}", "{evalId}", "{runId}"].iter().fold(at, |at, name| at.replace(name, id));
            let body = match (below, method.as_str()) {
                ("aliases", "POST") => format!(r#"{{"name":"a","providerId":"{id}","model":"m"}}"#),
                (_, "POST" | "PUT") => r#"{"name":"a"}"#.to_owned(),
                _ => "{}".to_owned(),
            };
            api.send(&method, &at, &body).await.refused(400, "invalid_project_type");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = serde_json::to_value(openapi()).unwrap();
    let text = document.to_string();
    for part in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}
