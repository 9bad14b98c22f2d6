//! Audit events and the chain they form.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use promptgate_kernel::{AuditEventId, CallId, ProjectId, Timestamp};
use sha2::{Digest, Sha256};

use crate::Severity;

/// Something that was done. Texts are short names, ids are ids: no secrets, no content.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its identity.
    pub id: AuditEventId,
    /// When.
    pub at: Timestamp,
    /// How much it matters.
    pub severity: Severity,
    /// Who did it.
    pub actor: ActorName,
    /// What was done, such as `token.revoked`.
    pub action: String,
    /// To what kind of thing, such as `token`.
    pub target_kind: String,
    /// To which one.
    pub target_id: String,
    /// In which project, where it belongs to one.
    pub project_id: Option<ProjectId>,
    /// From where, where that is known.
    pub came: Came,
    /// What changed fields were before. Flat texts, sorted by name, so that every store gives back
    /// exactly what was hashed.
    pub before: BTreeMap<String, String>,
    /// What they were afterwards.
    pub after: BTreeMap<String, String>,
    /// What else is worth knowing, such as the names of changed fields.
    pub details: BTreeMap<String, String>,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActorName {
    /// What kind of actor: `admin_key`, `system`, `token`, `account`.
    pub kind: String,
    /// Which one, where it has an id.
    pub id: Option<String>,
    /// What operators call it: the name of an admin key. Of a person it is not kept here, so that the
    /// person can be forgotten.
    pub label: Option<String>,
}

/// From where something was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Came {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The request.
    pub request: Option<CallId>,
    /// The door, where it is not the JSON API or the console: `cli`, `management_api`.
    pub via: Option<String>,
}

impl Event {
    /// An event of which nothing but this is known.
    pub fn of(id: AuditEventId, at: Timestamp, action: &str, actor: ActorName) -> Self {
        Self {
            id,
            at,
            severity: Severity::of(action).unwrap_or_default(),
            actor,
            action: action.to_owned(),
            target_kind: String::new(),
            target_id: String::new(),
            project_id: None,
            came: Came::default(),
            before: BTreeMap::new(),
            after: BTreeMap::new(),
            details: BTreeMap::new(),
        }
    }
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

/// Which fields a hash covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashVersion {
    /// Those of the first version: neither severity, label, origin nor values.
    First,
    /// All of them.
    Second,
}

impl HashVersion {
    /// What new events are hashed by.
    pub const CURRENT: Self = Self::Second;

    /// The number, for storage.
    pub const fn number(self) -> i64 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }

    /// Reads what [`Self::number`] wrote. A later version is none that this process can check.
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::First),
            2 => Some(Self::Second),
            _ => None,
        }
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
    /// What the hash covers.
    pub version: HashVersion,
    /// The hash of this one.
    pub hash: EventHash,
}

impl Chained {
    /// Puts `event` after the last one, which is given by position and hash.
    pub fn after(last: Option<(i64, EventHash)>, event: Event) -> Self {
        let position = last.map_or(1, |(position, _)| position + 1);
        let previous = last.map(|(_, hash)| hash);
        let version = HashVersion::CURRENT;
        let hash = hash(version, position, previous, &event);
        Self { position, event, previous, version, hash }
    }

    /// Whether the hash is that of the event, in this place.
    pub fn is_whole(&self) -> bool {
        let covered = match self.version {
            HashVersion::First => is_of_the_first_version(&self.event),
            HashVersion::Second => true,
        };
        covered && hash(self.version, self.position, self.previous, &self.event) == self.hash
    }
}

/// What the hash does not cover must not be there. The severity is: it follows from the action.
fn is_of_the_first_version(event: &Event) -> bool {
    event.actor.label.is_none()
        && event.came == Came::default()
        && event.before.is_empty()
        && event.after.is_empty()
}

/// Every field goes in with its length before it, so that no two events read the same.
fn hash(version: HashVersion, position: i64, previous: Option<EventHash>, event: &Event) -> EventHash {
    let mut digest = Sha256::new();
    if version >= HashVersion::Second {
        digest.update(b"promptgate audit 2");
        digest.update([u8::from(previous.is_some())]);
    }
    digest.update(previous.map_or([0; 32], |hash| hash.0));
    let mut put = |part: &str| {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    };
    put(&position.to_string());
    put(&event.id.to_string());
    put(&event.at.as_micros().to_string());
    put(&event.actor.kind);
    put(event.actor.id.as_deref().unwrap_or_default());
    put(&event.action);
    put(&event.target_kind);
    put(&event.target_id);
    put(&event.project_id.map(|id| id.to_string()).unwrap_or_default());
    put(&texts(&event.details));
    if version >= HashVersion::Second {
        put(event.severity.as_str());
        // What is empty and what is not there are told apart by a list of what is there.
        put(&serde_json::to_string(&(
            &event.actor.id,
            &event.actor.label,
            event.came.address.map(|address| address.to_string()),
            event.came.request.map(|request| request.to_string()),
            &event.came.via,
        ))
        .expect("texts can be written"));
        put(&texts(&event.before));
        put(&texts(&event.after));
    }
    EventHash(digest.finalize().into())
}

fn texts(map: &BTreeMap<String, String>) -> String {
    serde_json::to_string(map).expect("a map of texts can be written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::chain;
    use proptest::prelude::*;

    /// As rows were hashed before there were versions.
    fn hash_of_the_first_version(position: i64, event: &Event) -> EventHash {
        let parts = [
            position.to_string(),
            event.id.to_string(),
            event.at.as_micros().to_string(),
            event.actor.kind.clone(),
            String::new(),
            event.action.clone(),
            event.target_kind.clone(),
            event.target_id.clone(),
            String::new(),
            "{}".to_owned(),
        ];
        let mut digest = Sha256::new().chain_update([0; 32]);
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        EventHash(digest.finalize().into())
    }

    #[test]
    fn rows_of_the_first_version_still_hold_and_nothing_can_be_added_to_them() {
        let event = chain(1).remove(0).event;
        let hash = hash_of_the_first_version(1, &event);
        let row = Chained { position: 1, event, previous: None, version: HashVersion::First, hash };
        assert!(row.is_whole());
        let with = |change: &dyn Fn(&mut Event)| {
            let mut changed = row.clone();
            change(&mut changed.event);
            changed.is_whole()
        };
        assert!(!with(&|event| event.actor.label = Some("x".into())));
        assert!(!with(&|event| event.came.via = Some("cli".into())));
        assert!(!with(&|event| drop(event.after.insert("role".into(), "admin".into()))));
        assert!(!Chained { version: HashVersion::Second, ..row }.is_whole());
    }

    proptest! {
        #[test]
        fn every_field_counts(field in 0usize..14, text in "[a-z]{1,8}") {
            let mut row = chain(1).remove(0);
            prop_assert!(row.is_whole());
            let event = &mut row.event;
            let before = event.clone();
            match field {
                0 => event.severity = Severity::Err,
                1 => event.actor.kind = text,
                2 => event.actor.id = Some(text),
                3 => event.actor.id = Some(String::new()),
                4 => event.actor.label = Some(text),
                5 => event.action = text,
                6 => event.target_kind = text,
                7 => event.target_id = text,
                8 => event.came.address = Some(IpAddr::from([127, 0, 0, 1])),
                9 => event.came.via = Some(text),
                10 => drop(event.before.insert(text.clone(), text)),
                11 => drop(event.after.insert(text.clone(), text)),
                12 => drop(event.details.insert(text.clone(), text)),
                _ => event.at = Timestamp::from_micros(2),
            }
            prop_assert_eq!(row.is_whole(), row.event == before);
        }
    }
}
