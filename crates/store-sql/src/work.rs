//! The store and its units of work.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono_tz::Tz;
use promptgate_access::{GroupRepository, PlanRepository};
use promptgate_audit::AuditRepository;
use promptgate_auth::{AccountRepository, AdminKeyRepository, MembershipRepository, SwitchRepository};
use promptgate_endpoints::{EndpointRepository, EvalRepository, ResponseCacheRepository, SessionRepository};
use promptgate_firewall::NetworkRuleRepository;
use promptgate_firewall::guardrails::GuardrailRepository;
use promptgate_help::{FaqRepository, SetupGuideRepository};
use promptgate_kernel::{Page, PageRequest, RepositoryError};
use promptgate_mcp::McpServerRepository;
use promptgate_monitoring::ServiceRepository;
use promptgate_projects::ProjectRepository;
use promptgate_providers::{
    AliasRepository, CredentialRepository, ProjectProviderRepository, ProviderRepository, TemplateRepository,
};
use promptgate_schedule::JobRepository;
use promptgate_store::{Access, ChangeLog, DrillRepository, ReplicaRepository, Store, UnitOfWork};
use promptgate_store_sql_macros::each_dialect;
use promptgate_tokens::TokenRepository;
use promptgate_usage::{
    CallContentRepository, DeadLetterRepository, IdempotencyRepository, PriceRepository, PromptRepository,
    RepricingRepository, StatisticsRepository, UsageRepository,
};
use sqlx::{Database, FromRow, Pool, QueryBuilder, SqlSafeStr, Transaction};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::counters::Filling;
use crate::dialect::Begin;
use crate::error::{Abandoned, classify};
use crate::value::count;

/// Everything, in one database.
pub(crate) struct SqlStore<DB: Database> {
    /// Connections that may write; on SQLite there is one.
    pub(crate) writers: Pool<DB>,
    /// Connections that read; on PostgreSQL the same.
    pub(crate) readers: Pool<DB>,
    pub(crate) begin: Begin,
    /// Where days and months of budgets begin.
    pub(crate) zone: Tz,
    /// Up to which counter it was last looked for counters of which nothing is left.
    pub(crate) looked_at: Arc<Mutex<String>>,
    /// The counters of budgets that are being made.
    pub(crate) filling: Arc<Filling>,
    /// How long whoever takes of one waits until it is made.
    pub(crate) fill_patience: Duration,
    /// Transactions that are about to begin.
    pub(crate) beginning: TaskTracker,
}

impl<DB: Database> Clone for SqlStore<DB> {
    fn clone(&self) -> Self {
        Self {
            writers: self.writers.clone(),
            readers: self.readers.clone(),
            begin: self.begin,
            zone: self.zone,
            looked_at: Arc::clone(&self.looked_at),
            filling: Arc::clone(&self.filling),
            fill_patience: self.fill_patience,
            beginning: self.beginning.clone(),
        }
    }
}

impl<DB: Database> SqlStore<DB> {
    pub(crate) fn pool(&self, access: Access) -> &Pool<DB> {
        match access {
            Access::Read => &self.readers,
            Access::Write => &self.writers,
        }
    }

    /// Opens a transaction. Whoever asks may leave at any time: the beginning goes on, and what was begun is
    /// ended. Were it left as well, the driver would give the connection to others with the transaction open.
    pub(crate) async fn transaction(&self, access: Access) -> Result<Transaction<'static, DB>, sqlx::Error> {
        let connection = self.pool(access).acquire().await?;
        let statement = self.begin.transaction(access).into_sql_str();
        let opened = self.beginning.spawn(Transaction::begin(connection, Some(statement)));
        opened.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }
}

/// An open transaction.
pub(crate) struct SqlWork<DB: Database> {
    pub(crate) tx: Transaction<'static, DB>,
    failed: bool,
}

impl<DB: Database> SqlWork<DB> {
    /// Notes that a statement failed: from now on the transaction can only be dropped. PostgreSQL
    /// has given it up already, and would answer a commit with success.
    pub(crate) fn fail(&mut self, error: sqlx::Error) -> RepositoryError {
        self.failed = true;
        classify(error)
    }
}

#[each_dialect]
impl SqlWork<Db> {
    /// Runs a statement whose only value is an id; says how many rows it touched.
    pub(crate) async fn execute_for(
        &mut self,
        statement: &'static str,
        id: Uuid,
    ) -> Result<u64, RepositoryError> {
        let done =
            sqlx::query(statement).bind(id).execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
    }

