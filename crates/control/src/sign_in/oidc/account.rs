//! Whose account it is that a provider vouches for.

use promptgate_access::Group;
use promptgate_auth::{
    Account, AccountChanges, AccountFilter, AccountKind, AccountSort, Actor, InvalidAccount, Role,
};
use promptgate_kernel::{AccountId, PageRequest, RepositoryError, SortDirection, Timestamp};
use promptgate_store::{Access, Change, UnitOfWork};

use super::super::{Visitor, identity::Identity, person};
use crate::Control;
use crate::accounts::{UpdateAccountError, update};
use crate::groups::{GroupError, set_of_account};
use crate::journal::{Entry, named};
use crate::shown;

/// How often somebody else may change the account at the same moment.
const TRIES: usize = 5;

/// Why somebody whom a provider vouches for has no account.
#[derive(Debug, thiserror::Error)]
pub enum OidcAccountError {
    /// The provider says nothing that could be a user name.
    #[error(transparent)]
    Invalid(#[from] InvalidAccount),
    /// The account is changed by others all the time.
    #[error("the account {0} was changed by somebody else")]
    Changed(AccountId),
    /// The role, or the groups, that the provider gives cannot be given.
    #[error("what the provider grants cannot be given")]
    Grants(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl OidcAccountError {
    /// Why, in one word, for the audit log.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "no_username",
            Self::Changed(_) => "concurrent_change",
            Self::Grants(_) => "grants",
            Self::Store(_) => "store",
        }
    }
}

/// Finds or makes the account, with what the provider says about the person now.
pub(super) async fn of_identity(
    control: &Control,
    visitor: &Visitor,
    provider: &str,
    identity: &Identity,
) -> Result<Account, OidcAccountError> {
    let mut tries = 0;
    let account = loop {
        match note(control, visitor, provider, identity).await {
            Err(OidcAccountError::Changed(_)) if tries < TRIES => tries += 1,
            Err(OidcAccountError::Store(error)) if tries < TRIES && error.is_conflict(IDENTITY_KEY) => {
                tries += 1;
            }
            result => break result?,
        }
    };
    granted(control, account, identity).await
}

/// Takes over what the provider says about a person who is signed in: as a sign-in does, and it is none.
pub(in crate::sign_in) async fn renewed(
    control: &Control,
    id: AccountId,
    provider: &str,
    identity: &Identity,
) -> Result<(), OidcAccountError> {
    let mut tries = 0;
    let account = loop {
        match describe(control, id, provider, identity).await {
            Err(OidcAccountError::Changed(_)) if tries < TRIES => tries += 1,
            result => break result?,
        }
    };
    if let Some(account) = account {
        granted(control, account, identity).await?;
    }
    Ok(())
}

/// The account with the name and the e-mail that the provider says now; `None` if it is not the person's.
async fn describe(
    control: &Control,
    id: AccountId,
    provider: &str,
    identity: &Identity,
) -> Result<Option<Account>, OidcAccountError> {
    let (at, given) = (control.clock.now(), &identity.person);
    let mut work = control.store.begin(Access::Read).await?;
    let known = work.accounts().find_by_identity(&given.issuer, &given.subject).await?;
    drop(work);
    let Some(known) = known.filter(|known| known.id == id) else { return Ok(None) };
    let Some(account) = known.clone().described_by_oidc(given.clone(), at)? else { return Ok(Some(known)) };
    let mut work = control.store.begin(Access::Write).await?;
    if !work.accounts().save(&account).await? {
        return Err(OidcAccountError::Changed(id));
    }
    let fields = named([
        ("username", account.username != known.username),
        ("email", account.email != known.email),
        ("name", account.name != known.name),
    ]);
    let entry = Entry::of_account("user.updated", id)
        .detail("fields", fields)
        .detail("provider", provider)
        .between(&shown::account(&known), &shown::account(&account));
    control.audit(&mut *work, Actor::system(), entry, at).await?;
    let revision = work.changes().record(Change::Account(id), at).await?;
    control.commit(work, revision).await?;
    Ok(Some(account))
}

/// The constraint that keeps two accounts from being one person's of a provider.
const IDENTITY_KEY: &str = "accounts_issuer_subject_key";

async fn note(
    control: &Control,
    visitor: &Visitor,
    provider: &str,
    identity: &Identity,
) -> Result<Account, OidcAccountError> {
    let at = control.clock.now();
    let given = &identity.person;
    let mut work = control.store.begin(Access::Write).await?;
    let known = work.accounts().find_by_identity(&given.issuer, &given.subject).await?;
    let known = if known.is_some() {
        known
    } else {
        // Whoever comes first is alone with that question.
        work.accounts().lock_administrators().await?;
        match work.accounts().find_by_identity(&given.issuer, &given.subject).await? {
            None => unlinked(&mut *work, &given.username).await?,
            known => known,
        }
    };
    let entry =
        |id| Entry::of_account("auth.login", id).detail("method", "oidc").detail("provider", provider);
    if let Some(known) = known {
        let is_new_here = !known.is_linked();
        let account = known.signed_in_by_oidc(given.clone(), at)?;
        if !work.accounts().save(&account).await? {
            return Err(OidcAccountError::Changed(account.id));
        }
        let entry = entry(account.id);
        let entry = if is_new_here { entry.detail("linked", "by_username") } else { entry };
        control.audit(&mut *work, person(&account, visitor.origin), entry, at).await?;
        work.commit().await?;
        return Ok(account);
    }
    let role = if is_first(&mut *work, at).await? { Role::Admin } else { Role::None };
    let id = AccountId::mint(&*control.clock, &*control.entropy);
    let account = Account::person_by_oidc(id, given.clone(), role, at)?;
    work.accounts().insert(&account).await?;
    work.groups().welcome(id).await?;
    let actor = person(&account, visitor.origin);
    let made =
        Entry::of_account("user.created", id).detail("provider", provider).made(&shown::account(&account));
    control.audit(&mut *work, actor, made, at).await?;
    control.audit(&mut *work, actor, entry(id), at).await?;
    let revision = work.changes().record(Change::Account(id), at).await?;
    control.commit(work, revision).await?;
    Ok(account)
}

/// The account with this user name, if no provider vouches for it yet.
///
/// A user name is the provider's to give, and often its people's to choose. So it opens no account
/// that would let more than the provider in: not the seeded one, no administrator's with a password,
/// none with a second factor.
async fn unlinked(work: &mut dyn UnitOfWork, username: &str) -> Result<Option<Account>, RepositoryError> {
    let found = work.accounts().find_by_username(AccountKind::Person, username.trim()).await?;
    Ok(found.filter(|account| {
        let is_guarded = account.well_known_password
            || account.needs_totp()
            || (account.password.is_some() && account.role == Role::Admin);
        !account.is_linked() && !is_guarded
    }))
}

/// Whether nobody is here yet but the seeded account, whose password everybody knows.
async fn is_first(work: &mut dyn UnitOfWork, now: Timestamp) -> Result<bool, RepositoryError> {
    if work.accounts().count_other_administrators(None, now).await? > 0 {
        return Ok(false);
    }
    let people = AccountFilter {
        kind: AccountKind::Person,
        search: None,
        role: None,
        active: None,
        sort: AccountSort::CreatedAt,
        direction: SortDirection::Ascending,
    };
    let first = work.accounts().list(&people, PageRequest::clamped(1, 2)).await?;
    Ok(first.items.iter().all(|listed| listed.account.well_known_password))
}

/// The account with the role and the groups that the provider gives, where it gives any.
async fn granted(
    control: &Control,
    account: Account,
    identity: &Identity,
) -> Result<Account, OidcAccountError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| OidcAccountError::Grants(error);
    let mut account = account;
    if let Some(role) = identity.role.filter(|role| *role != account.role) {
        let changes = AccountChanges { role: Some(role), ..AccountChanges::default() };
        match update(control, Actor::system(), AccountKind::Person, account.id, changes).await {
            Ok(described) => account = described.account,
            Err(UpdateAccountError::LastAdministrator(error)) => {
                tracing::warn!(account.id = %account.id, "{error}; the role of the provider is not taken over");
            }
            Err(UpdateAccountError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(failed(error.into())),
        }
    }
    if let Some(names) = &identity.groups {
        let mut work = control.store.begin(Access::Read).await?;
        let all = work.groups().list_all().await?;
        drop(work);
        let is_named = |group: &Group| names.contains(&group.name);
        let ids: Vec<_> = all.iter().filter(|group| is_named(group)).map(|group| group.id).collect();
        match set_of_account(control, Actor::system(), account.id, &ids).await {
            Ok(_) => {}
            Err(GroupError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(failed(error.into())),
        }
    }
    Ok(account)
}
