//! Trying a dead letter again.

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{CallId, RepositoryError};
use promptgate_store::Access;
use promptgate_usage::{DeadLetter, UsageEvent};
use tracing::instrument;

use super::DeadLetterError;
use crate::Control;
use crate::journal::Entry;

/// Records the call of a letter, discarded or not, and takes the letter away. If the call was recorded
/// meanwhile, that changes nothing but the list. If it cannot be recorded still, the letter says why.
#[instrument(name = "control.dead_letters.retry", skip_all, fields(call.id = %id))]
pub async fn retry(control: &Control, actor: Actor, id: CallId) -> Result<(), DeadLetterError> {
    actor.require(Permission::ManageJobs)?;
    let mut work = control.store.begin(Access::Read).await?;
    let letter = work.dead_letters().find(id).await?.ok_or(DeadLetterError::NotFound(id))?;
    drop(work);
    let refused = match letter.read() {
        Ok(event) => match record(control, actor, id, &event).await {
            Ok(()) => return Ok(()),
            // An outage is no refusal.
            Err(error) if control.ping().await.is_err() => return Err(error.into()),
            Err(error) => with_causes(&error),
        },
        Err(error) => format!("not a usage event of this version: {error}"),
    };
    keep(control, actor, letter, &refused).await?;
    Err(DeadLetterError::Refused { id, reason: refused })
}

async fn record(
    control: &Control,
    actor: Actor,
    id: CallId,
    event: &UsageEvent,
) -> Result<(), RepositoryError> {
    let mut work = control.store.begin(Access::Write).await?;
    work.usage().record(&[event]).await?;
    work.dead_letters().remove(id).await?;
    let entry = Entry::of_dead_letter("dead_letter.retried", id).detail("outcome", "recorded");
    control.audit(&mut *work, actor, entry, control.clock.now()).await?;
    work.commit().await
}

async fn keep(
    control: &Control,
    actor: Actor,
    letter: DeadLetter,
    refused: &str,
) -> Result<(), RepositoryError> {
    let (id, at) = (letter.id, control.clock.now());
    let mut work = control.store.begin(Access::Write).await?;
    work.dead_letters().save(&letter.refused(refused, at)).await?;
    let entry = Entry::of_dead_letter("dead_letter.retried", id).detail("outcome", "refused");
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await
}

fn with_causes(error: &RepositoryError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
