//! What the parts of dashboards look like.

use promptgate_kernel::{PricePerMillion, Timestamp};
use promptgate_usage::{
    Adoption, BreakdownEntry, DailyUse, Dimension, EstimatedCost, Period, PriceRates, Statistics, UsageTotals,
};
use serde::Serialize;
use utoipa::ToSchema;

/// What the numbers cover.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PeriodView {
    /// `7d`, `30d` or `all`.
    window: &'static str,
    #[schema(value_type = String, format = "date-time")]
    starts_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    ends_at: Timestamp,
}

/// What calls cost: what was booked when they were made, split by today's prices.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EstimatedCostView {
    input_usd: f64,
    output_usd: f64,
    /// What was embedded at a price of its own; without one it is input.
    embedding_usd: f64,
    total_usd: f64,
    rates: EstimateRatesView,
}

/// What a million tokens cost now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EstimateRatesView {
    #[serde(rename = "inputUsdPer1MTokens")]
    input: f64,
    #[serde(rename = "outputUsdPer1MTokens")]
    output: f64,
    /// 0 without a price of its own.
    #[serde(rename = "embeddingUsdPer1MTokens")]
    embedding: f64,
}

/// Tokens of calls.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokensView {
    #[serde(flatten)]
    period: PeriodView,
    input_tokens: u64,
    output_tokens: u64,
    cache_read_input_tokens: u64,
    cache_write_input_tokens: u64,
    completion_input_tokens: u64,
    completion_output_tokens: u64,
    completion_tokens: u64,
    embedding_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_cost: Option<EstimatedCostView>,
}

/// How many calls there were.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessagesView {
    #[serde(flatten)]
    period: PeriodView,
    messages: u64,
}

/// How long calls took.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DurationView {
    #[serde(flatten)]
    period: PeriodView,
    total_duration_ms: u64,
}

/// Calls by day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityView {
    #[serde(flatten)]
    period: PeriodView,
    /// Every day, in order.
    daily: Vec<DailyView>,
}

/// Calls of a day in UTC.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DailyView {
    #[schema(example = "2026-02-28")]
    date: String,
    requests: u64,
    prompts: u64,
    input_tokens: u64,
    output_tokens: u64,
    completion_input_tokens: u64,
    completion_output_tokens: u64,
    completion_tokens: u64,
    embedding_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_cost: Option<EstimatedCostView>,
}

/// What took the most tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BreakdownView {
    #[serde(flatten)]
    period: PeriodView,
    /// Up to five.
    items: Vec<EntryView>,
}

/// One entry of a breakdown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryView {
    name: String,
    requests: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_cost: Option<EstimatedCostView>,
}

/// How far the gateway is used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdoptionView {
    #[serde(flatten)]
    period: PeriodView,
    active_users: u64,
    active_service_accounts: u64,
    /// Keys of accounts that are good at the end.
    active_virtual_keys: u64,
}

/// Everything together.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TotalsView {
    requests: u64,
    prompts: u64,
    tool_calls: u64,
    input_tokens: u64,
    output_tokens: u64,
    cache_read_input_tokens: u64,
    cache_write_input_tokens: u64,
    completion_input_tokens: u64,
    completion_output_tokens: u64,
    completion_tokens: u64,
    embedding_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_cost: Option<EstimatedCostView>,
}

/// What a person used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatisticsView {
    #[serde(flatten)]
    period: PeriodView,
    totals: TotalsView,
    total_duration_ms: u64,
    daily: Vec<DailyView>,
}

impl From<Period> for PeriodView {
    fn from(period: Period) -> Self {
        Self { window: period.window.as_str(), starts_at: period.starts_at, ends_at: period.ends_at }
    }
}

impl From<EstimatedCost> for EstimatedCostView {
    fn from(cost: EstimatedCost) -> Self {
        Self {
            input_usd: cost.input.as_dollars(),
            output_usd: cost.output.as_dollars(),
            embedding_usd: cost.embedding.as_dollars(),
            total_usd: cost.total.as_dollars(),
            rates: cost.rates.into(),
        }
    }
}

