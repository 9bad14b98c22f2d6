//! Writing down what strangers were refused.

use std::collections::BTreeMap;

use promptgate_audit::{ActorName, Came, Event, Failure, FailureCounts, Tally};
use promptgate_kernel::{AuditEventId, Clock, Entropy, RepositoryError};
use promptgate_store::{Access, Store};

/// How many rows one transaction writes: nobody else writes to the audit log meanwhile.
const BATCH: usize = 50;

/// Writes down what was counted: a row for each address, network or token and reason. What cannot be
/// written is counted on.
pub async fn write_failures(
    counts: &FailureCounts,
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(), RepositoryError> {
    let counted = counts.take();
    let mut left = &counted[..];
    while !left.is_empty() {
        let (batch, behind) = left.split_at(left.len().min(BATCH));
        if let Err(error) = write(batch, store, clock, entropy).await {
            counts.put_back(left.iter().copied());
            return Err(error);
        }
        left = behind;
    }
    Ok(())
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
    let (kind, id, project) = match failure.by.token() {
        None => ("anonymous", None, None),
        Some((id, project)) => ("token", Some(id.to_string()), Some(project)),
    };
    let actor = ActorName { kind: kind.to_owned(), id: id.clone(), label: None };
    let mut details = BTreeMap::from([
        ("count".to_owned(), tally.count.to_string()),
        ("reason".to_owned(), failure.reason.to_owned()),
        ("since".to_owned(), tally.first.to_string()),
    ]);
    if let Some(network) = failure.by.network() {
        details.insert("network".to_owned(), network);
    }
    Event {
        target_kind: if id.is_some() { "token".to_owned() } else { String::new() },
        target_id: id.unwrap_or_default(),
        project_id: project,
        came: Came { address: tally.address, ..Came::default() },
        details,
        ..Event::of(AuditEventId::mint(clock, entropy), tally.last, failure.action, actor)
    }
}
