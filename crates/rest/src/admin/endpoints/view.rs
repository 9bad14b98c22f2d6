//! What is shown of an endpoint.

use std::collections::BTreeMap;

use promptgate_endpoints::{Endpoint, EndpointConfig, VariableDefinition, VariableKind};
use promptgate_kernel::{CredentialId, EndpointId, Money, ProjectId, ProviderId, TemplateId, Timestamp};
use serde::Serialize;
use serde_json::{Number, Value};
use utoipa::ToSchema;

use crate::casing::{camel, rename_guardrails};
use crate::limits::{ModelLimitsView, model_views};

/// An AI endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointView {
    #[schema(value_type = String, format = "uuid")]
    id: EndpointId,
    /// The same.
    #[schema(value_type = String, format = "uuid")]
    uuid: EndpointId,
    #[schema(value_type = String, format = "uuid")]
    project_id: ProjectId,
    /// Whether it answers.
    is_active: bool,
    /// The number of its newest version.
    version: u32,
    #[serde(flatten)]
    config: EndpointConfigView,
    /// What it says of guardrails.
    #[schema(value_type = Object)]
    guardrails: Value,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

/// What is configured about an AI endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the contract has as many switches")]
pub(super) struct EndpointConfigView {
    name: String,
    slug: String,
    description: Option<String>,
    expose_as_mcp_tool: bool,
    #[schema(value_type = Option<String>, format = "uuid")]
    provider_template_id: Option<TemplateId>,
    #[schema(value_type = Option<String>, format = "uuid")]
    provider_id: Option<ProviderId>,
    provider_model: Option<String>,
    #[schema(value_type = Option<String>, format = "uuid")]
    credential_id: Option<CredentialId>,
    failover: Vec<FailoverView>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_output_tokens: Option<u32>,
    usage_hard_limit_tokens: Option<u64>,
    monthly_budget_usd: Option<f64>,
    #[serde(rename = "estimatedCostPer1kTokensUsd")]
    estimated_cost_per_1k_tokens_usd: Option<f64>,
    rate_limit_per_minute: Option<u32>,
    rate_limit_per_hour: Option<u32>,
    daily_budget_usd: Option<f64>,
    daily_token_cap: Option<u64>,
    monthly_token_cap: Option<u64>,
    token_rate_limit_per_minute: Option<u64>,
    token_rate_limit_per_hour: Option<u64>,
    max_concurrent_requests: Option<u32>,
    model_limits: BTreeMap<String, ModelLimitsView>,
    streaming_enabled: bool,
    sessions_enabled: bool,
    session_ttl_seconds: Option<u32>,
    session_max_messages: Option<u32>,
    session_max_tokens: Option<u64>,
    cache_enabled: bool,
    cache_ttl_seconds: Option<u32>,
    prompt: Option<String>,
    user_prompt_template: Option<String>,
    variables: Vec<VariableView>,
    #[schema(value_type = Option<Object>)]
    input_schema: Option<Value>,
    #[schema(value_type = Option<Object>)]
    output_schema: Option<Value>,
    /// YAML.
    routing_rules: Option<String>,
    timeouts: EndpointTimeoutsView,
}

/// Who answers when the first one does not.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailoverView {
    #[schema(value_type = Option<String>, format = "uuid")]
    credential_id: Option<CredentialId>,
    #[schema(value_type = Option<String>, format = "uuid")]
    provider_id: Option<ProviderId>,
    #[schema(min_length = 1, max_length = 200)]
    provider_model: String,
}

/// A typed variable: what a caller fills in instead of writing text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VariableView {
    /// Its name in the prompts.
    #[schema(max_length = 64, pattern = "^[A-Za-z_][A-Za-z0-9_]*$")]
    name: String,
    /// `string`, `text`, `int`, `float`, `bool`, `date` or `enum`.
    #[schema(value_type = String)]
    r#type: VariableKind,
    /// Whether it must be given; yes unless said otherwise.
    #[schema(required = false)]
    required: bool,
    /// The most characters of a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    max_length: Option<u32>,
    /// A regular expression that a text matches somewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    /// The smallest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    min: Option<Number>,
    /// The largest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    max: Option<Number>,
    /// The texts of an enum, at most 1,000.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 1000)]
    r#enum: Vec<String>,
    /// A hint for people; the model never sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// How long calls may take, in milliseconds; null leaves it to the provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "names on the wire say their unit")]
