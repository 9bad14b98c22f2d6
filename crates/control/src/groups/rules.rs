//! What the groups of an account grant, ready for use.

use std::sync::Arc;

use promptgate_access::{AccessRule, AccessRules};
use promptgate_kernel::{AccountId, RepositoryError};
use promptgate_store::UnitOfWork;

/// What an account may call.
pub(crate) async fn rules_of(
    work: &mut dyn UnitOfWork,
    account: AccountId,
) -> Result<AccessRules, RepositoryError> {
    let groups = work.groups().groups_of(account).await?;
    let rules = groups.iter().map(|listed| Arc::new(AccessRule::of(&listed.group)));
    Ok(AccessRules::new(rules.collect()))
}
