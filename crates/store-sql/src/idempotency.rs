//! Answers that may be asked for again, in SQL.

use async_trait::async_trait;
use promptgate_kernel::{CallId, RepositoryError, Sealed, Timestamp, TokenId};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{
    IdempotencyKey, IdempotencyRecord, IdempotencyRepository, IdempotencyState, RememberedAnswer,
};
use sqlx::FromRow;
use sqlx::types::Json;
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::value::text;
use crate::work::SqlWork;

const IN_PROGRESS: &str = "in_progress";
const DONE: &str = "done";

#[derive(FromRow)]
struct IdempotencyRow {
    token_id: Uuid,
    key_hash: Vec<u8>,
    body_hash: Vec<u8>,
    call_id: Uuid,
    state: String,
    status: Option<i64>,
    headers: Json<Vec<(String, String)>>,
    body: Option<String>,
    created_at: i64,
    expires_at: i64,
}

impl TryFrom<IdempotencyRow> for IdempotencyRecord {
    type Error = RepositoryError;

    fn try_from(row: IdempotencyRow) -> Result<Self, RepositoryError> {
        let wrong = |what: &str| corrupt("idempotency", row.call_id, what.to_owned());
        let hash = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| wrong("a hash of another length"));
        let state = match (row.state.as_str(), row.status, row.body) {
            (IN_PROGRESS, _, _) => IdempotencyState::InProgress,
            (DONE, Some(status), Some(body)) => IdempotencyState::Done(RememberedAnswer {
                status: status.try_into().map_err(|_| wrong("a status out of range"))?,
                headers: row.headers.0,
                body: Sealed::from_text(body),
            }),
            _ => return Err(wrong("an unknown state, or an answer that is not there")),
        };
        Ok(Self {
            key: IdempotencyKey { token_id: TokenId::from_uuid(row.token_id), hash: hash(&row.key_hash)? },
            body_hash: hash(&row.body_hash)?,
            call_id: CallId::from_uuid(row.call_id),
            state,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
        })
    }
}

fn state_name(state: &IdempotencyState) -> &'static str {
    match state {
        IdempotencyState::InProgress => IN_PROGRESS,
        IdempotencyState::Done(_) => DONE,
    }
}

fn answer_of(state: &IdempotencyState) -> Option<&RememberedAnswer> {
    match state {
        IdempotencyState::InProgress => None,
        IdempotencyState::Done(answer) => Some(answer),
    }
}

fn headers_of(answer: Option<&RememberedAnswer>) -> Json<Vec<(String, String)>> {
    let clean = |(name, value): &(String, String)| (text(name).into_owned(), text(value).into_owned());
    Json(answer.map(|answer| answer.headers.iter().map(clean).collect()).unwrap_or_default())
}

#[each_dialect]
#[async_trait]
impl IdempotencyRepository for SqlWork<Db> {
    // One statement decides: whoever finds the row taken waits for its writer, and then holds it
    // locked, so that what is read afterwards is what was in the way.
    #[instrument(level = "debug", name = "db.idempotency.claim", skip_all, fields(call.id = %record.call_id))]
    async fn claim(
        &mut self,
        record: &IdempotencyRecord,
    ) -> Result<Option<IdempotencyRecord>, RepositoryError> {
        let answer = answer_of(&record.state);
        let done = sqlx::query(
            "INSERT INTO idempotency (token_id, key_hash, body_hash, call_id, state, status, headers, body, \
             created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (token_id, key_hash) DO UPDATE SET body_hash = excluded.body_hash, \
             call_id = excluded.call_id, state = excluded.state, status = excluded.status, \
             headers = excluded.headers, body = excluded.body, created_at = excluded.created_at, \
             expires_at = excluded.expires_at WHERE idempotency.expires_at <= excluded.created_at",
        )
        .bind(record.key.token_id.as_uuid())
        .bind(record.key.hash.as_slice())
        .bind(record.body_hash.as_slice())
        .bind(record.call_id.as_uuid())
        .bind(state_name(&record.state))
        .bind(answer.map(|answer| i64::from(answer.status)))
        .bind(headers_of(answer))
        .bind(answer.map(|answer| answer.body.as_text().to_owned()))
        .bind(record.created_at.as_micros())
        .bind(record.expires_at.as_micros())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        if done.rows_affected() == 1 {
            return Ok(None);
        }
        IdempotencyRepository::find(self, record.key).await
    }

    #[instrument(level = "debug", name = "db.idempotency.renew", skip_all, fields(call.id = %call))]
    async fn renew(
        &mut self,
        key: IdempotencyKey,
        call: CallId,
        expires_at: Timestamp,
    ) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE idempotency SET expires_at = $5 \
             WHERE token_id = $1 AND key_hash = $2 AND call_id = $3 AND state = $4",
        )
        .bind(key.token_id.as_uuid())
        .bind(key.hash.as_slice())
        .bind(call.as_uuid())
        .bind(IN_PROGRESS)
        .bind(expires_at.as_micros())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.idempotency.complete", skip_all, fields(call.id = %call))]
    async fn complete(
        &mut self,
        key: IdempotencyKey,
        call: CallId,
        answer: &RememberedAnswer,
        expires_at: Timestamp,
    ) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE idempotency SET state = $4, status = $5, headers = $6, body = $7, expires_at = $8 \
             WHERE token_id = $1 AND key_hash = $2 AND call_id = $3",
        )
        .bind(key.token_id.as_uuid())
        .bind(key.hash.as_slice())
        .bind(call.as_uuid())
        .bind(DONE)
        .bind(i64::from(answer.status))
        .bind(headers_of(Some(answer)))
        .bind(answer.body.as_text())
        .bind(expires_at.as_micros())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.idempotency.release", skip_all, fields(call.id = %call))]
    async fn release(&mut self, key: IdempotencyKey, call: CallId) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "DELETE FROM idempotency WHERE token_id = $1 AND key_hash = $2 AND call_id = $3 AND state = $4",
        )
        .bind(key.token_id.as_uuid())
        .bind(key.hash.as_slice())
        .bind(call.as_uuid())
        .bind(IN_PROGRESS)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.idempotency.find", skip_all, fields(token.id = %key.token_id))]
    async fn find(&mut self, key: IdempotencyKey) -> Result<Option<IdempotencyRecord>, RepositoryError> {
        let row: Option<IdempotencyRow> = sqlx::query_as(
            "SELECT token_id, key_hash, body_hash, call_id, state, status, headers, body, created_at, \
             expires_at FROM idempotency WHERE token_id = $1 AND key_hash = $2",
        )
        .bind(key.token_id.as_uuid())
        .bind(key.hash.as_slice())
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        row.map(IdempotencyRecord::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.idempotency.prune", skip_all)]
    async fn prune(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let done = sqlx::query(
            "DELETE FROM idempotency WHERE (token_id, key_hash) IN (SELECT token_id, key_hash \
             FROM idempotency WHERE expires_at < $1 ORDER BY expires_at, token_id, key_hash LIMIT $2) \
             AND expires_at < $1",
        )
        .bind(before.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
    }
}
