//! The administrator that every installation begins with.

use promptgate_auth::{Account, Actor, Forbidden, PasswordPolicy, Permission, WeakPassword};
use promptgate_kernel::{AccountId, RepositoryError, SecretString};
use promptgate_store::{Access, Change};
use tracing::instrument;

use crate::Control;
use crate::journal::Entry;
use crate::shown;
use crate::sign_in::{HashError, hash};

/// How the first administrator is to sign in.
#[derive(Debug, Clone, Default)]
pub struct SeedAdministrator {
    /// The password, held to what is asked of every other; without one, or with the one that everybody
    /// knows, it is that one, which only opens "set a new password", on the machine itself.
    pub password: Option<SecretString>,
}

/// Why no administrator was seeded.
#[derive(Debug, thiserror::Error)]
pub enum SeedAdministratorError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The password cannot be one.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl From<HashError> for SeedAdministratorError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Weak(error) => error.into(),
            HashError::Store(error) => error.into(),
        }
    }
}

/// Makes `admin@promptgate.dev`, only where there is no account; `None` elsewhere. Two
/// processes that start at once make it once.
#[instrument(name = "control.accounts.seed_administrator", skip_all)]
pub async fn seed_administrator(
    control: &Control,
    actor: Actor,
    seed: SeedAdministrator,
) -> Result<Option<Account>, SeedAdministratorError> {
    actor.require(Permission::ManageAccounts)?;
    let mut work = control.store.begin(Access::Read).await?;
    if work.accounts().count().await? > 0 {
        return Ok(None);
    }
    drop(work);
    let well_known = PasswordPolicy::well_known();
    let given = seed.password.filter(|given| given.expose() != well_known.expose());
    if let Some(given) = &given {
        PasswordPolicy.check(given, &[Account::SEEDED_EMAIL])?;
    }
    let is_well_known = given.is_none();
    let hash = hash(control, &given.unwrap_or(well_known)).await?;
    let at = control.clock.now();
    let id = AccountId::mint(&*control.clock, &*control.entropy);
    let account = Account::seeded(id, hash, is_well_known, at);
    let mut work = control.store.begin(Access::Write).await?;
    work.accounts().lock_administrators().await?;
    if work.accounts().count().await? > 0 {
        return Ok(None);
    }
    work.accounts().insert(&account).await?;
    work.groups().welcome(id).await?;
    let entry = Entry::of_account("user.created", id).made(&shown::account(&account));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Account(id), at).await?;
    control.commit(work, revision).await?;
    Ok(Some(account))
}
