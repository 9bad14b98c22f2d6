//! From the names of the public contract, `snake_case`, to those of the JSON API, `camelCase`.

use std::collections::BTreeMap;

use promptgate_endpoints::FieldErrors;
use promptgate_firewall::guardrails::Guardrail;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// `session_ttl_seconds` as `sessionTtlSeconds`. Of a path, every part.
pub(crate) fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for character in name.chars() {
        if character == '_' && !camel.is_empty() && !camel.ends_with('.') {
            upper = true;
            continue;
        }
        camel.push(if upper { character.to_ascii_uppercase() } else { character });
        upper = false;
    }
    camel
}

/// `sessionTtlSeconds` as `session_ttl_seconds`, `costPer1kTokens` as `cost_per_1k_tokens`.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        let begins_number =
            character.is_ascii_digit() && snake.ends_with(|before: char| before.is_ascii_lowercase());
        if character.is_ascii_uppercase() || begins_number {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// A path with other names; the id of a model in it stays as it is.
pub(crate) fn turned(path: &str, name: fn(&str) -> String) -> String {
    let Some((limits @ ("modelLimits" | "model_limits"), rest)) = path.split_once('.') else {
        return name(path);
    };
    match rest.rsplit_once('.') {
        Some((model, field)) => format!("{}.{model}.{}", name(limits), name(field)),
        None => format!("{}.{rest}", name(limits)),
    }
}

/// Renames the members of an object, or of every object of a list; what is in them stays as it is.
pub(crate) fn rename(value: Value, name: fn(&str) -> String) -> Value {
    match value {
        Value::Object(members) => Value::Object(rename_members(members, name)),
        Value::Array(items) => {
            let item = |item| match item {
                Value::Object(members) => Value::Object(rename_members(members, name)),
                other => other,
            };
            Value::Array(items.into_iter().map(item).collect())
        }
        other => other,
    }
}

/// Renames guardrails and their fields in a document. One that nobody knows, of an older version, stays as
/// it is.
pub(crate) fn rename_guardrails(document: Value, name: fn(&str) -> String) -> Value {
    let Value::Object(guardrails) = document else { return document };
    let is_known = |key: &str| Guardrail::ALL.iter().any(|guardrail| guardrail.key() == snake(key));
    let renamed = guardrails
        .into_iter()
        .map(|(key, fields)| if is_known(&key) { (name(&key), rename(fields, name)) } else { (key, fields) });
    Value::Object(renamed.collect())
}

fn rename_members(members: Map<String, Value>, name: fn(&str) -> String) -> Map<String, Value> {
    members.into_iter().map(|(member, value)| (name(&member), value)).collect()
}

/// Everything that is wrong: the first one as `field` and `message`, all of them as `errors`.
pub(crate) fn invalid(code: &'static str, errors: &FieldErrors) -> ApiError {
    ApiError::bad_request(code).fields(errors)
}

impl ApiError {
    /// Names everything that is wrong.
    pub(crate) fn fields(self, errors: &FieldErrors) -> Self {
        let mut by_field = BTreeMap::<String, Vec<String>>::new();
        for error in errors.as_slice() {
            by_field.entry(turned(&error.field, camel)).or_default().push(sentence(&error.message));
        }
        let error = match errors.as_slice().first() {
            Some(first) => {
                let field = turned(&first.field, camel);
                let message = format!("{field} {}", sentence(&first.message));
                self.field(field).message(message)
            }
            None => self,
        };
        error.errors(by_field)
    }
}

/// A message with the names of this API.
fn sentence(message: &str) -> String {
    let word = |word: &str| {
        let is_name =
            word.contains('_') && word.chars().all(|c| c.is_ascii_alphanumeric() || "_,.".contains(c));
        if is_name { camel(word) } else { word.to_owned() }
    };
    message.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_go_there_and_back() {
        for (snakes, camels) in [
            ("name", "name"),
            ("session_ttl_seconds", "sessionTtlSeconds"),
            ("estimated_cost_per_1k_tokens_usd", "estimatedCostPer1kTokensUsd"),
            ("expose_as_mcp_tool", "exposeAsMcpTool"),
            ("connect_ms", "connectMs"),
        ] {
            assert_eq!(camel(snakes), camels);
            assert_eq!(snake(camels), snakes);
        }
        assert_eq!(camel("items.0.expected.not_contains"), "items.0.expected.notContains");
        for name in ["maxLength", "credentialId", "notContains", "max_length"] {
            assert_eq!(snake(&camel(&snake(name))), snake(name));
        }
        assert_eq!(snake("firstByteMs"), "first_byte_ms");
        for (snakes, camels) in [
            ("model_limits.My_Model-4.1.tokens_per_minute", "modelLimits.My_Model-4.1.tokensPerMinute"),
            ("model_limits.a_b", "modelLimits.a_b"),
            ("rate_limit_per_hour", "rateLimitPerHour"),
        ] {
            assert_eq!(turned(snakes, camel), camels);
            assert_eq!(turned(camels, snake), snakes);
        }
    }

    #[test]
    fn only_the_members_themselves_are_renamed() {
        let given = json!([{"maxLength": 3, "default": {"aB": 1}}, 7]);
        assert_eq!(rename(given, snake), json!([{"max_length": 3, "default": {"aB": 1}}, 7]));
        assert_eq!(rename(json!({"idle_ms": 1}), camel), json!({"idleMs": 1}));
    }

    #[test]
    fn guardrails_are_renamed_and_what_nobody_knows_is_not() {
        let given =
            json!({"piiFilter": {"customPatterns": [{"label": "aB", "pattern": "x"}]}, "ipRules": {"aB": 1}});
        let snakes = json!({"pii_filter": {"custom_patterns": [{"label": "aB", "pattern": "x"}]}, "ipRules": {"aB": 1}});
        assert_eq!(rename_guardrails(given.clone(), snake), snakes);
        assert_eq!(rename_guardrails(snakes.clone(), camel), given);
        assert_eq!(rename_guardrails(snakes.clone(), snake), snakes);
        assert_eq!(rename_guardrails(json!([1]), snake), json!([1]));
    }

    #[test]
    fn messages_use_the_names_of_this_api() {
        let message = "excludes provider_id, provider_model and credential_id";
        assert_eq!(sentence(message), "excludes providerId, providerModel and credentialId");
        assert_eq!(sentence("is reserved, `a_b` too"), "is reserved, `a_b` too");
    }
}
