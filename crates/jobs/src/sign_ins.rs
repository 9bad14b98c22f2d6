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
    /// Removes up to about so many dead sessions, windows of throttles that are over, and one-time records that
    /// nobody took, of each; says how many those were together.
    pub(crate) async fn prune(&self, now: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let sessions = self.state.sessions.prune(now, now.minus(self.idle), limit).await?;
        let windows = self.state.throttle.prune(now, limit).await?;
        let records = self.state.one_time.prune(now, limit).await?;
        Ok(sessions + windows + records)
    }
}
