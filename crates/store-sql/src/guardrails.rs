//! Rules of guardrails in SQL.

use async_trait::async_trait;
use promptgate_firewall::guardrails::{AllRules, GuardrailRepository, Holder, KeptRules, Rules};
use promptgate_kernel::{ProjectId, RepositoryError, Timestamp, TokenId};
use promptgate_store_sql_macros::each_dialect;
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::work::SqlWork;

#[derive(FromRow)]
struct KeptRow {
    rules: String,
    version: i64,
}

#[derive(FromRow)]
struct HolderRow {
    level: String,
    project_id: Option<Uuid>,
    token_id: Option<Uuid>,
    rules: String,
}

impl HolderRow {
    fn holder(&self) -> Result<Holder, RepositoryError> {
        match (self.level.as_str(), self.project_id, self.token_id) {
            ("global", None, None) => Ok(Holder::Global),
            ("project", Some(id), None) => Ok(Holder::Project(ProjectId::from_uuid(id))),
            ("token", None, Some(id)) => Ok(Holder::Token(TokenId::from_uuid(id))),
            // The table has no others.
            (level, project, token) => {
                let id = project.or(token).unwrap_or_default();
                Err(corrupt("guardrails", id, format!("unknown level `{level}`")))
            }
        }
    }
}

const fn subjects(holder: Holder) -> (Option<Uuid>, Option<Uuid>) {
    match holder {
        Holder::Global => (None, None),
        Holder::Project(id) => (Some(id.as_uuid()), None),
        Holder::Token(id) => (None, Some(id.as_uuid())),
    }
}

#[each_dialect]
impl SqlWork<Db> {
    /// A statement about what one holder says, up to and with its `WHERE`.
    fn guardrails_of(mut statement: QueryBuilder<Db>, holder: Holder) -> QueryBuilder<Db> {
        match holder {
            Holder::Global => statement.push(" WHERE level = 'global'"),
            Holder::Project(id) => statement.push(" WHERE project_id = ").push_bind(id.as_uuid()),
            Holder::Token(id) => statement.push(" WHERE token_id = ").push_bind(id.as_uuid()),
        };
        statement
    }
}

#[each_dialect]
#[async_trait]
impl GuardrailRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.guardrails.find", skip_all)]
    async fn find(&mut self, holder: Holder) -> Result<KeptRules, RepositoryError> {
        let select = QueryBuilder::<Db>::new("SELECT CAST(rules AS TEXT) AS rules, version FROM guardrails");
        let kept: Option<KeptRow> = Self::guardrails_of(select, holder)
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(kept.map(|row| KeptRules::read(&row.rules, row.version)).unwrap_or_default())
    }

    #[instrument(level = "debug", name = "db.guardrails.save", skip_all)]
    async fn save(
        &mut self,
        holder: Holder,
        read: &KeptRules,
        rules: &Rules,
        at: Timestamp,
    ) -> Result<bool, RepositoryError> {
        if read.version == 0 {
            let (project, token) = subjects(holder);
            let done = sqlx::query(
                "INSERT INTO guardrails (level, project_id, token_id, rules, updated_at, version) \
                 VALUES ($1, $2, $3, $4, $5, 1) ON CONFLICT DO NOTHING",
            )
            .bind(holder.level().name())
            .bind(project)
            .bind(token)
            .bind(Json(rules))
            .bind(at.as_micros())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
            return Ok(done.rows_affected() == 1);
        }
        let mut update = QueryBuilder::<Db>::new("UPDATE guardrails SET rules = ");
        update.push_bind(Json(read.replaced_by(rules))).push(", updated_at = ").push_bind(at.as_micros());
        update.push(", version = version + 1");
        let mut update = Self::guardrails_of(update, holder);
        update.push(" AND version = ").push_bind(read.version);
        let done = update.build().execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.guardrails.list_all", skip_all)]
    async fn list_all(&mut self) -> Result<AllRules, RepositoryError> {
        let rows: Vec<HolderRow> = sqlx::query_as(
            "SELECT level, project_id, token_id, CAST(rules AS TEXT) AS rules FROM guardrails",
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let mut all = AllRules::default();
        for row in rows {
            all.add(row.holder()?, &row.rules);
        }
        Ok(all)
    }
}
