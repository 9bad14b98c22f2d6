//! Looking at one token.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{RepositoryError, TokenId};
use promptgate_store::Access;
use promptgate_tokens::Token;
use tracing::instrument;

use super::TokenAddress;
use crate::Control;
use crate::members::actor_in;

/// Why a token is not shown.
#[derive(Debug, thiserror::Error)]
pub enum FindTokenError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no token {0}")]
    NotFound(TokenId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// The token at this address, whatever its state.
#[instrument(name = "control.tokens.find", skip_all, fields(token.id = %address.id))]
pub async fn find(control: &Control, actor: Actor, address: TokenAddress) -> Result<Token, FindTokenError> {
    let mut work = control.store.begin(Access::Read).await?;
    let token = address.find(&mut *work).await?.ok_or(FindTokenError::NotFound(address.id))?;
    let project = token.project_id;
    actor_in(&mut *work, actor, project).await?.require_in(project, Permission::ReadProject)?;
    Ok(token)
}
