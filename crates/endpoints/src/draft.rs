//! From what somebody asks for to a configuration that works.

mod check;

use promptgate_kernel::{CredentialId, Money, ProviderId, TemplateId};
use serde_json::{Map, Value};

use crate::{EndpointConfig, FieldErrors};

pub(crate) use check::check;

/// What is known under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// Nothing.
    Nothing,
    /// One thing.
    One,
    /// Several things, so that the name does not say which is meant.
    Several,
}

/// What an endpoint may refer to. The application layer fills it before it creates or changes one.
pub trait Catalogue {
    /// Whether there is such a template.
    fn has_template(&self, id: TemplateId) -> bool;

    /// Whether there is such a provider.
    fn has_provider(&self, id: ProviderId) -> bool;

    /// Whose credential this is; `None` when there is no such credential.
    fn provider_of(&self, credential: CredentialId) -> Option<ProviderId>;

    /// What has this slug among the templates.
    fn template_named(&self, slug: &str) -> Named;

    /// What has this name among all credentials.
    fn credential_named(&self, name: &str) -> Named;

    /// What is wrong with guardrails, by their names. Here they are a document that nobody reads.
    fn wrong_guardrails(&self, guardrails: &Map<String, Value>) -> FieldErrors {
        let _ = guardrails;
        FieldErrors::default()
    }
}

/// What an endpoint is made from, or replaced with. What is left out falls back to its default. Numbers
/// are as wide as the wire's, so that one that does not fit is told by its field.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the public contract")]
pub struct NewEndpoint {
    /// Its name for people.
    pub name: String,
    /// Its name in addresses; made from the name (or kept, when replaced) if left out.
    pub slug: Option<String>,
    /// A note for people.
    pub description: Option<String>,
    /// Whether it answers; on (or as before, when replaced) if left out.
    pub is_active: Option<bool>,
    /// Whether the project's MCP bridge offers it.
    pub expose_as_mcp_tool: bool,
    /// The template that says who answers.
    pub provider_template_id: Option<TemplateId>,
    /// The provider; follows from the credential if left out.
    pub provider_id: Option<ProviderId>,
    /// The model.
    pub provider_model: Option<String>,
    /// The credential.
    pub credential_id: Option<CredentialId>,
    /// Who answers instead: a list of `{credential_id, provider_model}`.
    pub failover: Option<Value>,
    /// From 0 to 2.
    pub temperature: Option<f64>,
    /// From 0 to 1.
    pub top_p: Option<f64>,
    /// From 1 to 200,000.
    pub max_output_tokens: Option<i64>,
    /// The most input tokens of one call.
    pub usage_hard_limit_tokens: Option<i64>,
    /// Dollars in one calendar month.
    pub monthly_budget_usd: Option<f64>,
    /// Dollars for a thousand tokens.
    pub estimated_cost_per_1k_tokens_usd: Option<f64>,
    /// Calls in one minute.
    pub rate_limit_per_minute: Option<i64>,
    /// Calls in one hour.
    pub rate_limit_per_hour: Option<i64>,
    /// Dollars in one day.
    pub daily_budget_usd: Option<f64>,
    /// Tokens in one day.
    pub daily_token_cap: Option<i64>,
    /// Tokens in one calendar month.
    pub monthly_token_cap: Option<i64>,
    /// Tokens in one minute.
    pub token_rate_limit_per_minute: Option<i64>,
    /// Tokens in one hour.
    pub token_rate_limit_per_hour: Option<i64>,
    /// Calls at the same time.
    pub max_concurrent_requests: Option<i64>,
    /// An object from ids of models to `requests_per_minute`, `requests_per_hour`, `tokens_per_minute`,
    /// `tokens_per_hour` and `max_concurrent`.
    pub model_limits: Option<Value>,
    /// Whether callers get a stream when they ask.
    pub streaming_enabled: bool,
    /// Whether conversations are remembered.
    pub sessions_enabled: bool,
    /// From 60 to 604,800.
    pub session_ttl_seconds: Option<i64>,
    /// From 1 to 500.
    pub session_max_messages: Option<i64>,
    /// The most tokens of a conversation.
    pub session_max_tokens: Option<i64>,
    /// Whether equal calls are answered from the cache.
    pub cache_enabled: bool,
    /// From 1 to 2,592,000 (30 days).
    pub cache_ttl_seconds: Option<i64>,
    /// The system prompt.
    pub prompt: Option<String>,
    /// What the user's text is put into.
    pub user_prompt_template: Option<String>,
    /// A list of definitions.
    pub variables: Option<Value>,
    /// JSON Schema of the body.
    pub input_schema: Option<Value>,
    /// JSON Schema of the answer.
    pub output_schema: Option<Value>,
    /// YAML.
    pub routing_rules: Option<String>,
    /// An object of `connect_ms`, `first_byte_ms`, `idle_ms`, `total_ms`.
    pub timeouts: Option<Value>,
    /// A map from guardrail to its configuration.
    pub guardrails: Option<Value>,
}

impl From<EndpointConfig> for NewEndpoint {
    /// What would make the same configuration again. It says nothing of guardrails and whether the
    /// endpoint is on.
    fn from(config: EndpointConfig) -> Self {
        let json = |value: serde_json::Result<Value>| Some(value.expect("a configuration is JSON"));
        let signed = |number: Option<u64>| number.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        Self {
            name: config.name,
            slug: Some(config.slug.into()),
            description: config.description,
            is_active: None,
            expose_as_mcp_tool: config.expose_as_mcp_tool,
            provider_template_id: config.provider_template_id,
            provider_id: config.provider_id,
            provider_model: config.provider_model,
            credential_id: config.credential_id,
            failover: json(serde_json::to_value(&config.failover)),
            temperature: config.temperature,
            top_p: config.top_p,
            max_output_tokens: config.max_output_tokens.map(i64::from),
            usage_hard_limit_tokens: signed(config.usage_hard_limit_tokens),
            monthly_budget_usd: config.monthly_budget_usd.map(Money::as_dollars),
            estimated_cost_per_1k_tokens_usd: config.estimated_cost_per_1k_tokens_usd.map(Money::as_dollars),
            rate_limit_per_minute: config.rate_limit_per_minute.map(i64::from),
            rate_limit_per_hour: config.rate_limit_per_hour.map(i64::from),
            daily_budget_usd: config.daily_budget_usd.map(Money::as_dollars),
            daily_token_cap: signed(config.daily_token_cap),
            monthly_token_cap: signed(config.monthly_token_cap),
            token_rate_limit_per_minute: signed(config.token_rate_limit_per_minute),
            token_rate_limit_per_hour: signed(config.token_rate_limit_per_hour),
            max_concurrent_requests: config.max_concurrent_requests.map(i64::from),
            model_limits: json(serde_json::to_value(&config.model_limits)),
            streaming_enabled: config.streaming_enabled,
            sessions_enabled: config.sessions_enabled,
            session_ttl_seconds: config.session_ttl_seconds.map(i64::from),
            session_max_messages: config.session_max_messages.map(i64::from),
            session_max_tokens: signed(config.session_max_tokens),
            cache_enabled: config.cache_enabled,
            cache_ttl_seconds: config.cache_ttl_seconds.map(i64::from),
            prompt: config.prompt,
            user_prompt_template: config.user_prompt_template,
            variables: json(serde_json::to_value(&config.variables)),
            input_schema: config.input_schema,
            output_schema: config.output_schema,
            routing_rules: config.routing_rules,
            timeouts: json(serde_json::to_value(config.timeouts)),
            guardrails: None,
        }
    }
}
