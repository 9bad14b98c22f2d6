//! Calls of the past at other prices, and everything that they were added up to.

use promptgate_kernel::RepositoryError;
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{Repriced, UsageEvent};
use sqlx::types::Json;

use super::row::Details;
use crate::value::text;
use crate::work::SqlWork;

#[each_dialect]
impl SqlWork<Db> {
    /// Gives calls other prices, in the order of their ids; says of how many. A call that is gone, or that
    /// costs something else than it did or by a price that was found in another way, keeps what it has.
    pub(crate) async fn reprice_calls(&mut self, changes: &[Repriced<'_>]) -> Result<u64, RepositoryError> {
        self.share_ledger().await?;
        let mut sorted: Vec<&Repriced<'_>> = changes.iter().collect();
        sorted.sort_by_key(|change| change.event.id);
        let mut count = 0;
        let mut added_up: Vec<(&UsageEvent, UsageEvent)> = Vec::with_capacity(sorted.len());
        for change in sorted {
            let priced = change.priced();
            let is_added_up: Option<bool> = sqlx::query_scalar(
                "UPDATE usage_events SET cost_nanos = $2, details = $3 WHERE id = $1 AND cost_nanos = $4 \
                 AND COALESCE(details ->> 'price_basis', price_basis) = $5 RETURNING rolled_up",
            )
            .bind(priced.id.as_uuid())
            .bind(priced.cost.as_nanos())
            .bind(Json(Details::from(&priced)))
            .bind(change.event.cost.as_nanos())
            .bind(text(&change.event.price_basis))
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
            let Some(is_added_up) = is_added_up else { continue };
            count += 1;
            // What is still to be added up will be at what it costs now.
            if is_added_up {
                added_up.push((change.event, priced));
            }
        }
        self.move_costs(&added_up).await?;
        let calls: Vec<&UsageEvent> = added_up.iter().map(|(before, _)| *before).collect();
        self.refill(&calls).await?;
        Ok(count)
    }
}
