//! What an endpoint is made from, replaced with, or changed by.

use promptgate_endpoints::NewEndpoint;
use promptgate_kernel::{CredentialId, ProviderId, TemplateId};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::view::{EndpointTimeoutsView, FailoverView, VariableView};
use crate::body::Patch;
use crate::casing::{rename, rename_guardrails, snake};
use crate::limits::ModelLimitsView;

/// An AI endpoint. `name` is required, and either `providerTemplateId` or `providerModel` with
/// `credentialId` or `providerId`. On create and replace, what is left out or null has its default; on
/// change, what is left out stays and null resets.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EndpointBody {
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 120)]
    name: Patch<String>,
    /// Its name in addresses; made from the name, and kept when the name changes, unless given.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64, pattern = "^[a-z0-9]+([-_][a-z0-9]+)*$")]
    slug: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Patch<String>,
    /// Whether it answers; yes unless said otherwise.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    is_active: Patch<bool>,
    /// Whether the project's MCP bridge offers it as a tool.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    expose_as_mcp_tool: Patch<bool>,
    /// The provider template that says who answers; excludes the next three.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uuid")]
    provider_template_id: Patch<TemplateId>,
    /// The provider that answers; follows from the credential.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uuid")]
    provider_id: Patch<ProviderId>,
    /// The model that answers.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    provider_model: Patch<String>,
    /// The credential it is asked with.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uuid")]
    credential_id: Patch<CredentialId>,
    /// Who answers instead, in order.
    #[serde(default)]
    #[schema(value_type = Option<Vec<FailoverView>>, max_items = 10)]
    failover: Patch<Value>,
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 2)]
    temperature: Patch<f64>,
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1)]
    top_p: Patch<f64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 200_000)]
    max_output_tokens: Patch<i64>,
    /// The most input tokens of one call, by estimate.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    usage_hard_limit_tokens: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0)]
    monthly_budget_usd: Patch<f64>,
    #[serde(default, rename = "estimatedCostPer1kTokensUsd")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    estimated_cost_per_1k_tokens_usd: Patch<f64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    rate_limit_per_minute: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    rate_limit_per_hour: Patch<i64>,
    /// US dollars in one day.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0)]
    daily_budget_usd: Patch<f64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    daily_token_cap: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    monthly_token_cap: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    token_rate_limit_per_minute: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    token_rate_limit_per_hour: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    max_concurrent_requests: Patch<i64>,
    /// How much single models may be used, besides, by their exact ids; it is replaced as a whole.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, ModelLimitsView>>)]
    model_limits: Patch<Value>,
    /// Whether callers get a stream when they ask for one; not together with `outputSchema`.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    streaming_enabled: Patch<bool>,
    /// Whether conversations are remembered.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    sessions_enabled: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 604_800)]
    session_ttl_seconds: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 500)]
    session_max_messages: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    session_max_tokens: Patch<i64>,
    /// Whether equal calls are answered from the cache.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    cache_enabled: Patch<bool>,
    /// For how long; without it nothing is cached.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 2_592_000)]
    cache_ttl_seconds: Patch<i64>,
    /// The system prompt.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 262_144)]
    prompt: Patch<String>,
    /// What the user's text is put into.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 262_144)]
    user_prompt_template: Patch<String>,
    /// Typed variables.
    #[serde(default)]
    #[schema(value_type = Option<Vec<VariableView>>, max_items = 100)]
    variables: Patch<Value>,
    /// JSON Schema (Draft 7) of the request's body.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    input_schema: Patch<Value>,
    /// JSON Schema (Draft 7) of the answer's text.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    output_schema: Patch<Value>,
    /// Routing rules, YAML.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 65536)]
    routing_rules: Patch<String>,
    /// How long calls may take, in milliseconds; what is null is left to the provider.
    #[serde(default)]
    #[schema(value_type = Option<EndpointTimeoutsView>)]
    timeouts: Patch<Value>,
    /// What it says of guardrails, as the endpoint's `/guardrails` shows it under `own`, at most 64 KiB; it
    /// is replaced as a whole.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    guardrails: Patch<Value>,
}

