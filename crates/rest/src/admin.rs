//! `/api/v1/admin`: what the operator manages.

mod admin_keys;
mod aliases;
mod audit;
mod calls;
mod costs;
mod credentials;
mod dashboard;
mod dead_letters;
pub(crate) mod endpoints;
mod evals;
mod faqs;
mod groups;
mod guardrails;
mod jobs;
mod key;
mod limits;
mod mcp_servers;
mod members;
mod monitoring;
mod network_rules;
mod pricing;
pub(crate) mod projects;
mod prompts;
mod provider_settings;
mod providers;
mod replicas;
mod service_accounts;
mod settings;
pub(crate) mod setup_guides;
mod subscriptions;
mod templates;
pub(crate) mod tokens;
mod usage;
mod users;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use key::{Acting, HEADER as ADMIN_KEY};

use crate::ApiState;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(projects::routes())
        .merge(tokens::routes())
        .merge(limits::routes())
        .merge(providers::routes())
        .merge(credentials::routes())
        .merge(templates::routes())
        .merge(provider_settings::routes())
        .merge(aliases::routes())
        .merge(endpoints::routes())
        .merge(evals::routes())
        .merge(network_rules::routes())
        .merge(guardrails::routes())
        .merge(pricing::routes())
        .merge(mcp_servers::routes())
        .merge(jobs::routes())
        .merge(monitoring::routes())
        .merge(faqs::routes())
        .merge(setup_guides::routes())
        .merge(calls::routes())
        .merge(usage::routes())
        .merge(costs::routes())
        .merge(dashboard::routes())
        .merge(dead_letters::routes())
        .merge(prompts::routes())
        .merge(groups::routes())
        .merge(subscriptions::routes())
        .merge(users::routes())
        .merge(service_accounts::routes())
        .merge(members::routes())
        .merge(settings::routes())
        .merge(replicas::routes())
        .merge(audit::routes())
        .merge(admin_keys::routes())
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn a_change_that_names_nothing_changes_and_records_nothing() {
        let api = Api::new().await;
        let endpoint = api.create_endpoint("Mail").await;
        let provider = api.create_provider("main", "openai").await;
        let project = api.create_project("x", "ai_wrapper").await;
        let projects = "/api/v1/admin/projects";
        let token = api.issue_token(&project).await.id;
        let credential = api.create_credential(&provider, "a").await;
        let made = async |path: String, body| {
            let id = api.post(&path, &body).await.created()["id"].as_str().unwrap().to_owned();
            format!("{path}/{id}")
        };
        let item = json!({"name": "a", "input": {"message": "Hi"}, "expected": {"contains": ["hi"]}});
        let model = json!({"name": "a", "providerId": provider, "model": "m"});
        let paths = [
            made("/api/v1/admin/provider-templates".into(), model.clone()).await,
            made(format!("{projects}/{project}/aliases"), model).await,
            made(format!("{endpoint}/evals"), json!({"name": "a", "items": [item]})).await,
            endpoint,
            format!("{projects}/{project}"),
            format!("/api/v1/admin/tokens/{token}"),
            format!("/api/v1/admin/providers/{provider}"),
            format!("/api/v1/admin/credentials/{credential}"),
        ];
        let before = (api.revision().await, api.audit_actions().await);
        for path in &paths {
            let kept = api.patch(path, &json!({})).await.ok();
            for (member, value) in api.get(path).await.ok().as_object().unwrap() {
                assert!(kept.get(member).is_none_or(|given| given == value), "{path}: {member}");
            }
        }
        assert_eq!((api.revision().await, api.audit_actions().await), before);
    }
}
