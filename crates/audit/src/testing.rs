//! Chains for the tests of this crate.

use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{AuditEventId, Timestamp};

use crate::{ActorName, Chained, Event};

/// As many events, one after the other.
pub(crate) fn chain(length: u64) -> Vec<Chained> {
    let mut chain: Vec<Chained> = Vec::new();
    for seed in 0..length {
        let id = AuditEventId::mint(&TestClock::at_millis(1), &SeededEntropy::new(seed));
        let actor = ActorName { kind: "system".into(), ..ActorName::default() };
        let mut event = Event::of(id, Timestamp::from_micros(1), "token.created", actor);
        event.target_kind = "token".into();
        event.target_id = seed.to_string();
        chain.push(Chained::after(chain.last().map(|last| (last.position, last.hash)), event));
    }
    chain
}
