//! Subscription plans in SQL.

use async_trait::async_trait;
use promptgate_access::{AccountPlan, ListedPlan, Plan, PlanFilter, PlanRepository, PlanSort};
use promptgate_kernel::{AccountId, Page, PageRequest, PlanId, RepositoryError, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::value::{count, order_by, text};
use crate::work::SqlWork;

const COLUMNS: &str = "SELECT id, name, description, quota_5h_tokens, quota_7d_tokens, is_default, created_at, \
     updated_at, version FROM subscription_plans";

const LISTED: &str = "SELECT id, name, description, quota_5h_tokens, quota_7d_tokens, is_default, created_at, \
     updated_at, version, \
     (SELECT count(*) FROM accounts a WHERE a.plan_id = subscription_plans.id AND a.deleted_at IS NULL \
     AND a.kind = 'user') AS people, \
     (SELECT count(*) FROM accounts a WHERE a.plan_id = subscription_plans.id AND a.deleted_at IS NULL \
     AND a.kind = 'service') AS service_accounts, \
     CASE WHEN is_default THEN (SELECT count(*) FROM accounts a WHERE a.plan_id IS NULL \
     AND a.deleted_at IS NULL) ELSE 0 END AS inheriting FROM subscription_plans";

#[derive(FromRow)]
struct PlanRow {
    id: Uuid,
    name: String,
    description: String,
    quota_5h_tokens: Option<i64>,
    quota_7d_tokens: Option<i64>,
    is_default: bool,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

#[derive(FromRow)]
struct ListedRow {
    #[sqlx(flatten)]
    plan: PlanRow,
    people: i64,
    service_accounts: i64,
    inheriting: i64,
}

impl From<PlanRow> for Plan {
    fn from(row: PlanRow) -> Self {
        Self {
            id: PlanId::from_uuid(row.id),
            name: row.name,
            description: row.description,
            quota_5h_tokens: row.quota_5h_tokens.map(i64::unsigned_abs),
            quota_7d_tokens: row.quota_7d_tokens.map(i64::unsigned_abs),
            is_default: row.is_default,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        }
    }
}

impl From<ListedRow> for ListedPlan {
    fn from(row: ListedRow) -> Self {
        Self {
            plan: row.plan.into(),
            people: row.people.unsigned_abs(),
            service_accounts: row.service_accounts.unsigned_abs(),
            inheriting: row.inheriting.unsigned_abs(),
        }
    }
}

const fn column(sort: PlanSort) -> &'static str {
    match sort {
        PlanSort::Name => "name_folded",
        PlanSort::Quota5h => "quota_5h_tokens",
        PlanSort::Quota7d => "quota_7d_tokens",
        PlanSort::IsDefault => "is_default",
        PlanSort::CreatedAt => "created_at",
        PlanSort::UpdatedAt => "updated_at",
    }
}

#[each_dialect]
#[async_trait]
impl PlanRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.subscription_plans.find", skip_all, fields(plan.id = %id))]
    async fn find(&mut self, id: PlanId) -> Result<Option<Plan>, RepositoryError> {
        let row: Option<PlanRow> = QueryBuilder::<Db>::new(COLUMNS)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(row.map(Plan::from))
    }

    #[instrument(level = "debug", name = "db.subscription_plans.find_default", skip_all)]
    async fn find_default(&mut self) -> Result<Option<Plan>, RepositoryError> {
        let row: Option<PlanRow> = QueryBuilder::<Db>::new(COLUMNS)
            .push(" WHERE is_default")
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(row.map(Plan::from))
    }

    #[instrument(level = "debug", name = "db.subscription_plans.find_listed", skip_all, fields(plan.id = %id))]
    async fn find_listed(&mut self, id: PlanId) -> Result<Option<ListedPlan>, RepositoryError> {
        let row: Option<ListedRow> = QueryBuilder::<Db>::new(LISTED)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(row.map(ListedPlan::from))
    }

    #[instrument(level = "debug", name = "db.subscription_plans.insert", skip_all, fields(plan.id = %plan.id))]
    async fn insert(&mut self, plan: &Plan) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO subscription_plans (id, name, name_folded, description, quota_5h_tokens, \
             quota_7d_tokens, is_default, created_at, updated_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(plan.id.as_uuid())
        .bind(text(&plan.name))
        .bind(text(&plan.name.to_lowercase()))
        .bind(text(&plan.description))
        .bind(plan.quota_5h_tokens.map(count))
        .bind(plan.quota_7d_tokens.map(count))
        .bind(plan.is_default)
        .bind(plan.created_at.as_micros())
        .bind(plan.updated_at.as_micros())
        .bind(plan.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.subscription_plans.save", skip_all, fields(plan.id = %plan.id))]
    async fn save(&mut self, plan: &Plan) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE subscription_plans SET name = $2, name_folded = $3, description = $4, \
             quota_5h_tokens = $5, quota_7d_tokens = $6, is_default = $7, updated_at = $8, version = $9 \
             WHERE id = $1 AND version = $9 - 1",
        )
        .bind(plan.id.as_uuid())
        .bind(text(&plan.name))
        .bind(text(&plan.name.to_lowercase()))
        .bind(text(&plan.description))
        .bind(plan.quota_5h_tokens.map(count))
        .bind(plan.quota_7d_tokens.map(count))
        .bind(plan.is_default)
        .bind(plan.updated_at.as_micros())
        .bind(plan.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.subscription_plans.remove", skip_all, fields(plan.id = %id))]
    async fn remove(&mut self, id: PlanId) -> Result<bool, RepositoryError> {
        let forget = "UPDATE accounts SET plan_id = NULL, version = version + 1 WHERE plan_id = $1";
        self.execute_for(forget, id.as_uuid()).await?;
        Ok(self.execute_for("DELETE FROM subscription_plans WHERE id = $1", id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.subscription_plans.list", skip_all)]
    async fn list(
        &mut self,
        filter: PlanFilter,
        page: PageRequest,
    ) -> Result<Page<ListedPlan>, RepositoryError> {
        self.read_page(
            &mut QueryBuilder::new("SELECT count(*) FROM subscription_plans"),
            QueryBuilder::new(LISTED).push(order_by(column(filter.sort), filter.direction)),
            page,
            |row: ListedRow| Ok(row.into()),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.subscription_plans.list_all", skip_all)]
    async fn list_all(&mut self) -> Result<Vec<Plan>, RepositoryError> {
        let rows: Vec<PlanRow> = QueryBuilder::<Db>::new(COLUMNS)
            .push(" ORDER BY id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(rows.into_iter().map(Plan::from).collect())
    }

    #[instrument(level = "debug", name = "db.subscription_plans.of_account", skip_all, fields(account.id = %account))]
    async fn of_account(&mut self, account: AccountId) -> Result<AccountPlan, RepositoryError> {
        let given: Option<Option<Uuid>> =
            sqlx::query_scalar("SELECT plan_id FROM accounts WHERE id = $1 AND deleted_at IS NULL")
                .bind(account.as_uuid())
                .fetch_optional(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
        let Some(given) = given else { return Ok(AccountPlan { given: None, effective: None }) };
        let given = match given {
            Some(id) => PlanRepository::find(self, PlanId::from_uuid(id)).await?,
            None => None,
        };
        let effective = match &given {
            Some(plan) => Some(plan.clone()),
            None => self.find_default().await?,
        };
        Ok(AccountPlan { given, effective })
    }

    #[instrument(level = "debug", name = "db.subscription_plans.assign", skip_all, fields(account.id = %account))]
    async fn assign(
        &mut self,
        account: AccountId,
        plan: Option<PlanId>,
        at: Timestamp,
    ) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE accounts SET plan_id = $2, updated_at = $3, version = version + 1 \
             WHERE id = $1 AND deleted_at IS NULL",
        )
        .bind(account.as_uuid())
        .bind(plan.map(PlanId::as_uuid))
        .bind(at.as_micros())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }
}
