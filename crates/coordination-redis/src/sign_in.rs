//! What sign-ins share between replicas, over Redis.
//!
//! All keys begin with `{promptgate:auth}`, whose braces keep them in one slot of a cluster, so that a
//! script may touch several. Redis forgets by its own clock what is past its absolute end.

mod scripts;
mod session;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fred::interfaces::{ClientLike, KeysInterface, LuaInterface};
use fred::types::{Expiration, FromValue};
use promptgate_auth::{
    OneTimeStore, Renewal, Session, SessionHash, SessionStore, SignInKey, SignInState, Throttle, Verdict,
};
use promptgate_kernel::{AccountId, RepositoryError, Sealed, SessionId, Timestamp};
use promptgate_store::BusError;
use tokio_util::sync::DropGuard;

use self::session::SessionDocument;
use crate::bus::Shared;

/// What all keys begin with.
const ROOT: &str = "{promptgate:auth}";
/// How many sessions one script removes, or looks through.
const BATCH: i64 = 500;
/// The same.
const PART: usize = 500;

/// Sessions, throttles and one-time records over the connection of a bus.
pub(crate) struct RedisSignIn {
    shared: Arc<Shared>,
    _stop: Arc<DropGuard>,
}

impl RedisSignIn {
    pub(crate) fn state(shared: Arc<Shared>, stop: Arc<DropGuard>) -> SignInState {
        let all = Arc::new(Self { shared, _stop: stop });
        SignInState { sessions: all.clone(), throttle: all.clone(), one_time: all }
    }

    async fn run<T: FromValue>(
        &self,
        script: &'static str,
        arguments: Vec<String>,
    ) -> Result<T, RepositoryError> {
        let client = self.shared.publisher.with_options(&self.shared.sign_in_options);
        self.shared.call_of_sign_in(client.eval(script, vec![ROOT], arguments)).await.map_err(away)
    }

    /// What a script needs to keep a session.
    fn kept(session: &Session) -> Result<Vec<String>, RepositoryError> {
        Ok(vec![
            session.hash.to_text(),
            SessionDocument::write(session)?,
            session.account.to_string(),
            session.last_seen_at.as_micros().to_string(),
            session.expires_at.as_micros().to_string(),
            (session.expires_at.as_micros().div_euclid(1_000)).to_string(),
            session.id.to_string(),
        ])
    }
}

fn away(error: BusError) -> RepositoryError {
    RepositoryError::Unavailable { source: error.0 }
}

#[async_trait]
impl SessionStore for RedisSignIn {
    async fn insert(&self, session: &Session) -> Result<(), RepositoryError> {
        let mut arguments = Self::kept(session)?;
        if let Some(renewal) = &session.renewal {
            arguments.extend([renewal.ticket.as_text().to_owned(), renewal.due_at.as_micros().to_string()]);
        }
        let _: i64 = self.run(scripts::INSERT, arguments).await?;
        Ok(())
    }

    async fn find(&self, hash: SessionHash) -> Result<Option<Session>, RepositoryError> {
        let found: Vec<String> = self.run(scripts::FIND, vec![hash.to_text()]).await?;
        Ok(SessionDocument::read_all(&found)?.pop())
    }

    async fn touch(&self, hash: SessionHash, seen_at: Timestamp) -> Result<bool, RepositoryError> {
        let arguments = vec![hash.to_text(), seen_at.as_micros().to_string()];
        Ok(self.run::<i64>(scripts::TOUCH, arguments).await? == 1)
    }

    async fn replace(&self, old: SessionHash, session: &Session) -> Result<bool, RepositoryError> {
        let mut arguments = Self::kept(session)?;
        arguments.push(old.to_text());
        Ok(self.run::<i64>(scripts::REPLACE, arguments).await? == 1)
    }

    async fn remove(&self, hash: SessionHash) -> Result<bool, RepositoryError> {
        Ok(self.run::<i64>(scripts::REMOVE, vec![hash.to_text()]).await? == 1)
    }

    async fn list_of(&self, account: AccountId) -> Result<Vec<Session>, RepositoryError> {
        let found: Vec<String> = self.run(scripts::LIST_OF, vec![account.to_string()]).await?;
        let mut sessions = SessionDocument::read_all(&found)?;
        sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        Ok(sessions)
    }

    async fn remove_all_of(
        &self,
        account: AccountId,
        except: Option<SessionHash>,
    ) -> Result<u64, RepositoryError> {
        let except = except.map(SessionHash::to_text).unwrap_or_default();
        let removed: i64 = self.run(scripts::REMOVE_ALL_OF, vec![account.to_string(), except]).await?;
        Ok(removed.unsigned_abs())
    }

    async fn prune(&self, now: Timestamp, idle_since: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let mut all = 0;
        loop {
            let arguments =
                vec![now.as_micros().to_string(), idle_since.as_micros().to_string(), BATCH.to_string()];
            let (seen, removed): (i64, i64) = self.run(scripts::PRUNE, arguments).await?;
            all += removed.unsigned_abs();
            if seen < BATCH || all >= u64::from(limit) {
                return Ok(all);
            }
        }
    }

