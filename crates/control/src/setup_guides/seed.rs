//! The guides of a new installation.

use promptgate_help::{SetupGuide, default_guides};
use promptgate_kernel::{Clock, Entropy, SetupGuideId};
use promptgate_store::{Access, Store};
use tracing::instrument;

use super::SetupGuideError;

/// Writes the default guides, once in the life of an installation; says how many. Those that somebody
/// deletes do not come back. It is part of making the schema, and several processes may do it at once.
#[instrument(name = "control.setup_guides.seed", skip_all)]
pub async fn seed(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<usize, SetupGuideError> {
    let mut work = store.begin(Access::Write).await?;
    if !work.setup_guides().claim_defaults().await? {
        return Ok(0);
    }
    let mut written = 0;
    for new in default_guides() {
        let guide = SetupGuide::create(SetupGuideId::mint(clock, entropy), new, 0, clock.now())?;
        work.setup_guides().insert(&guide).await?;
        written += 1;
    }
    work.commit().await?;
    Ok(written)
}
