//! Counters of the ledger. What was used of them grows with the usage events that are recorded
//! (`usage/charge.rs`), where a counter is kept. The first who takes of one that is not makes it, from the
//! rollups, while nobody records anything: so no event falls between.
//!
//! A row of `limit_counters` says from which bucket on its buckets have everything that the rollups have,
//! and the zone that they are of. Whoever needs more than that has it filled anew.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono_tz::Tz;
use promptgate_kernel::Timestamp;
use promptgate_limits::{Counter, CountersError, Demand, Limit, Measure, Span, Standing, Subject, Window};
use promptgate_store_sql_macros::each_dialect;
use sqlx::types::Type;
use sqlx::{AssertSqlSafe, Database, Encode, QueryBuilder, Transaction};
use uuid::Uuid;

use super::filling::Filled;
use super::{amount, committed};
use crate::dialect::Dialect;
use crate::error::classify;
use crate::stretches::Detail;
use crate::work::SqlStore;

/// By which time rollups are kept; the windows that turn begin with one.
const QUARTER: Duration = Duration::from_mins(15);
/// How many buckets one statement writes.
const ROWS: usize = 50;

/// What is kept of a counter: from which bucket on it is complete, and in which zone.
type Kept = Option<(Option<i64>, Option<String>)>;

/// Whether a counter has everything that a span needs.
fn is_complete(kept: &Kept, span: &Span, zone: Tz) -> bool {
    matches!(kept, Some((Some(since), Some(kept))) if *since <= span.since.as_micros() && kept == zone.name())
}

/// What the rollups must tell apart for a counter.
const fn detail(subject: Subject) -> Detail {
    match subject {
        Subject::Token(_) => Detail::Token,
        Subject::Group(_) | Subject::Owner(_) => Detail::Owner,
        Subject::Endpoint(_) | Subject::Project(_) => Detail::Neither,
    }
}

/// The condition for rollups of what a counter counts: of a token and of those that were minted under it,
/// of a group's present members.
fn push_whose<DB>(query: &mut QueryBuilder<DB>, subject: Subject)
where
    DB: Database,
    Uuid: Type<DB> + for<'q> Encode<'q, DB>,
{
    match subject {
        Subject::Token(id) => {
            query.push("token_id IN (WITH RECURSIVE tree (id) AS (SELECT ").push_bind(id.as_uuid()).push(
                " UNION ALL SELECT tokens.id FROM tokens JOIN tree ON tokens.parent_id = tree.id) \
                 SELECT id FROM tree)",
            )
        }
        Subject::Endpoint(id) => query.push("endpoint_id = ").push_bind(id.as_uuid()),
        Subject::Project(id) => query.push("project_id = ").push_bind(id.as_uuid()),
        Subject::Group(id) => query
            .push("owner_id IN (SELECT account_id FROM access_group_members WHERE group_id = ")
            .push_bind(id.as_uuid())
            .push(")"),
        Subject::Owner(id) => query.push("owner_id = ").push_bind(id.as_uuid()),
    };
}

const fn column(measure: Measure) -> &'static str {
    match measure {
        Measure::Tokens => "tokens",
        Measure::Cost => "cost_nanos",
        Measure::Requests => "calls",
    }
}

/// What a counter has in its buckets, by when they begin, and when they count no longer.
type Buckets = BTreeMap<i64, (i64, i64)>;

#[each_dialect]
impl SqlStore<Db> {
    /// What is kept of a counter; for whoever takes, nobody else takes of it meanwhile.
    async fn kept(
        tx: &mut Transaction<'static, Db>,
        counter: &str,
        locking: &'static str,
    ) -> Result<Kept, CountersError> {
        let statement =
            format!("SELECT complete_since, zone FROM limit_counters WHERE counter = $1 {locking}");
        let kept = sqlx::query_as(AssertSqlSafe(statement)).bind(counter).fetch_optional(&mut **tx).await;
        Ok(kept.map_err(classify)?)
    }

