//! The guides that everybody sees.

use promptgate_help::SetupGuide;
use promptgate_kernel::RepositoryError;
use promptgate_store::Access;
use tracing::instrument;

use crate::Control;

/// The enabled guides, in order. They hold nothing of anybody, so that whoever may ask for the set-up of
/// providers may have them.
#[instrument(name = "control.setup_guides.enabled", skip_all)]
pub async fn enabled(control: &Control) -> Result<Vec<SetupGuide>, RepositoryError> {
    let mut work = control.store.begin(Access::Read).await?;
    let guides = work.setup_guides().list().await?;
    Ok(guides.into_iter().filter(|guide| guide.enabled).collect())
}
