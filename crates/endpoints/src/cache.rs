//! Answers that are kept for equal calls.

use std::fmt;

use promptgate_kernel::{EndpointId, ProjectId, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::json::write_canonical;
use crate::{Json, Message, Sampling};

/// What makes two calls equal: SHA-256 over everything that the answer depends on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

/// Everything that an answer depends on.
#[derive(Debug, Clone, Copy)]
pub struct Cacheable<'a> {
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// The provider after routing: something that does not change, such as its id.
    pub provider: &'a str,
    /// The model after routing.
    pub model: &'a str,
    /// How the model chooses its words.
    pub sampling: Sampling,
    /// The conversation after prompt application.
    pub messages: &'a [Message],
    /// What the model may call.
    pub tools: Option<&'a Json>,
    /// Whether it must.
    pub tool_choice: Option<&'a Json>,
    /// What the answer must fit, so that a kept one fits the schema of today.
    pub output_schema: Option<&'a Value>,
    /// What rules an answer has gone through, where there are some.
    pub rules: Option<&'a str>,
}

impl CacheKey {
    /// The key of a call.
    pub fn of(call: &Cacheable<'_>) -> Self {
        let mut value = json!({
            "form": 1,
            "endpoint": call.endpoint_id,
            "provider": call.provider,
            "model": call.model,
            "temperature": call.sampling.temperature,
            "top_p": call.sampling.top_p,
            "max_tokens": call.sampling.max_output_tokens,
            "messages": call.messages.iter().map(|message| Json::of(message).to_value()).collect::<Vec<_>>(),
            "tools": call.tools.map(Json::to_value),
            "tool_choice": call.tool_choice.map(Json::to_value),
            "output_schema": call.output_schema,
        });
        if let Some(rules) = call.rules {
            value["rules"] = json!(rules);
        }
        let mut canonical = Vec::with_capacity(1024);
        write_canonical(&value, &mut canonical);
        Self(Sha256::digest(&canonical).into())
    }

    /// Wraps a stored key.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key, for storage.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CacheKey(")?;
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

/// An answer that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedAnswer {
    /// What it answers.
    pub key: CacheKey,
    /// The endpoint that was asked.
    pub endpoint_id: EndpointId,
    /// The endpoint's project.
    pub project_id: ProjectId,
    /// The name of the provider that answered.
    pub provider: String,
    /// The model that answered.
    pub provider_model: String,
    /// The tokens of the prompt.
    pub prompt_tokens: u64,
    /// The tokens of the answer.
    pub completion_tokens: u64,
    /// Both, as the provider counted them.
    pub total_tokens: u64,
    /// The answer, as JSON.
    pub body: String,
    /// How often it was used again.
    pub hit_count: u64,
    /// When it was given.
    pub created_at: Timestamp,
    /// When it is no longer used.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn messages(json: &str) -> Vec<Message> {
        serde_json::from_str(json).unwrap()
    }

    fn call(messages: &[Message]) -> Cacheable<'_> {
        Cacheable {
            endpoint_id: "018f4e6e-0000-7000-8000-000000000001".parse().unwrap(),
            provider: "p",
            model: "m",
            sampling: Sampling { temperature: Some(0.5), top_p: None, max_output_tokens: 100 },
            messages,
            tools: None,
            tool_choice: None,
            output_schema: None,
            rules: None,
        }
    }

    #[test]
    fn everything_that_changes_the_answer_changes_the_key() {
        let (said, other) = ([Message::text_of(Role::User, "a")], [Message::text_of(Role::System, "a")]);
        let base = call(&said);
        let tools = Json::parse(r#"[{"type":"function"}]"#).unwrap();
        let schema = json!({"type": "object"});
        let sampling = base.sampling;
        let calls = [
            base,
            Cacheable { endpoint_id: "018f4e6e-0000-7000-8000-000000000002".parse().unwrap(), ..base },
            Cacheable { provider: "q", ..base },
            Cacheable { model: "n", ..base },
            Cacheable { provider: "pm", model: "", ..base },
            Cacheable { sampling: Sampling { temperature: None, ..sampling }, ..base },
            Cacheable { sampling: Sampling { top_p: Some(0.5), ..sampling }, ..base },
            Cacheable { sampling: Sampling { max_output_tokens: 101, ..sampling }, ..base },
            Cacheable { messages: &other, ..base },
            Cacheable { rules: Some("r"), ..base },
            Cacheable { messages: &[], ..base },
            Cacheable { tools: Some(&tools), ..base },
            Cacheable { tool_choice: Some(&tools), ..base },
            Cacheable { output_schema: Some(&schema), ..base },
        ];
        let keys: std::collections::HashSet<_> = calls.iter().map(CacheKey::of).collect();
        assert_eq!(keys.len(), calls.len());
        assert_eq!(CacheKey::of(&base), CacheKey::of(&base.clone()));
    }

    #[test]
    fn spelling_does_not_change_the_key() {
        let first = messages(r#"[{"role":"user","content":[{"type":"text","text":"\u0061"}],"name":"x"}]"#);
        let second = messages(r#"[{"name":"x", "role":"user","content":[{"text":"a" , "type":"text"}]}]"#);
        assert_eq!(CacheKey::of(&call(&first)), CacheKey::of(&call(&second)));
    }

    #[test]
    fn keys_keep_their_form_from_release_to_release() {
        let said = [Message::text_of(Role::User, "hello")];
        assert_eq!(format!("{:?}", CacheKey::of(&call(&said))), "CacheKey(95249debac8f54ca…)");
    }
}