pub(super) struct EndpointTimeoutsView {
    #[schema(minimum = 1, maximum = 3_600_000)]
    connect_ms: Option<u32>,
    #[schema(minimum = 1, maximum = 3_600_000)]
    first_byte_ms: Option<u32>,
    #[schema(minimum = 1, maximum = 3_600_000)]
    idle_ms: Option<u32>,
    #[schema(minimum = 1, maximum = 3_600_000)]
    total_ms: Option<u32>,
}

impl From<Endpoint> for EndpointView {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id,
            uuid: endpoint.id,
            project_id: endpoint.project_id,
            is_active: endpoint.is_active,
            version: endpoint.latest_version,
            config: endpoint.config.into(),
            guardrails: rename_guardrails(Value::Object(endpoint.guardrails), camel),
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

impl From<EndpointConfig> for EndpointConfigView {
    fn from(config: EndpointConfig) -> Self {
        let failover = config.failover.into_iter().map(|failover| FailoverView {
            credential_id: failover.credential_id,
            provider_id: failover.provider_id,
            provider_model: failover.provider_model,
        });
        Self {
            name: config.name,
            slug: config.slug.into(),
            description: config.description,
            expose_as_mcp_tool: config.expose_as_mcp_tool,
            provider_template_id: config.provider_template_id,
            provider_id: config.provider_id,
            provider_model: config.provider_model,
            credential_id: config.credential_id,
            failover: failover.collect(),
            temperature: config.temperature,
            top_p: config.top_p,
            max_output_tokens: config.max_output_tokens,
            usage_hard_limit_tokens: config.usage_hard_limit_tokens,
            monthly_budget_usd: config.monthly_budget_usd.map(Money::as_dollars),
            estimated_cost_per_1k_tokens_usd: config.estimated_cost_per_1k_tokens_usd.map(Money::as_dollars),
            rate_limit_per_minute: config.rate_limit_per_minute,
            rate_limit_per_hour: config.rate_limit_per_hour,
            daily_budget_usd: config.daily_budget_usd.map(Money::as_dollars),
            daily_token_cap: config.daily_token_cap,
            monthly_token_cap: config.monthly_token_cap,
            token_rate_limit_per_minute: config.token_rate_limit_per_minute,
            token_rate_limit_per_hour: config.token_rate_limit_per_hour,
            max_concurrent_requests: config.max_concurrent_requests,
            model_limits: model_views(config.model_limits),
            streaming_enabled: config.streaming_enabled,
            sessions_enabled: config.sessions_enabled,
            session_ttl_seconds: config.session_ttl_seconds,
            session_max_messages: config.session_max_messages,
            session_max_tokens: config.session_max_tokens,
            cache_enabled: config.cache_enabled,
            cache_ttl_seconds: config.cache_ttl_seconds,
            prompt: config.prompt,
            user_prompt_template: config.user_prompt_template,
            variables: config.variables.into_iter().map(VariableView::from).collect(),
            input_schema: config.input_schema,
            output_schema: config.output_schema,
            routing_rules: config.routing_rules,
            timeouts: EndpointTimeoutsView {
                connect_ms: config.timeouts.connect_ms,
                first_byte_ms: config.timeouts.first_byte_ms,
                idle_ms: config.timeouts.idle_ms,
                total_ms: config.timeouts.total_ms,
            },
        }
    }
}

impl From<VariableDefinition> for VariableView {
    fn from(definition: VariableDefinition) -> Self {
        Self {
            name: definition.name,
            r#type: definition.kind,
            required: definition.required,
            max_length: definition.max_length,
            pattern: definition.pattern,
            min: definition.min,
            max: definition.max,
            r#enum: definition.options,
            description: definition.description,
        }
    }
}
