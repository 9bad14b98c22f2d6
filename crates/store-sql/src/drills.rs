//! Drills in SQL.

use async_trait::async_trait;
use promptgate_kernel::{RepositoryError, Timestamp};
use promptgate_store::{Drill, DrillRepository};
use promptgate_store_sql_macros::each_dialect;
use tracing::instrument;

use crate::error::corrupt;
use crate::work::SqlWork;

#[each_dialect]
#[async_trait]
impl DrillRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.drills.announce", skip_all)]
    async fn announce(&mut self, drill: &Drill) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO drills (dependency, until_at) VALUES ($1, $2) \
             ON CONFLICT (dependency) DO UPDATE SET until_at = excluded.until_at",
        )
        .bind(drill.dependency.as_str())
        .bind(drill.until.as_micros())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.drills.under_way", skip_all)]
    async fn under_way(&mut self, now: Timestamp) -> Result<Vec<Drill>, RepositoryError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT dependency, until_at FROM drills WHERE until_at > $1 ORDER BY dependency")
                .bind(now.as_micros())
                .fetch_all(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
        let drill = |(dependency, until): (String, i64)| {
            let known = dependency.parse().map_err(|error: String| corrupt("drills", &dependency, error))?;
            Ok(Drill { dependency: known, until: Timestamp::from_micros(until) })
        };
        rows.into_iter().map(drill).collect()
    }
}