impl From<PriceRates> for EstimateRatesView {
    fn from(rates: PriceRates) -> Self {
        Self {
            input: rates.input.as_dollars(),
            output: rates.output.as_dollars(),
            embedding: rates.embedding.map_or(0.0, PricePerMillion::as_dollars),
        }
    }
}

impl From<&Statistics> for TokensView {
    fn from(statistics: &Statistics) -> Self {
        let totals = statistics.totals();
        Self {
            period: statistics.period.into(),
            input_tokens: totals.input,
            output_tokens: totals.output,
            cache_read_input_tokens: totals.cache_read,
            cache_write_input_tokens: totals.cache_write,
            completion_input_tokens: totals.completion_input,
            completion_output_tokens: totals.completion_output,
            completion_tokens: totals.completion,
            embedding_tokens: totals.embedding,
            total_tokens: totals.total,
            estimated_cost: statistics.cost().map(EstimatedCostView::from),
        }
    }
}

impl From<&Statistics> for MessagesView {
    fn from(statistics: &Statistics) -> Self {
        Self { period: statistics.period.into(), messages: statistics.totals().requests }
    }
}

impl From<&Statistics> for DurationView {
    fn from(statistics: &Statistics) -> Self {
        Self { period: statistics.period.into(), total_duration_ms: statistics.duration_ms() }
    }
}

impl From<&Statistics> for ActivityView {
    fn from(statistics: &Statistics) -> Self {
        Self { period: statistics.period.into(), daily: DailyView::all(statistics) }
    }
}

impl DailyView {
    pub(crate) fn all(statistics: &Statistics) -> Vec<Self> {
        statistics.daily().into_iter().map(Self::from).collect()
    }
}

impl From<DailyUse> for DailyView {
    fn from(DailyUse { day, totals, cost }: DailyUse) -> Self {
        Self {
            date: day.to_string(),
            requests: totals.requests,
            prompts: totals.prompts,
            input_tokens: totals.input,
            output_tokens: totals.output,
            completion_input_tokens: totals.completion_input,
            completion_output_tokens: totals.completion_output,
            completion_tokens: totals.completion,
            embedding_tokens: totals.embedding,
            total_tokens: totals.total,
            estimated_cost: cost.map(EstimatedCostView::from),
        }
    }
}

impl BreakdownView {
    pub(crate) fn of(period: Period, entries: Vec<BreakdownEntry>) -> Self {
        Self { period: period.into(), items: entries.into_iter().map(EntryView::from).collect() }
    }
}

impl EntryView {
    pub(crate) fn top(statistics: &Statistics, dimension: Dimension) -> Vec<Self> {
        statistics.top(dimension).into_iter().map(Self::from).collect()
    }
}

impl From<BreakdownEntry> for EntryView {
    fn from(entry: BreakdownEntry) -> Self {
        Self {
            name: entry.name,
            requests: entry.requests,
            total_tokens: entry.total,
            estimated_cost: entry.cost.map(EstimatedCostView::from),
        }
    }
}

impl AdoptionView {
    pub(crate) fn of(period: Period, adoption: Adoption) -> Self {
        Self {
            period: period.into(),
            active_users: adoption.users,
            active_service_accounts: adoption.services,
            active_virtual_keys: adoption.keys,
        }
    }
}

impl TotalsView {
    pub(crate) fn of(statistics: &Statistics) -> Self {
        let totals: UsageTotals = statistics.totals();
        Self {
            requests: totals.requests,
            prompts: totals.prompts,
            tool_calls: totals.tool_calls,
            input_tokens: totals.input,
            output_tokens: totals.output,
            cache_read_input_tokens: totals.cache_read,
            cache_write_input_tokens: totals.cache_write,
            completion_input_tokens: totals.completion_input,
            completion_output_tokens: totals.completion_output,
            completion_tokens: totals.completion,
            embedding_tokens: totals.embedding,
            total_tokens: totals.total,
            estimated_cost: statistics.cost_of_totals().map(EstimatedCostView::from),
        }
    }
}

impl From<&Statistics> for StatisticsView {
    fn from(statistics: &Statistics) -> Self {
        Self {
            period: statistics.period.into(),
            totals: TotalsView::of(statistics),
            total_duration_ms: statistics.duration_ms(),
            daily: DailyView::all(statistics),
        }
    }
}
