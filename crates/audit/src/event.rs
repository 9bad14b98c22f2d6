//! Audit events and the chain they form.

use std::collections::BTreeMap;
use std::fmt;

use promptgate_kernel::{AuditEventId, ProjectId, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Something that was done. Texts are short names, ids are ids: no secrets, no content.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Its identity.
    pub id: AuditEventId,
    /// When.
    pub at: Timestamp,
    /// What kind of actor did it: `admin_key`, `system`, `token`.
    pub actor_kind: String,
    /// Which one, where it has an id.
    pub actor_id: Option<String>,
    /// What was done, such as `token.revoked`.
    pub action: String,
    /// To what kind of thing, such as `token`.
    pub target_kind: String,
    /// To which one.
    pub target_id: String,
    /// In which project, where it belongs to one.
    pub project_id: Option<ProjectId>,
    /// What else is worth knowing: names of changed fields, names of things. Flat texts, sorted by
    /// name, so that every store gives back exactly what was hashed.
    pub details: BTreeMap<String, String>,
}

/// SHA-256 of an event and of the hash before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventHash([u8; 32]);

impl EventHash {
    /// Wraps a stored hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storage.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// An event in its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Chained {
    /// Its position, from 1, without gaps.
    pub position: i64,
    /// What was done.
    pub event: Event,
    /// The hash of the event before it; `None` for the first.
    pub previous: Option<EventHash>,
    /// The hash of this one.
    pub hash: EventHash,
}

impl Chained {
    /// Puts `event` after the last one, which is given by position and hash.
    pub fn after(last: Option<(i64, EventHash)>, event: Event) -> Self {
        let position = last.map_or(1, |(position, _)| position + 1);
        let previous = last.map(|(_, hash)| hash);
        let hash = hash(position, previous, &event);
        Self { position, event, previous, hash }
    }
}

/// The chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log was altered at position {position}")]
pub struct BrokenChain {
    /// The first position that does not fit what is before it.
    pub position: i64,
}

/// Checks a contiguous part of the chain.
pub fn verify(events: &[Chained]) -> Result<(), BrokenChain> {
    let mut before: Option<&Chained> = None;
    for chained in events {
        let follows = before.is_none_or(|before| {
            chained.position == before.position + 1 && chained.previous == Some(before.hash)
        });
        if !follows || hash(chained.position, chained.previous, &chained.event) != chained.hash {
            return Err(BrokenChain { position: chained.position });
        }
        before = Some(chained);
    }
    Ok(())
}

/// Every field goes in with its length before it, so that no two events read the same.
fn hash(position: i64, previous: Option<EventHash>, event: &Event) -> EventHash {
    let details = serde_json::to_string(&event.details).expect("a map of texts can be written");
    let project = event.project_id.map(|id| id.to_string());
    let parts = [
        position.to_string(),
        event.id.to_string(),
        event.at.as_micros().to_string(),
        event.actor_kind.clone(),
        event.actor_id.clone().unwrap_or_default(),
        event.action.clone(),
        event.target_kind.clone(),
        event.target_id.clone(),
        project.unwrap_or_default(),
        details,
    ];
    let mut digest = Sha256::new().chain_update(previous.map_or([0; 32], |hash| hash.0));
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    EventHash(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::testing::{SeededEntropy, TestClock};

    fn chain(length: u64) -> Vec<Chained> {
        let mut chain: Vec<Chained> = Vec::new();
        for seed in 0..length {
            let event = Event {
                id: AuditEventId::mint(&TestClock::at_millis(1), &SeededEntropy::new(seed)),
                at: Timestamp::from_micros(1),
                actor_kind: "system".into(),
                actor_id: None,
                action: "token.issued".into(),
                target_kind: "token".into(),
                target_id: seed.to_string(),
                project_id: None,
                details: BTreeMap::new(),
            };
            chain.push(Chained::after(chain.last().map(|last| (last.position, last.hash)), event));
        }
        chain
    }

    #[test]
    fn a_change_a_gap_and_a_swap_show() {
        assert_eq!(verify(&chain(5)), Ok(()));
        let mut changed = chain(5);
        changed[2].event.target_id = "other".into();
        assert_eq!(verify(&changed), Err(BrokenChain { position: 3 }));
        let mut gap = chain(5);
        gap.remove(1);
        assert_eq!(verify(&gap), Err(BrokenChain { position: 3 }));
        let mut swapped = chain(5);
        swapped.swap(1, 2);
        assert_eq!(verify(&swapped), Err(BrokenChain { position: 3 }));
    }
}
