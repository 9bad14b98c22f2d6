//! Where groups and plans live.

use async_trait::async_trait;
use promptgate_kernel::{
    AccountId, GroupId, LimitSet, Page, PageRequest, PlanId, RepositoryError, SortDirection, Timestamp,
};

use crate::{Group, Plan, Standing};

/// Which groups are wanted, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupFilter {
    /// Only groups with this text in their name, their name for people or their description, whatever
    /// its case; no wildcards.
    pub search: Option<String>,
    /// What they are sorted by; equal ones by id.
    pub sort: GroupSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What groups can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupSort {
    /// Their name.
    #[default]
    Name,
    /// Their name for people.
    DisplayName,
    /// How many providers they grant.
    ProviderCount,
    /// How many patterns of allowed models they have.
    PatternCount,
    /// How many members they have.
    MemberCount,
    /// When they were created.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
}

/// A group, and who is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    /// The group.
    pub group: Group,
    /// Who is in it, by id.
    pub members: Vec<Member>,
}

/// What is shown of an account that is in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub id: AccountId,
    /// Its user name or identifier.
    pub username: String,
    /// Its e-mail; blank for service accounts.
    pub email: String,
    /// What people call it.
    pub name: String,
    /// `user` or `service`.
    pub kind: String,
    /// The name of its role.
    pub role: String,
    /// Whether it is switched on.
    pub active: bool,
}

/// Where groups and their members live. Behaviour every adapter must show: `store::contract::groups`.
#[async_trait]
pub trait GroupRepository: Send {
    /// The group with this id.
    async fn find(&mut self, id: GroupId) -> Result<Option<Group>, RepositoryError>;

    /// Stores a new group. A second one of the same name is a conflict on `access_groups_name_key`.
    async fn insert(&mut self, group: &Group) -> Result<(), RepositoryError>;

    /// Writes `group` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, group: &Group) -> Result<bool, RepositoryError>;

    /// Removes a group and its memberships; `false` when there was none. Its name is free again.
    async fn remove(&mut self, id: GroupId) -> Result<bool, RepositoryError>;

    /// One page of groups.
    async fn list(
        &mut self,
        filter: &GroupFilter,
        page: PageRequest,
    ) -> Result<Page<ListedGroup>, RepositoryError>;

    /// Every group, by name.
    async fn list_all(&mut self) -> Result<Vec<Group>, RepositoryError>;

    /// The group with this id, and who is in it.
    async fn find_listed(&mut self, id: GroupId) -> Result<Option<ListedGroup>, RepositoryError>;

    /// Whether there is an account that could be a member.
    async fn has_account(&mut self, account: AccountId) -> Result<bool, RepositoryError>;

    /// Whether the keys of accounts open anything, of every account that was not deleted, by id.
    async fn standings(&mut self) -> Result<Vec<Standing>, RepositoryError>;

    /// How much accounts may use, of every one that is limited and was not deleted, by id.
    async fn account_limits(&mut self) -> Result<Vec<(AccountId, LimitSet)>, RepositoryError>;

    /// Who is in which group, by account and group.
    async fn all_members(&mut self) -> Result<Vec<(AccountId, GroupId)>, RepositoryError>;

    /// Puts an account into a group; `false` when it is in it already. Both must be there.
    async fn add_member(&mut self, id: GroupId, account: AccountId) -> Result<bool, RepositoryError>;

    /// Takes an account out of a group; `false` when it is not in it.
    async fn remove_member(&mut self, id: GroupId, account: AccountId) -> Result<bool, RepositoryError>;

    /// The groups that an account is in, by name, with everybody who is in them.
    async fn groups_of(&mut self, account: AccountId) -> Result<Vec<ListedGroup>, RepositoryError>;

    /// Puts an account into these groups and takes it out of all others. All must be there.
    async fn set_groups_of(&mut self, account: AccountId, groups: &[GroupId]) -> Result<(), RepositoryError>;

    /// Puts an account that was just made into the groups for new accounts.
    async fn welcome(&mut self, account: AccountId) -> Result<(), RepositoryError>;
}

/// In which order plans are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanFilter {
    /// What they are sorted by; equal ones by id.
    pub sort: PlanSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What plans can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlanSort {
    /// Their name.
    #[default]
    Name,
    /// What five hours allow; no limit comes last.
    Quota5h,
    /// What seven days allow; no limit comes last.
    Quota7d,
    /// Whether accounts without a plan have it.
    IsDefault,
    /// When they were created.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
}

/// A plan, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPlan {
    /// The plan.
    pub plan: Plan,
    /// How many people were given it.
    pub people: u64,
    /// How many service accounts were given it.
    pub service_accounts: u64,
    /// How many accounts have it because it is the default.
    pub inheriting: u64,
}

/// The plans of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPlan {
    /// The one that it was given.
    pub given: Option<Plan>,
    /// The one that counts: the one that it was given, else the default one.
    pub effective: Option<Plan>,
}

/// Where plans live. Which account was given which is kept with the accounts. Behaviour every adapter
/// must show: `store::contract::plans`.
#[async_trait]
pub trait PlanRepository: Send {
    /// The plan with this id.
    async fn find(&mut self, id: PlanId) -> Result<Option<Plan>, RepositoryError>;

    /// The plan of accounts that were given none.
    async fn find_default(&mut self) -> Result<Option<Plan>, RepositoryError>;

    /// The plan with this id, and who has it.
    async fn find_listed(&mut self, id: PlanId) -> Result<Option<ListedPlan>, RepositoryError>;

    /// Stores a new plan. A second one of the same name, whatever the case, is a conflict on
    /// `subscription_plans_name_folded_key`; a second default one on
    /// `subscription_plans_is_default_key`.
    async fn insert(&mut self, plan: &Plan) -> Result<(), RepositoryError>;

    /// Writes `plan` if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, plan: &Plan) -> Result<bool, RepositoryError>;

    /// Removes a plan; `false` when there was none. Accounts that were given it have the default one.
    async fn remove(&mut self, id: PlanId) -> Result<bool, RepositoryError>;

    /// One page of plans.
    async fn list(
        &mut self,
        filter: PlanFilter,
        page: PageRequest,
    ) -> Result<Page<ListedPlan>, RepositoryError>;

    /// Every plan, by id.
    async fn list_all(&mut self) -> Result<Vec<Plan>, RepositoryError>;

    /// The plans of an account; of one that is not there, none.
    async fn of_account(&mut self, account: AccountId) -> Result<AccountPlan, RepositoryError>;

    /// Gives an account a plan, or leaves it the default one; `false` when there is no such account.
    /// The plan must be there.
    async fn assign(
        &mut self,
        account: AccountId,
        plan: Option<PlanId>,
        at: Timestamp,
    ) -> Result<bool, RepositoryError>;
}
