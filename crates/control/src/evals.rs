//! Golden sets of AI endpoints: create, find, list, change, delete and run them.

mod create;
mod delete;
mod find;
mod list;
mod run;
mod runs;
mod update;

use promptgate_auth::Forbidden;
use promptgate_endpoints::{Endpoint, EvalSet, FieldErrors};
use promptgate_kernel::{EvalId, EvalRunId, RepositoryError};
use promptgate_store::UnitOfWork;

use crate::endpoints::{EndpointAddress, EndpointError, load as load_endpoint};

pub use create::create;
pub use delete::delete;
pub use find::find;
pub use list::list;
pub use run::run;
pub use runs::{find_run, runs};
pub use update::amend;

/// Which golden set is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvalAddress {
    /// The endpoint it must belong to.
    pub endpoint: EndpointAddress,
    /// Its id.
    pub id: EvalId,
}

/// Why nothing was done about a golden set.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project or the endpoint is not there, or can have no golden sets.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// There is none of this id at the endpoint.
    #[error("there is no golden set {0} of this endpoint")]
    NotFound(EvalId),
    /// It has no such run.
    #[error("there is no run {0} of this golden set")]
    UnknownRun(EvalRunId),
    /// Things about it are wrong.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// Somebody else changed it at the same time; look at it again.
    #[error("the golden set {0} was changed by somebody else")]
    Changed(EvalId),
    /// This process has no data plane.
    #[error("this process runs no AI endpoints")]
    NoRunner,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// The golden set at an address, and its endpoint.
async fn load(work: &mut dyn UnitOfWork, address: EvalAddress) -> Result<(Endpoint, EvalSet), EvalError> {
    let endpoint = load_endpoint(work, address.endpoint).await?;
    let set = work.evals().find(address.id).await?;
    let set = set.filter(|set| set.endpoint_id == endpoint.id).ok_or(EvalError::NotFound(address.id))?;
    Ok((endpoint, set))
}
