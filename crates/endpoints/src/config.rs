//! What can be configured about an endpoint, and is kept in its versions.

use std::time::Duration;

use promptgate_kernel::{CredentialId, LimitSet, LimitsByModel, Money, ProviderId, TemplateId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{SessionRules, Slug, VariableDefinition};

/// How long an endpoint may make a call last; `None` leaves it to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointTimeouts {
    /// Milliseconds until the connection is there.
    pub connect_ms: Option<u32>,
    /// Milliseconds from the request being sent until the answer's head is there.
    pub first_byte_ms: Option<u32>,
    /// Milliseconds between two pieces of the answer.
    pub idle_ms: Option<u32>,
    /// Milliseconds for the whole call; never applied to a stream.
    pub total_ms: Option<u32>,
}

impl EndpointTimeouts {
    /// The longest time-out: an hour.
    pub const MAX_MS: u32 = 3_600_000;
}

/// Who answers when the first one does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failover {
    /// Whose credential is used; its provider follows from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<CredentialId>,
    /// The provider, where none of its credentials is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<ProviderId>,
    /// The model.
    pub provider_model: String,
}

/// Who is to answer an endpoint's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// Whatever the template says at the time of the call.
    Template(TemplateId),
    /// A model of a provider.
    Manual {
        /// The provider, where it is known; else it follows from the credential.
        provider: Option<ProviderId>,
        /// The credential; `None` means any of the provider's.
        credential: Option<CredentialId>,
        /// The model.
        model: &'a str,
    },
    /// Nobody: the template or credential that was named has been deleted.
    Nobody,
}

/// How a model chooses its words, and how many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// From 0 to 2; `None` sends none, so that the provider's own default holds.
    pub temperature: Option<f64>,
    /// From 0 to 1; `None` sends none.
    pub top_p: Option<f64>,
    /// The most tokens of an answer.
    pub max_output_tokens: u32,
}

/// Everything that can be configured about an endpoint but its guardrails and whether it is on.
/// Its serialised form, with the field names of the public contract, is the snapshot in a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the public contract")]
pub struct EndpointConfig {
    /// Its name for people.
    pub name: String,
    /// Its name in addresses, unique in the project.
    pub slug: Slug,
    /// A note for people.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether the project's MCP bridge offers it as a tool.
    #[serde(default)]
    pub expose_as_mcp_tool: bool,
    /// The template that says who answers; excludes the next three.
    #[serde(default)]
    pub provider_template_id: Option<TemplateId>,
    /// The provider that answers.
    #[serde(default)]
    pub provider_id: Option<ProviderId>,
    /// The model that answers.
    #[serde(default)]
    pub provider_model: Option<String>,
    /// The credential it is asked with.
    #[serde(default)]
    pub credential_id: Option<CredentialId>,
    /// Who answers instead, in order.
    #[serde(default)]
    pub failover: Vec<Failover>,
    /// From 0 to 2; `None` means the template's, or else the provider's.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// From 0 to 1; `None` means the template's, or else the provider's.
    #[serde(default)]
    pub top_p: Option<f64>,
    /// From 1 to 200,000; `None` means the template's, or else [`Self::DEFAULT_MAX_OUTPUT`].
    #[serde(default)]
    pub max_output_tokens: Option<u32>,
    /// The most input tokens of one call, by estimate.
    #[serde(default)]
    pub usage_hard_limit_tokens: Option<u64>,
    /// Dollars in one calendar month.
    #[serde(default, with = "dollars")]
    pub monthly_budget_usd: Option<Money>,
    /// Dollars for a thousand tokens, where the model has no price.
    #[serde(default, with = "dollars")]
    pub estimated_cost_per_1k_tokens_usd: Option<Money>,
    /// Calls in one wall-clock minute.
    #[serde(default)]
    pub rate_limit_per_minute: Option<u32>,
    /// Calls in one wall-clock hour.
    #[serde(default)]
    pub rate_limit_per_hour: Option<u32>,
    /// Dollars in one day.
    #[serde(default, with = "dollars")]
    pub daily_budget_usd: Option<Money>,
    /// Tokens in one day.
    #[serde(default)]
    pub daily_token_cap: Option<u64>,
    /// Tokens in one calendar month.
    #[serde(default)]
    pub monthly_token_cap: Option<u64>,
    /// Tokens in one wall-clock minute.
    #[serde(default)]
    pub token_rate_limit_per_minute: Option<u64>,
    /// Tokens in one wall-clock hour.
    #[serde(default)]
    pub token_rate_limit_per_hour: Option<u64>,
    /// Calls at the same time.
    #[serde(default)]
    pub max_concurrent_requests: Option<u32>,
    /// How much single models may be used, besides, by their ids.
    #[serde(default)]
    pub model_limits: LimitsByModel,
    /// Whether callers get a stream when they ask for one.
    #[serde(default)]
    pub streaming_enabled: bool,
    /// Whether conversations are remembered.
    #[serde(default)]
    pub sessions_enabled: bool,
    /// Seconds without a call after which a conversation is forgotten.
    #[serde(default)]
    pub session_ttl_seconds: Option<u32>,
    /// The most messages of a conversation.
    #[serde(default)]
    pub session_max_messages: Option<u32>,
    /// The most tokens of a conversation, prompts and answers of all turns.
    #[serde(default)]
    pub session_max_tokens: Option<u64>,
    /// Whether equal calls are answered from the cache.
    #[serde(default)]
    pub cache_enabled: bool,
    /// Seconds for which an answer is kept; without them nothing is.
    #[serde(default)]
    pub cache_ttl_seconds: Option<u32>,
    /// The system prompt.
    #[serde(default)]
    pub prompt: Option<String>,
    /// What the user's text is put into.
    #[serde(default)]
    pub user_prompt_template: Option<String>,
    /// What a caller fills in; empty means that callers send text.
    #[serde(default)]
    pub variables: Vec<VariableDefinition>,
    /// JSON Schema (Draft 7) of the request's body.
    #[serde(default)]
    pub input_schema: Option<Value>,
    /// JSON Schema (Draft 7) of the answer's text.
    #[serde(default)]
    pub output_schema: Option<Value>,
    /// Routing rules, the YAML as it was written.
    #[serde(default)]
    pub routing_rules: Option<String>,
    /// How long calls may take.
    #[serde(default)]
    pub timeouts: EndpointTimeouts,
}

