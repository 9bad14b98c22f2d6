//! Where accounts and memberships live.

use async_trait::async_trait;
use promptgate_kernel::{AccountId, Page, PageRequest, ProjectId, RepositoryError, SortDirection, Timestamp};

use crate::{Account, AccountKind, Membership, Role};

/// Which accounts are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFilter {
    /// People or service accounts.
    pub kind: AccountKind,
    /// A part of the name, the e-mail or the user name, in any case.
    pub search: Option<String>,
    /// Only those of this role.
    pub role: Option<Role>,
    /// Only those that are switched on, or off.
    pub active: Option<bool>,
    /// What they are sorted by; equal ones by id.
    pub sort: AccountSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What accounts can be sorted by. What is missing comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AccountSort {
    /// The name.
    Name,
    /// The e-mail.
    Email,
    /// The user name or identifier.
    Username,
    /// The role, the least first.
    Role,
    /// Whether it is switched on.
    Active,
    /// When it last signed in; equal ones by when they were made, the same way.
    #[default]
    LastLoginAt,
    /// When it was made.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
    /// How many tokens went in with its keys.
    InputTokens,
    /// How many tokens came out.
    OutputTokens,
}

/// What an account used in the calls that are on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountUse {
    /// Tokens that went in.
    pub input_tokens: u64,
    /// Tokens that came out.
    pub output_tokens: u64,
}

/// One row of a list of accounts.
#[derive(Debug, Clone)]
pub struct ListedAccount {
    /// The account.
    pub account: Account,
    /// What it used.
    pub used: AccountUse,
}

/// Where accounts live. Deleted ones are found by nobody; their rows only keep the history
/// attributable. Behaviour every adapter must show: `store::contract::accounts`.
#[async_trait]
pub trait AccountRepository: Send {
    /// The account with this id, unless it was deleted.
    async fn find(&mut self, id: AccountId) -> Result<Option<Account>, RepositoryError>;

    /// The person whom this issuer knows under this subject.
    async fn find_by_identity(
        &mut self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<Account>, RepositoryError>;

    /// The account of this kind with exactly this user name or identifier. Of several people, one
    /// that no identity provider is linked to, then the oldest.
    async fn find_by_username(
        &mut self,
        kind: AccountKind,
        username: &str,
    ) -> Result<Option<Account>, RepositoryError>;

    /// The person who signs in with this e-mail, in any case, and a password.
    async fn find_by_email(&mut self, email: &str) -> Result<Option<Account>, RepositoryError>;

    /// Stores a new account. Conflicts: `accounts_issuer_subject_key`,
    /// `accounts_email_folded_key` (e-mail, in any case, among people with a password),
    /// `accounts_username_key` (identifier among service accounts).
    async fn insert(&mut self, account: &Account) -> Result<(), RepositoryError>;

    /// Writes `account` if the stored version is the one before its own; `false` when it is not.
    /// Conflicts as [`Self::insert`].
    async fn save(&mut self, account: &Account) -> Result<bool, RepositoryError>;

    /// One page of accounts, with what they used.
    async fn list(
        &mut self,
        filter: &AccountFilter,
        page: PageRequest,
    ) -> Result<Page<ListedAccount>, RepositoryError>;

    /// What one account used.
    async fn used_by(&mut self, id: AccountId) -> Result<AccountUse, RepositoryError>;

    /// Up to `limit` accounts, people or service accounts, whose access had ended by `now`, by id.
    async fn list_past_expiry(&mut self, now: Timestamp, limit: u32)
    -> Result<Vec<Account>, RepositoryError>;

    /// How many accounts there are that were not deleted.
    async fn count(&mut self) -> Result<u64, RepositoryError>;

    /// How many accounts other than `except` count as administrators now, as
    /// [`Account::counts_as_administrator`] says.
    async fn count_other_administrators(
        &mut self,
        except: Option<AccountId>,
        now: Timestamp,
    ) -> Result<u64, RepositoryError>;

    /// Waits until no other unit of work holds this lock, and holds it until the end of this one:
    /// whoever decides by the number of administrators takes it before counting.
    async fn lock_administrators(&mut self) -> Result<(), RepositoryError>;
}

/// Where memberships live. Behaviour every adapter must show: `store::contract::memberships`.
#[async_trait]
pub trait MembershipRepository: Send {
    /// What the account may do in the project on top of its role.
    async fn find(
        &mut self,
        project: ProjectId,
        account: AccountId,
    ) -> Result<Option<Membership>, RepositoryError>;

    /// The memberships of an account, by project id.
    async fn of_account(&mut self, account: AccountId) -> Result<Vec<Membership>, RepositoryError>;

    /// The members of a project, by account id.
    async fn of_project(&mut self, project: ProjectId) -> Result<Vec<Membership>, RepositoryError>;

    /// Makes somebody a member, or gives a member another role.
    async fn set(&mut self, membership: &Membership) -> Result<(), RepositoryError>;

    /// Ends a membership; `false` when there was none.
    async fn remove(&mut self, project: ProjectId, account: AccountId) -> Result<bool, RepositoryError>;

    /// Ends all memberships of an account, and says how many those were.
    async fn remove_all_of(&mut self, account: AccountId) -> Result<u64, RepositoryError>;
}
