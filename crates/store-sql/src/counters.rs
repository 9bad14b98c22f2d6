//! Counters of limits in SQL: each call a transaction of its own.
//!
//! Whoever takes locks his own row first and then those of the counters, in the order of their texts, so
//! that two that take of the same counters wait for one another and never for each other. What a counter
//! stands at is read by one statement, so that what another process settles or records meanwhile is seen
//! as held or as used, and never as neither. Whoever locks several holds does so in the order of their
//! counters, buckets and holders.

mod filling;
mod ledger;
mod sweep;

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use promptgate_kernel::Timestamp;
use promptgate_limits::{
    Counters, CountersError, Demand, Grant, Holder, Limit, Refused, Settlement, Span, Standing, Taken,
};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{AssertSqlSafe, Database, Transaction};
use tokio::time::{Instant, timeout_at};
use tracing::instrument;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::error::classify;
use crate::value::{count, text};
use crate::work::SqlStore;

pub(crate) use filling::Filling;

/// How a counter stands: what is used in a span, what is held, and when the oldest use counts no longer.
const STANDING: &str = "SELECT \
     CAST(COALESCE((SELECT sum(used) FROM limit_buckets WHERE counter = $1 AND bucket >= $2 AND bucket < $3), 0) \
     AS BIGINT), \
     CAST(COALESCE((SELECT sum(amount) FROM limit_holds WHERE counter = $1 AND bucket >= $2 AND bucket < $3), 0) \
     AS BIGINT), \
     (SELECT min(ends_at) FROM limit_buckets WHERE counter = $1 AND bucket >= $2 AND bucket < $3 AND used > 0)";

/// Adds to what was used in a bucket.
const USE: &str = "INSERT INTO limit_buckets (counter, bucket, used, ends_at, is_ledger) \
     VALUES ($1, $2, $3, $4, FALSE) \
     ON CONFLICT (counter, bucket) DO UPDATE SET used = limit_buckets.used + excluded.used";

/// How often counters are filled that are forgotten before something is taken of them.
const ATTEMPTS: usize = 3;

fn key(holder: Holder) -> Uuid {
    Uuid::from_u128(holder.0)
}

fn amount(stored: i64) -> u64 {
    stored.max(0).unsigned_abs()
}

async fn committed<DB: Database>(tx: Transaction<'static, DB>) -> Result<(), CountersError> {
    Ok(tx.commit().await.map_err(classify)?)
}

#[each_dialect]
impl SqlStore<Db> {
    async fn limit_standing(
        tx: &mut Transaction<'static, Db>,
        counter: &str,
        cap: u64,
        span: &Span,
    ) -> Result<Standing, CountersError> {
        let (used, held, ends): (i64, i64, Option<i64>) = sqlx::query_as(STANDING)
            .bind(counter)
            .bind(span.since.as_micros())
            .bind(span.until.as_micros())
            .fetch_one(&mut **tx)
            .await
            .map_err(classify)?;
        Ok(Standing {
            used: amount(used),
            held: amount(held),
            cap,
            resets_at: ends.map_or(span.until, Timestamp::from_micros),
        })
    }

    /// Adds to what was used, in the order of the keys, so that two that do wait for one another only.
    async fn limit_uses(
        tx: &mut Transaction<'static, Db>,
        uses: BTreeMap<(String, i64), (i64, i64)>,
    ) -> Result<(), CountersError> {
        for ((counter, bucket), (used, ends_at)) in uses {
            sqlx::query(USE)
                .bind(counter)
                .bind(bucket)
                .bind(used)
                .bind(ends_at)
                .execute(&mut **tx)
                .await
                .map_err(classify)?;
        }
        Ok(())
    }

