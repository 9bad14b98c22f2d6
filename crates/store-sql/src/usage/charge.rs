//! Charging calls to the counters of the ledger, in the transaction that records them: so each counts
//! exactly once.
//!
//! Only counters that are kept are charged; whoever takes of another one has it filled from the rollups,
//! while nobody records. What is charged moves from held to used, if its holder still has it: of each counter
//! as much as the event says is held for it, which is nothing where its limit is younger than the call. A batch of
//! calls takes a handful of statements: what goes into the same bucket is added up before.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono_tz::Tz;
use promptgate_kernel::RepositoryError;
use promptgate_limits::{Counter, Parties, Spending, Subject};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::UsageEvent;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, QueryBuilder};
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::insert::{Insertions, batches};
use crate::rows::Rows;
use crate::value::count;
use crate::work::SqlWork;

/// A counter that is kept.
struct Kept {
    text: Arc<str>,
    counter: Counter,
    /// Before this bucket it has nothing.
    since: i64,
    zone: Tz,
}

/// What a batch of calls takes of the counters that are kept, in the order in which everybody writes it.
#[derive(Default)]
struct Charges {
    /// By counter and bucket: how much, and when it counts no longer.
    used: BTreeMap<(Arc<str>, i64), (i64, i64)>,
    /// By counter, bucket and holder: how much of what is held.
    held: BTreeMap<(Arc<str>, i64, Uuid), i64>,
}

impl Charges {
    fn add(&mut self, kept: &Kept, event: &UsageEvent, spending: Spending) {
        let Some(charge) = kept.counter.charge(spending, event.at, kept.zone) else { return };
        let (bucket, amount) = (charge.span.bucket.as_micros(), count(charge.amount));
        if bucket >= kept.since {
            let ends_at = charge.span.until.as_micros();
            let used = self.used.entry((Arc::clone(&kept.text), bucket)).or_insert((0, ends_at));
            used.0 = used.0.saturating_add(amount);
        }
        let mut take = |holder: Uuid, amount: i64| {
            let held = self.held.entry((Arc::clone(&kept.text), bucket, holder)).or_insert(0);
            *held = held.saturating_add(amount);
        };
        if let Some(held) = &event.held {
            for hold in held.iter().filter(|hold| *hold.counter == *kept.text) {
                take(hold.holder, count(hold.amount));
            }
            return;
        }
        // What a version wrote that does not say how much of what is held.
        let is_held = !event.unheld.iter().any(|text| **text == *kept.text);
        if let Some(holder) = event.holder.filter(|_| is_held) {
            take(holder, amount);
        }
    }
}

fn spending(event: &UsageEvent) -> Spending {
    Spending { tokens: event.tokens.total(), cost: event.cost.as_nanos().max(0).unsigned_abs() }
}

fn subjects(event: &UsageEvent) -> Vec<Subject> {
    let parties = Parties {
        token: event.token_id,
        above: &event.above,
        project: event.project_id,
        endpoint: event.endpoint_id,
        owner: event.owner,
        groups: &event.groups,
    };
    parties.subjects()
}

#[each_dialect]
impl SqlWork<Db> {
    /// Keeps everybody from filling counters until the end of this transaction, which records calls.
    pub(crate) async fn share_ledger(&mut self) -> Result<(), RepositoryError> {
        let shared = sqlx::query(Db::SHARE_LEDGER).execute(&mut *self.tx).await;
        shared.map(|_| ()).map_err(|error| self.fail(error))
    }

    /// Charges calls that were not recorded before. The ledger has to be [shared](Self::share_ledger) since
    /// before they were recorded.
    pub(super) async fn charge(&mut self, new: &[&UsageEvent]) -> Result<(), RepositoryError> {
        let spenders: Vec<(&UsageEvent, Spending, Vec<Subject>)> = new
            .iter()
            .map(|event| (*event, spending(event)))
            .filter(|(_, spending)| !spending.is_none())
            .map(|(event, spending)| (event, spending, subjects(event)))
            .collect();
        let all: HashSet<Subject> = spenders.iter().flat_map(|(_, _, subjects)| subjects).copied().collect();
        if all.is_empty() {
            return Ok(());
        }
        let kept = self.kept_of(all).await?;
        let mut charges = Charges::default();
        for (event, spending, subjects) in &spenders {
            for kept in subjects.iter().filter_map(|subject| kept.get(subject)).flatten() {
                charges.add(kept, event, *spending);
            }
        }
        self.add_to_buckets(charges.used).await?;
        let without = self.take_from_holds(charges.held).await?;
        self.tell_of_late(&spenders, without).await
    }

