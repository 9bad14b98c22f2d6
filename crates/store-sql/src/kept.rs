//! How many calls are kept, without looking at each of them: retention removes from the oldest on, so that
//! behind the oldest of them there are as many as the sums say.
//!
//! A call that is recorded later than calls of its time were removed counts those, too, until it is removed
//! itself.

use promptgate_kernel::{AccountId, ProjectId, RepositoryError, TokenId};
use promptgate_store_sql_macros::each_dialect;
use sqlx::types::Type;
use sqlx::{Database, Encode, QueryBuilder};
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::stretches::{Detail, QUARTER};
use crate::work::SqlWork;

/// Which calls are wanted. What is `None` does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kept {
    pub(crate) project: Option<ProjectId>,
    pub(crate) token: Option<TokenId>,
    pub(crate) owner: Option<AccountId>,
    /// Only those that ended with words of a user whose time is this, or later.
    pub(crate) prompted_since: Option<i64>,
}

impl Kept {
    fn detail(&self) -> Detail {
        match (self.token, self.owner) {
            (Some(_), _) => Detail::Token,
            (None, Some(_)) => Detail::Owner,
            (None, None) => Detail::Neither,
        }
    }

    /// The column with how many of them a row of sums stands for.
    fn sum(&self) -> &'static str {
        if self.prompted_since.is_some() { "prompts" } else { "calls" }
    }

    fn push_conditions<DB>(&self, query: &mut QueryBuilder<DB>)
    where
        DB: Database,
        Uuid: Type<DB> + for<'q> Encode<'q, DB>,
    {
        for (column, id) in [
            ("project_id", self.project.map(ProjectId::as_uuid)),
            ("token_id", self.token.map(TokenId::as_uuid)),
            ("owner_id", self.owner.map(AccountId::as_uuid)),
        ] {
            if let Some(id) = id {
                query.push(" AND ").push(column).push(" = ").push_bind(id);
            }
        }
    }

    /// Counts calls one by one, of which there are few.
    fn push_few<DB>(&self, query: &mut QueryBuilder<DB>, table: &'static str, from: i64)
    where
        DB: Database,
        i64: Type<DB> + for<'q> Encode<'q, DB>,
        Uuid: Type<DB> + for<'q> Encode<'q, DB>,
    {
        query.push("SELECT COUNT(*) AS kept FROM ").push(table).push(" WHERE at >= ").push_bind(from);
        if self.prompted_since.is_some() {
            query.push(" AND prompted");
        }
        self.push_conditions(query);
    }
}

#[each_dialect]
impl SqlWork<Db> {
    /// How many of these calls are kept.
    pub(crate) async fn kept_calls(&mut self, wanted: Kept) -> Result<u64, RepositoryError> {
        let oldest: Option<i64> = sqlx::query_scalar("SELECT MIN(at) FROM usage_events")
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let Some(oldest) = oldest else { return Ok(0) };
        let from = wanted.prompted_since.map_or(oldest, |since| since.max(oldest));
        let whole = from.saturating_add(QUARTER - 1).div_euclid(QUARTER) * QUARTER;
        let mut query = QueryBuilder::<Db>::new("SELECT CAST(COALESCE(SUM(kept), 0) AS BIGINT) FROM (");
        wanted.push_few(&mut query, "usage_events", from);
        query.push(" AND at < ").push_bind(whole).push(" UNION ALL ");
        // What a process of the version before recorded, and is not added up yet. SQLite would look for it among
        // all calls of the owner.
        let late = Db::pick("usage_events", "usage_events INDEXED BY usage_events_rolled_up_at_idx");
        wanted.push_few(&mut query, late, whole);
        query.push(" AND NOT rolled_up");
        for (table, from, until) in wanted.detail().stretches(whole, i64::MAX) {
            query.push(" UNION ALL SELECT SUM(").push(wanted.sum()).push(") FROM ").push(table);
            query.push(" WHERE at >= ").push_bind(from).push(" AND at < ").push_bind(until);
            wanted.push_conditions(&mut query);
        }
        let kept: i64 = query
            .push(") counted")
            .build_query_scalar()
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(kept.unsigned_abs())
    }
}
