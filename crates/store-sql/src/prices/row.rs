//! Prices as rows.

use promptgate_kernel::{Money, PriceId, PricePerMillion, PriceRefreshId, RepositoryError, Timestamp};
use promptgate_usage::{
    FallbackPrice, InvalidPrice, ListPrice, PriceRates, PriceRefresh, PriceScope, PriceTarget, PriceVersion,
    PriceVersionId, StoredPrice, UnpricedModel,
};
use sqlx::FromRow;
use uuid::Uuid;

use crate::error::corrupt;

/// The columns of [`RatesRow`], and of what [`nanos`] gives, in order.
pub(super) const RATES: &str = "input, output, cache_read, cache_write, cache_write_1h, audio_input, \
     audio_output, reasoning, embedding";

#[derive(FromRow)]
pub(super) struct RatesRow {
    input: Option<i64>,
    output: Option<i64>,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
    cache_write_1h: Option<i64>,
    audio_input: Option<i64>,
    audio_output: Option<i64>,
    reasoning: Option<i64>,
    embedding: Option<i64>,
}

impl RatesRow {
    /// The rates; nothing where a row has none.
    fn rates(&self) -> Option<PriceRates> {
        let [input, output] = [self.input?, self.output?].map(price);
        let optional = [
            self.cache_read,
            self.cache_write,
            self.cache_write_1h,
            self.audio_input,
            self.audio_output,
            self.reasoning,
            self.embedding,
        ];
        let rates = PriceRates { input, output, ..PriceRates::default() };
        Some(rates.with_optional(optional.map(|rate| rate.map(price))))
    }
}

const fn price(nanos: i64) -> PricePerMillion {
    PricePerMillion::from_money(Money::from_nanos(nanos))
}

/// Rates as columns.
pub(super) fn nanos(rates: &PriceRates) -> [Option<i64>; 9] {
    let mut columns = [None; 9];
    let whole = [Some(rates.input), Some(rates.output)];
    let optional = rates.optional().map(|(_, rate)| rate);
    for (column, rate) in columns.iter_mut().zip(whole.into_iter().chain(optional)) {
        *column = rate.map(|rate| rate.as_money().as_nanos());
    }
    columns
}

fn count(stored: i64) -> u64 {
    stored.max(0).unsigned_abs()
}

#[derive(FromRow)]
pub(super) struct PriceRow {
    pub(super) id: Uuid,
    provider_name: Option<String>,
    model: Option<String>,
    #[sqlx(flatten)]
    rates: RatesRow,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl PriceRow {
    pub(super) fn fallback(&self) -> FallbackPrice {
        FallbackPrice {
            rates: self.rates.rates().unwrap_or_default(),
            updated_at: Timestamp::from_micros(self.updated_at),
            version: self.version,
        }
    }
}

impl TryFrom<PriceRow> for StoredPrice {
    type Error = RepositoryError;

