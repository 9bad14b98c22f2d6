//! Fifth stage: what the request says.

use crate::address::Addressed;
use crate::admit::Admitted;
use crate::record::Record;

/// A request whose content is known as far as later stages need it.
pub(crate) struct Inspected {
    pub(crate) addressed: Addressed,
    _made_here: (),
}

/// Notes how much the model will read, for the estimate that is booked when its provider does not
/// tell.
pub(crate) fn inspect(admitted: Admitted, record: &mut Record) -> Inspected {
    record.prompt_bytes = admitted.addressed.envelope.prompt_bytes;
    Inspected { addressed: admitted.addressed, _made_here: () }
}
