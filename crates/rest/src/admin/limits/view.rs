//! How limits are shown.

use promptgate_control::limits::{LimitStanding, Standings};
use promptgate_kernel::{Money, Timestamp};
use promptgate_limits::Measure;
use serde::Serialize;
use utoipa::ToSchema;

/// How the limits of something stand. What has no limit is not listed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LimitStandingsView {
    /// When this was counted.
    #[schema(value_type = String, format = "date-time")]
    synced_at: Timestamp,
    limits: Vec<LimitStandingView>,
}

/// How one limit stands. `spent`, `reserved` and `remaining` are null where every process counts by itself,
/// and none of those asked is this one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LimitStandingView {
    /// The model that it is about; null for all of them together.
    model: Option<String>,
    /// What is counted: `requests`, `tokens`, or `cost`, which is in US dollars.
    measure: &'static str,
    /// Within which time: `minute`, `hour`, `day`, `month`, `5h`, `7d`, or `now`, which is calls under way.
    window: &'static str,
    /// The most there may be.
    #[schema(value_type = f64)]
    limit: Amount,
    /// What was used.
    #[schema(value_type = Option<f64>)]
    spent: Option<Amount>,
    /// What calls under way have reserved, or processes hold for their next ones.
    #[schema(value_type = Option<f64>)]
    reserved: Option<Amount>,
    /// What is neither spent nor reserved.
    #[schema(value_type = Option<f64>)]
    remaining: Option<Amount>,
    /// When the window turns; of one that slides, when the oldest of what was used stops counting. Null where
    /// nothing will.
    #[schema(value_type = Option<String>, format = "date-time")]
    resets_at: Option<Timestamp>,
}

/// A number of things, or of dollars.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Amount {
    Count(u64),
    Dollars(f64),
}

impl Amount {
    fn of(measure: Measure, amount: u64) -> Self {
        match measure {
            Measure::Requests | Measure::Tokens => Self::Count(amount),
            Measure::Cost => {
                Self::Dollars(Money::from_nanos(i64::try_from(amount).unwrap_or(i64::MAX)).as_dollars())
            }
        }
    }
}

impl From<Standings> for LimitStandingsView {
    fn from(standings: Standings) -> Self {
        let limits = standings.limits.into_iter().map(LimitStandingView::from).collect();
        Self { synced_at: standings.at, limits }
    }
}

impl From<LimitStanding> for LimitStandingView {
    fn from(LimitStanding { limit, standing, resets_at }: LimitStanding) -> Self {
        let counter = limit.counter;
        let amount = |amount| Amount::of(counter.measure, amount);
        Self {
            model: counter.model.as_deref().map(str::to_owned),
            measure: counter.measure.name(),
            window: counter.window.name(),
            limit: amount(limit.cap),
            spent: standing.map(|standing| amount(standing.used)),
            reserved: standing.map(|standing| amount(standing.held)),
            remaining: standing.map(|standing| amount(standing.room())),
            resets_at,
        }
    }
}