impl EndpointBody {
    /// What is given, on top of what is there.
    pub(crate) fn onto(self, mut new: NewEndpoint) -> NewEndpoint {
        self.keep_one_target(&mut new);
        put_or_default(self.name, &mut new.name);
        put(self.slug, &mut new.slug);
        put(self.description, &mut new.description);
        put(self.is_active, &mut new.is_active);
        put_or_default(self.expose_as_mcp_tool, &mut new.expose_as_mcp_tool);
        put(self.provider_template_id, &mut new.provider_template_id);
        put(self.provider_id, &mut new.provider_id);
        put(self.provider_model, &mut new.provider_model);
        put(self.credential_id, &mut new.credential_id);
        put(snaked(self.failover), &mut new.failover);
        put(self.temperature, &mut new.temperature);
        put(self.top_p, &mut new.top_p);
        put(self.max_output_tokens, &mut new.max_output_tokens);
        put(self.usage_hard_limit_tokens, &mut new.usage_hard_limit_tokens);
        put(self.monthly_budget_usd, &mut new.monthly_budget_usd);
        put(self.estimated_cost_per_1k_tokens_usd, &mut new.estimated_cost_per_1k_tokens_usd);
        put(self.rate_limit_per_minute, &mut new.rate_limit_per_minute);
        put(self.rate_limit_per_hour, &mut new.rate_limit_per_hour);
        put(self.daily_budget_usd, &mut new.daily_budget_usd);
        put(self.daily_token_cap, &mut new.daily_token_cap);
        put(self.monthly_token_cap, &mut new.monthly_token_cap);
        put(self.token_rate_limit_per_minute, &mut new.token_rate_limit_per_minute);
        put(self.token_rate_limit_per_hour, &mut new.token_rate_limit_per_hour);
        put(self.max_concurrent_requests, &mut new.max_concurrent_requests);
        put(snaked_models(self.model_limits), &mut new.model_limits);
        put_or_default(self.streaming_enabled, &mut new.streaming_enabled);
        put_or_default(self.sessions_enabled, &mut new.sessions_enabled);
        put(self.session_ttl_seconds, &mut new.session_ttl_seconds);
        put(self.session_max_messages, &mut new.session_max_messages);
        put(self.session_max_tokens, &mut new.session_max_tokens);
        put_or_default(self.cache_enabled, &mut new.cache_enabled);
        put(self.cache_ttl_seconds, &mut new.cache_ttl_seconds);
        put(self.prompt, &mut new.prompt);
        put(self.user_prompt_template, &mut new.user_prompt_template);
        put(snaked(self.variables), &mut new.variables);
        put(self.input_schema, &mut new.input_schema);
        put(self.output_schema, &mut new.output_schema);
        put(self.routing_rules, &mut new.routing_rules);
        put(snaked(self.timeouts), &mut new.timeouts);
        put(named(self.guardrails), &mut new.guardrails);
        new
    }

    /// One way of saying who answers takes the place of the other, and another credential brings its
    /// provider with it.
    fn keep_one_target(&self, new: &mut NewEndpoint) {
        let by_hand =
            self.provider_id.is_set() || self.provider_model.is_set() || self.credential_id.is_set();
        if self.provider_template_id.is_set() && !by_hand {
            (new.provider_id, new.provider_model, new.credential_id) = (None, None, None);
        }
        if by_hand && !self.provider_template_id.is_set() {
            new.provider_template_id = None;
        }
        if self.credential_id.is_set() && !self.provider_id.is_set() {
            new.provider_id = None;
        }
        if self.provider_id.is_set() && !self.credential_id.is_set() {
            new.credential_id = None;
        }
    }
}

fn put<T>(patch: Patch<T>, place: &mut Option<T>) {
    if let Some(change) = patch.into_change() {
        *place = change;
    }
}

fn put_or_default<T: Default>(patch: Patch<T>, place: &mut T) {
    if let Some(change) = patch.into_change() {
        *place = change.unwrap_or_default();
    }
}

/// Guardrails with the names that they are stored under.
fn named(patch: Patch<Value>) -> Patch<Value> {
    match patch {
        Patch::Set(value) => Patch::Set(rename_guardrails(value, snake)),
        Patch::Keep | Patch::Clear => patch,
    }
}

/// Limits of models, whose ids stay as they are.
fn snaked_models(patch: Patch<Value>) -> Patch<Value> {
    match patch {
        Patch::Set(Value::Object(models)) => {
            let renamed = models.into_iter().map(|(model, limits)| (model, rename(limits, snake)));
            Patch::Set(Value::Object(renamed.collect()))
        }
        Patch::Set(_) | Patch::Keep | Patch::Clear => patch,
    }
}

fn snaked(patch: Patch<Value>) -> Patch<Value> {
    match patch {
        Patch::Set(value) => Patch::Set(rename(value, snake)),
        Patch::Keep | Patch::Clear => patch,
    }
}
