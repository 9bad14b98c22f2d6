//! Sessions in SQL.

use async_trait::async_trait;
use promptgate_auth::{Renewal, Session, SessionHash, SessionStore};
use promptgate_kernel::{AccountId, RepositoryError, Sealed, SessionId, Timestamp};
use promptgate_store::Access;
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::{classify, corrupt};
use crate::value::text;
use crate::work::SqlStore;

const SELECT: &str = "SELECT hash, id, account_id, created_at, last_seen_at, expires_at, address, user_agent, \
     provider, id_token, stage, renewal_ticket, renewal_due_at FROM sessions WHERE ";

#[derive(FromRow)]
struct SessionRow {
    hash: Vec<u8>,
    id: Uuid,
    account_id: Uuid,
    created_at: i64,
    last_seen_at: i64,
    expires_at: i64,
    address: Option<String>,
    user_agent: String,
    provider: Option<String>,
    id_token: Option<String>,
    stage: String,
    renewal_ticket: Option<String>,
    renewal_due_at: Option<i64>,
}

impl TryFrom<SessionRow> for Session {
    type Error = RepositoryError;

    fn try_from(row: SessionRow) -> Result<Self, RepositoryError> {
        let wrong = |what: &str| corrupt("sessions", row.id, format!("its {what} makes no sense"));
        let hash = row.hash.as_slice().try_into().map_err(|_| wrong("hash"))?;
        let address = row.address.as_deref().map(str::parse).transpose().map_err(|_| wrong("address"))?;
        Ok(Self {
            id: SessionId::from_uuid(row.id),
            hash: SessionHash::from_bytes(hash),
            account: AccountId::from_uuid(row.account_id),
            created_at: Timestamp::from_micros(row.created_at),
            last_seen_at: Timestamp::from_micros(row.last_seen_at),
            expires_at: Timestamp::from_micros(row.expires_at),
            address,
            user_agent: row.user_agent,
            provider: row.provider,
            id_token: row.id_token.map(Sealed::from_text),
            renewal: row.renewal_ticket.zip(row.renewal_due_at).map(|(ticket, due_at)| Renewal {
                ticket: Sealed::from_text(ticket),
                due_at: Timestamp::from_micros(due_at),
            }),
            stage: row.stage.parse().map_err(|error| corrupt("sessions", row.id, error))?,
        })
    }
}

#[each_dialect]
#[async_trait]
impl SessionStore for SqlStore<Db> {
    #[instrument(level = "debug", name = "db.sessions.insert", skip_all, fields(session.id = %session.id))]
    async fn insert(&self, session: &Session) -> Result<(), RepositoryError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO sessions (hash, id, account_id, created_at, last_seen_at, expires_at, address, \
             user_agent, provider, id_token, stage, renewal_ticket, renewal_due_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(session.hash.as_bytes().as_slice())
        .bind(session.id.as_uuid())
        .bind(session.account.as_uuid())
        .bind(session.created_at.as_micros())
        .bind(session.last_seen_at.as_micros())
        .bind(session.expires_at.as_micros())
        .bind(session.address.map(|address| address.to_string()))
        .bind(text(&session.user_agent))
        .bind(session.provider.as_deref().map(text))
        .bind(session.id_token.as_ref().map(|token| token.as_text().to_owned()))
        .bind(session.stage.as_str())
        .bind(session.renewal.as_ref().map(|renewal| renewal.ticket.as_text().to_owned()))
        .bind(session.renewal.as_ref().map(|renewal| renewal.due_at.as_micros()))
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
        tx.commit().await.map_err(classify)
    }

