//! Switches in SQL.

use async_trait::async_trait;
use promptgate_auth::{Switch, SwitchRepository};
use promptgate_kernel::RepositoryError;
use promptgate_store_sql_macros::each_dialect;
use tracing::instrument;

use crate::work::SqlWork;

#[each_dialect]
#[async_trait]
impl SwitchRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.switches.is_on", skip_all)]
    async fn is_on(&mut self, switch: Switch) -> Result<bool, RepositoryError> {
        let on: Option<bool> = sqlx::query_scalar("SELECT is_on FROM switches WHERE name = $1")
            .bind(switch.as_str())
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(on.unwrap_or_default())
    }

    #[instrument(level = "debug", name = "db.switches.set", skip_all)]
    async fn set(&mut self, switch: Switch, on: bool) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO switches (name, is_on) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET is_on = excluded.is_on",
        )
        .bind(switch.as_str())
        .bind(on)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }
}
