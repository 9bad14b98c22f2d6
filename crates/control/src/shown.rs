//! What the audit log shows of things that change: ids, switches, numbers, roles, and names and addresses
//! of what is called; never secrets, contents, e-mail addresses, or names that people chose.

mod definitions;

use promptgate_access::{Group, ListedGroup, Plan, Providers};
use promptgate_auth::{Account, ProjectRole, StoredAdminKey};
use promptgate_kernel::{LimitSet, LimitsByModel, ModelLimits, Money, PricePerMillion, Timestamp};
use promptgate_projects::Project;
use promptgate_providers::{Credential, Provider};
use promptgate_tokens::{Token, TokenState};
use serde_json::{Map, Value, json};

pub(crate) use definitions::{
    alias, default_action, endpoint, eval, faq_entry, guardrail, mcp_server, monitored_service, network_rule,
    order, price, prices, project_provider, rates, setup_guide, switch, template,
};

/// Members by name.
pub(crate) type Shown = Map<String, Value>;

fn shown(value: Value) -> Shown {
    match value {
        Value::Object(members) => members,
        _ => Shown::new(),
    }
}

fn ids<I: ToString>(ids: impl IntoIterator<Item = I>) -> Value {
    ids.into_iter().map(|id| Value::String(id.to_string())).collect()
}

fn instant(at: Option<Timestamp>) -> Value {
    json!(at)
}

fn dollars(money: Option<Money>) -> Value {
    json!(money.map(Money::as_dollars))
}

fn rate(price: Option<PricePerMillion>) -> Value {
    json!(price.map(PricePerMillion::as_dollars))
}

/// The limits that are set.
fn limits(limits: &LimitSet) -> Value {
    let mut members = shown(json!({
        "requestsPerMinute": limits.requests_per_minute,
        "requestsPerHour": limits.requests_per_hour,
        "tokensPerMinute": limits.tokens_per_minute,
        "tokensPerHour": limits.tokens_per_hour,
        "maxConcurrent": limits.max_concurrent,
        "requestTokens": limits.request_tokens,
        "dailyTokens": limits.daily_tokens,
        "monthlyTokens": limits.monthly_tokens,
        "dailyCost": dollars(limits.daily_cost),
        "monthlyCost": dollars(limits.monthly_cost),
    }));
    members.retain(|_, value| !value.is_null());
    if !limits.models.is_empty() {
        members.insert("models".into(), models(&limits.models));
    }
    Value::Object(members)
}

fn models(models: &LimitsByModel) -> Value {
    let one = |(model, limits): (&String, &ModelLimits)| {
        let mut members = shown(json!({
            "requestsPerMinute": limits.requests_per_minute,
            "requestsPerHour": limits.requests_per_hour,
            "tokensPerMinute": limits.tokens_per_minute,
            "tokensPerHour": limits.tokens_per_hour,
            "maxConcurrent": limits.max_concurrent,
        }));
        members.retain(|_, value| !value.is_null());
        (model.clone(), Value::Object(members))
    };
    Value::Object(models.iter().map(one).collect())
}

pub(crate) fn account(account: &Account) -> Shown {
    shown(json!({
        "role": account.role.as_str(),
        "isActive": account.active,
        "subscriptionPlanId": account.plan_id.map(|id| id.to_string()),
        "firewallOverrideEnabled": account.firewall_override,
        "expiresAt": instant(account.expires_at),
        "limits": limits(&account.limits),
    }))
}

pub(crate) fn token(token: &Token) -> Shown {
    let limits = &token.limits;
    let scopes: Vec<&str> = token.scopes.iter().map(promptgate_tokens::Scope::as_str).collect();
    shown(json!({
        "scopes": scopes,
        "endpointIds": ids(&token.endpoint_ids),
        "rateLimitPerMinute": limits.rate_limit_per_minute,
        "rateLimitPerHour": limits.rate_limit_per_hour,
        "monthlyBudgetUsdCap": dollars(limits.monthly_budget_usd_cap),
        "dailyBudgetUsdCap": dollars(limits.daily_budget_usd_cap),
        "dailyTokenCap": limits.daily_token_cap,
        "monthlyTokenCap": limits.monthly_token_cap,
        "tokenRateLimitPerMinute": limits.token_rate_limit_per_minute,
        "tokenRateLimitPerHour": limits.token_rate_limit_per_hour,
        "maxConcurrentRequests": limits.max_concurrent_requests,
        "requestTokenCap": limits.request_token_cap,
        "modelLimits": models(&limits.model_limits),
        "isActive": token.state == TokenState::Active,
        "expiresAt": instant(token.expires_at),
    }))
}

pub(crate) fn provider(provider: &Provider) -> Shown {
    shown(json!({
        "name": provider.name.as_str(),
        "baseUrl": provider.base_url.as_str(),
        "models": provider.models,
        "enabled": provider.enabled,
    }))
}

pub(crate) fn project(project: &Project) -> Shown {
    shown(json!({
        "env": project.env,
        "isActive": project.active,
        "defaultProviderId": project.default_provider.map(|id| id.to_string()),
        "recordBodies": project.record_bodies,
        "limits": limits(&project.limits),
    }))
}

pub(crate) fn credential(credential: &Credential) -> Shown {
    shown(json!({ "weight": credential.weight, "isActive": credential.active }))
}

pub(crate) fn group(group: &Group) -> Shown {
    let providers = match &group.providers {
        Providers::All => json!("all"),
        Providers::Some(some) => ids(some),
    };
    shown(json!({
        "providerIds": providers,
        "modelPatterns": group.allow.as_slice(),
        "excludedModelPatterns": group.exclude.as_slice(),
        "forNewAccounts": group.for_new_accounts,
        "limits": limits(&group.limits),
    }))
}

/// The groups that an account is in.
pub(crate) fn groups(groups: &[ListedGroup]) -> Shown {
    shown(json!({ "groupIds": ids(groups.iter().map(|listed| listed.group.id)) }))
}

pub(crate) fn plan(plan: &Plan) -> Shown {
    shown(json!({
        "quota5hTokens": plan.quota_5h_tokens,
        "quota7dTokens": plan.quota_7d_tokens,
        "isDefault": plan.is_default,
    }))
}

pub(crate) fn role(role: Option<ProjectRole>) -> Shown {
    role.map(|role| shown(json!({ "role": role.as_str() }))).unwrap_or_default()
}

pub(crate) fn admin_key(key: &StoredAdminKey) -> Shown {
    shown(json!({ "prefix": key.prefix, "expiresAt": instant(key.expires_at) }))
}