    /// One page of what `rows` selects and sorts; `total` counts what is on all pages.
    pub(crate) async fn read_page<R, T>(
        &mut self,
        total: &mut QueryBuilder<Db>,
        rows: &mut QueryBuilder<Db>,
        page: PageRequest,
        read: impl Fn(R) -> Result<T, RepositoryError> + Send,
    ) -> Result<Page<T>, RepositoryError>
    where
        R: for<'r> FromRow<'r, <Db as Database>::Row> + Send + Unpin,
    {
        let total: i64 =
            total.build_query_scalar().fetch_one(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        self.read_page_of(total.unsigned_abs(), rows, page, read).await
    }

    /// The same where it is known how many rows there are.
    pub(crate) async fn read_page_of<R, T>(
        &mut self,
        total: u64,
        rows: &mut QueryBuilder<Db>,
        page: PageRequest,
        read: impl Fn(R) -> Result<T, RepositoryError> + Send,
    ) -> Result<Page<T>, RepositoryError>
    where
        R: for<'r> FromRow<'r, <Db as Database>::Row> + Send + Unpin,
    {
        // Planned with its values each time: lists have many filters, and few rows may fit one.
        let rows: Vec<R> = rows
            .push(" LIMIT ")
            .push_bind(i64::from(page.size()))
            .push(" OFFSET ")
            .push_bind(count(page.offset()))
            .build_query_as()
            .persistent(false)
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let items = rows.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page { items, request: page, total })
    }
}

#[each_dialect]
impl SqlStore<Db> {
    /// A transaction of its own for what is no part of a unit of work.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Db>, RepositoryError> {
        self.transaction(Access::Write).await.map_err(classify)
    }
}

#[each_dialect]
#[async_trait]
impl Store for SqlStore<Db> {
    async fn begin(&self, access: Access) -> Result<Box<dyn UnitOfWork>, RepositoryError> {
        let tx = self.transaction(access).await.map_err(classify)?;
        Ok(Box::new(SqlWork::<Db> { tx, failed: false }))
    }

    async fn ping(&self) -> Result<(), RepositoryError> {
        sqlx::query("SELECT 1").execute(&self.readers).await.map(|_| ()).map_err(classify)
    }
}

#[each_dialect]
#[async_trait]
impl UnitOfWork for SqlWork<Db> {
    fn projects(&mut self) -> &mut dyn ProjectRepository {
        self
    }

    fn tokens(&mut self) -> &mut dyn TokenRepository {
        self
    }

    fn providers(&mut self) -> &mut dyn ProviderRepository {
        self
    }

    fn credentials(&mut self) -> &mut dyn CredentialRepository {
        self
    }

    fn templates(&mut self) -> &mut dyn TemplateRepository {
        self
    }

    fn aliases(&mut self) -> &mut dyn AliasRepository {
        self
    }

    fn project_providers(&mut self) -> &mut dyn ProjectProviderRepository {
        self
    }

    fn endpoints(&mut self) -> &mut dyn EndpointRepository {
        self
    }

    fn evals(&mut self) -> &mut dyn EvalRepository {
        self
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self
    }

    fn response_cache(&mut self) -> &mut dyn ResponseCacheRepository {
        self
    }

    fn usage(&mut self) -> &mut dyn UsageRepository {
        self
    }

    fn call_contents(&mut self) -> &mut dyn CallContentRepository {
        self
    }

    fn dead_letters(&mut self) -> &mut dyn DeadLetterRepository {
        self
    }

    fn prompts(&mut self) -> &mut dyn PromptRepository {
        self
    }

    fn statistics(&mut self) -> &mut dyn StatisticsRepository {
        self
    }

    fn costs(&mut self) -> &mut dyn promptgate_usage::CostRepository {
        self
    }

    fn idempotency(&mut self) -> &mut dyn IdempotencyRepository {
        self
    }

    fn mcp_servers(&mut self) -> &mut dyn McpServerRepository {
        self
    }

    fn monitored_services(&mut self) -> &mut dyn ServiceRepository {
        self
    }

    fn jobs(&mut self) -> &mut dyn JobRepository {
        self
    }

    fn faq(&mut self) -> &mut dyn FaqRepository {
        self
    }

    fn setup_guides(&mut self) -> &mut dyn SetupGuideRepository {
        self
    }

    fn groups(&mut self) -> &mut dyn GroupRepository {
        self
    }

    fn plans(&mut self) -> &mut dyn PlanRepository {
        self
    }

    fn network_rules(&mut self) -> &mut dyn NetworkRuleRepository {
        self
    }

    fn guardrails(&mut self) -> &mut dyn GuardrailRepository {
        self
    }

    fn prices(&mut self) -> &mut dyn PriceRepository {
        self
    }

    fn repricings(&mut self) -> &mut dyn RepricingRepository {
        self
    }

    fn accounts(&mut self) -> &mut dyn AccountRepository {
        self
    }

    fn memberships(&mut self) -> &mut dyn MembershipRepository {
        self
    }

    fn admin_keys(&mut self) -> &mut dyn AdminKeyRepository {
        self
    }

    fn switches(&mut self) -> &mut dyn SwitchRepository {
        self
    }

    fn audit(&mut self) -> &mut dyn AuditRepository {
        self
    }

    fn drills(&mut self) -> &mut dyn DrillRepository {
        self
    }

    fn replicas(&mut self) -> &mut dyn ReplicaRepository {
        self
    }

    fn changes(&mut self) -> &mut dyn ChangeLog {
        self
    }

    async fn commit(self: Box<Self>) -> Result<(), RepositoryError> {
        if self.failed {
            return Err(RepositoryError::Unavailable { source: Box::new(Abandoned) });
        }
        self.tx.commit().await.map_err(classify)
    }
}
