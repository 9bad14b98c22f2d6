//! The usage event of a call.

use std::time::Duration;

use bytes::Bytes;
use promptgate_kernel::Money;
use promptgate_limiter::Hold;
use promptgate_tokens::Token;
use promptgate_usage::{TokenCounts, UsageEvent};
use uuid::Uuid;

use super::{Ending, Record, Spent};

/// What a settlement found out.
pub(super) struct Counted {
    pub(super) tokens: TokenCounts,
    pub(super) estimated: bool,
    pub(super) cost: Money,
    pub(super) price_basis: &'static str,
    pub(super) price_version: String,
    pub(super) latency: Duration,
    /// What is held for it until it is recorded.
    pub(super) held: Option<Vec<Hold>>,
    /// Who held first what was reserved for it.
    pub(super) holder: Option<Uuid>,
}

/// Writes the event of a call that ends so. What only the event needs is taken from the record.
pub(super) fn event(record: &mut Record, token: &Token, ending: &Ending, counted: Counted) -> UsageEvent {
    let endpoint = record.endpoint.take();
    let endpoint = endpoint.as_deref();
    let error_message = error_message(record, ending);
    let routing = record.routing();
    UsageEvent {
        request_id: record.request_id_text().to_owned(),
        owner: token.owner,
        requested_model: record.requested_model.take(),
        provider_id: record.provider.as_ref().map(|compiled| compiled.provider.id),
        provider: record.provider.as_ref().map(|compiled| compiled.provider.name.as_str().to_owned()),
        model: record.model.clone(),
        streamed: record.streamed,
        tokens: counted.tokens,
        estimated: counted.estimated,
        cost: counted.cost,
        price_version: counted.price_version,
        price_basis: counted.price_basis.to_owned(),
        latency_us: micros(counted.latency),
        time_to_first_byte_us: record.first_byte.map(micros),
        error_code: ending.code.map(str::to_owned),
        attempts: record.attempts,
        client_ip: Some(record.client.to_string()),
        revision: record.revision,
        trace: std::mem::take(&mut record.trace),
        endpoint_id: endpoint.map(|endpoint| endpoint.id),
        endpoint_slug: endpoint.map(|endpoint| endpoint.slug.clone()),
        parent_request_id: endpoint
            .and_then(|endpoint| endpoint.parent_request_id.clone())
            .or_else(|| record.parent_request_id.take()),
        credential_id: record.credential,
        routing_decision: endpoint.and_then(|endpoint| endpoint.routing_decision.clone()).or(routing),
        tried: std::mem::take(&mut record.tried),
        guarded: record.guarded.as_deref().cloned(),
        cache_hit: endpoint.is_some_and(|endpoint| endpoint.cache_hit),
        cached_tokens: endpoint.map_or(0, |endpoint| endpoint.cached_tokens),
        saved: endpoint.map_or(Money::ZERO, |endpoint| endpoint.saved),
        error_message,
        client_tool: record.tool.name.map(str::to_owned),
        client_session: record.tool.session.take(),
        provider_response_id: response_id(record, &ending.spent),
        upstream_us: record.timing.upstream().map(micros),
        dropped: std::mem::take(&mut record.dropped),
        held: counted.held.map(|held| held.iter().map(written).collect()),
        holder: counted.holder,
        unheld: record.payers.as_ref().map(|payers| payers.unheld()).unwrap_or_default(),
        above: record.payers.as_ref().map(|payers| payers.above()).unwrap_or_default(),
        groups: record.payers.as_ref().map(|payers| payers.groups()).unwrap_or_default(),
        provider_kind: record.provider.as_ref().map(|compiled| compiled.provider.kind.as_str().to_owned()),
        ..UsageEvent::of_call(
            record.id,
            record.arrived_at,
            token.project_id,
            token.id,
            record.route.name(),
            ending.outcome,
            ending.status,
        )
    }
}

/// What went wrong, without the provider's credential, which providers like to repeat.
fn error_message(record: &mut Record, ending: &Ending) -> Option<String> {
    ending.code?;
    let message = record.error_message.take()?;
    let Some(provider) = &record.provider else { return Some(UsageEvent::shorten_message(&message)) };
    let clean = provider.without_credential(Bytes::from(message));
    Some(UsageEvent::shorten_message(&String::from_utf8_lossy(&clean)))
}

/// The provider's id of its answer, else of the request as it knows it.
fn response_id(record: &mut Record, spent: &Spent) -> Option<String> {
    let of_answer = match spent {
        Spent::Seen(observed) => observed.response_id.clone(),
        Spent::Nothing | Spent::Unseen { .. } => None,
    };
    of_answer.or_else(|| record.provider_request_id.take()).map(|id| super::shortened(&id))
}

/// What is held, as an event says it.
fn written(hold: &Hold) -> promptgate_usage::Hold {
    let holder = Uuid::from_u128(hold.holder.0);
    promptgate_usage::Hold { holder, counter: hold.counter.to_string(), amount: hold.amount }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
