//! Jobs and their runs in SQL.

use async_trait::async_trait;
use promptgate_kernel::{JobRunId, Page, PageRequest, RepositoryError, Timestamp};
use promptgate_schedule::{JobRepository, JobState, Run, RunFilter};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::error::{corrupt, narrow};
use crate::value::{count, optional_text, text};
use crate::work::SqlWork;

const TABLE: &str = "job_runs";

const SELECT: &str = "SELECT id, job, origin, state, attempts, due_at, created_at, started_at, ended_at, holder, \
     held_until, amount, error, version FROM job_runs";

const INSERT: &str = "INSERT INTO job_runs (id, job, origin, state, attempts, due_at, created_at, started_at, \
     ended_at, holder, held_until, amount, error, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING";

#[derive(FromRow)]
struct RunRow {
    id: Uuid,
    job: String,
    origin: String,
    state: String,
    attempts: i64,
    due_at: i64,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    holder: Option<Uuid>,
    held_until: Option<i64>,
    amount: i64,
    error: Option<String>,
    version: i64,
}

impl TryFrom<RunRow> for Run {
    type Error = RepositoryError;

    fn try_from(row: RunRow) -> Result<Self, RepositoryError> {
        let id = row.id;
        Ok(Self {
            id: JobRunId::from_uuid(id),
            job: row.job,
            origin: row.origin.parse().map_err(|error| corrupt(TABLE, id, error))?,
            state: row.state.parse().map_err(|error| corrupt(TABLE, id, error))?,
            attempts: narrow(TABLE, id, row.attempts)?,
            due_at: Timestamp::from_micros(row.due_at),
            created_at: Timestamp::from_micros(row.created_at),
            started_at: row.started_at.map(Timestamp::from_micros),
            ended_at: row.ended_at.map(Timestamp::from_micros),
            holder: row.holder,
            held_until: row.held_until.map(Timestamp::from_micros),
            amount: row.amount.unsigned_abs(),
            error: row.error,
            version: row.version,
        })
    }
}

#[derive(FromRow)]
struct JobRow {
    name: String,
    schedule: String,
    next_at: i64,
    seen_at: i64,
    paused_at: Option<i64>,
    dead: i64,
}

