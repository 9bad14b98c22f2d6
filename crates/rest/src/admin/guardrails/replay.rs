//! `POST /api/v1/admin/firewall/replay`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::guardrails::{self, Concerned, MOST_REPLAYED, Matched, Replay, Replayed};
use promptgate_kernel::CallId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::GuardrailsBody;
use super::explain::{id, instant, tried, wrong};
use super::trial_failed;
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};

const DEFAULT_LIMIT: u32 = 1_000;

/// Which recorded calls rules are tried on, newest first.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReplayRulesBody {
    /// Rules that are tried over those that are stored.
    rules: Option<GuardrailsBody>,
    /// Whether those that are stored do not count.
    rules_only: Option<bool>,
    /// Only calls of this project.
    #[schema(value_type = Option<String>, format = "uuid")]
    project_id: Option<String>,
    /// Only calls of this token.
    #[schema(value_type = Option<String>, format = "uuid")]
    token_id: Option<String>,
    /// Only calls that arrived then or later.
    #[schema(value_type = Option<String>, format = "date-time")]
    from: Option<String>,
    /// Only calls that arrived before.
    #[schema(value_type = Option<String>, format = "date-time")]
    to: Option<String>,
    /// At most so many calls; 1000 unless given.
    #[schema(minimum = 1, maximum = 10_000)]
    limit: Option<u32>,
}

/// What the rules would have made of the calls. What was masked when a call was made is not found again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplayedView {
    /// How many were looked at.
    calls: u64,
    /// Of how many of them nothing is kept that can be read.
    unreadable: u64,
    /// How many would have been refused.
    blocked: u64,
    /// How many would have passed with some of their text replaced.
    changed: u64,
    /// How many would have passed and been written down.
    noted: u64,
    /// How often each rule would have matched, by its stable id.
    rules: BTreeMap<String, MatchedView>,
    /// The calls in which something would have been found, newest first; at most 200.
    concerned: Vec<ConcernedView>,
    /// How many bytes were read.
    bytes: u64,
    /// How long reading them took, in microseconds.
    micros: u64,
    /// The same for each KiB; null where nothing was read.
    micros_per_kib: Option<f64>,
}

/// How often a rule would have matched.
#[derive(Debug, Serialize, ToSchema)]
struct MatchedView {
    /// In so many calls.
    calls: u64,
    /// So often.
    matches: u64,
}

/// A call in which something would have been found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConcernedView {
    #[schema(value_type = String, format = "uuid")]
    call_id: CallId,
    /// `noted`, `changed` or `blocked`.
    outcome: &'static str,
    /// The rules that would have matched.
    rules: Vec<String>,
}

/// Says what guardrails would have made of recorded calls: how many they would have refused or changed,
/// by which rules, and how long that takes. Nothing is called or changed.
#[utoipa::path(post, path = "/api/v1/admin/firewall/replay", tag = "guardrails",
    operation_id = "replay_rules",
    request_body = ReplayRulesBody,
    responses(
        (status = OK, body = ReplayedView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_guardrails`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`", body = ErrorBody),
    ))]
pub(super) async fn replay(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<ReplayRulesBody>,
) -> Result<Json<ReplayedView>, ApiError> {
    let limit = body.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MOST_REPLAYED).contains(&limit) {
        return Err(wrong("limit", &format!("must be 1 to {MOST_REPLAYED}")));
    }
    let wanted = Replay {
        tried: tried(body.rules, body.rules_only),
        project: id(body.project_id, "projectId")?,
        token: id(body.token_id, "tokenId")?,
        from: instant(body.from, "from")?,
        to: instant(body.to, "to")?,
        limit,
    };
    let replayed = guardrails::replay(&control, actor, wanted).await;
    Ok(Json(replayed.map_err(|error| trial_failed(error, |_| String::new()))?.into()))
}

impl From<Replayed> for ReplayedView {
    #[expect(clippy::cast_precision_loss, reason = "a quotient for people")]
    fn from(replayed: Replayed) -> Self {
        let matched = |it: Matched| MatchedView { calls: it.calls, matches: it.matches };
        let concerned =
            |it: Concerned| ConcernedView { call_id: it.id, outcome: it.outcome.name(), rules: it.rules };
        let kib = replayed.bytes as f64 / 1_024.0;
        Self {
            calls: replayed.calls,
            unreadable: replayed.unreadable,
            blocked: replayed.blocked,
            changed: replayed.changed,
            noted: replayed.noted,
            rules: replayed.rules.into_iter().map(|(rule, it)| (rule, matched(it))).collect(),
            concerned: replayed.concerned.into_iter().map(concerned).collect(),
            bytes: replayed.bytes,
            micros: replayed.micros,
            micros_per_kib: (replayed.bytes > 0).then(|| replayed.micros as f64 / kib),
        }
    }
}
