//! What the data plane reads of the store: configuration and tokens, never on behalf of a write.

use std::sync::Arc;

use async_trait::async_trait;
use promptgate_kernel::{RepositoryError, Revision, Timestamp, TokenId};
use promptgate_store::{Access, Change, Store};
use promptgate_tokens::{Token, TokenHash, TokenLimits};

use crate::snapshot::{Configuration, Parts};

/// How many changes are read at a time.
pub(crate) const CHANGES_AT_A_TIME: u32 = 1_000;

/// Where tokens are looked up, and where it is noted that they were used.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// The token with this hash, whatever its state.
    async fn find_by_hash(&self, hash: TokenHash) -> Result<Option<Token>, RepositoryError>;

    /// The tokens that a token comes from, its parent first. They never change.
    async fn line_above(&self, id: TokenId) -> Result<Vec<TokenId>, RepositoryError>;

    /// How much a token may use; `None` when there is no such token.
    async fn limits_of(&self, id: TokenId) -> Result<Option<TokenLimits>, RepositoryError>;

    /// Notes when tokens were last used.
    async fn touch(&self, uses: &[(TokenId, Timestamp)]) -> Result<(), RepositoryError>;
}

/// Where the configuration is read.
#[async_trait]
pub trait ConfigSource: Send + Sync {
    /// Some parts, read in one transaction; the others are empty.
    async fn load(&self, parts: Parts) -> Result<Configuration, RepositoryError>;

    /// The next changes after a revision, in order; `None` when they are not known one by one any
    /// more.
    async fn changes(&self, after: Revision) -> Result<Option<Vec<(Revision, Change)>>, RepositoryError>;
}

#[async_trait]
impl TokenSource for Arc<dyn Store> {
    async fn find_by_hash(&self, hash: TokenHash) -> Result<Option<Token>, RepositoryError> {
        self.begin(Access::Read).await?.tokens().find_by_hash(hash).await
    }

    async fn line_above(&self, id: TokenId) -> Result<Vec<TokenId>, RepositoryError> {
        self.begin(Access::Read).await?.tokens().line_above(id).await
    }

    async fn limits_of(&self, id: TokenId) -> Result<Option<TokenLimits>, RepositoryError> {
        let found = self.begin(Access::Read).await?.tokens().find(id).await?;
        Ok(found.map(|token| token.limits))
    }

    async fn touch(&self, uses: &[(TokenId, Timestamp)]) -> Result<(), RepositoryError> {
        let mut work = self.begin(Access::Write).await?;
        work.tokens().touch(uses).await?;
        work.commit().await
    }
}

#[async_trait]
impl ConfigSource for Arc<dyn Store> {
    async fn load(&self, parts: Parts) -> Result<Configuration, RepositoryError> {
        let mut work = self.begin(Access::Read).await?;
        // The revision first: whatever commits meanwhile is read again, never skipped.
        let mut read =
            Configuration { revision: work.changes().revision().await?, ..Configuration::default() };
        if parts.projects {
            read.projects = work.projects().list_all().await?;
            read.aliases = work.aliases().list_all().await?;
            read.project_providers = work.project_providers().list_all().await?;
        }
        if parts.providers {
            read.providers = work.providers().list_all().await?;
            read.credentials = work.providers().all_credentials().await?;
        }
        if parts.templates {
            read.templates = work.templates().list_all().await?;
        }
        if parts.endpoints {
            read.endpoints = work.endpoints().list_all().await?;
        }
        if parts.access {
            read.groups = work.groups().list_all().await?;
            read.group_members = work.groups().all_members().await?;
            read.accounts = work.groups().standings().await?;
            read.account_limits = work.groups().account_limits().await?;
        }
        if parts.plans {
            read.plans = work.plans().list_all().await?;
        }
        if parts.prices {
            read.prices = work.prices().list_all().await?;
            read.prices.lists = work.prices().list_prices().await?;
        }
        if parts.network_rules {
            read.network_rules = work.network_rules().list_in_force().await?;
            read.network_defaults = work.network_rules().list_defaults().await?;
        }
        if parts.guardrails {
            let all = work.guardrails().list_all().await?;
            (read.guardrails, read.guardrail_faults) = (all.rules, all.faults);
        }
        Ok(read)
    }

    async fn changes(&self, after: Revision) -> Result<Option<Vec<(Revision, Change)>>, RepositoryError> {
        self.begin(Access::Read).await?.changes().since(after, CHANGES_AT_A_TIME).await
    }
}
