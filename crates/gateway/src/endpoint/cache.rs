//! Answers that are kept for equal calls. Whatever goes wrong here, the call goes on without.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use metrics::counter;
use promptgate_endpoints::{CacheKey, Cacheable, CachedAnswer, CompiledEndpoint};
use promptgate_kernel::{Money, RepositoryError};
use promptgate_usage::{Sale, TokenCounts};
use tokio::time::timeout;

use super::reply::Flat;
use crate::pipeline::Shared;

pub(crate) const CACHE: HeaderName = HeaderName::from_static("x-promptgate-cache");
/// How long the cache may take: waiting longer would cost what it is to save.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the cache has to do with a call.
pub(crate) enum Caching {
    /// Nothing.
    Off,
    /// The answer is to be kept.
    Miss { key: CacheKey, ttl: Duration },
}

impl Caching {
    pub(crate) const fn header(&self) -> HeaderValue {
        match self {
            Self::Off => HeaderValue::from_static("off"),
            Self::Miss { .. } => HeaderValue::from_static("miss"),
        }
    }
}

/// Looks for the answer to an equal call.
pub(crate) async fn look_up(
    call: &Cacheable<'_>,
    ttl: Duration,
    shared: &Shared,
) -> Result<(CachedAnswer, Flat), Caching> {
    let key = CacheKey::of(call);
    let found = in_time(shared.memory.cached(&key, shared.clock.now()), "read").await.flatten();
    let found = found.and_then(|kept| Some((Flat::read(&kept.body)?, kept)));
    let outcome = if found.is_some() { "hit" } else { "miss" };
    counter!("promptgate_response_cache_total", "outcome" => outcome).increment(1);
    match found {
        Some((flat, kept)) => Ok((kept, flat)),
        None => Err(Caching::Miss { key, ttl }),
    }
}

/// Keeps an answer, if it is to be kept.
pub(crate) async fn keep(
    caching: &Caching,
    flat: &Flat,
    endpoint: &CompiledEndpoint,
    answered_by: (String, String),
    tokens: &TokenCounts,
    shared: &Shared,
) {
    let Caching::Miss { key, ttl } = caching else { return };
    if flat.failed() {
        return;
    }
    let endpoint = endpoint.endpoint();
    let (provider, provider_model) = answered_by;
    let now = shared.clock.now();
    let answer = CachedAnswer {
        key: *key,
        endpoint_id: endpoint.id,
        project_id: endpoint.project_id,
        provider,
        provider_model,
        prompt_tokens: tokens.total_input(),
        completion_tokens: tokens.total_output(),
        total_tokens: tokens.total(),
        body: flat.to_json(),
        hit_count: 0,
        created_at: now,
        expires_at: now.plus(*ttl),
    };
    in_time(shared.memory.keep(&answer), "written").await;
}

/// What a kept answer would cost if it had to be asked for now. Which tokens of the prompt its provider had
/// in a cache of its own is not known, so that none counts as such.
pub(crate) fn worth(kept: &CachedAnswer, per_thousand: Option<Money>, shared: &Shared) -> Money {
    let snapshot = shared.snapshot.load();
    let tokens =
        TokenCounts { input: kept.prompt_tokens, output: kept.completion_tokens, ..TokenCounts::default() };
    let compiled = snapshot.provider_named(&kept.provider);
    let sale = Sale {
        provider: &kept.provider,
        kind: compiled.map_or("", |compiled| compiled.provider.kind.as_str()),
        model: &kept.provider_model,
        embedding: false,
        per_thousand,
    };
    snapshot.prices().charge(&shared.prices, sale, &tokens).cost
}

async fn in_time<T>(work: impl Future<Output = Result<T, RepositoryError>>, what: &'static str) -> Option<T> {
    match timeout(PATIENCE, work).await {
        Ok(Ok(done)) => return Some(done),
        Ok(Err(error)) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the response cache cannot be {what}; the call goes on without it"
        ),
        Err(_) => tracing::warn!("the response cache was not {what} in time; the call goes on without it"),
    }
    counter!("promptgate_response_cache_total", "outcome" => "unavailable").increment(1);
    None
}
