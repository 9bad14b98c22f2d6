//! What accounts of a fresh installation may use.

use promptgate_access::{Group, InvalidGroup, InvalidPlan, NewGroup, NewPlan, Patterns, Plan, Providers};
use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{GroupId, PlanId, RepositoryError};
use promptgate_store::{Access, Change};
use tracing::instrument;

use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// Why nothing was seeded.
#[derive(Debug, thiserror::Error)]
pub enum SeedAccessError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The group breaks a rule of its own.
    #[error(transparent)]
    Group(#[from] InvalidGroup),
    /// The plan breaks a rule of its own.
    #[error(transparent)]
    Plan(#[from] InvalidPlan),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Makes the default plan, which limits nothing, and a group of every provider and model that new
/// accounts are put into; says whether it did. Only where there is no plan: once there is one there is
/// always one, so a group that somebody deleted does not come back. Two processes that start at once
/// make it once.
#[instrument(name = "control.bootstrap.seed_access", skip_all)]
pub async fn seed_access(control: &Control, actor: Actor) -> Result<bool, SeedAccessError> {
    actor.require(Permission::ManagePlans)?;
    actor.require(Permission::ManageGroups)?;
    if control.store.begin(Access::Read).await?.plans().find_default().await?.is_some() {
        return Ok(false);
    }
    let at = control.clock.now();
    let plan = Plan::create(PlanId::mint(&*control.clock, &*control.entropy), new_plan(), at)?;
    let group = Group::create(GroupId::mint(&*control.clock, &*control.entropy), new_group(), at)?;
    let mut work = control.store.begin(Access::Write).await?;
    let entry = Entry::of_plan("subscription_plan.created", plan.id)
        .detail("name", plan.name.clone())
        .made(&shown::plan(&plan));
    // Writers queue at the audit log, so whoever looks after this sees what the one before made.
    control.audit(&mut *work, actor, entry, at).await?;
    let plans = work.plans().list_all().await?;
    if plans.iter().any(|known| known.is_default || known.name.eq_ignore_ascii_case(&plan.name)) {
        return Ok(false);
    }
    work.plans().insert(&plan).await?;
    if work.groups().list_all().await?.iter().any(|known| known.name == group.name) {
        work.commit().await?;
        return Ok(true);
    }
    work.groups().insert(&group).await?;
    let entry = Entry::of_group("access_group.created", group.id)
        .detail("name", group.name.clone())
        .made(&shown::group(&group));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Group(group.id), at).await?;
    control.commit(work, revision).await?;
    Ok(true)
}

fn new_plan() -> NewPlan {
    NewPlan {
        name: "Default".to_owned(),
        description: "No limits. Accounts have it that were given no plan of their own.".to_owned(),
        quota_5h_tokens: None,
        quota_7d_tokens: None,
        is_default: true,
    }
}

fn new_group() -> NewGroup {
    NewGroup {
        name: "default".to_owned(),
        display_name: "Default".to_owned(),
        description: "Every provider and model. New accounts are put into it.".to_owned(),
        providers: Providers::All,
        allow: Patterns::default(),
        exclude: Patterns::default(),
        for_new_accounts: true,
        limits: promptgate_kernel::LimitSet::default(),
    }
}
