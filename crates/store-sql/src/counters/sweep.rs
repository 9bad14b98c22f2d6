//! Ending what the dead hold, and forgetting what counts no longer.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use promptgate_kernel::Timestamp;
use promptgate_limits::CountersError;
use promptgate_store_sql_macros::each_dialect;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Database, QueryBuilder, Transaction};
use uuid::Uuid;

use super::committed;
use crate::dialect::Dialect;
use crate::error::classify;
use crate::work::SqlStore;

/// How many of those that are gone one transaction sweeps away.
const SWEPT_AT_A_TIME: i64 = 100;
/// How many buckets, and of how many counters, one transaction forgets.
const FORGOTTEN_AT_A_TIME: i64 = 1_000;
/// In how many transactions.
const ROUNDS: usize = 100;
/// For how long the ledger keeps what is over, because clocks differ.
const GRACE: Duration = Duration::from_hours(1);

/// Something that is held.
#[derive(sqlx::FromRow)]
struct Held {
    counter: String,
    bucket: i64,
    amount: i64,
    ends_at: i64,
    is_used_when_lost: bool,
}

#[each_dialect]
impl SqlStore<Db> {
    /// Takes away everything that some hold, who are locked or gone. In the one order in which holds are
    /// locked, also by those who charge counters.
    async fn take_holds(
        tx: &mut Transaction<'static, Db>,
        holders: &[Uuid],
    ) -> Result<Vec<Held>, CountersError> {
        let among = |query: &mut QueryBuilder<Db>| {
            query.push(" FROM limit_holds WHERE holder IN (");
            let mut list = query.separated(", ");
            for holder in holders {
                list.push_bind(*holder);
            }
            list.push_unseparated(")");
        };
        if holders.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Db>::new("SELECT counter, bucket, amount, ends_at, is_used_when_lost");
        among(&mut query);
        query.push(" ORDER BY counter, bucket, holder").push(Db::pick(" FOR UPDATE", ""));
        let held = query.build_query_as().fetch_all(&mut **tx).await.map_err(classify)?;
        let mut query = QueryBuilder::<Db>::new("DELETE");
        among(&mut query);
        query.build().execute(&mut **tx).await.map_err(classify)?;
        Ok(held)
    }

    /// Gives back everything of one.
    pub(super) async fn end_holder(&self, holder: Uuid) -> Result<(), CountersError> {
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM limit_holders WHERE holder = $1")
            .bind(holder)
            .execute(&mut *tx)
            .await
            .map_err(classify)?;
        Self::take_holds(&mut tx, &[holder]).await?;
        committed(tx).await
    }

