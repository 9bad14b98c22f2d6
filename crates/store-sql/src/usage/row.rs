//! A call as a row.

use std::borrow::Cow;

use promptgate_kernel::{
    AccountId, CallId, CredentialId, EndpointId, Money, ProjectId, ProviderId, RepositoryError, Revision,
    Timestamp, TokenId,
};
use promptgate_usage::{Attempt, Guarded, TokenCounts, UsageEvent};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::corrupt;
use crate::rows::Rows;
use crate::value::{count, optional_text, text};

/// The columns of [`UsageRow`], in order.
pub(super) const COLUMNS: &str = "id, request_id, at, project_id, token_id, owner_id, operation, requested_model, \
     provider_id, provider, model, streamed, input_tokens, cache_read_tokens, cache_write_5m_tokens, \
     cache_write_1h_tokens, audio_input_tokens, output_tokens, reasoning_tokens, audio_output_tokens, \
     estimated, cost_nanos, price_version, price_basis, latency_us, time_to_first_byte_us, outcome, status, \
     error_code, attempts, client_ip, revision, trace, endpoint_id, endpoint_slug, parent_request_id, \
     credential_id, routing_decision, tried, cache_hit, cached_tokens, error_message, client_tool, \
     client_session, provider_response_id, upstream_us, dropped, provider_kind, prompted, tool_calls, details";

/// What is written of a call. What a process of the version before must find besides is given behind it.
pub(super) const WRITTEN: &str = "id, request_id, at, project_id, token_id, owner_id, operation, requested_model, \
     provider_id, provider, model, streamed, input_tokens, cache_read_tokens, cache_write_5m_tokens, \
     cache_write_1h_tokens, audio_input_tokens, output_tokens, reasoning_tokens, audio_output_tokens, \
     estimated, cost_nanos, latency_us, outcome, status, error_code, client_ip, endpoint_id, \
     parent_request_id, cache_hit, cached_tokens, client_tool, provider_response_id, provider_kind, prompted, \
     tool_calls, details";
/// What every row has: that it was added up, and the columns that older rows need and these are without:
/// see [`Details`].
pub(super) const SAME: &[(&str, &str)] = &[
    ("rolled_up", "TRUE"),
    ("price_version", "''"),
    ("price_basis", "''"),
    ("attempts", "0"),
    ("revision", "0"),
    ("trace", "'[]'"),
];

#[derive(FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "they are columns")]
pub(super) struct UsageRow {
    id: Uuid,
    request_id: String,
    at: i64,
    project_id: Uuid,
    token_id: Uuid,
    owner_id: Option<Uuid>,
    operation: String,
    requested_model: Option<String>,
    provider_id: Option<Uuid>,
    provider: Option<String>,
    model: Option<String>,
    streamed: bool,
    input_tokens: i64,
    cache_read_tokens: i64,
    cache_write_5m_tokens: i64,
    cache_write_1h_tokens: i64,
    audio_input_tokens: i64,
    output_tokens: i64,
    reasoning_tokens: i64,
    audio_output_tokens: i64,
    estimated: bool,
    cost_nanos: i64,
    latency_us: i64,
    outcome: String,
    status: i64,
    error_code: Option<String>,
    client_ip: Option<String>,
    endpoint_id: Option<Uuid>,
    parent_request_id: Option<String>,
    cache_hit: bool,
    cached_tokens: i64,
    client_tool: Option<String>,
    provider_response_id: Option<String>,
    provider_kind: Option<String>,
    prompted: bool,
    tool_calls: i64,
    details: Option<Json<Details<'static>>>,
    #[sqlx(flatten)]
    older: OlderDetails,
}

/// What no query filters, sorts or adds up. It is one document, because every column of a row costs
/// something when it is written, and there is a row for each call.
#[derive(Serialize, Deserialize)]
pub(super) struct Details<'a> {
    price_version: Cow<'a, str>,
    price_basis: Cow<'a, str>,
    attempts: i64,
    revision: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_to_first_byte_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upstream_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    trace: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint_slug: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credential_id: Option<CredentialId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    routing_decision: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tried: Vec<StoredAttempt<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error_message: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_session: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guarded: Option<Cow<'a, Guarded>>,
    #[serde(default, skip_serializing_if = "is_nothing")]
    saved_nanos: i64,
}

