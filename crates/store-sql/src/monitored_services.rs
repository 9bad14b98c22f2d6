//! Monitored services in SQL.

use async_trait::async_trait;
use promptgate_kernel::{MonitoredServiceId, Page, PageRequest, RepositoryError, Timestamp};
use promptgate_monitoring::{
    Condition, Finding, Health, MonitoredService, ServiceFilter, ServiceRepository, ServiceSort,
};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::{corrupt, narrow};
use crate::value::{count, order_by, text};
use crate::work::SqlWork;

const TABLE: &str = "monitored_services";

const SELECT: &str = "SELECT id, name, display_name, url, expected_status_code, interval_seconds, enabled, \
     created_at, updated_at, version, status, last_checked_at, last_status_code, last_error, last_latency_ms, \
     consecutive_failures FROM monitored_services";

#[derive(FromRow)]
struct ServiceRow {
    id: Uuid,
    name: String,
    display_name: String,
    url: String,
    expected_status_code: i64,
    interval_seconds: i64,
    enabled: bool,
    created_at: i64,
    updated_at: i64,
    version: i64,
    status: String,
    last_checked_at: Option<i64>,
    last_status_code: Option<i64>,
    last_error: String,
    last_latency_ms: i64,
    consecutive_failures: i64,
}

impl TryFrom<ServiceRow> for MonitoredService {
    type Error = RepositoryError;