    /// Ends what is held by holders that are gone; says how many holds there were.
    pub(super) async fn end_the_dead(&self, now: Timestamp) -> Result<u64, CountersError> {
        let mut tx = self.write().await?;
        let skipping = Db::pick("FOR UPDATE SKIP LOCKED", "");
        let statement = format!(
            "DELETE FROM limit_holders WHERE holder IN (SELECT holder FROM limit_holders WHERE until_at <= $1 \
             ORDER BY holder LIMIT $2 {skipping}) AND until_at <= $1 RETURNING holder"
        );
        let gone: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(statement))
            .bind(now.as_micros())
            .bind(SWEPT_AT_A_TIME)
            .fetch_all(&mut *tx)
            .await
            .map_err(classify)?;
        let (mut swept, mut uses): (u64, BTreeMap<_, (i64, i64)>) = (0, BTreeMap::new());
        for held in Self::take_holds(&mut tx, &gone).await? {
            swept += 1;
            if held.is_used_when_lost && held.ends_at > now.as_micros() {
                let sum = uses.entry((held.counter, held.bucket)).or_insert((0, held.ends_at));
                sum.0 = sum.0.saturating_add(held.amount);
            }
        }
        Self::limit_uses(&mut tx, uses).await?;
        committed(tx).await?;
        Ok(swept)
    }

    /// Removes what counts no longer, and counters of which nothing is left.
    pub(super) async fn forget_limits(&self, now: Timestamp) -> Result<(), CountersError> {
        for _ in 0..ROUNDS {
            let forgotten = self.forget_rates(now).await?.max(self.forget_charges(now).await?);
            if forgotten < FORGOTTEN_AT_A_TIME.unsigned_abs() {
                break;
            }
        }
        self.forget_counters().await
    }

    async fn forget_rates(&self, now: Timestamp) -> Result<u64, CountersError> {
        let mut tx = self.write().await?;
        let skipping = Db::pick("FOR UPDATE SKIP LOCKED", "");
        let over = format!(
            "DELETE FROM limit_buckets WHERE (counter, bucket) IN (SELECT counter, bucket FROM limit_buckets \
             WHERE ends_at <= $1 AND NOT is_ledger ORDER BY counter, bucket LIMIT $2 {skipping})"
        );
        let done = sqlx::query(AssertSqlSafe(over))
            .bind(now.as_micros())
            .bind(FORGOTTEN_AT_A_TIME)
            .execute(&mut *tx)
            .await
            .map_err(classify)?;
        committed(tx).await?;
        Ok(done.rows_affected())
    }

    /// Forgets buckets of the ledger that are over. Their counters remember from where on they are complete,
    /// so that whoever needs what is forgotten has it filled anew.
    async fn forget_charges(&self, now: Timestamp) -> Result<u64, CountersError> {
        let over = now.minus(GRACE).as_micros();
        let mut tx = self.write().await?;
        let skipping = Db::pick("FOR UPDATE SKIP LOCKED", "");
        let locked = format!(
            "SELECT counter FROM limit_counters WHERE subject IS NOT NULL AND counter IN (SELECT counter FROM \
             limit_buckets WHERE is_ledger AND ends_at <= $1 ORDER BY ends_at LIMIT $2) ORDER BY counter {skipping}"
        );
        let counters: Vec<String> = sqlx::query_scalar(AssertSqlSafe(locked))
            .bind(over)
            .bind(FORGOTTEN_AT_A_TIME)
            .fetch_all(&mut *tx)
            .await
            .map_err(classify)?;
        if counters.is_empty() {
            return Ok(0);
        }
        let (counters, texts) = (Json(counters), Db::TEXTS);
        // One that is to be filled anew, wherever it is complete from, stays so.
        let complete = format!(
            "UPDATE limit_counters SET complete_since = 1 + (SELECT max(bucket) FROM limit_buckets \
             WHERE limit_buckets.counter = limit_counters.counter AND ends_at <= $1) \
             WHERE counter IN (SELECT value FROM {texts}($2)) AND complete_since <= $1 AND EXISTS (SELECT 1 \
             FROM limit_buckets WHERE limit_buckets.counter = limit_counters.counter AND ends_at <= $1)"
        );
        let forget = format!(
            "DELETE FROM limit_buckets WHERE ends_at <= $1 AND is_ledger \
             AND counter IN (SELECT value FROM {texts}($2))"
        );
        sqlx::query(AssertSqlSafe(complete))
            .bind(over)
            .bind(&counters)
            .execute(&mut *tx)
            .await
            .map_err(classify)?;
        let done = sqlx::query(AssertSqlSafe(forget))
            .bind(over)
            .bind(&counters)
            .execute(&mut *tx)
            .await
            .map_err(classify)?;
        committed(tx).await?;
        Ok(done.rows_affected())
    }

    /// Forgets counters of which nothing is left, among the next few: there may be very many, and nobody
    /// needs it soon.
    async fn forget_counters(&self) -> Result<(), CountersError> {
        const IS_EMPTY: &str = "NOT EXISTS (SELECT 1 FROM limit_buckets WHERE limit_buckets.counter = \
             limit_counters.counter) AND NOT EXISTS (SELECT 1 FROM limit_holds WHERE limit_holds.counter = \
             limit_counters.counter)";
        let after = self.looked_at().clone();
        let mut tx = self.write().await?;
        let next = "SELECT counter FROM limit_counters WHERE counter > $1 ORDER BY counter LIMIT $2";
        let next: Vec<String> = sqlx::query_scalar(next)
            .bind(after)
            .bind(FORGOTTEN_AT_A_TIME)
            .fetch_all(&mut *tx)
            .await
            .map_err(classify)?;
        let is_last = (next.len() as u64) < FORGOTTEN_AT_A_TIME.unsigned_abs();
        let last = next.last().filter(|_| !is_last).cloned().unwrap_or_default();
        let (skipping, texts) = (Db::pick("FOR UPDATE SKIP LOCKED", ""), Db::TEXTS);
        let locked = format!(
            "SELECT counter FROM limit_counters WHERE counter IN (SELECT value FROM {texts}($1)) AND {IS_EMPTY} \
             ORDER BY counter {skipping}"
        );
        let empty: Vec<String> = sqlx::query_scalar(AssertSqlSafe(locked))
            .bind(Json(next))
            .fetch_all(&mut *tx)
            .await
            .map_err(classify)?;
        // Whoever was at work on one when it was looked at is not any more: it is looked at again.
        let forget = format!(
            "DELETE FROM limit_counters WHERE counter IN (SELECT value FROM {texts}($1)) AND {IS_EMPTY}"
        );
        sqlx::query(AssertSqlSafe(forget)).bind(Json(empty)).execute(&mut *tx).await.map_err(classify)?;
        committed(tx).await?;
        *self.looked_at() = last;
        Ok(())
    }
}

impl<DB: Database> SqlStore<DB> {
    fn looked_at(&self) -> MutexGuard<'_, String> {
        self.looked_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
