//! Golden sets and their runs in SQL.

use async_trait::async_trait;
use promptgate_endpoints::{EvalRepository, EvalRun, EvalSet, RunSummary};
use promptgate_kernel::{
    ActorId, EndpointId, EvalId, EvalRunId, Page, PageRequest, ProjectId, RepositoryError, Timestamp,
};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::{narrow, read_document};
use crate::value::{count, optional_text, text, verbatim};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, project_id, endpoint_id, name, description, items, created_at, updated_at, version \
     FROM evals";

const TOTALS: &str = "id, eval_id, endpoint_id, project_id, endpoint_version, passed, failed, duration_us, \
     total_tokens, author_id, started_at, finished_at";

#[derive(FromRow)]
struct EvalRow {
    id: Uuid,
    project_id: Uuid,
    endpoint_id: Uuid,
    name: String,
    description: Option<String>,
    items: String,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl TryFrom<EvalRow> for EvalSet {
    type Error = RepositoryError;

    fn try_from(row: EvalRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: EvalId::from_uuid(row.id),
            project_id: ProjectId::from_uuid(row.project_id),
            endpoint_id: EndpointId::from_uuid(row.endpoint_id),
            name: row.name,
            description: row.description,
            items: read_document("evals", row.id, &row.items)?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

#[derive(FromRow)]
struct SummaryRow {
    id: Uuid,
    eval_id: Uuid,
    endpoint_id: Uuid,
    project_id: Uuid,
    endpoint_version: i64,
    passed: i64,
    failed: i64,
    duration_us: i64,
    total_tokens: i64,
    author_id: Option<Uuid>,
    started_at: i64,
    finished_at: i64,
}

impl TryFrom<SummaryRow> for RunSummary {
    type Error = RepositoryError;

    fn try_from(row: SummaryRow) -> Result<Self, RepositoryError> {
        let number = |number| narrow("eval_runs", row.id, number);
        Ok(Self {
            id: EvalRunId::from_uuid(row.id),
            eval_id: EvalId::from_uuid(row.eval_id),
            endpoint_id: EndpointId::from_uuid(row.endpoint_id),
            project_id: ProjectId::from_uuid(row.project_id),
            endpoint_version: number(row.endpoint_version)?,
            passed: number(row.passed)?,
            failed: number(row.failed)?,
            duration_us: row.duration_us.unsigned_abs(),
            total_tokens: row.total_tokens.unsigned_abs(),
            author: row.author_id.map(ActorId::from_uuid),
            started_at: Timestamp::from_micros(row.started_at),
            finished_at: Timestamp::from_micros(row.finished_at),
        })
    }
}

#[derive(FromRow)]
struct RunRow {
    #[sqlx(flatten)]
    summary: SummaryRow,
    items: String,
    diff: Option<String>,
}

impl TryFrom<RunRow> for EvalRun {
    type Error = RepositoryError;

    fn try_from(row: RunRow) -> Result<Self, RepositoryError> {
        let id = row.summary.id;
        Ok(Self {
            summary: row.summary.try_into()?,
            items: read_document("eval_runs", id, &row.items)?,
            diff: row.diff.map(|diff| read_document("eval_runs", id, &diff)).transpose()?,
        })
    }
}

#[each_dialect]
#[async_trait]
impl EvalRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.evals.find", skip_all, fields(eval.id = %id))]
    async fn find(&mut self, id: EvalId) -> Result<Option<EvalSet>, RepositoryError> {
        let row: Option<EvalRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(EvalSet::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.evals.insert", skip_all, fields(eval.id = %set.id))]
    async fn insert(&mut self, set: &EvalSet) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO evals (id, project_id, endpoint_id, name, name_folded, description, items, created_at, \
             updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(set.id.as_uuid())
        .bind(set.project_id.as_uuid())
        .bind(set.endpoint_id.as_uuid())
        .bind(text(&set.name))
        .bind(text(&set.name.to_lowercase()))
        .bind(optional_text(set.description.as_ref()))
        .bind(verbatim(&set.items))
        .bind(set.created_at.as_micros())
        .bind(set.updated_at.as_micros())
        .bind(set.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.evals.save", skip_all, fields(eval.id = %set.id))]
    async fn save(&mut self, set: &EvalSet) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE evals SET name = $2, name_folded = $3, description = $4, items = $5, updated_at = $6, \
             version = $7 WHERE id = $1 AND version = $7 - 1",
        )
        .bind(set.id.as_uuid())
        .bind(text(&set.name))
        .bind(text(&set.name.to_lowercase()))
        .bind(optional_text(set.description.as_ref()))
        .bind(verbatim(&set.items))
        .bind(set.updated_at.as_micros())
        .bind(set.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.evals.remove", skip_all, fields(eval.id = %id))]
    async fn remove(&mut self, id: EvalId) -> Result<bool, RepositoryError> {
        Ok(self.execute_for("DELETE FROM evals WHERE id = $1", id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.evals.list", skip_all, fields(endpoint.id = %endpoint))]
    async fn list(
        &mut self,
        endpoint: EndpointId,
        page: PageRequest,
    ) -> Result<Page<EvalSet>, RepositoryError> {
        self.read_page(
            QueryBuilder::new("SELECT count(*) FROM evals WHERE endpoint_id = ")
                .push_bind(endpoint.as_uuid()),
            QueryBuilder::<Db>::new(SELECT)
                .push(" WHERE endpoint_id = ")
                .push_bind(endpoint.as_uuid())
                .push(" ORDER BY name_folded, id"),
            page,
            |row: EvalRow| row.try_into(),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.eval_runs.insert", skip_all, fields(eval_run.id = %run.summary.id))]
    async fn insert_run(&mut self, run: &EvalRun) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO eval_runs (id, eval_id, endpoint_id, project_id, endpoint_version, passed, failed, \
             duration_us, total_tokens, author_id, started_at, finished_at, items, diff) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(run.summary.id.as_uuid())
        .bind(run.summary.eval_id.as_uuid())
        .bind(run.summary.endpoint_id.as_uuid())
        .bind(run.summary.project_id.as_uuid())
        .bind(i64::from(run.summary.endpoint_version))
        .bind(i64::from(run.summary.passed))
        .bind(i64::from(run.summary.failed))
        .bind(count(run.summary.duration_us))
        .bind(count(run.summary.total_tokens))
        .bind(run.summary.author.map(ActorId::as_uuid))
        .bind(run.summary.started_at.as_micros())
        .bind(run.summary.finished_at.as_micros())
        .bind(verbatim(&run.items))
        .bind(run.diff.as_ref().map(verbatim))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.eval_runs.find", skip_all, fields(eval_run.id = %id))]
    async fn run(&mut self, id: EvalRunId) -> Result<Option<EvalRun>, RepositoryError> {
        let row: Option<RunRow> = QueryBuilder::<Db>::new("SELECT ")
            .push(TOTALS)
            .push(", items, diff FROM eval_runs WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(EvalRun::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.eval_runs.latest", skip_all, fields(eval.id = %eval))]
    async fn latest_run(&mut self, eval: EvalId) -> Result<Option<EvalRun>, RepositoryError> {
        let row: Option<RunRow> = QueryBuilder::<Db>::new("SELECT ")
            .push(TOTALS)
            .push(", items, diff FROM eval_runs WHERE eval_id = ")
            .push_bind(eval.as_uuid())
            .push(" ORDER BY started_at DESC, id DESC LIMIT 1")
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(EvalRun::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.eval_runs.list", skip_all, fields(eval.id = %eval))]
    async fn runs(&mut self, eval: EvalId, page: PageRequest) -> Result<Page<RunSummary>, RepositoryError> {
        self.read_page(
            QueryBuilder::new("SELECT count(*) FROM eval_runs WHERE eval_id = ").push_bind(eval.as_uuid()),
            QueryBuilder::<Db>::new("SELECT ")
                .push(TOTALS)
                .push(" FROM eval_runs WHERE eval_id = ")
                .push_bind(eval.as_uuid())
                .push(" ORDER BY started_at DESC, id DESC"),
            page,
            |row: SummaryRow| row.try_into(),
        )
        .await
    }
}
