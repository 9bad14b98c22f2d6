//! The record of one call.

use std::fmt;

use promptgate_kernel::{
    AccountId, CallId, CredentialId, EndpointId, GroupId, Money, ProjectId, ProviderId, Revision, Timestamp,
    TokenId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{CallContent, Guarded, TokenCounts};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The answer went out whole.
    Completed,
    /// The gateway said no.
    Refused,
    /// The upstream failed, or could not be reached, or was too slow.
    UpstreamFailed,
    /// The client left before the end.
    CallerCancelled,
    /// The gateway itself failed.
    GatewayFailed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] =
        [Self::Completed, Self::Refused, Self::UpstreamFailed, Self::CallerCancelled, Self::GatewayFailed];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Refused => "refused",
            Self::UpstreamFailed => "upstream_failed",
            Self::CallerCancelled => "caller_cancelled",
            Self::GatewayFailed => "gateway_failed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Outcome {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| format!("unknown outcome `{text}`"))
    }
}

/// One call to a provider among those that were made for a client's call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The provider, by name at that time.
    pub provider: String,
    /// The model as the provider knows it.
    pub model: String,
    /// The credential it was made with; `None` where the provider has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<CredentialId>,
    /// The stable code of what went wrong; `None` for the one whose answer went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The provider's HTTP status, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// From its start to its end, or to the answer's head, in microseconds.
    pub duration_us: i64,
}

/// What somebody holds of a counter for a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who.
    pub holder: Uuid,
    /// Of which counter, by its text.
    pub counter: String,
    /// How much.
    pub amount: u64,
}

/// The immutable record of one finished call by an authenticated caller, refused ones too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they say different things about a call")]
pub struct UsageEvent {
    /// The call's identity; recording the same one twice changes nothing.
    pub id: CallId,
    /// The request id that the client knows, its own or the call's.
    pub request_id: String,
    /// When the request arrived.
    pub at: Timestamp,
    /// The project that was called.
    pub project_id: ProjectId,
    /// The token that called.
    pub token_id: TokenId,
    /// Who the token acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<AccountId>,
    /// The operation: `chat_completions`, `messages`, `embeddings`, `models`.
    pub operation: String,
    /// The model as the client asked for it, shortened to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<String>,
    /// The provider that was asked, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<ProviderId>,
    /// The provider that was asked, by name at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model as the provider knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether the answer was a stream.
    pub streamed: bool,
    /// Tokens by class.
    pub tokens: TokenCounts,
    /// Whether the tokens are the gateway's estimate, because the upstream did not tell.
    pub estimated: bool,
    /// What it cost.
    pub cost: Money,
    /// The price table that the cost comes from, such as `2026-11-01`.
    pub price_version: String,
    /// How the price was found: `exact`, `prefix`, `fallback`, or `none` when nothing was priced.
    pub price_basis: String,
    /// From arrival to the last byte, in microseconds.
    pub latency_us: i64,
    /// From arrival to the first byte of the upstream's answer, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_first_byte_us: Option<i64>,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status that the client got, or would have got.
    pub status: u16,
    /// The stable code of the refusal or failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// How many upstream calls were made for it.
    pub attempts: u32,
    /// The client's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    /// The configuration it was served under.
    pub revision: Revision,
    /// What the stages decided and why, in order.
    pub trace: Vec<String>,
    /// The AI endpoint that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<EndpointId>,
    /// The slug of that endpoint at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_slug: Option<String>,
    /// The request id of the call that this one repeats, or that the gateway made it for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_request_id: Option<String>,
    /// The credential whose answer went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<CredentialId>,
    /// Why it went where it went, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_decision: Option<String>,
    /// The calls to providers, in order. [`Self::attempts`] counts them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Attempt>,
    /// What the guardrails did, where they did something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarded: Option<Guarded>,
    /// Whether it was answered from the response cache.
    #[serde(default)]
    pub cache_hit: bool,
    /// The tokens that a hit saved.
    #[serde(default)]
    pub cached_tokens: u64,
    /// What they would have cost.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub saved: Money,
    /// What the client was told went wrong, up to [`MAX_ERROR_MESSAGE`](Self::MAX_ERROR_MESSAGE)
    /// characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The tool that called, such as `claude_code`, as far as its headers say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_tool: Option<String>,
    /// That tool's own id of its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_session: Option<String>,
    /// The provider's id of its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_response_id: Option<String>,
    /// How long providers took of the latency, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_us: Option<i64>,
    /// The hints of the request that its provider has no counterpart for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// The kind of the provider that was asked, such as `openai`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_kind: Option<String>,
    /// Whether it ended with words of the user, as far as that is taken down.
    #[serde(default)]
    pub prompted: bool,
    /// How many tools the model called, as far as that is taken down.
    #[serde(default)]
    pub tool_calls: u32,
    /// What is held for it of days, months and rolling windows until it is recorded. `None` where a version
    /// wrote it that says [`holder`](Self::holder) and [`unheld`](Self::unheld) alone. This and what follows is
    /// for whoever records the event, and is not kept with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Vec<Hold>>,
    /// Who held first what was reserved for it; `None` if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Uuid>,
    /// The counters that it counts in although nothing was reserved of them, by their texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unheld: Vec<String>,
    /// The tokens that its token was minted under, whose budgets cover it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<TokenId>,
    /// The access groups that the owner was in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_nothing(money: &Money) -> bool {
    *money == Money::ZERO
}

