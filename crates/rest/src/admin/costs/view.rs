//! What calls cost, as clients see it.

use promptgate_control::costs::{CostOverview, DailyCost};
use promptgate_kernel::Timestamp;
use promptgate_usage::{CostDimension, CostEntry, CostSums};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::usage::UsageTokensView;

/// What calls cost. Money is in US dollars.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CostOverviewView {
    /// The time zone that days and months begin in.
    timezone: String,
    #[schema(value_type = String, format = "date-time")]
    at: Timestamp,
    spend: SpendView,
    /// Each day, in order, with calls or without.
    daily: Vec<DailyCostView>,
    /// All these days together.
    totals: CostView,
    by_endpoint: Vec<CostEntryView>,
    by_provider: Vec<CostEntryView>,
    by_model: Vec<CostEntryView>,
    by_token: Vec<CostEntryView>,
    by_owner: Vec<CostEntryView>,
    /// Only where calls of all projects are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    by_project: Option<Vec<CostEntryView>>,
    unpriced: CostsWithoutPriceView,
}

/// What was spent, and what the response cache saved.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SpendView {
    /// The last 24 hours, from the quarter of an hour on in which they begin.
    last24_hours: CostView,
    /// This month so far.
    month_to_date: CostView,
    #[schema(value_type = String, format = "date-time")]
    month_starts_at: Timestamp,
    /// The month before, as far as this one is by now.
    last_month_to_date: CostView,
    /// The month before, whole.
    last_month: CostView,
}

/// What calls took and cost.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CostView {
    requests: u64,
    tokens: UsageTokensView,
    cost_usd: f64,
    /// How many calls were answered from the response cache.
    cache_hits: u64,
    /// What share of the calls that is, from 0 to 1.
    cache_hit_rate: f64,
    /// The tokens that this saved.
    cached_tokens: u64,
    /// What these would have cost.
    saved_usd: f64,
    /// What share that is of what would have been paid without the cache, from 0 to 1.
    saved_share: f64,
    /// What a thousand tokens cost on average; null without any.
    cost_per1k_tokens_usd: Option<f64>,
    /// How many calls took tokens and cost nothing because nobody knew a price.
    unpriced_requests: u64,
    /// The tokens that these took.
    unpriced_tokens: u64,
    /// What part of the cost is an estimate, by the fallback price.
    guessed_usd: f64,
}

/// What calls of a day cost.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DailyCostView {
    /// The day in the time zone: `2026-02-28`.
    date: String,
    #[schema(value_type = String, format = "date-time")]
    starts_at: Timestamp,
    #[serde(flatten)]
    cost: CostView,
}

/// One entry of a breakdown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CostEntryView {
    /// Its id; null for a provider or model, and for calls that have none of it.
    #[schema(format = "uuid")]
    id: Option<String>,
    /// What it is called; null if that is not known.
    name: Option<String>,
    #[serde(flatten)]
    cost: CostView,
}

/// Whether anything of these days has no price: then costs are too small.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CostsWithoutPriceView {
    /// Whether calls took tokens and cost nothing because nobody knew a price.
    alarm: bool,
    requests: u64,
    tokens: u64,
    /// How many calls were priced by the fallback.
    guessed_requests: u64,
    guessed_usd: f64,
}

impl From<CostSums> for CostView {
    fn from(sums: CostSums) -> Self {
        let total = sums.tokens.total();
        #[expect(clippy::cast_precision_loss, reason = "an average needs no more digits")]
        let average = (total > 0).then(|| sums.cost.as_dollars() * 1_000.0 / total as f64);
        Self {
            requests: sums.calls,
            tokens: sums.tokens.into(),
            cost_usd: sums.cost.as_dollars(),
            cache_hits: sums.cache_hits,
            cache_hit_rate: sums.hit_rate(),
            cached_tokens: sums.cached_tokens,
            saved_usd: sums.saved.as_dollars(),
            saved_share: sums.saved_share(),
            cost_per1k_tokens_usd: average,
            unpriced_requests: sums.unpriced_calls,
            unpriced_tokens: sums.unpriced_tokens,
            guessed_usd: sums.guessed.as_dollars(),
        }
    }
}

impl From<DailyCost> for DailyCostView {
    fn from(day: DailyCost) -> Self {
        Self { date: day.date, starts_at: day.starts_at, cost: day.sums.into() }
    }
}

impl From<CostEntry> for CostEntryView {
    fn from(entry: CostEntry) -> Self {
        Self { id: entry.id.map(|id| id.to_string()), name: entry.name, cost: entry.sums.into() }
    }
}

impl From<CostOverview> for CostOverviewView {
    fn from(mut overview: CostOverview) -> Self {
        let mut by = |dimension| {
            let at = overview.by.iter().position(|(by, _)| *by == dimension)?;
            Some(overview.by.swap_remove(at).1.into_iter().map(CostEntryView::from).collect::<Vec<_>>())
        };
        let whole = overview.whole;
        Self {
            by_endpoint: by(CostDimension::Endpoint).unwrap_or_default(),
            by_provider: by(CostDimension::Provider).unwrap_or_default(),
            by_model: by(CostDimension::Model).unwrap_or_default(),
            by_token: by(CostDimension::Token).unwrap_or_default(),
            by_owner: by(CostDimension::Owner).unwrap_or_default(),
            by_project: by(CostDimension::Project),
            timezone: overview.zone.name().to_owned(),
            at: overview.at,
            spend: SpendView {
                last24_hours: overview.last_24_hours.into(),
                month_to_date: overview.month.into(),
                month_starts_at: overview.month_starts_at,
                last_month_to_date: overview.last_month_so_far.into(),
                last_month: overview.last_month.into(),
            },
            daily: overview.daily.into_iter().map(DailyCostView::from).collect(),
            totals: whole.into(),
            unpriced: CostsWithoutPriceView {
                alarm: whole.unpriced_calls > 0,
                requests: whole.unpriced_calls,
                tokens: whole.unpriced_tokens,
                guessed_requests: whole.guessed_calls,
                guessed_usd: whole.guessed.as_dollars(),
            },
        }
    }
}
