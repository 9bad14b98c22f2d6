//! Memberships in SQL.

use async_trait::async_trait;
use promptgate_auth::{Membership, MembershipRepository};
use promptgate_kernel::{AccountId, ProjectId, RepositoryError};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::work::SqlWork;

const SELECT: &str = "SELECT project_id, account_id, role FROM memberships WHERE ";

#[derive(FromRow)]
struct MembershipRow {
    project_id: Uuid,
    account_id: Uuid,
    role: String,
}

impl TryFrom<MembershipRow> for Membership {
    type Error = RepositoryError;

    fn try_from(row: MembershipRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            project: ProjectId::from_uuid(row.project_id),
            account: AccountId::from_uuid(row.account_id),
            role: row.role.parse().map_err(|error| corrupt("memberships", row.project_id, error))?,
        })
    }
}

#[each_dialect]
impl SqlWork<Db> {
    async fn read_memberships(
        &mut self,
        condition: &'static str,
        id: Uuid,
    ) -> Result<Vec<Membership>, RepositoryError> {
        let rows: Vec<MembershipRow> = QueryBuilder::<Db>::new(SELECT)
            .push(condition)
            .push(" = ")
            .push_bind(id)
            .push(" ORDER BY project_id, account_id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Membership::try_from).collect()
    }
}

#[each_dialect]
#[async_trait]
impl MembershipRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.memberships.find", skip_all)]
    async fn find(
        &mut self,
        project: ProjectId,
        account: AccountId,
    ) -> Result<Option<Membership>, RepositoryError> {
        let row: Option<MembershipRow> = QueryBuilder::<Db>::new(SELECT)
            .push("project_id = ")
            .push_bind(project.as_uuid())
            .push(" AND account_id = ")
            .push_bind(account.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(Membership::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.memberships.of_account", skip_all)]
    async fn of_account(&mut self, account: AccountId) -> Result<Vec<Membership>, RepositoryError> {
        self.read_memberships("account_id", account.as_uuid()).await
    }

    #[instrument(level = "debug", name = "db.memberships.of_project", skip_all)]
    async fn of_project(&mut self, project: ProjectId) -> Result<Vec<Membership>, RepositoryError> {
        self.read_memberships("project_id", project.as_uuid()).await
    }

    #[instrument(level = "debug", name = "db.memberships.set", skip_all)]
    async fn set(&mut self, membership: &Membership) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO memberships (project_id, account_id, role) VALUES ($1, $2, $3) \
             ON CONFLICT (project_id, account_id) DO UPDATE SET role = excluded.role",
        )
        .bind(membership.project.as_uuid())
        .bind(membership.account.as_uuid())
        .bind(membership.role.as_str())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.memberships.remove", skip_all)]
    async fn remove(&mut self, project: ProjectId, account: AccountId) -> Result<bool, RepositoryError> {
        let done = sqlx::query("DELETE FROM memberships WHERE project_id = $1 AND account_id = $2")
            .bind(project.as_uuid())
            .bind(account.as_uuid())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.memberships.remove_all_of", skip_all)]
    async fn remove_all_of(&mut self, account: AccountId) -> Result<u64, RepositoryError> {
        self.execute_for("DELETE FROM memberships WHERE account_id = $1", account.as_uuid()).await
    }
}
