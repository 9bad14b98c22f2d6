//! The rules of every field.

use promptgate_kernel::{CredentialId, LimitsByModel, ModelLimits, Money, ProviderId};
use serde_json::{Map, Value};

use super::{Catalogue, Named, NewEndpoint};
use crate::{
    EndpointConfig, EndpointTimeouts, Failover, FieldErrors, RoutingRules, Schema, Slug, Variables, variable,
};

const MAX_NAME: usize = 120;
const MAX_DESCRIPTION: usize = 2_000;
const MAX_MODEL: usize = 200;
const MAX_PROMPT_BYTES: usize = 256 * 1024;
const MAX_SCHEMA_BYTES: usize = 256 * 1024;
const MAX_GUARDRAIL_BYTES: usize = 64 * 1024;
const MAX_FAILOVER: usize = 10;
/// How many models may have limits of their own.
const MAX_MODELS: usize = 200;
/// What a `u32` limit may be at most, so that any store can keep it.
const MAX_U32: i64 = u32::MAX as i64;

/// Turns what was asked for into a configuration and guardrails, or tells everything that is wrong.
/// `slug` is the slug that is kept when none is asked for.
pub(crate) fn check(
    mut new: NewEndpoint,
    slug: Option<&Slug>,
    catalogue: &dyn Catalogue,
) -> Result<(EndpointConfig, Map<String, Value>), FieldErrors> {
    new.provider_model = new.provider_model.map(|model| model.trim().to_owned()).filter(|m| !m.is_empty());
    let mut check = Check { errors: FieldErrors::default(), catalogue };
    let name = check.name(&new.name);
    let slug = check.slug(new.slug.as_deref(), slug, &name);
    let provider_id = check.target(&new);
    let config = EndpointConfig {
        name,
        slug,
        description: check.text("description", new.description, MAX_DESCRIPTION),
        expose_as_mcp_tool: new.expose_as_mcp_tool,
        provider_template_id: new.provider_template_id,
        provider_id,
        provider_model: new.provider_model,
        credential_id: new.credential_id,
        failover: check.failover(new.failover.as_ref()),
        temperature: check.fraction("temperature", new.temperature, 2.0),
        top_p: check.fraction("top_p", new.top_p, 1.0),
        max_output_tokens: check.small("max_output_tokens", new.max_output_tokens, 1, 200_000),
        usage_hard_limit_tokens: check.large("usage_hard_limit_tokens", new.usage_hard_limit_tokens),
        monthly_budget_usd: check.money("monthly_budget_usd", new.monthly_budget_usd),
        estimated_cost_per_1k_tokens_usd: check
            .money("estimated_cost_per_1k_tokens_usd", new.estimated_cost_per_1k_tokens_usd),
        rate_limit_per_minute: check.small("rate_limit_per_minute", new.rate_limit_per_minute, 1, MAX_U32),
        rate_limit_per_hour: check.small("rate_limit_per_hour", new.rate_limit_per_hour, 1, MAX_U32),
        daily_budget_usd: check.money("daily_budget_usd", new.daily_budget_usd),
        daily_token_cap: check.large("daily_token_cap", new.daily_token_cap),
        monthly_token_cap: check.large("monthly_token_cap", new.monthly_token_cap),
        token_rate_limit_per_minute: check
            .large("token_rate_limit_per_minute", new.token_rate_limit_per_minute),
        token_rate_limit_per_hour: check.large("token_rate_limit_per_hour", new.token_rate_limit_per_hour),
        max_concurrent_requests: check.small(
            "max_concurrent_requests",
            new.max_concurrent_requests,
            1,
            MAX_U32,
        ),
        model_limits: check.model_limits(new.model_limits.as_ref()),
        streaming_enabled: new.streaming_enabled,
        sessions_enabled: new.sessions_enabled,
        session_ttl_seconds: check.small("session_ttl_seconds", new.session_ttl_seconds, 60, 604_800),
        session_max_messages: check.small("session_max_messages", new.session_max_messages, 1, 500),
        session_max_tokens: check.large("session_max_tokens", new.session_max_tokens),
        cache_enabled: new.cache_enabled,
        cache_ttl_seconds: check.small("cache_ttl_seconds", new.cache_ttl_seconds, 1, 2_592_000),
        prompt: check.text("prompt", new.prompt, MAX_PROMPT_BYTES),
        user_prompt_template: check.text("user_prompt_template", new.user_prompt_template, MAX_PROMPT_BYTES),
        variables: check.variables(new.variables.as_ref()),
        input_schema: check.schema("input_schema", new.input_schema),
        output_schema: check.schema("output_schema", new.output_schema),
        routing_rules: check.rules(new.routing_rules),
        timeouts: check.timeouts(new.timeouts.as_ref()),
    };
    if config.streaming_enabled && config.output_schema.is_some() {
        check.errors.add("streaming_enabled", "cannot be combined with output_schema");
    }
    let guardrails = check.guardrails(new.guardrails);
    check.errors.unless((config, guardrails))
}

