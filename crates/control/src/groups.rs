//! Access groups: create, find, list, change and delete them, and say who is in them.

mod check_patterns;
mod create;
mod delete;
mod find;
mod list;
mod members;
mod of_account;
mod rules;
mod update;

use promptgate_access::{Group, InvalidGroup, ListedGroup, Member, Providers};
use promptgate_auth::Forbidden;
use promptgate_kernel::{AccountId, GroupId, ProviderId, RepositoryError};
use promptgate_providers::Provider;
use promptgate_store::UnitOfWork;

pub use check_patterns::{CheckPatterns, PatternCheck, ProviderCheck, check_patterns};
pub use create::create;
pub use delete::delete;
pub use find::find;
pub use list::list;
pub use members::{add_member, remove_member};
pub use of_account::{mine, of_account, set_of_account};
pub(crate) use rules::rules_of;
pub use update::{UpdateGroup, update};

/// The constraint that keeps two groups from having one name.
const NAME_KEY: &str = "access_groups_name_key";

/// Why nothing was done about a group.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no access group {0}")]
    NotFound(GroupId),
    /// A provider that it names does not exist.
    #[error("there is no provider {0}")]
    UnknownProvider(ProviderId),
    /// There is no such account.
    #[error("there is no account {0}")]
    UnknownAccount(AccountId),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidGroup),
    /// Another group has the name.
    #[error("another access group has this name; choose another one")]
    NameTaken,
    /// Somebody else changed it at the same time; look at it again.
    #[error("the access group {0} was changed by somebody else")]
    Changed(GroupId),
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for GroupError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(NAME_KEY) { Self::NameTaken } else { Self::Store(error) }
    }
}

/// A group, the providers that it grants, and who is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedGroup {
    /// The group.
    pub group: Group,
    /// The providers, by name; of a group of all providers those that there are now.
    pub providers: Vec<Provider>,
    /// The members.
    pub members: Vec<Member>,
}

/// Groups with what is told of their providers.
async fn described(
    work: &mut dyn UnitOfWork,
    groups: Vec<ListedGroup>,
) -> Result<Vec<DescribedGroup>, RepositoryError> {
    let all = work.providers().list_all().await?;
    let describe = |ListedGroup { group, members }: ListedGroup| {
        let granted = all.iter().filter(|provider| group.providers.contains(provider.id));
        DescribedGroup { providers: granted.cloned().collect(), group, members }
    };
    Ok(groups.into_iter().map(describe).collect())
}

/// Whether every provider that a group names is there.
async fn check_providers(work: &mut dyn UnitOfWork, providers: &Providers) -> Result<(), GroupError> {
    let Providers::Some(named) = providers else { return Ok(()) };
    let all = work.providers().list_all().await?;
    match named.iter().find(|id| !all.iter().any(|provider| provider.id == **id)) {
        Some(unknown) => Err(GroupError::UnknownProvider(*unknown)),
        None => Ok(()),
    }
}
