//! What time does to keys and to the access of their owners.

use std::fmt;
use std::sync::Arc;

use promptgate_auth::{AccountKind, Actor};
use promptgate_kernel::{AccountId, Clock, Entropy, RepositoryError, Timestamp};
use promptgate_store::{Access, Bus, Change, Store};
use tracing::instrument;

use crate::context::{Scribe, commit};
use crate::journal::Entry;
use crate::shown;
use crate::tokens::{Lost, end_all_of};

/// Does what is due. Several processes may do it at the same time: each thing is done once.
#[derive(Clone)]
pub struct Expiry {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Who hears of commits.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for the ids of audit events.
    pub entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expiry").finish_non_exhaustive()
    }
}

impl Expiry {
    /// Notes of up to `limit` tokens that their time is over, and says of how many. They have stopped
    /// working before; nobody needs to hear of it.
    #[instrument(name = "control.keys.mark_expired", skip_all)]
    pub async fn mark_expired(&self, limit: u32) -> Result<u64, RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        let marked = work.tokens().mark_expired(self.clock.now(), limit).await?;
        work.commit().await?;
        Ok(marked)
    }

    /// Takes role and keys from up to `limit` accounts whose access has ended, each in a transaction of
    /// its own, and says from how many.
    #[instrument(name = "control.keys.end_access", skip_all)]
    pub async fn end_access(&self, limit: u32) -> Result<u64, RepositoryError> {
        let now = self.clock.now();
        let due = self.store.begin(Access::Read).await?.accounts().list_past_expiry(now, limit).await?;
        let mut ended = 0;
        for account in due {
            ended += u64::from(self.end_access_of(account.id, now).await?);
        }
        Ok(ended)
    }

    /// Whether the account was still past its end.
    async fn end_access_of(&self, id: AccountId, at: Timestamp) -> Result<bool, RepositoryError> {
        let (actor, scribe) = (Actor::system(), Scribe { clock: &*self.clock, entropy: &*self.entropy });
        let mut work = self.store.begin(Access::Write).await?;
        work.accounts().lock_administrators().await?;
        let found = work.accounts().find(id).await?;
        let Some(account) = found.filter(|account| account.expires_at.is_some_and(|end| end <= at)) else {
            return Ok(false);
        };
        let before = shown::account(&account);
        let after = account.end_access(at);
        let action = match after.kind {
            AccountKind::Person => "user.access_expired",
            AccountKind::Service => "service_account.access_expired",
        };
        if !work.accounts().save(&after).await? {
            return Ok(false);
        }
        let ended = match end_all_of(&mut *work, id, at).await {
            Ok(ended) => ended,
            // Somebody changes a key right now; the next run takes the account again.
            Err(Lost::Changed(_)) => return Ok(false),
            Err(Lost::Store(error)) => return Err(error),
        };
        let entry = Entry::of_account(action, id).between(&before, &shown::account(&after));
        scribe.audit(&mut *work, actor, entry, at).await?;
        ended.record(scribe, &mut *work, actor, at).await?;
        let revision = work.changes().record(Change::Account(id), at).await?;
        commit(&*self.bus, work, revision).await?;
        Ok(true)
    }
}
