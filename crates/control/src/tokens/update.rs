//! Changing a token.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{RepositoryError, TokenId};
use promptgate_store::{Access, UnitOfWork};
use promptgate_tokens::{AlreadyRevoked, InvalidToken, Token, TokenChanges};
use tracing::instrument;

use super::TokenAddress;
use super::tree::{Lost, forget, narrow};
use crate::Control;
use crate::journal::{Entry, named, update_action};
use crate::keys::most_days;
use crate::members::actor_in;
use crate::shown;

const ACTIONS: [&str; 3] = ["token.updated", "token.activated", "token.deactivated"];

/// Why a token is not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateTokenError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no token {0}")]
    NotFound(TokenId),
    /// It was revoked, which is for good.
    #[error(transparent)]
    Revoked(#[from] AlreadyRevoked),
    /// Something about the change is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
    /// Somebody else changed it at the same time; look at it again.
    #[error("the token {0} was changed by somebody else")]
    Changed(TokenId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl From<Lost> for UpdateTokenError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Changed(id) => Self::Changed(id),
            Lost::Store(error) => Self::Store(error),
        }
    }
}

/// Applies changes to a token; those below it lose what it loses. The key of an account is a matter of
/// whoever manages accounts. Changes that name nothing are not recorded.
#[instrument(name = "control.tokens.update", skip_all, fields(token.id = %address.id))]
pub async fn update(
    control: &Control,
    actor: Actor,
    address: TokenAddress,
    changes: TokenChanges,
) -> Result<Token, UpdateTokenError> {
    let id = address.id;
    let at = control.clock.now();
    let fields = fields(&changes);
    let action = update_action(&fields, "isActive", changes.is_active, ACTIONS);
    let mut work = control.store.begin(Access::Write).await?;
    let stored = address.find_for_change(&mut *work).await?.ok_or(UpdateTokenError::NotFound(id))?;
    actor_in(&mut *work, actor, stored.project_id)
        .await?
        .require_in(stored.project_id, Permission::ManageTokens)?;
    if stored.owner.is_some() {
        actor.require(Permission::ManageAccounts)?;
    }
    // A revoked one refuses every change, whatever it names.
    let token = stored.clone().change(changes, at)??;
    keep_within(&mut *work, &token).await?;
    if fields.is_empty() {
        return Ok(stored);
    }
    if !work.tokens().save(&token).await? {
        return Err(UpdateTokenError::Changed(id));
    }
    let entry = Entry::of_token(action, &token)
        .detail("fields", fields)
        .between(&shown::token(&stored), &shown::token(&token));
    control.audit(&mut *work, actor, entry, at).await?;
    let below = work.tokens().list_below(id).await?;
    let mut touched = narrow(control.scribe(), &mut *work, actor, (&token, below), at).await?;
    touched.push(token.clone());
    if let Some(revision) = forget(&mut *work, &touched, at).await? {
        control.commit(work, revision).await?;
    }
    Ok(token)
}

/// A minted token keeps within the one that minted it, the key of an account within the rules of keys.
async fn keep_within(work: &mut dyn UnitOfWork, token: &Token) -> Result<(), UpdateTokenError> {
    if let Some(parent) = token.parent {
        let parent = work.tokens().find(parent).await?;
        return Ok(parent.map_or(Ok(()), |parent| token.stay_within(&parent))?);
    }
    let Some(owner) = token.owner else { return Ok(()) };
    let account = work.accounts().find(owner).await?;
    Ok(account.map_or(Ok(()), |account| token.stay_a_key(most_days(account.kind)))?)
}

fn fields(changes: &TokenChanges) -> String {
    named([
        ("name", changes.name.is_some()),
        ("scopes", changes.scopes.is_some()),
        ("endpointIds", changes.endpoint_ids.is_some()),
        ("rateLimitPerMinute", changes.rate_limit_per_minute.is_some()),
        ("rateLimitPerHour", changes.rate_limit_per_hour.is_some()),
        ("monthlyBudgetUsdCap", changes.monthly_budget_usd_cap.is_some()),
        ("dailyBudgetUsdCap", changes.daily_budget_usd_cap.is_some()),
        ("dailyTokenCap", changes.daily_token_cap.is_some()),
        ("monthlyTokenCap", changes.monthly_token_cap.is_some()),
        ("tokenRateLimitPerMinute", changes.token_rate_limit_per_minute.is_some()),
        ("tokenRateLimitPerHour", changes.token_rate_limit_per_hour.is_some()),
        ("maxConcurrentRequests", changes.max_concurrent_requests.is_some()),
        ("requestTokenCap", changes.request_token_cap.is_some()),
        ("modelLimits", changes.model_limits.is_some()),
        ("metadata", changes.metadata.is_some()),
        ("isActive", changes.is_active.is_some()),
        ("expiresAt", changes.expires_at.is_some()),
    ])
}