    async fn claim_renewal(
        &self,
        id: SessionId,
        due_at: Timestamp,
        until: Timestamp,
    ) -> Result<bool, RepositoryError> {
        let arguments = vec![id.to_string(), due_at.as_micros().to_string(), until.as_micros().to_string()];
        Ok(self.run::<i64>(scripts::CLAIM, arguments).await? == 1)
    }

    async fn save_renewal(
        &self,
        id: SessionId,
        claimed: Timestamp,
        renewal: &Renewal,
    ) -> Result<bool, RepositoryError> {
        let arguments = vec![
            id.to_string(),
            claimed.as_micros().to_string(),
            renewal.ticket.as_text().to_owned(),
            renewal.due_at.as_micros().to_string(),
        ];
        Ok(self.run::<i64>(scripts::RENEW, arguments).await? == 1)
    }

    async fn list_tickets(&self) -> Result<Vec<(SessionId, Sealed)>, RepositoryError> {
        let hashes: Vec<String> = self.run(scripts::ALL, Vec::new()).await?;
        let mut tickets = Vec::new();
        for part in hashes.chunks(PART) {
            let found: Vec<String> = self.run(scripts::TICKETS, part.to_vec()).await?;
            let (pairs, _) = found.as_chunks::<2>();
            for [id, ticket] in pairs {
                let id = id.parse().map_err(session::corrupt)?;
                tickets.push((id, Sealed::from_text(ticket.clone())));
            }
        }
        Ok(tickets)
    }

    async fn replace_ticket(
        &self,
        id: SessionId,
        was: &Sealed,
        ticket: &Sealed,
    ) -> Result<bool, RepositoryError> {
        let arguments = vec![id.to_string(), was.as_text().to_owned(), ticket.as_text().to_owned()];
        Ok(self.run::<i64>(scripts::REPLACE_TICKET, arguments).await? == 1)
    }
}

#[async_trait]
impl Throttle for RedisSignIn {
    async fn hit(
        &self,
        key: &SignInKey,
        limit: u32,
        window: Duration,
        now: Timestamp,
    ) -> Result<Verdict, RepositoryError> {
        let arguments = vec![
            key.as_text().to_owned(),
            limit.to_string(),
            now.as_micros().to_string(),
            now.plus(window).as_micros().to_string(),
            window.as_millis().max(1).to_string(),
        ];
        let (allowed, left): (i64, i64) = self.run(scripts::HIT, arguments).await?;
        Ok(Verdict { allowed: allowed == 1, retry_after: Duration::from_micros(left.max(0).unsigned_abs()) })
    }

    async fn reset(&self, key: &SignInKey) -> Result<(), RepositoryError> {
        let client = self.shared.publisher.with_options(&self.shared.sign_in_options);
        self.shared
            .call_of_sign_in(client.del::<(), _>(format!("{ROOT}:throttle:{}", key.as_text())))
            .await
            .map_err(away)
    }

    /// Redis does it by itself.
    async fn prune(&self, _: Timestamp, _: u32) -> Result<u64, RepositoryError> {
        Ok(0)
    }
}

#[async_trait]
impl OneTimeStore for RedisSignIn {
    async fn put(
        &self,
        key: &SignInKey,
        value: &Sealed,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<(), RepositoryError> {
        // The end is kept with the value, because it goes by the caller's clock.
        let value = format!("{} {}", now.plus(ttl).as_micros(), value.as_text());
        let expiry = Expiration::PX(i64::try_from(ttl.as_millis().max(1)).unwrap_or(i64::MAX));
        let client = self.shared.publisher.with_options(&self.shared.sign_in_options);
        let set = client.set::<(), _, _>(one_time(key), value, Some(expiry), None, false);
        self.shared.call_of_sign_in(set).await.map_err(away)
    }

    async fn take(&self, key: &SignInKey, now: Timestamp) -> Result<Option<Sealed>, RepositoryError> {
        let client = self.shared.publisher.with_options(&self.shared.sign_in_options);
        let taken: Option<String> =
            self.shared.call_of_sign_in(client.getdel(one_time(key))).await.map_err(away)?;
        let Some(taken) = taken else { return Ok(None) };
        let (end, value) = taken.split_once(' ').unwrap_or_default();
        let in_time = end.parse().is_ok_and(|end| now < Timestamp::from_micros(end));
        Ok(in_time.then(|| Sealed::from_text(value.to_owned())))
    }

    /// Redis does it by itself.
    async fn prune(&self, _: Timestamp, _: u32) -> Result<u64, RepositoryError> {
        Ok(0)
    }
}

fn one_time(key: &SignInKey) -> String {
    format!("{ROOT}:once:{}", key.as_text())
}
