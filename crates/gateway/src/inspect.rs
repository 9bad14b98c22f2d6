//! Fifth stage: what the request says.

use crate::address::Addressed;
use crate::admit::Admitted;
use crate::candidate::Ask;
use crate::record::Record;

/// A request whose content is known as far as later stages need it.
pub(crate) struct Inspected {
    pub(crate) addressed: Addressed,
    _made_here: (),
}

/// Notes how much the model will read, for the estimate that is booked when its provider does not
/// tell.
pub(crate) fn inspect(admitted: Admitted, record: &mut Record) -> Inspected {
    record.prompt_bytes = match &admitted.addressed.ask {
        Ask::Body(envelope) => envelope.prompt_bytes,
        // Nothing is read of what is only passed on; who makes a chat here knows what is in it.
        Ask::Chat(_) | Ask::Forward(_) => record.prompt_bytes,
    };
    Inspected { addressed: admitted.addressed, _made_here: () }
}
