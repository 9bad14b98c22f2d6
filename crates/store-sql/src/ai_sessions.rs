//! Conversations in SQL.

use async_trait::async_trait;
use promptgate_endpoints::{AiSession, Append, SessionMessage, SessionRepository, TurnRecord};
use promptgate_kernel::{AiSessionId, EndpointId, ProjectId, RepositoryError, Timestamp, TokenId};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::error::{narrow, read_document};
use crate::insert::Insertions;
use crate::rows::Rows;
use crate::value::{count, verbatim};
use crate::work::SqlWork;

#[derive(FromRow)]
struct SessionRow {
    id: Uuid,
    endpoint_id: Uuid,
    project_id: Uuid,
    token_id: Uuid,
    total_messages: i64,
    total_tokens: i64,
    created_at: i64,
    last_activity_at: i64,
}

impl TryFrom<SessionRow> for AiSession {
    type Error = RepositoryError;

    fn try_from(row: SessionRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: AiSessionId::from_uuid(row.id),
            endpoint_id: EndpointId::from_uuid(row.endpoint_id),
            project_id: ProjectId::from_uuid(row.project_id),
            token_id: TokenId::from_uuid(row.token_id),
            total_messages: narrow("ai_sessions", row.id, row.total_messages)?,
            total_tokens: row.total_tokens.unsigned_abs(),
            created_at: Timestamp::from_micros(row.created_at),
            last_activity_at: Timestamp::from_micros(row.last_activity_at),
        })
    }
}

#[derive(FromRow)]
struct MessageRow {
    position: i64,
    message: String,
    prompt_tokens: i64,
    completion_tokens: i64,
    created_at: i64,
}

impl MessageRow {
    fn of(self, session: AiSessionId) -> Result<SessionMessage, RepositoryError> {
        Ok(SessionMessage {
            position: narrow("ai_session_messages", session, self.position)?,
            message: read_document("ai_session_messages", session, &self.message)?,
            prompt_tokens: self.prompt_tokens.unsigned_abs(),
            completion_tokens: self.completion_tokens.unsigned_abs(),
            created_at: Timestamp::from_micros(self.created_at),
        })
    }
}

#[each_dialect]
impl SqlWork<Db> {
    /// Stores messages at the places from `first` on. Nobody else has these places: the caller made the
    /// conversation, or holds its row locked.
    async fn put_messages(
        &mut self,
        session: AiSessionId,
        first: u32,
        messages: &[SessionMessage],
    ) -> Result<(), RepositoryError> {
        static INSERTIONS: Insertions = Insertions::new(
            "ai_session_messages",
            "session_id, position, message, prompt_tokens, completion_tokens, created_at",
            "session_id, position",
        );
        let mut position = i64::from(first);
        for run in <Db as Dialect>::Rows::runs(messages) {
            let mut rows = INSERTIONS.rows::<Db>();
            for message in run {
                rows.id(session.as_uuid())
                    .number(position)
                    .text(&*verbatim(&message.message))
                    .number(count(message.prompt_tokens))
                    .number(count(message.completion_tokens))
                    .number(message.created_at.as_micros());
                position += 1;
            }
            self.insert(&INSERTIONS, run.len(), rows).await?;
        }
        Ok(())
    }
}