    #[instrument(level = "debug", name = "db.sessions.find", skip_all)]
    async fn find(&self, hash: SessionHash) -> Result<Option<Session>, RepositoryError> {
        let row: Option<SessionRow> = QueryBuilder::<Db>::new(SELECT)
            .push("hash = ")
            .push_bind(hash.as_bytes().to_vec())
            .build_query_as()
            .fetch_optional(self.pool(Access::Read))
            .await
            .map_err(classify)?;
        row.map(Session::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.sessions.touch", skip_all)]
    async fn touch(&self, hash: SessionHash, seen_at: Timestamp) -> Result<bool, RepositoryError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "UPDATE sessions SET last_seen_at = CASE WHEN last_seen_at < $2 THEN $2 ELSE last_seen_at END \
             WHERE hash = $1",
        )
        .bind(hash.as_bytes().as_slice())
        .bind(seen_at.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
        tx.commit().await.map_err(classify)?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.sessions.replace", skip_all, fields(session.id = %session.id))]
    async fn replace(&self, old: SessionHash, session: &Session) -> Result<bool, RepositoryError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "UPDATE sessions SET hash = $2, id = $3, account_id = $4, created_at = $5, last_seen_at = $6, \
             expires_at = $7, address = $8, user_agent = $9, provider = $10, id_token = $11, stage = $12 \
             WHERE hash = $1",
        )
        .bind(old.as_bytes().as_slice())
        .bind(session.hash.as_bytes().as_slice())
        .bind(session.id.as_uuid())
        .bind(session.account.as_uuid())
        .bind(session.created_at.as_micros())
        .bind(session.last_seen_at.as_micros())
        .bind(session.expires_at.as_micros())
        .bind(session.address.map(|address| address.to_string()))
        .bind(text(&session.user_agent))
        .bind(session.provider.as_deref().map(text))
        .bind(session.id_token.as_ref().map(|token| token.as_text().to_owned()))
        .bind(session.stage.as_str())
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
        tx.commit().await.map_err(classify)?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.sessions.remove", skip_all)]
    async fn remove(&self, hash: SessionHash) -> Result<bool, RepositoryError> {
        let mut tx = self.write().await?;
        let done = sqlx::query("DELETE FROM sessions WHERE hash = $1")
            .bind(hash.as_bytes().as_slice())
            .execute(&mut *tx)
            .await
            .map_err(classify)?;
        tx.commit().await.map_err(classify)?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.sessions.list_of", skip_all, fields(account.id = %account))]
    async fn list_of(&self, account: AccountId) -> Result<Vec<Session>, RepositoryError> {
        let rows: Vec<SessionRow> = QueryBuilder::<Db>::new(SELECT)
            .push("account_id = ")
            .push_bind(account.as_uuid())
            .push(" ORDER BY created_at DESC, id DESC")
            .build_query_as()
            .fetch_all(self.pool(Access::Read))
            .await
            .map_err(classify)?;
        rows.into_iter().map(Session::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.sessions.remove_all_of", skip_all, fields(account.id = %account))]
    async fn remove_all_of(
        &self,
        account: AccountId,
        except: Option<SessionHash>,
    ) -> Result<u64, RepositoryError> {
        let mut tx = self.write().await?;
        let mut query = QueryBuilder::<Db>::new("DELETE FROM sessions WHERE account_id = ");
        query.push_bind(account.as_uuid());
        if let Some(except) = except {
            query.push(" AND hash <> ").push_bind(except.as_bytes().to_vec());
        }
        let done = query.build().execute(&mut *tx).await.map_err(classify)?;
        tx.commit().await.map_err(classify)?;
        Ok(done.rows_affected())
    }

    #[instrument(level = "debug", name = "db.sessions.prune", skip_all)]
    async fn prune(&self, now: Timestamp, idle_since: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let mut tx = self.write().await?;
        // Somebody may use one between the two looks at it.
        let done = sqlx::query(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= $1 \
             OR last_seen_at <= $2 LIMIT $3) AND (expires_at <= $1 OR last_seen_at <= $2)",
        )
        .bind(now.as_micros())
        .bind(idle_since.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
        tx.commit().await.map_err(classify)?;
        Ok(done.rows_affected())
    }

    #[instrument(level = "debug", name = "db.sessions.claim_renewal", skip_all, fields(session.id = %id))]
    async fn claim_renewal(
        &self,
        id: SessionId,
        due_at: Timestamp,
        until: Timestamp,
    ) -> Result<bool, RepositoryError> {
        let mut tx = self.write().await?;
        let done =
            sqlx::query("UPDATE sessions SET renewal_due_at = $3 WHERE id = $1 AND renewal_due_at = $2")
                .bind(id.as_uuid())
                .bind(due_at.as_micros())
                .bind(until.as_micros())
                .execute(&mut *tx)
                .await
                .map_err(classify)?;
        tx.commit().await.map_err(classify)?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.sessions.save_renewal", skip_all, fields(session.id = %id))]
    async fn save_renewal(
        &self,
        id: SessionId,
        claimed: Timestamp,
        renewal: &Renewal,
    ) -> Result<bool, RepositoryError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "UPDATE sessions SET renewal_ticket = $3, renewal_due_at = $4 \
             WHERE id = $1 AND renewal_due_at = $2",
        )
        .bind(id.as_uuid())
        .bind(claimed.as_micros())
        .bind(renewal.ticket.as_text())
        .bind(renewal.due_at.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
        tx.commit().await.map_err(classify)?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.sessions.list_tickets", skip_all)]
    async fn list_tickets(&self) -> Result<Vec<(SessionId, Sealed)>, RepositoryError> {
        let rows: Vec<(Uuid, String)> = sqlx::query_as(
            "SELECT id, renewal_ticket FROM sessions WHERE renewal_ticket IS NOT NULL ORDER BY id",
        )
        .fetch_all(self.pool(Access::Read))
        .await
        .map_err(classify)?;
        let read = |(id, ticket)| (SessionId::from_uuid(id), Sealed::from_text(ticket));
        Ok(rows.into_iter().map(read).collect())
    }

    #[instrument(level = "debug", name = "db.sessions.replace_ticket", skip_all, fields(session.id = %id))]
    async fn replace_ticket(
        &self,
        id: SessionId,
        was: &Sealed,
        ticket: &Sealed,
    ) -> Result<bool, RepositoryError> {
        let mut tx = self.write().await?;
        let done =
            sqlx::query("UPDATE sessions SET renewal_ticket = $3 WHERE id = $1 AND renewal_ticket = $2")
                .bind(id.as_uuid())
                .bind(was.as_text())
                .bind(ticket.as_text())
                .execute(&mut *tx)
                .await
                .map_err(classify)?;
        tx.commit().await.map_err(classify)?;
        Ok(done.rows_affected() == 1)
    }
}
