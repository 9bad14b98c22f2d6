//! Calls that could not be recorded: look at them, have them tried again, discard them.

mod discard;
mod find;
mod list;
mod retry;

use promptgate_auth::Forbidden;
use promptgate_kernel::{CallId, RepositoryError};

pub use discard::discard;
pub use find::find;
pub use list::list;
pub use retry::retry;

/// Why nothing was done about a dead letter.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no dead letter {0}")]
    NotFound(CallId),
    /// It was tried again, and cannot be recorded still; that is written down.
    #[error("the call {id} cannot be recorded: {reason}")]
    Refused {
        /// The call.
        id: CallId,
        /// Why.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}