impl UsageEvent {
    /// The most characters that are kept of a message.
    pub const MAX_ERROR_MESSAGE: usize = 500;

    /// A call that reached no provider and cost nothing: what every call has, everything else empty.
    pub fn of_call(
        id: CallId,
        at: Timestamp,
        project_id: ProjectId,
        token_id: TokenId,
        operation: &str,
        outcome: Outcome,
        status: u16,
    ) -> Self {
        Self {
            id,
            request_id: id.to_string(),
            at,
            project_id,
            token_id,
            owner: None,
            operation: operation.to_owned(),
            requested_model: None,
            provider_id: None,
            provider: None,
            model: None,
            streamed: false,
            tokens: TokenCounts::default(),
            estimated: false,
            cost: Money::ZERO,
            price_version: String::new(),
            price_basis: "none".to_owned(),
            latency_us: 0,
            time_to_first_byte_us: None,
            outcome,
            status,
            error_code: None,
            attempts: 0,
            client_ip: None,
            revision: Revision::default(),
            trace: Vec::new(),
            endpoint_id: None,
            endpoint_slug: None,
            parent_request_id: None,
            credential_id: None,
            routing_decision: None,
            tried: Vec::new(),
            guarded: None,
            cache_hit: false,
            cached_tokens: 0,
            saved: Money::ZERO,
            error_message: None,
            client_tool: None,
            client_session: None,
            provider_response_id: None,
            upstream_us: None,
            dropped: Vec::new(),
            provider_kind: None,
            prompted: false,
            tool_calls: 0,
            held: None,
            holder: None,
            unheld: Vec::new(),
            above: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Counts what was said in the call.
    pub fn count_content(&mut self, content: &CallContent) {
        self.prompted = content.has_prompt();
        self.tool_calls = u32::try_from(content.tool_calls.len()).unwrap_or(u32::MAX);
    }

    /// A message as [`Self::error_message`] keeps it.
    pub fn shorten_message(message: &str) -> String {
        message.chars().take(Self::MAX_ERROR_MESSAGE).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_version_wrote_is_read() {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        let json = serde_json::json!({
            "id": id, "request_id": "r", "at": "2026-01-01T00:00:00Z", "project_id": id, "token_id": id,
            "owner": null, "operation": "models", "requested_model": null, "provider_id": null,
            "provider": null, "model": null, "streamed": false, "tokens": {}, "estimated": false, "cost": 0,
            "price_version": "", "price_basis": "none", "latency_us": 0, "time_to_first_byte_us": null,
            "outcome": "completed", "status": 200, "error_code": null, "attempts": 0, "client_ip": null,
            "revision": 0, "trace": [],
        });
        let read: UsageEvent = serde_json::from_value(json).unwrap();
        let ids = (id.parse().unwrap(), id.parse().unwrap(), id.parse().unwrap());
        let expected = UsageEvent::of_call(ids.0, read.at, ids.1, ids.2, "models", Outcome::Completed, 200);
        assert_eq!(read, UsageEvent { request_id: "r".into(), ..expected });
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(UsageEvent::shorten_message(&"ä".repeat(600)), "ä".repeat(500));
        assert_eq!(UsageEvent::shorten_message("short"), "short");
    }
}