    fn try_from(row: ServiceRow) -> Result<Self, RepositoryError> {
        let id = row.id;
        let status_code = row.last_status_code.map(|code| narrow(TABLE, id, code)).transpose()?;
        Ok(Self {
            id: MonitoredServiceId::from_uuid(id),
            name: row.name,
            display_name: row.display_name,
            url: row.url,
            expected_status_code: narrow(TABLE, id, row.expected_status_code)?,
            interval_seconds: narrow(TABLE, id, row.interval_seconds)?,
            enabled: row.enabled,
            condition: Condition {
                health: row.status.parse().map_err(|error| corrupt(TABLE, id, error))?,
                checked_at: row.last_checked_at.map(Timestamp::from_micros),
                status_code,
                error: row.last_error,
                latency_ms: row.last_latency_ms.unsigned_abs(),
                consecutive_failures: row.consecutive_failures.unsigned_abs(),
            },
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

const fn column(sort: ServiceSort) -> &'static str {
    match sort {
        ServiceSort::Name => "name",
        ServiceSort::DisplayName => "display_name_folded",
        ServiceSort::Url => "url",
        ServiceSort::ExpectedStatusCode => "expected_status_code",
        ServiceSort::IntervalSeconds => "interval_seconds",
        ServiceSort::Enabled => "enabled",
        ServiceSort::Status => "status",
        ServiceSort::LastCheckedAt => "last_checked_at",
        ServiceSort::LastStatusCode => "last_status_code",
        ServiceSort::LastLatencyMs => "last_latency_ms",
        ServiceSort::ConsecutiveFailures => "consecutive_failures",
        ServiceSort::CreatedAt => "created_at",
        ServiceSort::UpdatedAt => "updated_at",
    }
}

#[each_dialect]
impl SqlWork<Db> {
    async fn read_services(
        &mut self,
        query: &mut QueryBuilder<Db>,
    ) -> Result<Vec<MonitoredService>, RepositoryError> {
        let rows: Vec<ServiceRow> =
            query.build_query_as().fetch_all(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        rows.into_iter().map(MonitoredService::try_from).collect()
    }
}

#[each_dialect]
#[async_trait]
impl ServiceRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.monitored_services.find", skip_all, fields(monitored_service.id = %id))]
    async fn find(&mut self, id: MonitoredServiceId) -> Result<Option<MonitoredService>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new(SELECT);
        let found = self.read_services(query.push(" WHERE id = ").push_bind(id.as_uuid())).await?;
        Ok(found.into_iter().next())
    }

    #[instrument(level = "debug", name = "db.monitored_services.insert", skip_all, fields(monitored_service.id = %service.id))]
    async fn insert(&mut self, service: &MonitoredService) -> Result<(), RepositoryError> {
        let condition = &service.condition;
        sqlx::query(
            "INSERT INTO monitored_services (id, name, display_name, display_name_folded, url, \
             expected_status_code, interval_seconds, enabled, created_at, updated_at, version, status, \
             last_checked_at, last_status_code, last_error, last_latency_ms, consecutive_failures) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        )
        .bind(service.id.as_uuid())
        .bind(text(&service.name))
        .bind(text(&service.display_name))
        .bind(text(&service.display_name.to_lowercase()))
        .bind(text(&service.url))
        .bind(i64::from(service.expected_status_code))
        .bind(i64::from(service.interval_seconds))
        .bind(service.enabled)
        .bind(service.created_at.as_micros())
        .bind(service.updated_at.as_micros())
        .bind(service.version)
        .bind(condition.health.as_str())
        .bind(condition.checked_at.map(Timestamp::as_micros))
        .bind(condition.status_code.map(i64::from))
        .bind(text(&condition.error))
        .bind(count(condition.latency_ms))
        .bind(count(condition.consecutive_failures))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.monitored_services.save", skip_all, fields(monitored_service.id = %service.id))]
    async fn save(&mut self, service: &MonitoredService) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE monitored_services SET name = $2, display_name = $3, display_name_folded = $4, url = $5, \
             expected_status_code = $6, interval_seconds = $7, enabled = $8, updated_at = $9, version = $10 \
             WHERE id = $1 AND version = $10 - 1",
        )
        .bind(service.id.as_uuid())
        .bind(text(&service.name))
        .bind(text(&service.display_name))
        .bind(text(&service.display_name.to_lowercase()))
        .bind(text(&service.url))
        .bind(i64::from(service.expected_status_code))
        .bind(i64::from(service.interval_seconds))
        .bind(service.enabled)
        .bind(service.updated_at.as_micros())
        .bind(service.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.monitored_services.remove", skip_all, fields(monitored_service.id = %id))]
    async fn remove(&mut self, id: MonitoredServiceId) -> Result<bool, RepositoryError> {
        Ok(self.execute_for("DELETE FROM monitored_services WHERE id = $1", id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.monitored_services.list", skip_all)]
    async fn list(
        &mut self,
        filter: &ServiceFilter,
        page: PageRequest,
    ) -> Result<Page<MonitoredService>, RepositoryError> {
        self.read_page(
            &mut QueryBuilder::new("SELECT count(*) FROM monitored_services"),
            QueryBuilder::new(SELECT).push(order_by(column(filter.sort), filter.direction)),
            page,
            |row: ServiceRow| row.try_into(),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.monitored_services.degraded", skip_all)]
    async fn degraded(&mut self) -> Result<Vec<MonitoredService>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new(SELECT);
        query.push(" WHERE enabled = ").push_bind(true);
        query.push(" AND status = ").push_bind(Health::Degraded.as_str());
        self.read_services(query.push(" ORDER BY name")).await
    }

    #[instrument(level = "debug", name = "db.monitored_services.due", skip_all)]
    async fn due(&mut self, at: Timestamp, limit: u32) -> Result<Vec<MonitoredService>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new(SELECT);
        query.push(" WHERE enabled = ").push_bind(true);
        query.push(" AND (last_checked_at IS NULL OR last_checked_at + interval_seconds * 1000000 <= ");
        query.push_bind(at.as_micros()).push(") ORDER BY last_checked_at ASC NULLS FIRST, id LIMIT ");
        self.read_services(query.push_bind(i64::from(limit))).await
    }

    #[instrument(level = "debug", name = "db.monitored_services.claim", skip_all, fields(monitored_service.id = %service.id))]
    async fn claim(&mut self, service: &MonitoredService, at: Timestamp) -> Result<bool, RepositoryError> {
        // Nobody looked yet, or whoever looked last did it when it was read.
        let done = sqlx::query(
            "UPDATE monitored_services SET last_checked_at = $2 WHERE id = $1 \
             AND COALESCE(last_checked_at, -1) = $3",
        )
        .bind(service.id.as_uuid())
        .bind(at.as_micros())
        .bind(service.condition.checked_at.map_or(-1, Timestamp::as_micros))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.monitored_services.record", skip_all, fields(monitored_service.id = %service.id))]
    async fn record(
        &mut self,
        service: &MonitoredService,
        finding: &Finding,
    ) -> Result<bool, RepositoryError> {
        let failures = match finding.health {
            Health::Ok => "0",
            Health::Degraded => "consecutive_failures + 1",
        };
        let done = QueryBuilder::<Db>::new("UPDATE monitored_services SET status = ")
            .push_bind(finding.health.as_str())
            .push(", last_checked_at = ")
            .push_bind(finding.checked_at.as_micros())
            .push(", last_status_code = ")
            .push_bind(finding.status_code.map(i64::from))
            .push(", last_error = ")
            .push_bind(text(&finding.error).into_owned())
            .push(", last_latency_ms = ")
            .push_bind(count(finding.latency_ms))
            .push(", consecutive_failures = ")
            .push(failures)
            .push(" WHERE id = ")
            .push_bind(service.id.as_uuid())
            .push(" AND url = ")
            .push_bind(text(&service.url).into_owned())
            .push(" AND expected_status_code = ")
            .push_bind(i64::from(service.expected_status_code))
            .build()
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }
}
