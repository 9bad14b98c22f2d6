//! Fifth stage: what the request says.

use std::sync::Arc;

use promptgate_firewall::guardrails::{Policy, Vault};
use promptgate_providers::Operation;
use promptgate_wire::{Envelope, Written};

use crate::address::Addressed;
use crate::admit::{Admitted, asks};
use crate::candidate::Ask;
use crate::failures;
use crate::guardrails::{Guard, guard};
use crate::record::Record;
use crate::refusal::Refusal;

/// A request whose content may pass, and is known as far as later stages need it.
pub(crate) struct Inspected {
    pub(crate) addressed: Addressed,
    /// What of it left under tokens.
    pub(crate) vault: Option<Arc<Vault>>,
    /// Whether the guardrails changed how much it takes.
    pub(crate) is_changed: bool,
    _made_here: (),
}

/// Lets the guardrails read what the client wrote, and notes how much the model will read, for the
/// estimate that is booked when its provider does not tell.
pub(crate) async fn inspect(admitted: Admitted, record: &mut Record) -> Result<Inspected, Refusal> {
    let mut addressed = admitted.addressed;
    let policy = Arc::clone(&addressed.policy);
    let mut vault = None;
    let before = asks(&addressed.ask);
    if policy.reads_input() {
        let read = read(&mut addressed, &policy, record).await;
        if let Err(refusal) = &read {
            failures::note(&Arc::clone(&record.shared), record, record.caller.as_deref(), refusal);
        }
        vault = read?;
    }
    record.prompt_bytes = match &addressed.ask {
        Ask::Body(envelope) => envelope.prompt_bytes,
        // Nothing is read of what is only passed on; who makes a chat here knows what is in it.
        Ask::Chat(_) | Ask::Forward(_) => record.prompt_bytes,
    };
    let is_changed = before != asks(&addressed.ask);
    Ok(Inspected { addressed, vault, is_changed, _made_here: () })
}

async fn read(
    addressed: &mut Addressed,
    policy: &Arc<Policy>,
    record: &mut Record,
) -> Result<Option<Arc<Vault>>, Refusal> {
    let operation = addressed.operation;
    match &mut addressed.ask {
        Ask::Body(envelope) => {
            let Guard { body, vault } =
                guard(policy, Written::request(operation, envelope.body()), envelope.body(), record).await?;
            if let Some(body) = body {
                *envelope = Envelope::parse(operation, body).map_err(Refusal::BadRequest)?;
            }
            record.transcript.asked(operation.into(), envelope.body());
            // As it goes on: the body may name its client's user.
            record.tool.look_into(envelope.body());
            Ok(vault)
        }
        Ask::Forward(forward) => {
            let written = if operation == Operation::Messages { Written::Anything } else { Written::Items };
            if let Some(body) = guard(policy, written, &forward.body, record).await?.body {
                forward.body = body;
            }
            Ok(None)
        }
        // Whoever made the chat here has let its words be read.
        Ask::Chat(_) => Ok(None),
    }
}
