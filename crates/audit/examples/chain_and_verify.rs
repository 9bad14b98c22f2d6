//! Chains events and shows that a changed one breaks the chain.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;

use promptgate_audit::{Chained, Event, verify};
use promptgate_kernel::{AuditEventId, Clock, OsEntropy, SystemClock, TokenId};

fn main() {
    let token = TokenId::mint(&SystemClock, &OsEntropy);
    let mut log: Vec<Chained> = Vec::new();
    for action in ["token.created", "token.rotated", "token.revoked"] {
        let event = Event {
            id: AuditEventId::mint(&SystemClock, &OsEntropy),
            at: SystemClock.now(),
            actor_kind: "admin_key".to_owned(),
            actor_id: None,
            action: action.to_owned(),
            target_kind: "token".to_owned(),
            target_id: token.to_string(),
            project_id: None,
            details: BTreeMap::new(),
        };
        let last = log.last().map(|chained| (chained.position, chained.hash));
        log.push(Chained::after(last, event));
    }
    println!("as written: {}", verify(&log).is_ok());
    "token.updated".clone_into(&mut log[1].event.action);
    println!("tampered with: {:?}", verify(&log).map_err(|broken| broken.to_string()));
}
