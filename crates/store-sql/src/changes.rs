//! Configuration changes and the revision in SQL.

use async_trait::async_trait;
use promptgate_kernel::{RepositoryError, Revision, Timestamp};
use promptgate_store::{Change, ChangeLog};
use promptgate_store_sql_macros::each_dialect;
use tracing::{instrument, warn};

use crate::work::SqlWork;

/// The changes in order, if they follow `after` without a gap and all of them can be read.
fn readable(after: Revision, rows: &[(i64, String)]) -> Option<Vec<(Revision, Change)>> {
    let mut expected = after;
    let mut changes = Vec::with_capacity(rows.len());
    for (revision, change) in rows {
        expected = expected.next();
        if *revision != expected.number() {
            return None;
        }
        match Change::parse(change) {
            Ok(change) => changes.push((expected, change)),
            Err(error) => {
                // A newer version wrote it. Reading everything anew is right whatever it means.
                warn!(revision = expected.number(), %error, "reading everything anew instead of one change");
                return None;
            }
        }
    }
    Some(changes)
}

#[each_dialect]
#[async_trait]
impl ChangeLog for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.changes.record", skip_all)]
    async fn record(&mut self, change: Change, at: Timestamp) -> Result<Revision, RepositoryError> {
        // The row lock holds until the commit, so that revisions commit in order.
        let revision: i64 =
            sqlx::query_scalar("UPDATE heads SET revision = revision + 1 WHERE id = 1 RETURNING revision")
                .fetch_one(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
        sqlx::query("INSERT INTO changes (revision, change, at) VALUES ($1, $2, $3)")
            .bind(revision)
            .bind(change.to_text())
            .bind(at.as_micros())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(Revision::from_number(revision))
    }

    #[instrument(level = "debug", name = "db.changes.revision", skip_all)]
    async fn revision(&mut self) -> Result<Revision, RepositoryError> {
        let revision: i64 = sqlx::query_scalar("SELECT revision FROM heads WHERE id = 1")
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(Revision::from_number(revision))
    }

    #[instrument(level = "debug", name = "db.changes.since", skip_all)]
    async fn since(
        &mut self,
        revision: Revision,
        limit: u32,
    ) -> Result<Option<Vec<(Revision, Change)>>, RepositoryError> {
        let latest = self.revision().await?;
        if revision >= latest {
            // A revision from the future: the database was put back to an earlier state.
            return Ok((revision == latest).then(Vec::new));
        }
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT revision, change FROM changes WHERE revision > $1 ORDER BY revision LIMIT $2",
        )
        .bind(revision.number())
        .bind(i64::from(limit.max(1)))
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        if rows.is_empty() {
            return Ok(None);
        }
        Ok(readable(revision, &rows))
    }

    // Only from the front: a change whose instant is later keeps everything after it, so that what
    // is left has no gap.
    #[instrument(level = "debug", name = "db.changes.prune", skip_all)]
    async fn prune(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let done = sqlx::query(
            "DELETE FROM changes WHERE revision IN (SELECT revision FROM changes WHERE revision < \
             COALESCE((SELECT MIN(revision) FROM changes WHERE at >= $1), $2) ORDER BY revision LIMIT $3)",
        )
        .bind(before.as_micros())
        .bind(i64::MAX)
        .bind(i64::from(limit))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
    }
}
