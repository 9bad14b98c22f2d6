//! The FAQ: write, find, list, order, delete and read its entries.

mod create;
mod delete;
mod find;
mod list;
mod place;
mod preview;
mod read;
mod update;

use promptgate_auth::Forbidden;
use promptgate_help::{InvalidFaqEntry, InvalidPosition};
use promptgate_kernel::{FaqEntryId, RepositoryError};

pub use create::create;
pub use delete::delete;
pub use find::find;
pub use list::list;
pub use place::place;
pub use preview::preview;
pub use read::read;
pub use update::update;

/// Why nothing was done about an entry.
#[derive(Debug, thiserror::Error)]
pub enum FaqError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no FAQ entry {0}")]
    NotFound(FaqEntryId),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidFaqEntry),
    /// There is no such place.
    #[error(transparent)]
    Position(#[from] InvalidPosition),
    /// Somebody else changed it at the same time; look at it again.
    #[error("the FAQ entry {0} was changed by somebody else")]
    Changed(FaqEntryId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}
