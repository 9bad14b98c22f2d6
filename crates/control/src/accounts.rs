//! People and service accounts: create, find, list, change and delete them, and their memberships.

mod administrator;
mod create;
mod delete;
mod find;
mod list;
mod members;
mod password;
mod update;

use promptgate_access::{Plan, PlanRepository};
use promptgate_auth::{Account, AccountKind, AccountUse, ListedAccount};
use promptgate_kernel::{AccountId, PlanId, RepositoryError, Timestamp};
use promptgate_store::{Access, UnitOfWork};

use crate::Control;
use crate::plans::{Quota, quotas};
use crate::tokens::{Ended, Lost, end_all_of};

pub use administrator::{SeedAdministrator, SeedAdministratorError, seed_administrator};
pub use create::{CreateAccountError, CreatePerson, create_person, create_service};
pub use delete::{DeleteAccountError, delete};
pub use find::{FindAccountError, find, find_by_email};
pub use list::{ListAccountsError, list};
pub use members::{Member, MembersError, is_member_anywhere, members, membership, remove_member, set_member};
pub use password::{ResetPasswordError, reset_password};
pub use update::{UpdateAccountError, update};

/// When only those count whose access has no end: others would leave nobody one day.
const FOR_EVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// The constraint that keeps two service accounts from having one identifier.
const IDENTIFIER_KEY: &str = "accounts_username_key";
/// The constraint that keeps two people from signing in with one e-mail.
const EMAIL_KEY: &str = "accounts_email_folded_key";

/// An account with what is shown beside it.
#[derive(Debug, Clone)]
pub struct Described {
    /// The account.
    pub account: Account,
    /// What its keys used in the calls that are on record.
    pub used: AccountUse,
    /// The plan that it was given.
    pub plan: Option<Plan>,
    /// What it may use and has used, with the plan that applies: the one that it was given, else the
    /// default one.
    pub quota: Quota,
}

/// Finds an account of one kind; those of the other are not there.
async fn of_kind(
    work: &mut dyn UnitOfWork,
    kind: AccountKind,
    id: AccountId,
) -> Result<Option<Account>, RepositoryError> {
    Ok(work.accounts().find(id).await?.filter(|account| account.kind == kind))
}

/// Looks up what is shown beside an account. Never while something is being changed: adding up calls
/// takes its time.
async fn described(control: &Control, account: Account) -> Result<Described, RepositoryError> {
    let mut work = control.store.begin(Access::Read).await?;
    let used = work.accounts().used_by(account.id).await?;
    let plans = plans(work.plans()).await?;
    drop(work);
    let described = describe(control, &plans, vec![ListedAccount { account, used }]).await?;
    Ok(described.into_iter().next().expect("one account is described by one description"))
}

/// What is shown beside accounts, in their order. Never while a unit of work is open.
async fn describe(
    control: &Control,
    plans: &Plans,
    accounts: Vec<ListedAccount>,
) -> Result<Vec<Described>, RepositoryError> {
    let with_plans = |listed: &ListedAccount| (listed.account.id, plans.effective(listed.account.plan_id));
    let quotas = quotas(control, accounts.iter().map(with_plans).collect()).await?;
    let described = accounts.into_iter().zip(quotas).map(|(listed, quota)| {
        let plan = plans.given(listed.account.plan_id).cloned();
        Described { account: listed.account, used: listed.used, plan, quota }
    });
    Ok(described.collect())
}

/// Ends the keys of an account; what is done is to be recorded.
async fn end_tokens(
    work: &mut dyn UnitOfWork,
    owner: AccountId,
    at: Timestamp,
) -> Result<Ended, RepositoryError> {
    match end_all_of(work, owner, at).await {
        Ok(ended) => Ok(ended),
        Err(Lost::Store(error)) => Err(error),
        // Somebody changes one right now; whoever calls tries again.
        Err(error @ Lost::Changed(_)) => Err(RepositoryError::Unavailable { source: error.into() }),
    }
}

/// Every plan; there are few.
struct Plans(Vec<Plan>);

async fn plans(plans: &mut dyn PlanRepository) -> Result<Plans, RepositoryError> {
    Ok(Plans(plans.list_all().await?))
}

impl Plans {
    /// The plan that was given.
    fn given(&self, id: Option<PlanId>) -> Option<&Plan> {
        self.0.iter().find(|plan| Some(plan.id) == id)
    }

    /// The plan that was given, else the default one.
    fn effective(&self, given: Option<PlanId>) -> Option<Plan> {
        self.given(given).or_else(|| self.0.iter().find(|plan| plan.is_default)).cloned()
    }
}
