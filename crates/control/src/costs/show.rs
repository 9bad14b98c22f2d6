//! Showing what calls cost.

use std::time::Duration;

use chrono::DateTime;
use chrono_tz::Tz;
use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{ProjectId, RepositoryError, Timestamp};
use promptgate_limits::Window;
use promptgate_store::{Access, UnitOfWork};
use promptgate_usage::{CostDimension, CostEntry, CostFilter, CostSums, Quarters};
use tracing::instrument;

use crate::Control;
use crate::members::actor_in;

/// The most days that are shown.
pub const MAX_DAYS: u32 = 366;
/// The most entries that are shown of each dimension.
pub const MAX_ENTRIES: u32 = 100;

/// Whose calls' costs are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostsOf {
    /// Everybody's.
    Everybody,
    /// Those of a project.
    Project(ProjectId),
}

/// What is to be shown.
#[derive(Debug, Clone)]
pub struct ShowCosts {
    /// Whose calls.
    pub of: CostsOf,
    /// Which of them. A project here only counts for everybody's.
    pub filter: CostFilter,
    /// How many days, today among them; at least one and at most [`MAX_DAYS`].
    pub days: u32,
    /// How many entries of each dimension, at most [`MAX_ENTRIES`].
    pub entries: u32,
    /// In which time zone days and months begin; `None` for the installation's.
    pub zone: Option<Tz>,
}

/// Why costs are not shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowCostsError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project does not exist, or was deleted.
    #[error("there is no project {0}")]
    UnknownProject(ProjectId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// What calls of one day cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyCost {
    /// The day, as `2026-02-28`.
    pub date: String,
    /// When it begins.
    pub starts_at: Timestamp,
    /// What its calls cost.
    pub sums: CostSums,
}

/// What calls cost.
#[derive(Debug, Clone)]
pub struct CostOverview {
    /// The time zone that days and months begin in.
    pub zone: Tz,
    /// When it was asked for.
    pub at: Timestamp,
    /// The last 24 hours, from the quarter of an hour on in which they begin.
    pub last_24_hours: CostSums,
    /// This month so far.
    pub month: CostSums,
    /// When it began.
    pub month_starts_at: Timestamp,
    /// The month before, as far as this one is by now.
    pub last_month_so_far: CostSums,
    /// The month before, whole.
    pub last_month: CostSums,
    /// The days, in order, with calls or without.
    pub daily: Vec<DailyCost>,
    /// All of them together.
    pub whole: CostSums,
    /// What entries of each dimension cost on these days, those that cost the most first.
    pub by: Vec<(CostDimension, Vec<CostEntry>)>,
}

/// Shows what calls cost. How many questions the store is asked does not depend on the calls.
#[instrument(name = "control.costs.show", skip_all)]
pub async fn show(control: &Control, actor: Actor, query: ShowCosts) -> Result<CostOverview, ShowCostsError> {
    let mut work = control.store.begin(Access::Read).await?;
    let (filter, dimensions) = match query.of {
        CostsOf::Everybody => {
            actor.require(Permission::ReadUsage)?;
            (query.filter, &EVERYBODYS[..])
        }
        CostsOf::Project(id) => {
            actor_in(&mut *work, actor, id).await?.require_in(id, Permission::ReadUsage)?;
            work.projects().find(id).await?.ok_or(ShowCostsError::UnknownProject(id))?;
            (CostFilter { project: Some(id), ..query.filter }, &OF_A_PROJECT[..])
        }
    };
    let (zone, now) = (query.zone.unwrap_or(control.limits.zone), control.clock.now());
    let work = &mut *work;
    let month = Window::Month.span(now, zone).since;
    let last_month = Window::Month.span(just_before(month), zone).since;
    let so_far = last_month.plus(now.since(month)).min(just_before(month));
    let last_24_hours = Quarters::through(now.minus(Duration::from_hours(24)), now);
    let last_24_hours = work.costs().total(&filter, last_24_hours).await?;
    let this_month = work.costs().total(&filter, Quarters::through(month, now)).await?;
    let last_month_so_far = work.costs().total(&filter, Quarters::through(last_month, so_far)).await?;
    let last_month = work.costs().total(&filter, Quarters::until(last_month, month)).await?;
    let midnights = midnights(query.days.clamp(1, MAX_DAYS), now, zone);
    let daily = daily(work, &filter, &midnights, zone).await?;
    let mut whole = CostSums::default();
    for day in &daily {
        whole.add(&day.sums);
    }
    let quarters = Quarters::until(midnights[0], midnights[midnights.len() - 1]);
    let mut by = Vec::with_capacity(dimensions.len());
    for dimension in dimensions {
        let entries = query.entries.min(MAX_ENTRIES);
        by.push((*dimension, work.costs().top(&filter, quarters, *dimension, entries).await?));
    }
    Ok(CostOverview {
        zone,
        at: now,
        last_24_hours,
        month: this_month,
        month_starts_at: month,
        last_month_so_far,
        last_month,
        daily,
        whole,
        by,
    })
}

const OF_A_PROJECT: [CostDimension; 5] = [
    CostDimension::Endpoint,
    CostDimension::Provider,
    CostDimension::Model,
    CostDimension::Token,
    CostDimension::Owner,
];
const EVERYBODYS: [CostDimension; 6] = [
    CostDimension::Endpoint,
    CostDimension::Provider,
    CostDimension::Model,
    CostDimension::Token,
    CostDimension::Owner,
    CostDimension::Project,
];

fn just_before(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_sub(1))
}

/// When so many days begin, of which today is the last, and when it ends.
fn midnights(days: u32, now: Timestamp, zone: Tz) -> Vec<Timestamp> {
    let today = Window::Day.span(now, zone);
    let mut midnights = vec![today.until, today.since];
    for _ in 1..days {
        let last = midnights[midnights.len() - 1];
        midnights.push(Window::Day.span(just_before(last), zone).since);
    }
    midnights.reverse();
    midnights
}

async fn daily(
    work: &mut dyn UnitOfWork,
    filter: &CostFilter,
    midnights: &[Timestamp],
    zone: Tz,
) -> Result<Vec<DailyCost>, RepositoryError> {
    let sums = work.costs().between(filter, midnights).await?;
    let day = |(starts_at, sums): (&Timestamp, CostSums)| DailyCost {
        date: date(*starts_at, zone),
        starts_at: *starts_at,
        sums,
    };
    Ok(midnights.iter().zip(sums).map(day).collect())
}

fn date(at: Timestamp, zone: Tz) -> String {
    let instant = DateTime::from_timestamp_micros(at.as_micros());
    instant.map_or_else(String::new, |instant| instant.with_timezone(&zone).date_naive().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_as_long_as_they_are_there() {
        let zone = Tz::Europe__Berlin;
        let now = "2026-03-30T12:00:00Z".parse().unwrap();
        let midnights = midnights(3, now, zone);
        let shown: Vec<String> = midnights.iter().map(ToString::to_string).collect();
        let expected =
            ["2026-03-27T23:00:00", "2026-03-28T23:00:00", "2026-03-29T22:00:00", "2026-03-30T22:00:00"];
        assert_eq!(shown, expected.map(|at| format!("{at}.000000Z")));
        let dates: Vec<String> = midnights[..3].iter().map(|at| date(*at, zone)).collect();
        assert_eq!(dates, ["2026-03-28", "2026-03-29", "2026-03-30"]);
    }
}
