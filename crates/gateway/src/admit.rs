//! Fourth stage: whether there is room for the call, in the process and within its limits.

use std::sync::atomic::Ordering;

use promptgate_providers::Operation;

use crate::address::Addressed;
use crate::allowance::{self, Asks};
use crate::candidate::Ask;
use crate::pipeline::Shared;
use crate::record::Record;
use crate::refusal::Refusal;

/// A request that may use what it needs.
pub(crate) struct Admitted {
    pub(crate) addressed: Addressed,
    _made_here: (),
}

/// Turns calls away that a process has no room for, or one of their limits.
pub(crate) async fn admit(
    addressed: Addressed,
    shared: &Shared,
    record: &mut Record,
) -> Result<Admitted, Refusal> {
    check_process(shared)?;
    allowance::reserve(&asks(&addressed.ask), &addressed.candidates, record).await?;
    Ok(Admitted { addressed, _made_here: () })
}

/// What of a request decides how much it takes.
pub(crate) fn asks(ask: &Ask) -> Asks {
    match ask {
        Ask::Body(envelope) => Asks {
            prompt: envelope.prompt,
            max_output: envelope.max_output,
            has_odd_max_output: envelope.has_odd_max_output,
            choices: envelope.choices,
            writes: !matches!(envelope.operation, Operation::Embeddings | Operation::CountTokens),
            embeds: envelope.operation == Operation::Embeddings,
            is_free: envelope.operation == Operation::CountTokens,
            per_thousand: None,
        },
        // Who makes a chat here says it by himself.
        Ask::Chat(_) | Ask::Forward(_) => Asks { is_free: true, ..Asks::default() },
    }
}

/// Whether the process goes on, and can keep what calls cost.
pub(crate) fn check_process(shared: &Shared) -> Result<(), Refusal> {
    if shared.ending.load(Ordering::Relaxed) {
        return Err(Refusal::ShuttingDown);
    }
    if !shared.sink.has_room() {
        return Err(Refusal::NoRoomForUsage);
    }
    Ok(())
}
