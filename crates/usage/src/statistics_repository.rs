//! Where the numbers of statistics come from.

use async_trait::async_trait;
use promptgate_kernel::{AccountId, CallId, Page, PageRequest, RepositoryError, SortDirection, Timestamp};

use crate::{Adoption, Day, Days, IdentityUse, UseGroup};

/// Whose calls count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageScope {
    /// Everybody's, those of tokens that act for nobody included.
    Everybody,
    /// Those of one account.
    Owner(AccountId),
}

/// Whether days are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grain {
    /// They are.
    Daily,
    /// They are not.
    Whole,
}

/// Where the numbers of statistics come from: sums over whole days, of calls that are kept and of those
/// that are not any more, which were added up when they were removed. Behaviour every adapter must show: `store::contract::statistics`.
#[async_trait]
pub trait StatisticsRepository: Send {
    /// The first day with a call.
    async fn earliest_day(&mut self, scope: UsageScope) -> Result<Option<Day>, RepositoryError>;

    /// What calls of these days took, by provider, kind of provider, model, kind of call and, if
    /// wanted, day; sorted by day, provider and model. No two groups have everything in common.
    async fn groups(
        &mut self,
        scope: UsageScope,
        days: Days,
        grain: Grain,
    ) -> Result<Vec<UseGroup>, RepositoryError>;

    /// What the accounts took that took the most, at most `limit` of them, by provider and model. Of
    /// equal ones, the first by name.
    async fn top_identities(&mut self, days: Days, limit: u32) -> Result<Vec<IdentityUse>, RepositoryError>;

    /// How many accounts called on these days, and how many of their keys are good at an instant.
    async fn adoption(&mut self, days: Days, at: Timestamp) -> Result<Adoption, RepositoryError>;
}

/// What prompts can be sorted by. What is missing comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PromptSort {
    /// The text.
    Prompt,
    /// The provider's name.
    Provider,
    /// The model.
    Model,
    /// When the call arrived.
    #[default]
    CreatedAt,
    /// How long it took.
    Duration,
    /// Tokens read, without those of prompt caches.
    InputTokens,
    /// Tokens written.
    OutputTokens,
    /// Both.
    TotalTokens,
    /// The name of the account.
    UserName,
    /// Its e-mail.
    UserEmail,
    /// The client's address.
    ClientIp,
}

/// Which prompts are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromptFilter {
    /// Only of this account.
    pub owner: Option<AccountId>,
    /// A part of the text. The case of the letters A to Z does not matter.
    pub search: Option<String>,
    /// What they are sorted by; equal ones by id.
    pub sort: PromptSort,
    /// Which way.
    pub direction: SortDirection,
}

/// What a user wrote last in a call, and what became of it. What is not known is blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPrompt {
    /// The call.
    pub call_id: CallId,
    /// When it arrived.
    pub at: Timestamp,
    /// The text.
    pub prompt: String,
    /// The provider's id of its answer.
    pub provider_response_id: String,
    /// The provider's name at that time.
    pub provider: String,
    /// The kind of provider.
    pub provider_kind: String,
    /// The model.
    pub model: String,
    /// Tokens read, without those of prompt caches.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The account that called; `None` for a token that acts for nobody.
    pub owner: Option<AccountId>,
    /// What people call the account.
    pub user_name: String,
    /// Its user name.
    pub username: String,
    /// Its e-mail.
    pub user_email: String,
    /// The client's address.
    pub client_ip: String,
}

/// Where prompts are looked up, for as long as it is kept what was said. Behaviour every adapter must
/// show: `store::contract::prompts`.
#[async_trait]
pub trait PromptRepository: Send {
    /// One page of the calls that ended with words of a user.
    async fn list(
        &mut self,
        filter: &PromptFilter,
        page: PageRequest,
    ) -> Result<Page<ListedPrompt>, RepositoryError>;
}