/// The same in columns, as rows from before version 32 of the schema have it.
#[derive(FromRow)]
struct OlderDetails {
    price_version: String,
    price_basis: String,
    attempts: i64,
    revision: i64,
    time_to_first_byte_us: Option<i64>,
    upstream_us: Option<i64>,
    trace: Json<Vec<String>>,
    endpoint_slug: Option<String>,
    credential_id: Option<Uuid>,
    routing_decision: Option<String>,
    tried: Json<Vec<StoredAttempt<'static>>>,
    error_message: Option<String>,
    client_session: Option<String>,
    dropped: Json<Vec<String>>,
}

#[derive(Serialize, Deserialize)]
struct StoredAttempt<'a> {
    provider: Cow<'a, str>,
    model: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credential_id: Option<CredentialId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    duration_us: i64,
}

impl<'a> From<&'a UsageEvent> for Details<'a> {
    fn from(event: &'a UsageEvent) -> Self {
        let texts = |list: &'a [String]| list.iter().map(|entry| text(entry)).collect();
        Self {
            price_version: text(&event.price_version),
            price_basis: text(&event.price_basis),
            attempts: i64::from(event.attempts),
            revision: event.revision.number(),
            time_to_first_byte_us: event.time_to_first_byte_us,
            upstream_us: event.upstream_us,
            trace: texts(&event.trace),
            endpoint_slug: optional_text(event.endpoint_slug.as_ref()),
            credential_id: event.credential_id,
            routing_decision: optional_text(event.routing_decision.as_ref()),
            tried: event.tried.iter().map(StoredAttempt::from).collect(),
            error_message: optional_text(event.error_message.as_ref()),
            client_session: optional_text(event.client_session.as_ref()),
            dropped: texts(&event.dropped),
            guarded: event.guarded.as_ref().map(Cow::Borrowed),
            saved_nanos: event.saved.as_nanos(),
        }
    }
}

impl From<OlderDetails> for Details<'static> {
    fn from(older: OlderDetails) -> Self {
        let texts = |list: Json<Vec<String>>| list.0.into_iter().map(Cow::Owned).collect();
        Self {
            price_version: older.price_version.into(),
            price_basis: older.price_basis.into(),
            attempts: older.attempts,
            revision: older.revision,
            time_to_first_byte_us: older.time_to_first_byte_us,
            upstream_us: older.upstream_us,
            trace: texts(older.trace),
            endpoint_slug: older.endpoint_slug.map(Cow::Owned),
            credential_id: older.credential_id.map(CredentialId::from_uuid),
            routing_decision: older.routing_decision.map(Cow::Owned),
            tried: older.tried.0,
            error_message: older.error_message.map(Cow::Owned),
            client_session: older.client_session.map(Cow::Owned),
            dropped: texts(older.dropped),
            guarded: None,
            saved_nanos: 0,
        }
    }
}

impl<'a> From<&'a Attempt> for StoredAttempt<'a> {
    fn from(attempt: &'a Attempt) -> Self {
        Self {
            provider: text(&attempt.provider),
            model: text(&attempt.model),
            credential_id: attempt.credential_id,
            fault: optional_text(attempt.fault.as_ref()),
            status: attempt.status,
            duration_us: attempt.duration_us,
        }
    }
}

impl From<StoredAttempt<'_>> for Attempt {
    fn from(stored: StoredAttempt<'_>) -> Self {
        Self {
            provider: stored.provider.into_owned(),
            model: stored.model.into_owned(),
            credential_id: stored.credential_id,
            fault: stored.fault.map(Cow::into_owned),
            status: stored.status,
            duration_us: stored.duration_us,
        }
    }
}

/// Puts a call among rows of what is [written](WRITTEN).
pub(super) fn put(rows: &mut impl Rows, event: &UsageEvent) {
    rows.id(event.id.as_uuid())
        .text(&*event.request_id)
        .number(event.at.as_micros())
        .id(event.project_id.as_uuid())
        .id(event.token_id.as_uuid())
        .id(event.owner.map(AccountId::as_uuid))
        .text(&*event.operation)
        .text(event.requested_model.as_deref())
        .id(event.provider_id.map(ProviderId::as_uuid))
        .text(event.provider.as_deref())
        .text(event.model.as_deref())
        .flag(event.streamed)
        .number(count(event.tokens.input))
        .number(count(event.tokens.cache_read))
        .number(count(event.tokens.cache_write_5m))
        .number(count(event.tokens.cache_write_1h))
        .number(count(event.tokens.audio_input))
        .number(count(event.tokens.output))
        .number(count(event.tokens.reasoning))
        .number(count(event.tokens.audio_output))
        .flag(event.estimated)
        .number(event.cost.as_nanos())
        .number(event.latency_us)
        .text(event.outcome.as_str())
        .number(i64::from(event.status))
        .text(event.error_code.as_deref())
        .text(event.client_ip.as_deref())
        .id(event.endpoint_id.map(EndpointId::as_uuid))
        .text(event.parent_request_id.as_deref())
        .flag(event.cache_hit)
        .number(count(event.cached_tokens))
        .text(event.client_tool.as_deref())
        .text(event.provider_response_id.as_deref())
        .text(event.provider_kind.as_deref())
        .flag(event.prompted)
        .number(i64::from(event.tool_calls))
        .document(&Details::from(event));
}