struct Check<'a> {
    errors: FieldErrors,
    catalogue: &'a dyn Catalogue,
}

impl Check<'_> {
    fn name(&mut self, name: &str) -> String {
        let name = name.trim();
        if !(1..=MAX_NAME).contains(&name.chars().count()) || name.contains(char::is_control) {
            self.errors.add("name", "must have 1 to 120 characters that are no control characters");
        }
        name.to_owned()
    }

    fn slug(&mut self, asked: Option<&str>, kept: Option<&Slug>, name: &str) -> Slug {
        match (asked, kept) {
            (Some(asked), _) => Slug::parse(asked).unwrap_or_else(|wrong| {
                self.errors.add("slug", wrong.to_string());
                Slug::from_name(name)
            }),
            (None, Some(kept)) => kept.clone(),
            (None, None) => Slug::from_name(name),
        }
    }

    /// Checks who is to answer, and says whose credential it is.
    fn target(&mut self, new: &NewEndpoint) -> Option<ProviderId> {
        let manual = new.provider_id.is_some() || new.provider_model.is_some() || new.credential_id.is_some();
        match new.provider_template_id {
            Some(_) if manual => {
                let message = "excludes provider_id, provider_model and credential_id";
                self.errors.add("provider_template_id", message);
            }
            Some(template) if !self.catalogue.has_template(template) => {
                self.errors.add("provider_template_id", "is not the id of a template");
            }
            Some(_) => {}
            None if !manual => {
                let message = "is required, or else provider_model and credential_id";
                self.errors.add("provider_template_id", message);
            }
            None => {
                self.model("provider_model", new.provider_model.as_deref());
                return self.provider("", new.credential_id, new.provider_id);
            }
        }
        None
    }

    fn model(&mut self, field: &str, model: Option<&str>) {
        let model = model.map_or("", str::trim);
        if model.is_empty() || model.len() > MAX_MODEL || model.contains(char::is_control) {
            self.errors.add(field, "must be the name of a model, of 1 to 200 bytes");
        }
    }

    /// Checks a credential and a provider, at least one of which must be there.
    fn provider(
        &mut self,
        prefix: &str,
        credential: Option<CredentialId>,
        provider: Option<ProviderId>,
    ) -> Option<ProviderId> {
        let Some(credential) = credential else {
            match provider {
                None => {
                    let message = "is required, or provider_id where the provider needs none";
                    self.errors.add(format!("{prefix}credential_id"), message);
                }
                Some(provider) if !self.catalogue.has_provider(provider) => {
                    self.errors.add(format!("{prefix}provider_id"), "is not the id of a provider");
                }
                Some(_) => {}
            }
            return provider;
        };
        let owner = self.catalogue.provider_of(credential);
        if owner.is_none() {
            self.errors.add(format!("{prefix}credential_id"), "is not the id of a credential");
        } else if provider.is_some() && provider != owner {
            self.errors.add(format!("{prefix}provider_id"), "is not the provider of the credential");
        }
        owner
    }

    fn failover(&mut self, list: Option<&Value>) -> Vec<Failover> {
        let items = match list {
            None | Some(Value::Null) => return vec![],
            Some(Value::Array(items)) if items.len() <= MAX_FAILOVER => items,
            Some(_) => {
                self.errors.add("failover", "must be a list of at most 10 entries");
                return vec![];
            }
        };
        let mut entries = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match serde_json::from_value::<Failover>(item.clone()) {
                Ok(entry) if only(item, &["credential_id", "provider_id", "provider_model"]) => {
                    let prefix = format!("failover.{index}.");
                    self.model(&format!("{prefix}provider_model"), Some(&entry.provider_model));
                    self.provider(&prefix, entry.credential_id, entry.provider_id);
                    let provider_model = entry.provider_model.trim().to_owned();
                    entries.push(Failover { provider_model, ..entry });
                }
                _ => {
                    let message = "must be an object with credential_id and provider_model";
                    self.errors.add(format!("failover.{index}"), message);
                }
            }
        }
        entries
    }

    fn fraction(&mut self, field: &str, number: Option<f64>, most: f64) -> Option<f64> {
        if number.is_some_and(|number| !(0.0..=most).contains(&number)) {
            self.errors.add(field, format!("must be from 0 to {most}"));
        }
        number
    }

    fn small(&mut self, field: &str, number: Option<i64>, least: i64, most: i64) -> Option<u32> {
        let number = number?;
        let small = u32::try_from(number).ok().filter(|_| (least..=most).contains(&number));
        if small.is_none() {
            self.errors.add(field, format!("must be from {least} to {most}"));
        }
        small
    }

    fn large(&mut self, field: &str, number: Option<i64>) -> Option<u64> {
        let number = number?;
        let large = u64::try_from(number).ok().filter(|number| *number > 0);
        if large.is_none() {
            self.errors.add(field, format!("must be from 1 to {}", i64::MAX));
        }
        large
    }

    fn money(&mut self, field: &str, dollars: Option<f64>) -> Option<Money> {
        let money = Money::from_dollars(dollars?).filter(|money| *money > Money::ZERO);
        if money.is_none() {
            self.errors.add(field, "must be dollars from 0.000000001 to 9,223,372,036");
        }
        money
    }

    /// A text; a blank one is as good as none.
    fn text(&mut self, field: &str, text: Option<String>, most: usize) -> Option<String> {
        let text = text.filter(|text| !text.trim().is_empty())?;
        if text.len() > most {
            self.errors.add(field, format!("must have at most {most} bytes"));
        }
        Some(text)
    }

    fn variables(&mut self, list: Option<&Value>) -> Vec<crate::VariableDefinition> {
        let definitions = variable::parse(list, &mut self.errors);
        if let Err(wrong) = Variables::compile(&definitions) {
            self.errors.append(wrong);
        }
        definitions
    }

    fn schema(&mut self, field: &str, schema: Option<Value>) -> Option<Value> {
        let schema = schema.filter(|schema| !schema.is_null())?;
        if schema.to_string().len() > MAX_SCHEMA_BYTES {
            self.errors.add(field, "must have at most 256 KiB");
        } else if let Err(wrong) = Schema::compile(&schema) {
            self.errors.add(field, wrong.to_string());
        }
        Some(schema)
    }

    fn rules(&mut self, yaml: Option<String>) -> Option<String> {
        let yaml = yaml.filter(|yaml| !yaml.trim().is_empty())?;
        match RoutingRules::parse(&yaml) {
            Err(wrong) => self.errors.add("routing_rules", wrong.to_string()),
            Ok(rules) => {
                for rule in rules.as_slice() {
                    let template = rule.route.template.as_deref();
                    let credential = rule.route.credential.as_deref();
                    self.named(rule.number, "template", template, |catalogue, slug| {
                        catalogue.template_named(slug)
                    });
                    self.named(rule.number, "credential", credential, |catalogue, name| {
                        catalogue.credential_named(name)
                    });
                }
            }
        }
        Some(yaml)
    }

    fn named(
        &mut self,
        rule: usize,
        kind: &str,
        name: Option<&str>,
        find: impl Fn(&dyn Catalogue, &str) -> Named,
    ) {
        let Some(name) = name else { return };
        let message = match find(self.catalogue, name) {
            Named::One => return,
            Named::Nothing => format!("rule {rule}: there is no {kind} `{name}`"),
            Named::Several => format!("rule {rule}: there are several {kind}s of the name `{name}`"),
        };
        self.errors.add("routing_rules", message);
    }

    fn timeouts(&mut self, given: Option<&Value>) -> EndpointTimeouts {
        const FIELDS: [&str; 4] = ["connect_ms", "first_byte_ms", "idle_ms", "total_ms"];
        let fields = match given {
            None | Some(Value::Null) => return EndpointTimeouts::default(),
            Some(Value::Object(fields)) => fields,
            Some(_) => {
                self.errors.add("timeouts", "must be an object of milliseconds");
                return EndpointTimeouts::default();
            }
        };
        for name in fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
            self.errors.add(format!("timeouts.{name}"), "is not known");
        }
        let [connect_ms, first_byte_ms, idle_ms, total_ms] = FIELDS.map(|field| {
            let value = fields.get(field).filter(|value| !value.is_null())?;
            let millis = value.as_u64().and_then(|millis| u32::try_from(millis).ok());
            let millis = millis.filter(|millis| (1..=EndpointTimeouts::MAX_MS).contains(millis));
            if millis.is_none() {
                let message = "must be a number of milliseconds from 1 to 3,600,000";
                self.errors.add(format!("timeouts.{field}"), message);
            }
            millis
        });
        EndpointTimeouts { connect_ms, first_byte_ms, idle_ms, total_ms }
    }

    /// Limits of models. A model that nothing limits is left out.
    fn model_limits(&mut self, given: Option<&Value>) -> LimitsByModel {
        let models = match given {
            None | Some(Value::Null) => return LimitsByModel::new(),
            Some(Value::Object(models)) if models.len() <= MAX_MODELS => models,
            Some(_) => {
                self.errors.add("model_limits", "must be an object of limits of at most 200 models");
                return LimitsByModel::new();
            }
        };
        let mut limits = LimitsByModel::new();
        for (model, given) in models {
            let place = format!("model_limits.{model}");
            self.model(&place, Some(model));
            let Value::Object(fields) = given else {
                if !given.is_null() {
                    self.errors.add(place, "must be an object of limits");
                }
                continue;
            };
            let own = self.limits_of_model(&place, fields);
            if !own.is_empty() {
                limits.insert(model.clone(), own);
            }
        }
        limits
    }

    fn limits_of_model(&mut self, place: &str, fields: &Map<String, Value>) -> ModelLimits {
        const FIELDS: [&str; 5] = [
            "requests_per_minute",
            "requests_per_hour",
            "max_concurrent",
            "tokens_per_minute",
            "tokens_per_hour",
        ];
        for name in fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
            self.errors.add(format!("{place}.{name}"), "is not known");
        }
        // What is no whole number is told like one that is too small.
        let numbers = FIELDS.map(|field| {
            let value = fields.get(field).filter(|value| !value.is_null())?;
            Some(value.as_i64().unwrap_or(0))
        });
        let [minute, hour, slots, tokens_minute, tokens_hour] = numbers;
        let of = |at: usize| format!("{place}.{}", FIELDS[at]);
        ModelLimits {
            requests_per_minute: self.small(&of(0), minute, 1, MAX_U32),
            requests_per_hour: self.small(&of(1), hour, 1, MAX_U32),
            max_concurrent: self.small(&of(2), slots, 1, MAX_U32),
            tokens_per_minute: self.large(&of(3), tokens_minute),
            tokens_per_hour: self.large(&of(4), tokens_hour),
        }
    }

    fn guardrails(&mut self, given: Option<Value>) -> Map<String, Value> {
        match given {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(rules)) => {
                if serde_json::to_vec(&rules).map_or(usize::MAX, |bytes| bytes.len()) > MAX_GUARDRAIL_BYTES {
                    self.errors.add("guardrails", "must have at most 64 KiB");
                } else {
                    self.errors.append(self.catalogue.wrong_guardrails(&rules));
                }
                rules
            }
            Some(_) => {
                self.errors.add("guardrails", "must be an object of guardrails");
                Map::new()
            }
        }
    }
}

fn only(value: &Value, known: &[&str]) -> bool {
    value.as_object().is_some_and(|fields| fields.keys().all(|name| known.contains(&name.as_str())))
}

#[cfg(test)]
mod tests;
