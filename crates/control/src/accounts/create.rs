//! Making accounts by hand: service accounts, and people who sign in with a password.

use promptgate_auth::{
    Account, Actor, Forbidden, InvalidAccount, NewPerson, NewService, PasswordPolicy, Permission, Role,
    WeakPassword,
};
use promptgate_kernel::{AccountId, RepositoryError, SecretString};
use promptgate_store::{Access, Change};
use tracing::instrument;

use super::{Described, described};
use crate::Control;
use crate::journal::Entry;
use crate::shown;
use crate::sign_in::{HashError, hash};

/// A person who is to sign in with a password.
#[derive(Debug, Clone)]
pub struct CreatePerson {
    /// The e-mail, which the person signs in with.
    pub email: String,
    /// The name; blank means the e-mail.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// The first password.
    pub password: SecretString,
    /// Whether it must be changed at the first sign-in.
    pub must_change_password: bool,
}

/// Why an account is not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateAccountError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidAccount),
    /// Its password is no good.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// Another service account has this identifier.
    #[error("there is another service account with this identifier")]
    IdentifierTaken,
    /// Another person signs in with this e-mail.
    #[error("somebody else signs in with this e-mail")]
    EmailTaken,
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for CreateAccountError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(super::IDENTIFIER_KEY) {
            Self::IdentifierTaken
        } else if error.is_conflict(super::EMAIL_KEY) {
            Self::EmailTaken
        } else {
            Self::Store(error)
        }
    }
}

impl From<HashError> for CreateAccountError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Weak(error) => error.into(),
            HashError::Store(error) => error.into(),
        }
    }
}

/// Makes a service account.
#[instrument(name = "control.accounts.create_service", skip_all)]
pub async fn create_service(
    control: &Control,
    actor: Actor,
    new: NewService,
) -> Result<Described, CreateAccountError> {
    actor.require(Permission::ManageAccounts)?;
    let at = control.clock.now();
    let account = Account::service(AccountId::mint(&*control.clock, &*control.entropy), &new, at)?;
    insert(control, actor, account, "service_account.created").await
}

/// Makes a person who signs in with a password.
#[instrument(name = "control.accounts.create_person", skip_all)]
pub async fn create_person(
    control: &Control,
    actor: Actor,
    new: CreatePerson,
) -> Result<Described, CreateAccountError> {
    actor.require(Permission::ManageAccounts)?;
    PasswordPolicy.check(&new.password, &[&new.email])?;
    let password = hash(control, &new.password).await?;
    let person = NewPerson {
        email: new.email,
        username: String::new(),
        name: new.name,
        role: new.role,
        password,
        must_change_password: new.must_change_password,
    };
    let id = AccountId::mint(&*control.clock, &*control.entropy);
    let account = Account::person_by_password(id, person, control.clock.now())?;
    insert(control, actor, account, "user.created").await
}

async fn insert(
    control: &Control,
    actor: Actor,
    account: Account,
    action: &'static str,
) -> Result<Described, CreateAccountError> {
    let at = account.created_at;
    let mut work = control.store.begin(Access::Write).await?;
    work.accounts().insert(&account).await?;
    work.groups().welcome(account.id).await?;
    let entry = Entry::of_account(action, account.id).made(&shown::account(&account));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Account(account.id), at).await?;
    control.commit(work, revision).await?;
    Ok(described(control, account).await?)
}
