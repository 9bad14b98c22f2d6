//! What users wrote last in their calls, for as long as it is kept.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{AccountId, Page, PageRequest, RepositoryError};
use promptgate_store::Access;
use promptgate_usage::{ListedPrompt, PromptFilter};
use tracing::instrument;

use crate::Control;

/// Why prompts are not listed.
#[derive(Debug, thiserror::Error)]
pub enum ListPromptsError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// One page of anybody's prompts.
#[instrument(name = "control.prompts.list", skip_all)]
pub async fn list(
    control: &Control,
    actor: Actor,
    filter: &PromptFilter,
    page: PageRequest,
) -> Result<Page<ListedPrompt>, ListPromptsError> {
    actor.require(Permission::ReadContents)?;
    Ok(control.store.begin(Access::Read).await?.prompts().list(filter, page).await?)
}

/// One page of the prompts of the account that asks, whomever the filter names.
#[instrument(name = "control.prompts.mine", skip_all)]
pub async fn mine(
    control: &Control,
    actor: Actor,
    account: AccountId,
    filter: PromptFilter,
    page: PageRequest,
) -> Result<Page<ListedPrompt>, ListPromptsError> {
    actor.require(Permission::UseOwnAccount)?;
    let filter = PromptFilter { owner: Some(account), ..filter };
    Ok(control.store.begin(Access::Read).await?.prompts().list(&filter, page).await?)
}
