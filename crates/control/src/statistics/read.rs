//! Adding up calls.

use promptgate_auth::{AccountKind, Actor, Permission};
use promptgate_kernel::AccountId;
use promptgate_store::Access;
use promptgate_usage::{Costs, Grain, Statistics, UsageScope, Window};
use tracing::instrument;

use super::{StatisticsError, book, period};
use crate::Control;

/// Whose calls are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Everybody's.
    Everybody,
    /// Those of the account that asks.
    Oneself(AccountId),
    /// Those of a person.
    Person(AccountId),
}

/// What the calls of a window add up to.
#[instrument(name = "control.statistics.read", skip_all)]
pub async fn read(
    control: &Control,
    actor: Actor,
    subject: Subject,
    window: Window,
    grain: Grain,
    costs: Costs,
) -> Result<Statistics, StatisticsError> {
    let scope = match subject {
        Subject::Everybody => {
            actor.require(Permission::ReadUsage)?;
            UsageScope::Everybody
        }
        Subject::Oneself(account) => {
            actor.require(Permission::UseOwnAccount)?;
            UsageScope::Owner(account)
        }
        Subject::Person(account) => {
            actor.require(Permission::ReadUsage)?;
            UsageScope::Owner(account)
        }
    };
    let mut work = control.store.begin(Access::Read).await?;
    if let Subject::Person(id) = subject {
        let found = work.accounts().find(id).await?.filter(|account| account.kind == AccountKind::Person);
        found.ok_or(StatisticsError::UnknownPerson(id))?;
    }
    let period = period(&mut *work, scope, window, control.clock.now()).await?;
    let groups = match period.days {
        Some(days) => work.statistics().groups(scope, days, grain).await?,
        None => Vec::new(),
    };
    Ok(Statistics::new(period, groups, book(&mut *work, costs).await?))
}
