//! Statistics in SQL: sums over the days that calls were added to.

use async_trait::async_trait;
use promptgate_kernel::{AccountId, Money, RepositoryError, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{
    Adoption, Day, Days, Grain, IdentityUse, StatisticsRepository, UsageKind, UsageScope, UseGroup, UseSums,
};
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::facts::{Whose, push_facts, push_first};
use crate::work::SqlWork;

/// What is added up, and its name in a group.
const SUMS: [(&str, &str); 9] = [
    ("calls", "requests"),
    ("prompts", "prompts"),
    ("tool_calls", "tool_calls"),
    ("input", "input"),
    ("output", "output"),
    ("cache_read", "cache_read"),
    ("cache_write", "cache_write"),
    ("cost_nanos", "cost"),
    ("duration_ms", "duration_ms"),
];
/// The day of a call, as a number.
const DAY: &str = "at / 86400000000";
/// What an account is called, but for its id.
const NAME: &str = "COALESCE(NULLIF(name, ''), NULLIF(username, ''), NULLIF(email, ''))";

#[derive(FromRow)]
struct GroupRow {
    day: Option<i64>,
    provider: Option<String>,
    provider_kind: Option<String>,
    model: Option<String>,
    embeds: i64,
    requests: i64,
    prompts: i64,
    tool_calls: i64,
    input: i64,
    output: i64,
    cache_read: i64,
    cache_write: i64,
    cost: i64,
    duration_ms: i64,
}

#[derive(FromRow)]
struct IdentityRow {
    owner_id: Uuid,
    name: Option<String>,
    username: Option<String>,
    email: Option<String>,
    #[sqlx(flatten)]
    group: GroupRow,
}

#[derive(FromRow)]
struct AdoptionRow {
    users: i64,
    services: i64,
    keys: i64,
}

impl From<GroupRow> for UseGroup {
    fn from(row: GroupRow) -> Self {
        Self {
            day: row.day.map(Day::from_number),
            provider: row.provider.unwrap_or_default(),
            provider_kind: row.provider_kind.unwrap_or_default(),
            model: row.model.unwrap_or_default(),
            kind: if row.embeds == 0 { UsageKind::Completion } else { UsageKind::Embedding },
            sums: UseSums {
                requests: row.requests.unsigned_abs(),
                prompts: row.prompts.unsigned_abs(),
                tool_calls: row.tool_calls.unsigned_abs(),
                input: row.input.unsigned_abs(),
                output: row.output.unsigned_abs(),
                cache_read: row.cache_read.unsigned_abs(),
                cache_write: row.cache_write.unsigned_abs(),
                cost: Money::from_nanos(row.cost),
                duration_ms: row.duration_ms.unsigned_abs(),
            },
        }
    }
}

impl From<IdentityRow> for IdentityUse {
    fn from(row: IdentityRow) -> Self {
        Self {
            owner: AccountId::from_uuid(row.owner_id),
            name: row.name.unwrap_or_default(),
            username: row.username.unwrap_or_default(),
            email: row.email.unwrap_or_default(),
            group: row.group.into(),
        }
    }
}

/// What the calls of a group have in common, but for the day, and what they take together.
fn group<DB: Dialect>() -> String {
    let sums = SUMS.map(|(sum, name)| format!("{} AS {name}", DB::sum(sum)));
    format!("provider, provider_kind, model, embeds, {}", sums.join(", "))
}

const fn whose(scope: &UsageScope) -> Whose<'_> {
    match scope {
        UsageScope::Everybody => Whose::Anybody,
        UsageScope::Owner(owner) => Whose::These(std::slice::from_ref(owner)),
    }
}

#[each_dialect]
#[async_trait]
impl StatisticsRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.usage_events.earliest_day", skip_all)]
    async fn earliest_day(&mut self, scope: UsageScope) -> Result<Option<Day>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new("");
        push_first(&mut query, whose(&scope));
        let at: Option<i64> =
            query.build_query_scalar().fetch_one(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        Ok(at.map(|at| Day::of(Timestamp::from_micros(at))))
    }

    #[instrument(level = "debug", name = "db.usage_events.groups", skip_all)]
    async fn groups(
        &mut self,
        scope: UsageScope,
        days: Days,
        grain: Grain,
    ) -> Result<Vec<UseGroup>, RepositoryError> {
        let (day, by_day) = match grain {
            Grain::Daily => (DAY, ", day"),
            Grain::Whole => ("CAST(NULL AS BIGINT)", ""),
        };
        let mut query = QueryBuilder::<Db>::new("SELECT ");
        query.push(day).push(" AS day, ").push(group::<Db>()).push(" FROM ");
        push_facts(&mut query, whose(&scope), Some(days));
        query.push(" GROUP BY provider, provider_kind, model, embeds").push(by_day);
        query.push(" ORDER BY day NULLS LAST, provider NULLS LAST, model NULLS LAST, provider_kind, embeds");
        let rows: Vec<GroupRow> = query
            .build_query_as()
            .persistent(false)
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(rows.into_iter().map(UseGroup::from).collect())
    }

    // The accounts are picked by their sums before these are broken down, and once: SQLite would pick them
    // anew for each row that is broken down.
    #[instrument(level = "debug", name = "db.usage_events.top_identities", skip_all)]
    async fn top_identities(&mut self, days: Days, limit: u32) -> Result<Vec<IdentityUse>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new("WITH used AS MATERIALIZED (SELECT owner_id AS id, ");
        query.push(Db::sum("tokens")).push(" AS tokens, ").push(Db::sum("calls")).push(" AS calls FROM ");
        push_facts(&mut query, Whose::Somebody, Some(days));
        query.push(
            " GROUP BY owner_id), top AS MATERIALIZED (SELECT used.id, name, username, email FROM used \
             LEFT JOIN accounts ON accounts.id = used.id ORDER BY tokens DESC, calls DESC, ",
        );
        query.push(NAME).push(" NULLS LAST, used.id LIMIT ").push_bind(i64::from(limit));
        query
            .push(") SELECT owner_id, name, username, email, CAST(NULL AS BIGINT) AS day, ")
            .push(group::<Db>());
        query.push(" FROM ");
        push_facts(&mut query, Whose::Somebody, Some(days));
        query.push(
            " JOIN top ON top.id = owner_id \
             GROUP BY owner_id, name, username, email, provider, provider_kind, model, embeds \
             ORDER BY owner_id, provider NULLS LAST, model NULLS LAST, provider_kind, embeds",
        );
        let rows: Vec<IdentityRow> = query
            .build_query_as()
            .persistent(false)
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(rows.into_iter().map(IdentityUse::from).collect())
    }

    #[instrument(level = "debug", name = "db.usage_events.adoption", skip_all)]
    async fn adoption(&mut self, days: Days, at: Timestamp) -> Result<Adoption, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new(
            "SELECT COUNT(CASE WHEN kind = 'user' THEN 1 END) AS users, \
             COUNT(CASE WHEN kind = 'service' THEN 1 END) AS services, \
             (SELECT COUNT(*) FROM tokens WHERE owner_id IS NOT NULL AND state = 'active' \
             AND (expires_at IS NULL OR expires_at > ",
        );
        query.push_bind(at.as_micros());
        query.push(")) AS keys FROM accounts WHERE id IN (SELECT owner_id FROM ");
        push_facts(&mut query, Whose::Somebody, Some(days));
        let row: AdoptionRow = query
            .push(")")
            .build_query_as()
            .persistent(false)
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(Adoption {
            users: row.users.unsigned_abs(),
            services: row.services.unsigned_abs(),
            keys: row.keys.unsigned_abs(),
        })
    }
}
