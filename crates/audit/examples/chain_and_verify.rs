//! Chains events and shows that a changed one breaks the chain.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use promptgate_audit::{ActorName, Altered, Chained, Event, Walk};
use promptgate_kernel::{AuditEventId, Clock, OsEntropy, SystemClock, TokenId};

fn main() {
    let token = TokenId::mint(&SystemClock, &OsEntropy);
    let mut log: Vec<Chained> = Vec::new();
    for action in ["token.created", "token.rotated", "token.revoked"] {
        let id = AuditEventId::mint(&SystemClock, &OsEntropy);
        let actor = ActorName { kind: "admin_key".into(), id: None, label: Some("environment".into()) };
        let mut event = Event::of(id, SystemClock.now(), action, actor);
        "token".clone_into(&mut event.target_kind);
        event.target_id = token.to_string();
        let last = log.last().map(|chained| (chained.position, chained.hash));
        log.push(Chained::after(last, event));
    }
    println!("as written: {:?}", verify(&log));
    "token.updated".clone_into(&mut log[1].event.action);
    println!("tampered with: {:?}", verify(&log).map_err(|altered| altered.to_string()));
}

fn verify(log: &[Chained]) -> Result<u64, Altered> {
    let mut walk = Walk::default();
    for row in log {
        walk.row(row)?;
    }
    walk.finish(log.last().map(|last| (last.position, last.hash)))
}