    /// Locks a counter against others who take of it; says whether it has everything that a span needs.
    pub(super) async fn lock_if_complete(
        &self,
        tx: &mut Transaction<'static, Db>,
        counter: &str,
        span: &Span,
    ) -> Result<bool, CountersError> {
        // Not against those who charge it: what they do moves from held to used at once.
        let kept = Self::kept(tx, counter, Db::pick("FOR NO KEY UPDATE", "")).await?;
        Ok(is_complete(&kept, span, self.zone))
    }

    /// Makes counters of the ledger that are not kept, or have not everything that is needed, each for
    /// itself, and whether or not somebody waits for it.
    pub(super) fn fill(&self, demands: &[Demand]) -> Vec<Filled> {
        let of_ledger = demands.iter().filter(|demand| demand.limit.counter.is_ledger());
        let fill = |Demand { limit, span, .. }: &Demand| {
            let (store, counter, span) = (self.clone(), limit.counter.clone(), *span);
            let text = counter.to_string();
            self.filling.join(&text, async move { store.fill_one(&counter, &span).await })
        };
        of_ledger.map(fill).collect()
    }

    async fn fill_one(&self, counter: &Counter, span: &Span) -> Result<(), CountersError> {
        let text = counter.to_string();
        let mut tx = self.write().await?;
        if is_complete(&Self::kept(&mut tx, &text, "").await?, span, self.zone) {
            return Ok(());
        }
        sqlx::query(Db::CLOSE_LEDGER).execute(&mut *tx).await.map_err(classify)?;
        // Another process may have made it meanwhile.
        if is_complete(&Self::kept(&mut tx, &text, "").await?, span, self.zone) {
            return Ok(());
        }
        let mut buckets = self.recorded(&mut tx, counter, span).await?;
        // So that it is kept for as long as it may be needed, if nothing was used.
        buckets.entry(span.bucket.as_micros()).or_insert((0, span.until.as_micros()));
        // Only from here on do those wait who take of it.
        sqlx::query(
            "INSERT INTO limit_counters (counter, subject, complete_since, zone) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (counter) DO UPDATE SET subject = excluded.subject, \
             complete_since = excluded.complete_since, zone = excluded.zone",
        )
        .bind(&text)
        .bind(counter.subject.to_string())
        .bind(span.since.as_micros())
        .bind(self.zone.name())
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
        sqlx::query("DELETE FROM limit_buckets WHERE counter = $1")
            .bind(&text)
            .execute(&mut *tx)
            .await
            .map_err(classify)?;
        for rows in buckets.into_iter().collect::<Vec<_>>().chunks(ROWS) {
            let mut query = QueryBuilder::<Db>::new(
                "INSERT INTO limit_buckets (counter, bucket, used, ends_at, is_ledger) ",
            );
            query.push_values(rows, |mut row, (bucket, (used, ends_at))| {
                row.push_bind(text.as_str()).push_bind(*bucket).push_bind(*used).push_bind(*ends_at);
                row.push("TRUE");
            });
            query.build().execute(&mut *tx).await.map_err(classify)?;
        }
        committed(tx).await
    }

    /// What the rollups have of a counter since a span began.
    async fn recorded(
        &self,
        tx: &mut Transaction<'static, Db>,
        counter: &Counter,
        span: &Span,
    ) -> Result<Buckets, CountersError> {
        if matches!(counter.window, Window::FiveHours | Window::SevenDays) {
            return self.recorded_of_rolling(tx, counter, span).await;
        }
        let newest: Option<i64> = sqlx::query_scalar("SELECT MAX(at) FROM usage_quarters")
            .fetch_one(&mut **tx)
            .await
            .map_err(classify)?;
        let (mut buckets, mut of) = (Buckets::new(), *span);
        while newest.is_some_and(|newest| newest >= of.bucket.as_micros()) {
            let used = Self::recorded_within(tx, counter, &of).await?;
            if used > 0 {
                buckets.insert(of.bucket.as_micros(), (used, of.until.as_micros()));
            }
            of = counter.window.span(of.until, self.zone);
        }
        Ok(buckets)
    }

