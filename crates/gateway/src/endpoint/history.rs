//! What was said in a conversation before, read by the rules of today: those of its time may have been
//! laxer.

use std::sync::Arc;

use bytes::Bytes;
use promptgate_endpoints::Message;
use promptgate_firewall::guardrails::Policy;
use promptgate_wire::Written;
use serde::{Deserialize, Serialize};

use crate::failures;
use crate::guardrails::guard;
use crate::record::Record;
use crate::refusal::Refusal;

#[derive(Serialize)]
struct Kept<'a> {
    messages: &'a [Message],
}

#[derive(Deserialize)]
struct Masked {
    messages: Vec<Message>,
}

/// The history of a conversation as it may go out today. What is kept of it stays as it is.
pub(super) async fn reread(
    policy: &Arc<Policy>,
    history: Vec<Message>,
    record: &mut Record,
) -> Result<Vec<Message>, Refusal> {
    if history.is_empty() || !policy.reads_input() {
        return Ok(history);
    }
    let kept = serde_json::to_vec(&Kept { messages: &history }).map_err(|_| Refusal::GuardFailed)?;
    let read = guard(policy, Written::History, &Bytes::from(kept), record).await;
    if let Err(refusal) = &read {
        failures::note(&Arc::clone(&record.shared), record, record.caller.as_deref(), refusal);
    }
    match read?.body {
        None => Ok(history),
        Some(masked) => {
            let masked: Masked = serde_json::from_slice(&masked).map_err(|_| Refusal::GuardFailed)?;
            Ok(masked.messages)
        }
    }
}
