//! The limits of tokens that others were minted under.

use std::sync::Arc;
use std::time::Duration;

use promptgate_kernel::{Clock, LimitSet, Timestamp, TokenId};
use quick_cache::sync::Cache;

use crate::authenticator::AuthUnavailable;
use crate::config_source::TokenSource;

/// Of how many tokens they are remembered.
const REMEMBERED: usize = 10_000;
/// For how long they are not looked up again.
const FRESH: Duration = Duration::from_secs(10);
/// How long a look-up may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it may take where something is remembered.
const PATIENCE_WITH_REMEMBERED: Duration = Duration::from_millis(100);

/// Remembers the limits of tokens that others were minted under. A token that is gone limits nothing.
pub(crate) struct Ancestors {
    remembered: Cache<TokenId, (Timestamp, Arc<LimitSet>)>,
}

impl Default for Ancestors {
    fn default() -> Self {
        Self { remembered: Cache::new(REMEMBERED) }
    }
}

impl Ancestors {
    /// The limits of these tokens. While the store cannot be asked, what was last known of them counts.
    pub(crate) async fn limits(
        &self,
        ids: &[TokenId],
        source: &dyn TokenSource,
        clock: &dyn Clock,
    ) -> Result<Vec<(TokenId, Arc<LimitSet>)>, AuthUnavailable> {
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            all.push((*id, self.one(*id, source, clock.now()).await?));
        }
        Ok(all)
    }

    async fn one(
        &self,
        id: TokenId,
        source: &dyn TokenSource,
        now: Timestamp,
    ) -> Result<Arc<LimitSet>, AuthUnavailable> {
        let remembered = self.remembered.get(&id);
        if let Some((at, limits)) = &remembered
            && now.since(*at) < FRESH
        {
            return Ok(Arc::clone(limits));
        }
        let patience = if remembered.is_some() { PATIENCE_WITH_REMEMBERED } else { PATIENCE };
        let looked_up = tokio::time::timeout(patience, source.limits_of(id)).await;
        match (looked_up, remembered) {
            (Ok(Ok(found)), _) => {
                let limits = Arc::new(found.map(|limits| limits.limit_set()).unwrap_or_default());
                self.remembered.insert(id, (now, Arc::clone(&limits)));
                Ok(limits)
            }
            (Ok(Err(_)) | Err(_), Some((_, limits))) => {
                self.remembered.insert(id, (now, Arc::clone(&limits)));
                Ok(limits)
            }
            (Ok(Err(_)) | Err(_), None) => {
                tracing::warn!("the limits of a token that another was minted under cannot be looked up");
                Err(AuthUnavailable)
            }
        }
    }
}
