//! The record of one call.

use std::fmt;

use promptgate_kernel::{CallId, Money, OwnerId, ProjectId, ProviderId, Revision, Timestamp, TokenId};
use serde::{Deserialize, Serialize};

use crate::TokenCounts;

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

/// The immutable record of one finished call by an authenticated caller, refused ones too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    pub owner: Option<OwnerId>,
    /// The operation: `chat_completions`, `messages`, `embeddings`, `models`.
    pub operation: String,
    /// The model as the client asked for it, shortened to 200 characters.
    pub requested_model: Option<String>,
    /// The provider that was asked, by id.
    pub provider_id: Option<ProviderId>,
    /// The provider that was asked, by name at that time.
    pub provider: Option<String>,
    /// The model as the provider knows it.
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
    pub time_to_first_byte_us: Option<i64>,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status that the client got, or would have got.
    pub status: u16,
    /// The stable code of the refusal or failure.
    pub error_code: Option<String>,
    /// How many upstream calls were made for it.
    pub attempts: u32,
    /// The client's address.
    pub client_ip: Option<String>,
    /// The configuration it was served under.
    pub revision: Revision,
    /// What the stages decided and why, in order.
    pub trace: Vec<String>,
}