    fn try_from(row: PriceRow) -> Result<Self, RepositoryError> {
        let wrong = |error: InvalidPrice| corrupt("prices", row.id, error);
        let (provider, model) = (row.provider_name.unwrap_or_default(), row.model.unwrap_or_default());
        Ok(Self {
            id: PriceId::from_uuid(row.id),
            target: PriceTarget::new(&provider, &model).map_err(wrong)?,
            rates: row.rates.rates().unwrap_or_default(),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

#[derive(FromRow)]
pub(super) struct ListPriceRow {
    id: Uuid,
    kind: String,
    model: String,
    #[sqlx(flatten)]
    rates: RatesRow,
    origin: String,
    edition: String,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl TryFrom<ListPriceRow> for ListPrice {
    type Error = RepositoryError;

    fn try_from(row: ListPriceRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: PriceId::from_uuid(row.id),
            origin: row.origin.parse().map_err(|error: String| corrupt("list_prices", row.id, error))?,
            kind: row.kind,
            model: row.model,
            rates: row.rates.rates().unwrap_or_default(),
            edition: row.edition,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

/// The columns of [`VersionRow`], of `price_versions` as `this`, the version before it as `former`, and
/// the one after it as `later`.
pub(super) const VERSION: &str = "this.price_id, this.version, this.provider_name, this.kind, this.model, \
     this.input, this.output, this.cache_read, this.cache_write, this.cache_write_1h, this.audio_input, \
     this.audio_output, this.reasoning, this.embedding, this.origin, this.edition, this.from_at, \
     former.input AS former_input, former.output AS former_output, former.cache_read AS former_cache_read, \
     former.cache_write AS former_cache_write, former.cache_write_1h AS former_cache_write_1h, \
     former.audio_input AS former_audio_input, former.audio_output AS former_audio_output, \
     former.reasoning AS former_reasoning, former.embedding AS former_embedding, later.from_at AS until_at \
     FROM price_versions this \
     LEFT JOIN price_versions former ON former.price_id = this.price_id AND former.version = this.version - 1 \
     LEFT JOIN price_versions later ON later.price_id = this.price_id AND later.version = this.version + 1 \
     WHERE 1 = 1";

#[derive(FromRow)]
pub(super) struct VersionRow {
    price_id: Uuid,
    version: i64,
    provider_name: Option<String>,
    kind: Option<String>,
    model: Option<String>,
    #[sqlx(flatten)]
    rates: RatesRow,
    origin: String,
    edition: String,
    from_at: i64,
    former_input: Option<i64>,
    former_output: Option<i64>,
    former_cache_read: Option<i64>,
    former_cache_write: Option<i64>,
    former_cache_write_1h: Option<i64>,
    former_audio_input: Option<i64>,
    former_audio_output: Option<i64>,
    former_reasoning: Option<i64>,
    former_embedding: Option<i64>,
    until_at: Option<i64>,
}

impl TryFrom<VersionRow> for PriceVersion {
    type Error = RepositoryError;

    fn try_from(row: VersionRow) -> Result<Self, RepositoryError> {
        let wrong = |error: String| corrupt("price_versions", row.price_id, error);
        let scope = match (row.provider_name, row.kind, row.model) {
            (Some(provider), _, Some(model)) => PriceScope::Provider(
                PriceTarget::new(&provider, &model).map_err(|error| wrong(error.to_string()))?,
            ),
            (None, Some(kind), Some(model)) => PriceScope::Kind { kind, model },
            _ => PriceScope::Fallback,
        };
        let former = RatesRow {
            input: row.former_input,
            output: row.former_output,
            cache_read: row.former_cache_read,
            cache_write: row.former_cache_write,
            cache_write_1h: row.former_cache_write_1h,
            audio_input: row.former_audio_input,
            audio_output: row.former_audio_output,
            reasoning: row.former_reasoning,
            embedding: row.former_embedding,
        };
        Ok(Self {
            id: PriceVersionId { price: PriceId::from_uuid(row.price_id), version: row.version },
            scope,
            rates: row.rates.rates(),
            origin: row.origin.parse().map_err(wrong)?,
            edition: row.edition,
            from: Timestamp::from_micros(row.from_at),
            before: former.rates(),
            until: row.until_at.map(Timestamp::from_micros),
        })
    }
}

#[derive(FromRow)]
pub(super) struct RefreshRow {
    id: Uuid,
    source: String,
    status: String,
    seen: i64,
    added: i64,
    updated: i64,
    skipped: i64,
    error: Option<String>,
    etag: Option<String>,
    started_at: i64,
    finished_at: i64,
    program: String,
}

impl TryFrom<RefreshRow> for PriceRefresh {
    type Error = RepositoryError;

    fn try_from(row: RefreshRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: PriceRefreshId::from_uuid(row.id),
            source: row.source,
            status: row.status.parse().map_err(|error: String| corrupt("price_refreshes", row.id, error))?,
            seen: count(row.seen),
            added: count(row.added),
            updated: count(row.updated),
            skipped: count(row.skipped),
            error: row.error,
            etag: row.etag,
            started_at: Timestamp::from_micros(row.started_at),
            finished_at: Timestamp::from_micros(row.finished_at),
            program: row.program,
        })
    }
}

#[derive(FromRow)]
pub(super) struct UnpricedRow {
    provider: String,
    provider_kind: String,
    model: String,
    all_calls: i64,
    all_tokens: i64,
    guessed: i64,
    guessed_cost: i64,
    last_at: i64,
}

impl From<UnpricedRow> for UnpricedModel {
    fn from(row: UnpricedRow) -> Self {
        Self {
            provider: row.provider,
            kind: row.provider_kind,
            model: row.model,
            calls: count(row.all_calls),
            tokens: count(row.all_tokens),
            estimated_calls: count(row.guessed),
            estimated_cost: Money::from_nanos(row.guessed_cost),
            last_on: Timestamp::from_micros(row.last_at),
        }
    }
}