    /// Takes of all counters or of none; nothing comes of it where one of them has to be filled first.
    async fn try_take(
        &self,
        holder: Holder,
        demands: &[Demand],
        until: Timestamp,
    ) -> Result<Option<Taken>, CountersError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO limit_holders (holder, step, until_at) VALUES ($1, 0, $2) ON CONFLICT (holder) DO UPDATE \
             SET until_at = CASE WHEN limit_holders.until_at > excluded.until_at THEN limit_holders.until_at \
             ELSE excluded.until_at END",
        )
        .bind(key(holder))
        .bind(until.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
        let mut order: Vec<(usize, String)> = demands
            .iter()
            .map(|demand| text(&demand.limit.counter.to_string()).into_owned())
            .enumerate()
            .collect();
        order.sort_by(|(_, one), (_, other)| one.cmp(other));
        let mut grants = vec![None; demands.len()];
        let mut refused: Option<Refused> = None;
        for (at, counter) in &order {
            let demand = &demands[*at];
            if demand.limit.counter.is_ledger() {
                if !self.lock_if_complete(&mut tx, counter, &demand.span).await? {
                    return Ok(None);
                }
            } else {
                sqlx::query(
                    "INSERT INTO limit_counters (counter) VALUES ($1) \
                     ON CONFLICT (counter) DO UPDATE SET counter = excluded.counter",
                )
                .bind(counter)
                .execute(&mut *tx)
                .await
                .map_err(classify)?;
            }
            let standing = Self::limit_standing(&mut tx, counter, demand.limit.cap, &demand.span).await?;
            if standing.room() < demand.least {
                if refused.is_none_or(|first| first.at > *at) {
                    refused = Some(Refused { at: *at, standing });
                }
                continue;
            }
            let given = standing.room().min(demand.most.max(demand.least));
            sqlx::query(
                "INSERT INTO limit_holds (holder, counter, bucket, amount, ends_at, is_used_when_lost) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (holder, counter, bucket) \
                 DO UPDATE SET amount = limit_holds.amount + excluded.amount",
            )
            .bind(key(holder))
            .bind(counter)
            .bind(demand.span.bucket.as_micros())
            .bind(count(given))
            .bind(demand.span.until.as_micros())
            .bind(demand.limit.counter.is_used_when_lost())
            .execute(&mut *tx)
            .await
            .map_err(classify)?;
            let standing = Standing { held: standing.held.saturating_add(given), ..standing };
            grants[*at] = Some(Grant { amount: given, standing });
        }
        if let Some(refused) = refused {
            // Dropping the transaction gives back what was taken of the others.
            return Ok(Some(Taken::Refused(refused)));
        }
        committed(tx).await?;
        Ok(Some(Taken::All(grants.into_iter().flatten().collect())))
    }
}

#[each_dialect]
#[async_trait]
impl Counters for SqlStore<Db> {
    #[instrument(level = "debug", name = "db.limits.take", skip_all)]
    async fn take(
        &self,
        holder: Holder,
        demands: &[Demand],
        _now: Timestamp,
        until: Timestamp,
    ) -> Result<Taken, CountersError> {
        let made_by = Instant::now() + self.fill_patience;
        for _ in 0..ATTEMPTS {
            if let Some(taken) = self.try_take(holder, demands, until).await? {
                return Ok(taken);
            }
            match timeout_at(made_by, try_join_all(self.fill(demands))).await {
                Ok(Ok(_)) => {}
                Ok(Err(reason)) => return Err(CountersError::Unavailable(reason.to_string())),
                Err(_) => return Err(CountersError::Filling),
            }
        }
        Err(CountersError::Unavailable("they are forgotten as soon as they are filled".to_owned()))
    }