#[each_dialect]
#[async_trait]
impl SessionRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.ai_sessions.find", skip_all, fields(ai_session.id = %id))]
    async fn find(&mut self, id: AiSessionId) -> Result<Option<AiSession>, RepositoryError> {
        let row: Option<SessionRow> = sqlx::query_as(
            "SELECT id, endpoint_id, project_id, token_id, total_messages, total_tokens, created_at, \
             last_activity_at FROM ai_sessions WHERE id = $1",
        )
        .bind(id.as_uuid())
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        row.map(AiSession::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.ai_session_messages.list", skip_all, fields(ai_session.id = %id))]
    async fn messages(&mut self, id: AiSessionId) -> Result<Vec<SessionMessage>, RepositoryError> {
        let rows: Vec<MessageRow> = sqlx::query_as(
            "SELECT position, message, prompt_tokens, completion_tokens, created_at FROM ai_session_messages \
             WHERE session_id = $1 ORDER BY position",
        )
        .bind(id.as_uuid())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        rows.into_iter().map(|row| row.of(id)).collect()
    }

    #[instrument(level = "debug", name = "db.ai_sessions.create", skip_all, fields(ai_session.id = %session.id))]
    async fn create(
        &mut self,
        session: &AiSession,
        messages: &[SessionMessage],
    ) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO ai_sessions (id, endpoint_id, project_id, token_id, total_messages, total_tokens, \
             created_at, last_activity_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(session.id.as_uuid())
        .bind(session.endpoint_id.as_uuid())
        .bind(session.project_id.as_uuid())
        .bind(session.token_id.as_uuid())
        .bind(i64::from(session.total_messages))
        .bind(count(session.total_tokens))
        .bind(session.created_at.as_micros())
        .bind(session.last_activity_at.as_micros())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        self.put_messages(session.id, 0, messages).await
    }

    // The row of the conversation is locked from the first statement on, so that turns that end at the
    // same time take their places one after another.
    #[instrument(level = "debug", name = "db.ai_sessions.append", skip_all, fields(ai_session.id = %id))]
    async fn append(
        &mut self,
        id: AiSessionId,
        turn: &TurnRecord,
        max_messages: u32,
    ) -> Result<Append, RepositoryError> {
        let added = u32::try_from(turn.messages.len()).unwrap_or(u32::MAX);
        let row: Option<SessionRow> = sqlx::query_as(
            "UPDATE ai_sessions SET total_messages = total_messages + $2, total_tokens = total_tokens + $3, \
             last_activity_at = CASE WHEN last_activity_at < $4 THEN $4 ELSE last_activity_at END \
             WHERE id = $1 AND total_messages + $2 <= $5 RETURNING id, endpoint_id, project_id, token_id, \
             total_messages, total_tokens, created_at, last_activity_at",
        )
        .bind(id.as_uuid())
        .bind(i64::from(added))
        .bind(count(turn.total_tokens))
        .bind(turn.at.as_micros())
        .bind(i64::from(max_messages))
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let Some(row) = row else {
            let there = SessionRepository::find(self, id).await?.is_some();
            return Ok(if there { Append::Full } else { Append::Gone });
        };
        let session = AiSession::try_from(row)?;
        self.put_messages(id, session.total_messages.saturating_sub(added), &turn.messages).await?;
        Ok(Append::Done(session))
    }

    #[instrument(level = "debug", name = "db.ai_sessions.remove", skip_all, fields(ai_session.id = %id))]
    async fn remove(&mut self, id: AiSessionId) -> Result<bool, RepositoryError> {
        Ok(self.execute_for("DELETE FROM ai_sessions WHERE id = $1", id.as_uuid()).await? == 1)
    }

    // The instant is compared once more outside: somebody may go on with a conversation while it is
    // waited for.
    #[instrument(level = "debug", name = "db.ai_sessions.remove_idle", skip_all)]
    async fn remove_idle(
        &mut self,
        endpoint: Option<EndpointId>,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new("DELETE FROM ai_sessions WHERE last_activity_at < ");
        query.push_bind(before.as_micros());
        query.push(" AND id IN (SELECT id FROM ai_sessions WHERE last_activity_at < ");
        query.push_bind(before.as_micros());
        if let Some(endpoint) = endpoint {
            query.push(" AND endpoint_id = ").push_bind(endpoint.as_uuid());
        }
        let done = query
            .push(" ORDER BY last_activity_at, id LIMIT ")
            .push_bind(i64::from(limit))
            .push(")")
            .build()
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
    }
}
