//! Writing down what strangers were refused.

use std::collections::BTreeMap;

use promptgate_audit::{ActorName, Came, Culprit, Event, Failure, FailureCounts, Tally};
use promptgate_kernel::{AuditEventId, Clock, Entropy, RepositoryError};
use promptgate_store::{Access, Store};

/// Writes down what was counted: a row for each address or token and reason. What cannot be written is
/// counted on.
pub async fn write_failures(
    counts: &FailureCounts,
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(), RepositoryError> {
    let counted = counts.take();
    if counted.is_empty() {
        return Ok(());
    }
    let written = write(&counted, store, clock, entropy).await;
    if written.is_err() {
        counts.put_back(counted);
    }
    written
}

async fn write(
    counted: &[(Failure, Tally)],
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(), RepositoryError> {
    let mut work = store.begin(Access::Write).await?;
    for (failure, tally) in counted {
        work.audit().append(&event(failure, tally, clock, entropy)).await?;
    }
    work.commit().await
}

fn event(failure: &Failure, tally: &Tally, clock: &dyn Clock, entropy: &dyn Entropy) -> Event {
    let (kind, id, project) = match failure.by {
        Culprit::Address(_) => ("anonymous", None, None),
        Culprit::Token { id, project } => ("token", Some(id.to_string()), Some(project)),
    };
    let actor = ActorName { kind: kind.to_owned(), id: id.clone(), label: None };
    let details = BTreeMap::from([
        ("count".to_owned(), tally.count.to_string()),
        ("reason".to_owned(), failure.reason.to_owned()),
        ("since".to_owned(), tally.first.to_string()),
    ]);
    Event {
        target_kind: if id.is_some() { "token".to_owned() } else { String::new() },
        target_id: id.unwrap_or_default(),
        project_id: project,
        came: Came { address: tally.address, ..Came::default() },
        details,
        ..Event::of(AuditEventId::mint(clock, entropy), tally.last, failure.action, actor)
    }
}
