//! Forgetting sign-ins that are over.

use std::time::Duration;

use promptgate_auth::SignInState;
use promptgate_kernel::{RepositoryError, Timestamp};

/// What sign-ins share, and when a session counts as left behind.
#[derive(Clone)]
pub struct SignIns {
    /// Sessions, throttles and one-time records.
    pub state: SignInState,
    /// How long a session lives without being used.
    pub idle: Duration,
}

impl SignIns {
    /// Removes dead sessions, windows of throttles that are over, and one-time records that nobody
    /// took; says how many those were.
    pub(crate) async fn prune(&self, now: Timestamp) -> Result<u64, RepositoryError> {
        let sessions = self.state.sessions.prune(now, now.minus(self.idle)).await?;
        let windows = self.state.throttle.prune(now).await?;
        let records = self.state.one_time.prune(now).await?;
        Ok(sessions + windows + records)
    }
}