#[each_dialect]
impl SqlWork<Db> {
    async fn read_runs(&mut self, query: &mut QueryBuilder<Db>) -> Result<Vec<Run>, RepositoryError> {
        let rows: Vec<RunRow> =
            query.build_query_as().fetch_all(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        rows.into_iter().map(Run::try_from).collect()
    }
}

/// Adds the names of jobs, in parentheses.
#[each_dialect]
impl Named for QueryBuilder<Db> {
    fn push_jobs(&mut self, jobs: &[&str]) -> &mut Self {
        self.push("(");
        let mut names = self.separated(", ");
        for job in jobs {
            names.push_bind((*job).to_owned());
        }
        self.push(")")
    }
}

trait Named {
    fn push_jobs(&mut self, jobs: &[&str]) -> &mut Self;
}

#[each_dialect]
#[async_trait]
impl JobRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.jobs.announce", skip_all, fields(job.name = name))]
    async fn announce(
        &mut self,
        name: &str,
        schedule: &str,
        next_at: Timestamp,
        at: Timestamp,
    ) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO jobs (name, schedule, last_tick, next_at, seen_at) VALUES ($1, $2, NULL, $3, $4) \
             ON CONFLICT (name) DO UPDATE SET schedule = excluded.schedule, next_at = excluded.next_at, \
             seen_at = excluded.seen_at",
        )
        .bind(name)
        .bind(schedule)
        .bind(next_at.as_micros())
        .bind(at.as_micros())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.jobs.take_tick", skip_all, fields(job.name = run.job))]
    async fn take_tick(
        &mut self,
        tick: Timestamp,
        next_at: Timestamp,
        run: &Run,
    ) -> Result<bool, RepositoryError> {
        let paused: Option<Option<i64>> = sqlx::query_scalar(
            "UPDATE jobs SET last_tick = $2, next_at = $3, seen_at = $4 \
             WHERE name = $1 AND (last_tick IS NULL OR last_tick < $2) RETURNING paused_at",
        )
        .bind(&run.job)
        .bind(tick.as_micros())
        .bind(next_at.as_micros())
        .bind(run.created_at.as_micros())
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        match paused {
            None => return Ok(false),
            Some(None) => JobRepository::insert(self, run).await?,
            Some(Some(_)) => JobRepository::insert(self, &run.clone().skipped(run.created_at)).await?,
        };
        Ok(true)
    }

    #[instrument(level = "debug", name = "db.jobs.set_paused", skip_all, fields(job.name = job))]
    async fn set_paused(&mut self, job: &str, at: Option<Timestamp>) -> Result<bool, RepositoryError> {
        let done = sqlx::query("UPDATE jobs SET paused_at = $2 WHERE name = $1 AND (paused_at IS NULL) = $3")
            .bind(text(job))
            .bind(at.map(Timestamp::as_micros))
            .bind(at.is_some())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.jobs.insert", skip_all, fields(job.name = run.job))]
    async fn insert(&mut self, run: &Run) -> Result<bool, RepositoryError> {
        let done = sqlx::query(INSERT)
            .bind(run.id.as_uuid())
            .bind(&run.job)
            .bind(run.origin.as_str())
            .bind(run.state.as_str())
            .bind(i64::from(run.attempts))
            .bind(run.due_at.as_micros())
            .bind(run.created_at.as_micros())
            .bind(run.started_at.map(Timestamp::as_micros))
            .bind(run.ended_at.map(Timestamp::as_micros))
            .bind(run.holder)
            .bind(run.held_until.map(Timestamp::as_micros))
            .bind(count(run.amount))
            .bind(optional_text(run.error.as_ref()))
            .bind(run.version)
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.jobs.claim", skip_all)]
    async fn claim(
        &mut self,
        jobs: &[&str],
        holder: Uuid,
        at: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Run>, RepositoryError> {
        if jobs.is_empty() {
            return Ok(None);
        }
        let mut query = QueryBuilder::<Db>::new("UPDATE job_runs SET state = 'running', holder = ");
        query.push_bind(holder).push(", held_until = ").push_bind(until.as_micros());
        query.push(", started_at = ").push_bind(at.as_micros());
        query.push(
            ", attempts = attempts + 1, version = version + 1 WHERE id = \
             (SELECT id FROM job_runs WHERE state = 'waiting' AND due_at <= ",
        );
        query.push_bind(at.as_micros()).push(" AND job IN ").push_jobs(jobs);
        query.push(" ORDER BY due_at, id LIMIT 1").push(Db::pick(" FOR UPDATE SKIP LOCKED", ""));
        query.push(
            ") RETURNING id, job, origin, state, attempts, due_at, created_at, started_at, ended_at, holder, \
             held_until, amount, error, version",
        );
        Ok(self.read_runs(&mut query).await?.pop())
    }

    #[instrument(level = "debug", name = "db.jobs.waiting_since", skip_all)]
    async fn waiting_since(
        &mut self,
        jobs: &[&str],
        at: Timestamp,
    ) -> Result<Option<Timestamp>, RepositoryError> {
        if jobs.is_empty() {
            return Ok(None);
        }
        let mut query = QueryBuilder::<Db>::new(
            "SELECT MIN(due_at) FROM job_runs WHERE state = 'waiting' AND due_at <= ",
        );
        query.push_bind(at.as_micros()).push(" AND job IN ").push_jobs(jobs);
        let since: Option<i64> =
            query.build_query_scalar().fetch_one(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        Ok(since.map(Timestamp::from_micros))
    }

    #[instrument(level = "debug", name = "db.jobs.extend", skip_all)]
    async fn extend(
        &mut self,
        runs: &[JobRunId],
        holder: Uuid,
        until: Timestamp,
    ) -> Result<u64, RepositoryError> {
        if runs.is_empty() {
            return Ok(0);
        }
        let mut query = QueryBuilder::<Db>::new("UPDATE job_runs SET held_until = ");
        query.push_bind(until.as_micros()).push(" WHERE state = 'running' AND holder = ").push_bind(holder);
        query.push(" AND id IN (");
        let mut ids = query.separated(", ");
        for id in runs {
            ids.push_bind(id.as_uuid());
        }
        query.push(")");
        let done = query.build().execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
    }

    #[instrument(level = "debug", name = "db.jobs.lapsed", skip_all)]
    async fn lapsed(&mut self, at: Timestamp, limit: u32) -> Result<Vec<Run>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new(SELECT);
        query.push(" WHERE state = 'running' AND held_until < ").push_bind(at.as_micros());
        query.push(" ORDER BY held_until, id LIMIT ").push_bind(i64::from(limit));
        query.push(Db::pick(" FOR UPDATE SKIP LOCKED", ""));
        self.read_runs(&mut query).await
    }

    #[instrument(level = "debug", name = "db.jobs.save", skip_all, fields(job.name = run.job))]
    async fn save(&mut self, run: &Run) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE job_runs SET state = $2, attempts = $3, due_at = $4, started_at = $5, ended_at = $6, \
             holder = $7, held_until = $8, amount = $9, error = $10, version = $11 \
             WHERE id = $1 AND version = $11 - 1",
        )
        .bind(run.id.as_uuid())
        .bind(run.state.as_str())
        .bind(i64::from(run.attempts))
        .bind(run.due_at.as_micros())
        .bind(run.started_at.map(Timestamp::as_micros))
        .bind(run.ended_at.map(Timestamp::as_micros))
        .bind(run.holder)
        .bind(run.held_until.map(Timestamp::as_micros))
        .bind(count(run.amount))
        .bind(optional_text(run.error.as_ref()))
        .bind(run.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.jobs.find", skip_all)]
    async fn find(&mut self, id: JobRunId) -> Result<Option<Run>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new(SELECT);
        let mut found = self.read_runs(query.push(" WHERE id = ").push_bind(id.as_uuid())).await?;
        Ok(found.pop())
    }

    #[instrument(level = "debug", name = "db.jobs.open", skip_all, fields(job.name = job))]
    async fn open(&mut self, job: &str) -> Result<Option<Run>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new(SELECT);
        query.push(" WHERE state IN ('waiting', 'running') AND job = ").push_bind(text(job).into_owned());
        Ok(self.read_runs(&mut query).await?.pop())
    }

    #[instrument(level = "debug", name = "db.jobs.is_known", skip_all, fields(job.name = job))]
    async fn is_known(&mut self, job: &str) -> Result<bool, RepositoryError> {
        let known: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs WHERE name = $1")
            .bind(text(job))
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(known > 0)
    }

    #[instrument(level = "debug", name = "db.jobs.list", skip_all)]
    async fn list(&mut self) -> Result<Vec<JobState>, RepositoryError> {
        let rows: Vec<JobRow> = sqlx::query_as(
            "SELECT name, schedule, next_at, seen_at, paused_at, (SELECT count(*) FROM job_runs \
             WHERE job_runs.job = jobs.name AND state = 'dead') AS dead FROM jobs ORDER BY name",
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let mut open = QueryBuilder::<Db>::new(SELECT);
        let mut open = self.read_runs(open.push(" WHERE state IN ('waiting', 'running')")).await?;
        let mut last = QueryBuilder::<Db>::new(SELECT);
        last.push(
            " WHERE id IN (SELECT (SELECT id FROM job_runs WHERE job_runs.job = jobs.name \
             AND ended_at IS NOT NULL AND state <> 'skipped' ORDER BY ended_at DESC, id DESC LIMIT 1) FROM jobs)",
        );
        let mut last = self.read_runs(&mut last).await?;
        let take = |runs: &mut Vec<Run>, job: &str| {
            runs.iter().position(|run| run.job == job).map(|place| runs.swap_remove(place))
        };
        let states = rows.into_iter().map(|row| JobState {
            schedule: row.schedule,
            next_at: Timestamp::from_micros(row.next_at),
            seen_at: Timestamp::from_micros(row.seen_at),
            paused_at: row.paused_at.map(Timestamp::from_micros),
            open: take(&mut open, &row.name),
            last: take(&mut last, &row.name),
            dead: row.dead.unsigned_abs(),
            name: row.name,
        });
        Ok(states.collect())
    }

    #[instrument(level = "debug", name = "db.jobs.runs", skip_all)]
    async fn runs(&mut self, filter: &RunFilter, page: PageRequest) -> Result<Page<Run>, RepositoryError> {
        let mut total = QueryBuilder::<Db>::new("SELECT count(*) FROM job_runs");
        let mut rows = QueryBuilder::<Db>::new(SELECT);
        for query in [&mut total, &mut rows] {
            query.push(" WHERE 1 = 1");
            if let Some(job) = &filter.job {
                query.push(" AND job = ").push_bind(text(job).into_owned());
            }
            if let Some(state) = filter.state {
                query.push(" AND state = ").push_bind(state.as_str());
            }
        }
        // Identifiers sort by when they were made.
        rows.push(" ORDER BY id DESC");
        self.read_page(&mut total, &mut rows, page, |row: RunRow| row.try_into()).await
    }

    #[instrument(level = "debug", name = "db.jobs.trim", skip_all, fields(job.name = job))]
    async fn trim(&mut self, job: &str, keep: u32, limit: u32) -> Result<u64, RepositoryError> {
        let mut removed = 0;
        for states in ["('finished', 'discarded')", "('dead')", "('skipped')"] {
            let mut query = QueryBuilder::<Db>::new(
                "DELETE FROM job_runs WHERE id IN (SELECT id FROM job_runs WHERE job = ",
            );
            query.push_bind(text(job).into_owned()).push(" AND ended_at IS NOT NULL AND state IN ");
            query.push(states).push(" ORDER BY ended_at DESC, id DESC LIMIT ").push_bind(i64::from(limit));
            query.push(" OFFSET ").push_bind(i64::from(keep)).push(")");
            let done = query.build().execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
            removed += done.rows_affected();
        }
        Ok(removed)
    }

    #[instrument(level = "debug", name = "db.jobs.forget", skip_all)]
    async fn forget(&mut self, before: Timestamp) -> Result<u64, RepositoryError> {
        let mut removed = 0;
        for statement in [
            "DELETE FROM job_runs WHERE job IN (SELECT name FROM jobs WHERE seen_at < $1)",
            "DELETE FROM jobs WHERE seen_at < $1",
        ] {
            let done = sqlx::query(statement)
                .bind(before.as_micros())
                .execute(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
            removed += done.rows_affected();
        }
        Ok(removed)
    }
}
