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

/// Turns calls away from a process that has no room for them.
pub(crate) fn admit(addressed: Addressed, shared: &Shared, record: &mut Record) -> Result<Admitted, Refusal> {
    check_process(shared)?;
    record.note("admitted: no limit applies");
    Ok(Admitted { addressed, _made_here: () })
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
