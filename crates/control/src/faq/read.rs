//! Reading the FAQ.

use promptgate_auth::{Actor, Permission};
use promptgate_help::FaqEntry;
use promptgate_store::Access;
use tracing::instrument;

use super::FaqError;
use crate::Control;

/// The entries that are published, in order.
#[instrument(name = "control.faq.read", skip_all)]
pub async fn read(control: &Control, actor: Actor) -> Result<Vec<FaqEntry>, FaqError> {
    actor.require(Permission::UseOwnAccount)?;
    let mut work = control.store.begin(Access::Read).await?;
    Ok(work.faq().published().await?)
}
