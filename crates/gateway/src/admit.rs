//! Fourth stage: whether there is room for the call. Nothing limits callers yet; the process does.

use std::sync::atomic::Ordering;

use crate::address::Addressed;
use crate::pipeline::Shared;
use crate::record::Record;
use crate::refusal::Refusal;

/// A request that may use what it needs.
pub(crate) struct Admitted {
    pub(crate) addressed: Addressed,
    _made_here: (),
}

/// Turns calls away from a process that is about to end, or that cannot keep what they cost.
pub(crate) fn admit(addressed: Addressed, shared: &Shared, record: &mut Record) -> Result<Admitted, Refusal> {
    if shared.ending.load(Ordering::Relaxed) {
        return Err(Refusal::ShuttingDown);
    }
    if !shared.sink.has_room() {
        return Err(Refusal::NoRoomForUsage);
    }
    record.note("admitted: no limit applies");
    Ok(Admitted { addressed, _made_here: () })
}