    /// The same of windows that roll. When in its quarter something was used, nobody knows; it counts for as
    /// long as it could.
    async fn recorded_of_rolling(
        &self,
        tx: &mut Transaction<'static, Db>,
        counter: &Counter,
        span: &Span,
    ) -> Result<Buckets, CountersError> {
        let mut query = QueryBuilder::<Db>::new("SELECT at, ");
        query.push(Db::sum(column(counter.measure))).push(" FROM usage_quarters WHERE ");
        push_whose(&mut query, counter.subject);
        query.push(" AND at > ").push_bind(span.since.minus(QUARTER).as_micros()).push(" GROUP BY at");
        let quarters: Vec<(i64, i64)> =
            query.build_query_as().fetch_all(&mut **tx).await.map_err(classify)?;
        let mut buckets = Buckets::new();
        for (quarter, used) in quarters {
            let last = Timestamp::from_micros(quarter).plus(QUARTER).minus(Duration::from_micros(1));
            let found = counter.window.span(last, self.zone);
            if found.bucket >= span.since {
                let bucket = found.bucket.as_micros();
                let entry = buckets.entry(bucket).or_insert((0, found.until.as_micros()));
                entry.0 = entry.0.saturating_add(used);
            }
        }
        Ok(buckets)
    }

    /// What the rollups have of a counter in a window that turns as a whole.
    async fn recorded_within(
        tx: &mut Transaction<'static, Db>,
        counter: &Counter,
        span: &Span,
    ) -> Result<i64, CountersError> {
        let mut query = QueryBuilder::<Db>::new("SELECT COALESCE(");
        query.push(Db::sum("spent")).push(", 0) FROM (");
        let detail = detail(counter.subject);
        let stretches = detail.stretches(span.bucket.as_micros(), span.until.as_micros());
        for (at, (table, from, until)) in stretches.into_iter().enumerate() {
            query.push(if at > 0 { " UNION ALL SELECT " } else { "SELECT " });
            query.push(column(counter.measure)).push(" AS spent FROM ").push(table).push(" WHERE ");
            push_whose(&mut query, counter.subject);
            query.push(" AND at >= ").push_bind(from).push(" AND at < ").push_bind(until);
        }
        query.push(") recorded");
        Ok(query.build_query_scalar().fetch_one(&mut **tx).await.map_err(classify)?)
    }

    /// How a counter of the ledger stands, kept or not.
    pub(super) async fn ledger_standing(
        &self,
        tx: &mut Transaction<'static, Db>,
        limit: &Limit,
        span: &Span,
    ) -> Result<Standing, CountersError> {
        let counter = limit.counter.to_string();
        let standing = Self::limit_standing(tx, &counter, limit.cap, span).await?;
        if is_complete(&Self::kept(tx, &counter, "").await?, span, self.zone) {
            return Ok(standing);
        }
        if matches!(limit.counter.window, Window::Day | Window::Month) {
            let used = amount(Self::recorded_within(tx, &limit.counter, span).await?);
            return Ok(Standing { used, resets_at: span.until, ..standing });
        }
        let (mut used, mut resets_at) = (0_u64, None);
        for (bucket, (recorded, ends_at)) in self.recorded_of_rolling(tx, &limit.counter, span).await? {
            if recorded > 0 && bucket < span.until.as_micros() {
                used = used.saturating_add(amount(recorded));
                resets_at = resets_at.or(Some(Timestamp::from_micros(ends_at)));
            }
        }
        Ok(Standing { used, resets_at: resets_at.unwrap_or(span.until), ..standing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stretches::DAY;

    #[test]
    fn what_is_kept_of_another_zone_or_of_later_is_not_enough() {
        let span = Window::Day.span(Timestamp::from_micros(DAY * 5), Tz::UTC);
        let since = span.since.as_micros();
        let of = |since: i64, zone: Tz| Some((Some(since), Some(zone.name().to_owned())));
        assert!(is_complete(&of(since, Tz::UTC), &span, Tz::UTC));
        assert!(is_complete(&of(since - 1, Tz::UTC), &span, Tz::UTC));
        assert!(!is_complete(&of(since + 1, Tz::UTC), &span, Tz::UTC));
        assert!(!is_complete(&of(since, Tz::Europe__Berlin), &span, Tz::UTC));
        assert!(!is_complete(&Some((None, None)), &span, Tz::UTC));
        assert!(!is_complete(&None, &span, Tz::UTC));
    }
}
