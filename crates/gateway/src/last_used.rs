//! When tokens were last used: collected in memory, written down in batches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use promptgate_kernel::{Timestamp, TokenId};
use tokio_util::sync::CancellationToken;

use crate::config_source::TokenSource;

const MAX_PENDING: usize = 50_000;
const BATCH: usize = 500;
const WRITE_EVERY: Duration = Duration::from_secs(15);

pub(crate) struct LastUsed {
    source: Arc<dyn TokenSource>,
    pending: Mutex<HashMap<TokenId, Timestamp>>,
}

impl LastUsed {
    /// How exact the stored instant is, besides the time until it is written.
    pub(crate) const RESOLUTION: Duration = Duration::from_secs(30);

    pub(crate) fn new(source: Arc<dyn TokenSource>) -> Self {
        Self { source, pending: Mutex::default() }
    }

    pub(crate) fn note(&self, token: TokenId, at: Timestamp) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() < MAX_PENDING || pending.contains_key(&token) {
            let latest = pending.entry(token).or_insert(at);
            *latest = (*latest).max(at);
        }
    }

    pub(crate) async fn run(&self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(WRITE_EVERY) => self.write().await,
            }
        }
        self.write().await;
    }

    async fn write(&self) {
        let uses: Vec<(TokenId, Timestamp)> =
            self.pending.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
        for batch in uses.chunks(BATCH) {
            if let Err(error) = self.source.touch(batch).await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "cannot write down when tokens were last used; trying again later"
                );
                for (token, at) in batch {
                    self.note(*token, *at);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeTokens, project, token_for};
    use promptgate_projects::ProjectType;

    #[tokio::test(start_paused = true)]
    async fn uses_are_written_in_batches_and_survive_an_outage() {
        let tokens = Arc::<FakeTokens>::default();
        let last_used = LastUsed::new(tokens.clone());
        let (_, token) = token_for(&project(ProjectType::AiWrapper), 1);
        let [earlier, later] = [1, 2].map(Timestamp::from_micros);
        last_used.note(token.id, later);
        last_used.note(token.id, earlier);
        tokens.break_down(true);
        last_used.write().await;
        assert_eq!(tokens.touched(), []);
        tokens.break_down(false);
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        last_used.run(shutdown).await;
        assert_eq!(tokens.touched(), [(token.id, later)]);
    }
}
