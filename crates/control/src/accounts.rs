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
use promptgate_auth::{Account, AccountKind, AccountUse, Actor, ListedAccount};
use promptgate_kernel::{AccountId, RepositoryError, Timestamp};
use promptgate_store::UnitOfWork;

use crate::Control;
use crate::tokens::{Lost, end_all};

pub use administrator::{SeedAdministrator, SeedAdministratorError, seed_administrator};
pub use create::{CreateAccountError, CreatePerson, create_person, create_service};
pub use delete::{DeleteAccountError, delete};
pub use find::{FindAccountError, find, find_by_email};
pub use list::{ListAccountsError, list};
pub use members::{Member, MembersError, is_member_anywhere, members, membership, remove_member, set_member};
pub use password::{ResetPasswordError, reset_password};
pub use update::{UpdateAccountError, update};

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
    /// The plan that applies: the one that it was given, else the default one.
    pub effective_plan: Option<Plan>,
}

/// Finds an account of one kind; those of the other are not there.
async fn of_kind(
    work: &mut dyn UnitOfWork,
    kind: AccountKind,
    id: AccountId,
) -> Result<Option<Account>, RepositoryError> {
    Ok(work.accounts().find(id).await?.filter(|account| account.kind == kind))
}

async fn described(work: &mut dyn UnitOfWork, account: Account) -> Result<Described, RepositoryError> {
    let used = work.accounts().used_by(account.id).await?;
    let plans = plans(work.plans()).await?;
    Ok(plans.describe(ListedAccount { account, used }))
}

/// Ends the keys of an account.
async fn revoke_tokens(
    control: &Control,
    work: &mut dyn UnitOfWork,
    actor: Actor,
    owner: AccountId,
    at: Timestamp,
) -> Result<(), RepositoryError> {
    let tokens = work.tokens().list_of_owner(owner).await?;
    match end_all(control.scribe(), work, actor, tokens, at).await {
        Ok(_) => Ok(()),
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
    fn describe(&self, listed: ListedAccount) -> Described {
        let ListedAccount { account, used } = listed;
        let given = self.0.iter().find(|plan| Some(plan.id) == account.plan_id);
        let default = self.0.iter().find(|plan| plan.is_default);
        Described { plan: given.cloned(), effective_plan: given.or(default).cloned(), account, used }
    }
}
