//! How limits stand.

use std::collections::BTreeMap;

use promptgate_kernel::{AccountId, PlanId, RepositoryError, Timestamp, TokenId};
use promptgate_limits::{Limit, Standing, Subject, Window};

use super::applying::Gathered;
use crate::Control;

/// How one limit stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitStanding {
    /// The limit.
    pub limit: Limit,
    /// What people call whose it is; of a quota, the plan.
    pub name: String,
    /// The plan that it is of; `None` where it is none of a plan.
    pub plan: Option<PlanId>,
    /// How it stands; `None` where nobody can say at the moment, or where whoever asks would learn what
    /// others use.
    pub standing: Option<Standing>,
    /// When the window turns; `None` for one that never does.
    pub resets_at: Option<Timestamp>,
    /// Whether it has the least left of all that count the same for every call that was asked about.
    pub is_tightest: bool,
}

/// The most tokens that one request may give a model to read, by estimate. Nothing adds up under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestCap {
    /// Whose it is.
    pub subject: Subject,
    /// What people call that.
    pub name: String,
    /// The most there may be.
    pub tokens: u64,
    /// Whether it is the least of all that estimate in the same way.
    pub is_tightest: bool,
}

/// How all limits stand that apply to something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standings {
    /// When they were looked up.
    pub at: Timestamp,
    /// Each of them, those that are closest first.
    pub limits: Vec<LimitStanding>,
    /// What one request may have to read, in the same order.
    pub caps: Vec<RequestCap>,
    /// Whether the account that calls are for has no plan, so that models are refused to it.
    pub lacks_plan: bool,
    /// Whether limits of the account are left out, because whoever asks may not see accounts.
    pub leaves_account_out: bool,
}

/// Whose use whoever asks may learn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Figures {
    /// Everybody's.
    All,
    /// Only their own: that of a token, and of the account that it acts for.
    Own { token: Option<TokenId>, account: Option<AccountId> },
}

impl Figures {
    fn show(self, subject: Subject) -> bool {
        match self {
            Self::All => true,
            Self::Own { token, account } => match subject {
                Subject::Token(id) => token == Some(id),
                Subject::Owner(id) => account == Some(id),
                Subject::Endpoint(_) | Subject::Project(_) | Subject::Group(_) => false,
            },
        }
    }
}

/// Looks up how limits stand. `model` is the one that is asked about; without one those of single models
/// are not compared with the others. Never while a unit of work is open.
pub(super) async fn look_up(
    control: &Control,
    mut gathered: Gathered,
    model: Option<&str>,
    figures: Figures,
) -> Result<Standings, RepositoryError> {
    gathered.keep_model(model);
    let at = control.clock.now();
    let asked: Vec<Limit> = gathered.limits.iter().map(|applying| applying.limit.clone()).collect();
    let told = control.limits.standing(&asked, at).await?;
    let mut limits: Vec<LimitStanding> = gathered
        .limits
        .into_iter()
        .zip(told)
        .map(|(applying, standing)| LimitStanding {
            resets_at: resets_at(control, &applying.limit, standing.as_ref(), at),
            limit: applying.limit,
            name: applying.name,
            plan: applying.plan,
            standing,
            is_tightest: false,
        })
        .collect();
    mark_tightest(&mut limits, model);
    for limit in &mut limits {
        limit.standing = limit.standing.filter(|_| figures.show(limit.limit.counter.subject));
    }
    let Gathered { mut caps, lacks_plan, leaves_account_out, .. } = gathered;
    mark_least(&mut caps);
    Ok(Standings { at, limits, caps, lacks_plan, leaves_account_out })
}

fn resets_at(
    control: &Control,
    limit: &Limit,
    standing: Option<&Standing>,
    at: Timestamp,
) -> Option<Timestamp> {
    match limit.counter.window {
        Window::Now => None,
        // Of a window that slides nothing comes back where nothing was used.
        Window::FiveHours | Window::SevenDays => {
            standing.filter(|standing| standing.used > 0).map(|standing| standing.resets_at)
        }
        window @ (Window::Minute | Window::Hour | Window::Day | Window::Month) => {
            Some(window.span(at, control.limits.zone).until)
        }
    }
}

/// Marks the least of the caps. That of an AI endpoint is about the words of messages alone, so it is compared
/// with no other.
fn mark_least(caps: &mut [RequestCap]) {
    let is_of_endpoint = |cap: &RequestCap| matches!(cap.subject, Subject::Endpoint(_));
    let others = caps.iter().enumerate().filter(|(_, cap)| !is_of_endpoint(cap));
    let least = others.min_by_key(|(_, cap)| cap.tokens).map(|(place, _)| place);
    for (place, cap) in caps.iter_mut().enumerate() {
        cap.is_tightest = is_of_endpoint(cap) || Some(place) == least;
    }
}

/// Of the limits that count the same, marks the one that has the least left; calls under way are another
/// thing than calls in a time.
fn mark_tightest(limits: &mut [LimitStanding], model: Option<&str>) {
    let mut tightest = BTreeMap::new();
    for (place, LimitStanding { limit, standing, .. }) in limits.iter().enumerate() {
        let counter = &limit.counter;
        let counts = counter.model.is_none() || model.is_some();
        let Some(standing) = standing.filter(|_| counts) else { continue };
        let best = tightest
            .entry((counter.measure, counter.window == Window::Now))
            .or_insert((standing.room(), place));
        if standing.room() < best.0 {
            *best = (standing.room(), place);
        }
    }
    for (_, place) in tightest.into_values() {
        limits[place].is_tightest = true;
    }
}