    /// Says which of some calls come after what was held for them was given up, because whoever held it was
    /// gone for longer than that is waited for: others may have spent it meanwhile. They are among those
    /// of holders `without` something that was to be taken from them.
    async fn tell_of_late(
        &mut self,
        spenders: &[(&UsageEvent, Spending, Vec<Subject>)],
        mut without: BTreeSet<Uuid>,
    ) -> Result<(), RepositoryError> {
        if without.is_empty() {
            return Ok(());
        }
        let mut query = QueryBuilder::<Db>::new("SELECT holder FROM limit_holders WHERE holder IN (");
        let mut list = query.separated(", ");
        for holder in &without {
            list.push_bind(*holder);
        }
        list.push_unseparated(")");
        let living: Vec<Uuid> =
            query.build_query_scalar().fetch_all(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        without.retain(|holder| !living.contains(holder));
        let late = spenders.iter().filter(|(event, ..)| {
            let held = event.held.iter().flatten().map(|hold| hold.holder);
            event.holder.into_iter().chain(held).any(|holder| without.contains(&holder))
        });
        let (count, cost) = late.fold((0_u64, 0_u64), |(count, cost), (_, spent, _)| {
            (count + 1, cost.saturating_add(spent.cost))
        });
        if count > 0 {
            metrics::counter!("promptgate_usage_events_late_total").increment(count);
            tracing::warn!(
                usage.events = count,
                usage.cost_nanos = cost,
                "calls are recorded after what was reserved for them was given up; budgets may be overspent by them"
            );
        }
        Ok(())
    }

    /// The counters of some that are kept. Nobody forgets them before the end of the transaction.
    async fn kept_of(
        &mut self,
        subjects: HashSet<Subject>,
    ) -> Result<HashMap<Subject, Vec<Kept>>, RepositoryError> {
        let (texts, locking) = (Db::TEXTS, Db::pick("FOR KEY SHARE OF limit_counters", ""));
        let statement = format!(
            "SELECT counter, complete_since, zone FROM limit_counters WHERE subject IN \
             (SELECT value FROM {texts}($1)) ORDER BY counter {locking}"
        );
        let subjects: Vec<String> = subjects.iter().map(ToString::to_string).collect();
        let rows: Vec<(String, Option<i64>, Option<String>)> = sqlx::query_as(AssertSqlSafe(statement))
            .bind(Json(subjects))
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let mut kept: HashMap<Subject, Vec<Kept>> = HashMap::new();
        for (text, since, zone) in rows {
            // What this version cannot read it does not charge either; whoever takes of it fills it anew.
            let (Ok(counter), Some(since)) = (text.parse::<Counter>(), since) else { continue };
            let Some(zone) = zone.and_then(|zone| zone.parse().ok()) else { continue };
            let of_subject = kept.entry(counter.subject).or_default();
            of_subject.push(Kept { text: text.into(), counter, since, zone });
        }
        Ok(kept)
    }

    async fn add_to_buckets(
        &mut self,
        used: BTreeMap<(Arc<str>, i64), (i64, i64)>,
    ) -> Result<(), RepositoryError> {
        static INSERTIONS: Insertions =
            Insertions::new("limit_buckets", "counter, bucket, ends_at", "counter, bucket")
                .adding(&["used"])
                .with(&[("is_ledger", "TRUE")]);
        let used: Vec<_> = used.into_iter().collect();
        for run in <Db as Dialect>::Rows::runs(&used) {
            let mut rows = INSERTIONS.rows::<Db>();
            for ((counter, bucket), (used, ends_at)) in run {
                rows.text(&**counter).number(*bucket).number(*ends_at).number(*used);
            }
            self.insert(&INSERTIONS, run.len(), rows).await?;
        }
        Ok(())
    }

    /// What was charged is held no longer. Gives back the holders that had nothing of some of it.
    async fn take_from_holds(
        &mut self,
        held: BTreeMap<(Arc<str>, i64, Uuid), i64>,
    ) -> Result<BTreeSet<Uuid>, RepositoryError> {
        let mut without = BTreeSet::new();
        let held: Vec<_> = held.into_iter().collect();
        for run in <Db as Dialect>::Rows::runs(&held) {
            let mut rows = <Db as Dialect>::Rows::of(4);
            for ((counter, bucket, holder), amount) in run {
                rows.text(&**counter).number(*bucket).id(*holder).number(*amount);
            }
            let arguments = rows.arguments().map_err(|error| self.fail(sqlx::Error::Encode(error)))?;
            let statement = format!(
                "WITH charged (counter, bucket, holder, amount) AS ({}), mine AS (SELECT limit_holds.holder, \
                 limit_holds.counter, limit_holds.bucket, charged.amount AS charged FROM charged JOIN limit_holds \
                 ON limit_holds.holder = charged.holder AND limit_holds.counter = charged.counter \
                 AND limit_holds.bucket = charged.bucket \
                 ORDER BY limit_holds.counter, limit_holds.bucket, limit_holds.holder{}) \
                 UPDATE limit_holds SET amount = CASE WHEN amount > mine.charged THEN amount - mine.charged \
                 ELSE 0 END FROM mine WHERE limit_holds.holder = mine.holder \
                 AND limit_holds.counter = mine.counter AND limit_holds.bucket = mine.bucket \
                 RETURNING limit_holds.holder, limit_holds.counter, limit_holds.bucket, limit_holds.amount",
                <Db as Dialect>::Rows::source(4, run.len(), &[]),
                Db::pick(" FOR UPDATE OF limit_holds", "")
            );
            let left: Vec<(Uuid, String, i64, i64)> =
                sqlx::query_as_with::<Db, _, _>(AssertSqlSafe(statement), arguments)
                    .fetch_all(&mut *self.tx)
                    .await
                    .map_err(|error| self.fail(error))?;
            if left.len() < run.len() {
                let had: HashSet<(Uuid, &str, i64)> = left
                    .iter()
                    .map(|(holder, counter, bucket, _)| (*holder, counter.as_str(), *bucket))
                    .collect();
                let missing = run
                    .iter()
                    .filter(|((counter, bucket, holder), _)| !had.contains(&(*holder, &**counter, *bucket)));
                without.extend(missing.map(|((_, _, holder), _)| *holder));
            }
            let gone: Vec<_> = left.into_iter().filter(|(_, _, _, amount)| *amount == 0).collect();
            for batch in batches(&gone) {
                let mut query = QueryBuilder::<Db>::new(
                    "DELETE FROM limit_holds WHERE amount = 0 AND (holder, counter, bucket) IN (",
                );
                query.push_values(batch, |mut row, (holder, counter, bucket, _)| {
                    row.push_bind(*holder).push_bind(counter.as_str()).push_bind(*bucket);
                });
                query.push(")").build().execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
            }
        }
        Ok(without)
    }
}