impl EndpointConfig {
    /// The most tokens of an answer where neither endpoint nor template says.
    pub const DEFAULT_MAX_OUTPUT: u32 = 1_000;

    /// Who is to answer.
    pub fn target(&self) -> Target<'_> {
        match (self.provider_template_id, &self.provider_model) {
            (Some(template), _) => Target::Template(template),
            (None, Some(model)) if self.provider_id.is_some() || self.credential_id.is_some() => {
                Target::Manual { provider: self.provider_id, credential: self.credential_id, model }
            }
            (None, _) => Target::Nobody,
        }
    }

    /// The sampling of a call: the endpoint's own values, else the template's.
    pub fn sampling(&self, template: Option<&Sampling>) -> Sampling {
        Sampling {
            temperature: self.temperature.or_else(|| template.and_then(|template| template.temperature)),
            top_p: self.top_p.or_else(|| template.and_then(|template| template.top_p)),
            max_output_tokens: self
                .max_output_tokens
                .or_else(|| template.map(|template| template.max_output_tokens))
                .unwrap_or(Self::DEFAULT_MAX_OUTPUT),
        }
    }

    /// Whether a call gets a stream. One that is not allowed is silently no stream.
    pub fn streams(&self, asked: bool) -> bool {
        asked && self.streaming_enabled && self.output_schema.is_none()
    }

    /// How much its callers may use, all of them together, under the names that limits have everywhere.
    pub fn limit_set(&self) -> LimitSet {
        LimitSet {
            requests_per_minute: self.rate_limit_per_minute,
            requests_per_hour: self.rate_limit_per_hour,
            tokens_per_minute: self.token_rate_limit_per_minute,
            tokens_per_hour: self.token_rate_limit_per_hour,
            max_concurrent: self.max_concurrent_requests,
            // It has a cap of its own, `usage_hard_limit_tokens`, which is about what its callers say alone.
            request_tokens: None,
            daily_tokens: self.daily_token_cap,
            monthly_tokens: self.monthly_token_cap,
            daily_cost: self.daily_budget_usd,
            monthly_cost: self.monthly_budget_usd,
            models: self.model_limits.clone(),
        }
    }

    /// For how long answers are cached; `None` when they are not.
    pub fn cache_ttl(&self) -> Option<Duration> {
        let seconds = self.cache_ttl_seconds.filter(|_| self.cache_enabled)?;
        Some(Duration::from_secs(u64::from(seconds)))
    }

    /// The rules of its conversations; `None` when they are not remembered.
    pub fn session_rules(&self) -> Option<SessionRules> {
        self.sessions_enabled.then(|| SessionRules {
            ttl: Duration::from_secs(u64::from(
                self.session_ttl_seconds.unwrap_or(SessionRules::DEFAULT_TTL_SECONDS),
            )),
            max_messages: self.session_max_messages.unwrap_or(SessionRules::MAX_MESSAGES),
            max_tokens: self.session_max_tokens,
        })
    }
}

/// Money as a JSON number of dollars.
mod dollars {
    use promptgate_kernel::Money;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[expect(clippy::ref_option, reason = "serde hands in a reference to the field")]
    pub(super) fn serialize<S: Serializer>(amount: &Option<Money>, to: S) -> Result<S::Ok, S::Error> {
        amount.map(Money::as_dollars).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Money>, D::Error> {
        let Some(dollars) = Option::<f64>::deserialize(from)? else { return Ok(None) };
        let amount = Money::from_dollars(dollars).ok_or_else(|| de::Error::custom("not an amount"))?;
        Ok(Some(amount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewEndpoint;
    use crate::samples::{create, templated};

    #[test]
    fn the_endpoint_wins_over_its_template() {
        let new = NewEndpoint { temperature: Some(0.0), ..templated() };
        let config = create(new).endpoint.config;
        let template = Sampling { temperature: Some(1.0), top_p: Some(0.9), max_output_tokens: 7 };
        let merged = Sampling { temperature: Some(0.0), ..template };
        assert_eq!(config.sampling(Some(&template)), merged);
        let alone = Sampling { temperature: Some(0.0), top_p: None, max_output_tokens: 1_000 };
        assert_eq!(config.sampling(None), alone);
    }

    #[test]
    fn features_are_off_unless_switched_on() {
        let config = create(templated()).endpoint.config;
        assert!(!config.streams(true) && config.cache_ttl().is_none() && config.session_rules().is_none());
        let without_ttl = NewEndpoint { cache_enabled: true, sessions_enabled: true, ..templated() };
        let config = create(without_ttl).endpoint.config;
        assert_eq!(config.cache_ttl(), None);
        let rules = config.session_rules().unwrap();
        assert_eq!((rules.ttl.as_secs(), rules.max_messages, rules.max_tokens), (86_400, 500, None));
        let on = NewEndpoint {
            streaming_enabled: true,
            cache_enabled: true,
            cache_ttl_seconds: Some(5),
            ..templated()
        };
        let config = create(on).endpoint.config;
        assert!(config.streams(true) && !config.streams(false));
        assert_eq!(config.cache_ttl(), Some(Duration::from_secs(5)));
    }
}