impl TryFrom<UsageRow> for UsageEvent {
    type Error = RepositoryError;

    fn try_from(row: UsageRow) -> Result<Self, RepositoryError> {
        let details = row.details.map_or_else(|| Details::from(row.older), |details| details.0);
        let texts = |list: Vec<Cow<'_, str>>| list.into_iter().map(Cow::into_owned).collect();
        Ok(Self {
            id: CallId::from_uuid(row.id),
            request_id: row.request_id,
            at: Timestamp::from_micros(row.at),
            project_id: ProjectId::from_uuid(row.project_id),
            token_id: TokenId::from_uuid(row.token_id),
            owner: row.owner_id.map(AccountId::from_uuid),
            operation: row.operation,
            requested_model: row.requested_model,
            provider_id: row.provider_id.map(ProviderId::from_uuid),
            provider: row.provider,
            model: row.model,
            streamed: row.streamed,
            tokens: TokenCounts {
                input: row.input_tokens.unsigned_abs(),
                cache_read: row.cache_read_tokens.unsigned_abs(),
                cache_write_5m: row.cache_write_5m_tokens.unsigned_abs(),
                cache_write_1h: row.cache_write_1h_tokens.unsigned_abs(),
                audio_input: row.audio_input_tokens.unsigned_abs(),
                output: row.output_tokens.unsigned_abs(),
                reasoning: row.reasoning_tokens.unsigned_abs(),
                audio_output: row.audio_output_tokens.unsigned_abs(),
            },
            estimated: row.estimated,
            cost: Money::from_nanos(row.cost_nanos),
            price_version: details.price_version.into_owned(),
            price_basis: details.price_basis.into_owned(),
            latency_us: row.latency_us,
            time_to_first_byte_us: details.time_to_first_byte_us,
            outcome: row.outcome.parse().map_err(|error: String| corrupt("usage_events", row.id, error))?,
            status: row.status.try_into().map_err(|error| corrupt_number(row.id, error))?,
            error_code: row.error_code,
            attempts: details.attempts.try_into().map_err(|error| corrupt_number(row.id, error))?,
            client_ip: row.client_ip,
            revision: Revision::from_number(details.revision),
            trace: texts(details.trace),
            endpoint_id: row.endpoint_id.map(EndpointId::from_uuid),
            endpoint_slug: details.endpoint_slug.map(Cow::into_owned),
            parent_request_id: row.parent_request_id,
            credential_id: details.credential_id,
            routing_decision: details.routing_decision.map(Cow::into_owned),
            tried: details.tried.into_iter().map(Attempt::from).collect(),
            cache_hit: row.cache_hit,
            cached_tokens: row.cached_tokens.unsigned_abs(),
            saved: Money::from_nanos(details.saved_nanos),
            error_message: details.error_message.map(Cow::into_owned),
            client_tool: row.client_tool,
            client_session: details.client_session.map(Cow::into_owned),
            provider_response_id: row.provider_response_id,
            upstream_us: details.upstream_us,
            dropped: texts(details.dropped),
            guarded: details.guarded.map(Cow::into_owned),
            provider_kind: row.provider_kind,
            prompted: row.prompted,
            tool_calls: row.tool_calls.try_into().map_err(|error| corrupt_number(row.id, error))?,
            held: None,
            holder: None,
            unheld: Vec::new(),
            above: Vec::new(),
            groups: Vec::new(),
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_nothing(nanos: &i64) -> bool {
    *nanos == 0
}

fn corrupt_number(id: Uuid, error: std::num::TryFromIntError) -> RepositoryError {
    corrupt("usage_events", id, error)
}
