//! Having counters of the ledger filled anew, where the rollups changed otherwise than by a call that was
//! recorded with everybody whom it is charged to.

use std::collections::BTreeSet;

use promptgate_kernel::{AccountId, GroupId, RepositoryError, TokenId};
use promptgate_limits::Subject;
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::UsageEvent;
use sqlx::types::{Json, Type};
use sqlx::{AssertSqlSafe, Database, Encode, QueryBuilder};
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::work::SqlWork;

fn push_list<DB>(query: &mut QueryBuilder<DB>, ids: &BTreeSet<Uuid>)
where
    DB: Database,
    Uuid: Type<DB> + for<'q> Encode<'q, DB>,
{
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
}

#[each_dialect]
impl SqlWork<Db> {
    /// Has the counters of everybody whom these calls are charged to filled from the rollups, the next time
    /// that something is taken of them. The ledger has to be [shared](Self::share_ledger) before the
    /// rollups are changed.
    pub(crate) async fn refill(&mut self, calls: &[&UsageEvent]) -> Result<(), RepositoryError> {
        let Some(last) = calls.iter().map(|call| call.at.as_micros()).max() else { return Ok(()) };
        let mut subjects: BTreeSet<Subject> = BTreeSet::new();
        for call in calls {
            subjects.insert(Subject::Project(call.project_id));
            subjects.extend(call.endpoint_id.map(Subject::Endpoint));
            subjects.extend(call.owner.map(Subject::Owner));
        }
        subjects.extend(self.line_of(calls.iter().map(|call| call.token_id.as_uuid()).collect()).await?);
        let owners = calls.iter().filter_map(|call| call.owner).map(AccountId::as_uuid).collect();
        subjects.extend(self.groups_of(owners).await?);
        let subjects = Json(subjects.iter().map(ToString::to_string).collect::<Vec<_>>());
        let (texts, locking) = (Db::TEXTS, Db::pick("FOR NO KEY UPDATE OF limit_counters", ""));
        let condition = format!("subject IN (SELECT value FROM {texts}($1)) AND complete_since <= $2");
        // In the order in which everybody locks them.
        let lock = format!("SELECT counter FROM limit_counters WHERE {condition} ORDER BY counter {locking}");
        let incomplete = format!("UPDATE limit_counters SET complete_since = {} WHERE {condition}", i64::MAX);
        for statement in [lock, incomplete] {
            sqlx::query(AssertSqlSafe(statement))
                .bind(&subjects)
                .bind(last)
                .execute(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
        }
        Ok(())
    }

    /// Tokens, and all that they were minted under.
    async fn line_of(&mut self, tokens: BTreeSet<Uuid>) -> Result<Vec<Subject>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new(
            "WITH RECURSIVE line (id, parent) AS (SELECT id, parent_id FROM tokens WHERE id IN (",
        );
        push_list(&mut query, &tokens);
        query.push(
            ") UNION SELECT tokens.id, tokens.parent_id FROM tokens JOIN line ON tokens.id = line.parent) \
             SELECT id FROM line",
        );
        let ids: Vec<Uuid> =
            query.build_query_scalar().fetch_all(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        Ok(ids.into_iter().map(|id| Subject::Token(TokenId::from_uuid(id))).collect())
    }

    /// The access groups that accounts are in.
    async fn groups_of(&mut self, owners: BTreeSet<Uuid>) -> Result<Vec<Subject>, RepositoryError> {
        if owners.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Db>::new(
            "SELECT DISTINCT group_id FROM access_group_members WHERE account_id IN (",
        );
        push_list(&mut query, &owners);
        let ids: Vec<Uuid> = query
            .push(")")
            .build_query_scalar()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(ids.into_iter().map(|id| Subject::Group(GroupId::from_uuid(id))).collect())
    }
}