    #[instrument(level = "debug", name = "db.limits.settle", skip_all)]
    async fn settle(
        &self,
        holder: Holder,
        step: u64,
        settlements: &[Settlement],
        _now: Timestamp,
    ) -> Result<bool, CountersError> {
        let mut tx = self.write().await?;
        let done = sqlx::query("UPDATE limit_holders SET step = $2 WHERE holder = $1 AND step < $2")
            .bind(key(holder))
            .bind(count(step))
            .execute(&mut *tx)
            .await
            .map_err(classify)?;
        if done.rows_affected() == 0 {
            let known: Option<i64> = sqlx::query_scalar("SELECT step FROM limit_holders WHERE holder = $1")
                .bind(key(holder))
                .fetch_optional(&mut *tx)
                .await
                .map_err(classify)?;
            return Ok(known.is_some());
        }
        let mut order: Vec<(String, &Settlement)> = settlements
            .iter()
            .map(|settlement| (text(&settlement.counter.to_string()).into_owned(), settlement))
            .collect();
        order.sort_by(|(one, of_one), (other, of_other)| (one, of_one.bucket).cmp(&(other, of_other.bucket)));
        // Whoever records calls changes holds, too.
        let held_now = format!(
            "SELECT amount FROM limit_holds WHERE holder = $1 AND counter = $2 AND bucket = $3 {}",
            Db::pick("FOR UPDATE", "")
        );
        let mut uses: BTreeMap<_, (i64, i64)> = BTreeMap::new();
        for (counter, settlement) in order {
            let bucket = settlement.bucket.as_micros();
            // Of the ledger's counters the usage events tell; what was used of them is held until then.
            let spent = if settlement.counter.is_ledger() { 0 } else { settlement.spent };
            let held: Option<i64> = sqlx::query_scalar(AssertSqlSafe(held_now.as_str()))
                .bind(key(holder))
                .bind(&counter)
                .bind(bucket)
                .fetch_optional(&mut *tx)
                .await
                .map_err(classify)?;
            if let Some(held) = held {
                let left = amount(held).saturating_sub(spent).saturating_sub(settlement.freed);
                let statement = if left == 0 {
                    "DELETE FROM limit_holds WHERE holder = $1 AND counter = $2 AND bucket = $3 AND $4 = 0"
                } else {
                    "UPDATE limit_holds SET amount = $4 WHERE holder = $1 AND counter = $2 AND bucket = $3"
                };
                sqlx::query(statement)
                    .bind(key(holder))
                    .bind(&counter)
                    .bind(bucket)
                    .bind(count(left))
                    .execute(&mut *tx)
                    .await
                    .map_err(classify)?;
            }
            if spent > 0 {
                let used = uses.entry((counter, bucket)).or_insert((0, settlement.until.as_micros()));
                used.0 = used.0.saturating_add(count(spent));
            }
        }
        Self::limit_uses(&mut tx, uses).await?;
        committed(tx).await?;
        Ok(true)
    }

    #[instrument(level = "debug", name = "db.limits.end", skip_all)]
    async fn end(&self, holder: Holder) -> Result<(), CountersError> {
        self.end_holder(key(holder)).await
    }

    #[instrument(level = "debug", name = "db.limits.extend", skip_all)]
    async fn extend(&self, holder: Holder, until: Timestamp, now: Timestamp) -> Result<bool, CountersError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "UPDATE limit_holders SET until_at = CASE WHEN until_at > $2 THEN until_at ELSE $2 END \
             WHERE holder = $1 AND until_at > $3",
        )
        .bind(key(holder))
        .bind(until.as_micros())
        .bind(now.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
        committed(tx).await?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.limits.standing", skip_all)]
    async fn standing(
        &self,
        limits: &[(Limit, Span)],
        _now: Timestamp,
    ) -> Result<Vec<Standing>, CountersError> {
        let mut tx = self.transaction(promptgate_store::Access::Read).await.map_err(classify)?;
        let mut standings = Vec::with_capacity(limits.len());
        for (limit, span) in limits {
            standings.push(if limit.counter.is_ledger() {
                self.ledger_standing(&mut tx, limit, span).await?
            } else {
                let counter = limit.counter.to_string();
                Self::limit_standing(&mut tx, &text(&counter), limit.cap, span).await?
            });
        }
        Ok(standings)
    }

    #[instrument(level = "debug", name = "db.limits.sweep", skip_all)]
    async fn sweep(&self, now: Timestamp) -> Result<u64, CountersError> {
        let swept = self.end_the_dead(now).await?;
        self.forget_limits(now).await?;
        Ok(swept)
    }
}
