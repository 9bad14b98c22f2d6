//! What a program needs to be pointed at the gateway.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::RepositoryError;
use promptgate_projects::ProjectType;
use promptgate_store::Access;
use tracing::instrument;

use crate::Control;
use crate::catalog::{Offer, offers};
use crate::introspection::Caller;
use crate::project_providers::effective;

/// Whom the setup is for.
#[derive(Debug, Clone)]
pub enum SetupFor {
    /// Whoever manages providers; sees all enabled ones.
    Operator(Actor),
    /// A program with a project's token; sees what its project may use.
    Program(Box<Caller>),
}

/// Why there is no setup.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project's type has no model API.
    #[error("projects of type {0} have no model API; ai_wrapper and agent_proxy do")]
    WrongType(ProjectType),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// The providers that may be used, by name, with the models they have.
#[instrument(name = "control.setup", skip_all)]
pub async fn setup(control: &Control, whom: SetupFor) -> Result<Vec<Offer>, SetupError> {
    let mut work = control.store.begin(Access::Read).await?;
    let providers = match whom {
        SetupFor::Operator(actor) => {
            actor.require(Permission::ManageProviders)?;
            let all = work.providers().list_all().await?;
            all.into_iter().filter(|provider| provider.enabled).collect()
        }
        SetupFor::Program(caller) => {
            let project = &caller.project;
            caller.actor().require_in(project.id, Permission::ReadProject)?;
            if !project.kind.serves_model_api() {
                return Err(SetupError::WrongType(project.kind));
            }
            let effective = effective(&mut *work, project.id).await?;
            let open = effective.into_iter().filter(super::project_providers::EffectiveProvider::open);
            let mut open: Vec<_> = open.map(|effective| effective.provider).collect();
            open.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
            open
        }
    };
    let credentials = work.providers().all_credentials().await?;
    drop(work);
    Ok(offers(control, providers, credentials).await)
}
