//! What the audit log shows of rules, servers, services, texts for readers, prices and endpoints.

use promptgate_endpoints::{Endpoint, EvalSet};
use promptgate_firewall::guardrails::{Guardrail, Rules};
use promptgate_firewall::{Action, NetworkRule};
use promptgate_help::{FaqEntry, SetupGuide};
use promptgate_mcp::McpServer;
use promptgate_monitoring::MonitoredService;
use promptgate_providers::{Alias, ProjectProvider, Template};
use promptgate_usage::{PriceRates, StoredPrice, StoredPrices};
use serde_json::{Value, json};

use super::{Shown, ids, rate, shown};

/// What is shown of an endpoint's configuration: everything but what people wrote.
const OF_ENDPOINTS: [&str; 28] = [
    "cache_enabled",
    "cache_ttl_seconds",
    "credential_id",
    "daily_budget_usd",
    "daily_token_cap",
    "estimated_cost_per_1k_tokens_usd",
    "expose_as_mcp_tool",
    "failover",
    "max_concurrent_requests",
    "max_output_tokens",
    "model_limits",
    "monthly_budget_usd",
    "monthly_token_cap",
    "provider_id",
    "provider_model",
    "provider_template_id",
    "rate_limit_per_hour",
    "rate_limit_per_minute",
    "session_max_messages",
    "session_max_tokens",
    "session_ttl_seconds",
    "sessions_enabled",
    "streaming_enabled",
    "temperature",
    "token_rate_limit_per_hour",
    "token_rate_limit_per_minute",
    "top_p",
    "usage_hard_limit_tokens",
];

pub(crate) fn network_rule(rule: &NetworkRule) -> Shown {
    shown(json!({
        "address": rule.address.as_str(),
        "priority": rule.priority.number(),
        "action": rule.action.as_str(),
        "enabled": rule.enabled,
    }))
}

pub(crate) fn default_action(action: Action) -> Shown {
    shown(json!({ "defaultAction": action.as_str() }))
}

/// Of headers only the names, because plain ones may hold secrets too.
pub(crate) fn mcp_server(server: &McpServer) -> Shown {
    let headers: Vec<&str> = server.headers.iter().map(|header| header.name.as_str()).collect();
    shown(json!({
        "name": server.name,
        "url": origin(&server.url),
        "headers": headers,
        "allowPattern": server.allow_pattern,
        "denyPattern": server.deny_pattern,
        "enabled": server.enabled,
    }))
}

pub(crate) fn monitored_service(service: &MonitoredService) -> Shown {
    shown(json!({
        "name": service.name,
        "url": origin(&service.url),
        "expectedStatusCode": service.expected_status_code,
        "intervalSeconds": service.interval_seconds,
        "enabled": service.enabled,
    }))
}

pub(crate) fn faq_entry(entry: &FaqEntry) -> Shown {
    shown(json!({ "published": entry.published, "position": entry.position }))
}

pub(crate) fn setup_guide(guide: &SetupGuide) -> Shown {
    shown(json!({
        "identifier": guide.identifier,
        "icon": guide.icon,
        "compatibility": guide.compatibility.as_str(),
        "modelMode": guide.model_mode.as_str(),
        "enabled": guide.enabled,
        "position": guide.position,
    }))
}

/// The order of the guides.
pub(crate) fn order(guides: &[SetupGuide]) -> Shown {
    shown(json!({ "setupGuideIds": ids(guides.iter().map(|guide| guide.id)) }))
}

pub(crate) fn price(price: &StoredPrice) -> Shown {
    let mut members = rates(&price.rates);
    members.insert("providerName".into(), json!(price.target.provider));
    members.insert("model".into(), json!(price.target.model));
    members
}

pub(crate) fn rates(rates: &PriceRates) -> Shown {
    let whole = [("input", Some(rates.input)), ("output", Some(rates.output))];
    whole.into_iter().chain(rates.optional()).map(|(name, price)| (name.to_owned(), rate(price))).collect()
}

/// All prices, those of models by `provider/model`.
pub(crate) fn prices(prices: &StoredPrices) -> Shown {
    let models = prices.models.iter().map(|price| {
        let name = format!("{}/{}", price.target.provider, price.target.model);
        (name, Value::Object(rates(&price.rates)))
    });
    let fallback = prices.fallback.as_ref();
    models.chain(fallback.map(|it| ("fallback".to_owned(), Value::Object(rates(&it.rates))))).collect()
}

pub(crate) fn endpoint(endpoint: &Endpoint) -> Shown {
    let mut config = serde_json::to_value(&endpoint.config).map(shown).unwrap_or_default();
    let known = OF_ENDPOINTS.into_iter().filter_map(|name| {
        let value = config.remove(name).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value))
    });
    let mut members: Shown = known.collect();
    let guardrails: Vec<&String> = endpoint.guardrails.keys().collect();
    members.insert("guardrails".into(), json!(guardrails));
    members.insert("is_active".into(), json!(endpoint.is_active));
    members
}

pub(crate) fn template(template: &Template) -> Shown {
    shown(json!({
        "providerId": template.provider_id.to_string(),
        "model": template.model,
        "credentialId": template.credential_id.map(|id| id.to_string()),
        "temperature": template.temperature,
        "topP": template.top_p,
        "maxOutputTokens": template.max_output_tokens,
        "isActive": template.active,
    }))
}

pub(crate) fn alias(alias: &Alias) -> Shown {
    shown(json!({
        "providerId": alias.provider_id.to_string(),
        "model": alias.model,
        "temperature": alias.preset.temperature,
        "topP": alias.preset.top_p,
        "maxTokens": alias.preset.max_tokens,
    }))
}

pub(crate) fn project_provider(setting: &ProjectProvider) -> Shown {
    shown(json!({
        "enabled": setting.enabled,
        "credentialId": setting.credential_id.map(|id| id.to_string()),
        "position": setting.position,
    }))
}

pub(crate) fn eval(set: &EvalSet) -> Shown {
    shown(json!({ "items": set.items.len() }))
}

pub(crate) fn switch(on: bool) -> Shown {
    shown(json!({ "on": on }))
}

/// Scheme, host and port of an address. The rest may hold a key, as may what stands before the host.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// What a level says of a guardrail. Words and patterns that somebody thought up are counted, not told.
pub(crate) fn guardrail(guardrail: Guardrail, rules: &Rules) -> Shown {
    let mut document = rules.document();
    let Some(Value::Object(mut fields)) = document.remove(guardrail.key()) else { return Shown::new() };
    for name in ["words", "custom_patterns"] {
        if let Some(Value::Array(entries)) = fields.get(name) {
            let count = entries.len();
            fields.insert(name.to_owned(), json!(count));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_only_the_machine_is_shown() {
        for (url, expected) in [
            ("https://mcp.example/s/SECRET?key=SECRET#SECRET", "https://mcp.example"),
            ("http://me:SECRET@[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
            ("https://h?SECRET@x", "https://h"),
            ("https://h\\SECRET", "https://h"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }
}
