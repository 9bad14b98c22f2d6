//! Set-up guides: write, find, list, order, delete and seed them.

mod create;
mod delete;
mod enabled;
mod find;
mod list;
mod reorder;
mod seed;
mod update;
mod validate;

use promptgate_auth::Forbidden;
use promptgate_help::InvalidSetupGuide;
use promptgate_kernel::{RepositoryError, SetupGuideId};

pub use create::create;
pub use delete::delete;
pub use enabled::enabled;
pub use find::find;
pub use list::list;
pub use reorder::reorder;
pub use seed::seed;
pub use update::update;
pub use validate::validate;

/// The constraint that keeps two guides from having one identifier.
const IDENTIFIER_KEY: &str = "setup_guides_identifier_key";

/// Why nothing was done about a guide.
#[derive(Debug, thiserror::Error)]
pub enum SetupGuideError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none.
    #[error("there is no set-up guide {0}")]
    NotFound(SetupGuideId),
    /// Something about it is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidSetupGuide),
    /// The new order does not name every guide once.
    #[error("ids must name every set-up guide exactly once")]
    Incomplete,
    /// Another guide has the identifier.
    #[error("another set-up guide has this identifier")]
    IdentifierTaken,
    /// Somebody else changed it at the same time; look at it again.
    #[error("the set-up guide {0} was changed by somebody else")]
    Changed(SetupGuideId),
    /// The store failed.
    #[error(transparent)]
    Store(RepositoryError),
}

impl From<RepositoryError> for SetupGuideError {
    fn from(error: RepositoryError) -> Self {
        if error.is_conflict(IDENTIFIER_KEY) { Self::IdentifierTaken } else { Self::Store(error) }
    }
}
