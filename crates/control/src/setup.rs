//! What a program needs to be pointed at the gateway.

use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{AccountId, ProjectId, RepositoryError};
use promptgate_projects::ProjectType;
use promptgate_providers::Provider;
use promptgate_store::{Access, UnitOfWork};
use tracing::instrument;

use crate::Control;
use crate::catalog::{Offer, offers};
use crate::groups::rules_of;
use crate::introspection::Caller;
use crate::keys;
use crate::project_providers::{EffectiveProvider, effective};

/// Whom the setup is for.
#[derive(Debug, Clone)]
pub enum SetupFor {
    /// Whoever holds an admin key; sees all enabled ones.
    Operator(Actor),
    /// Somebody who signed in; sees what keys of the account may use.
    Person(Actor),
    /// A program with a project's token; sees what its project may use.
    Program(Box<Caller>),
}

impl SetupFor {
    /// Whose groups decide what is seen; nobody's for whoever holds an admin key, and for a project's own
    /// token.
    fn account(&self) -> Option<AccountId> {
        match self {
            Self::Operator(_) => None,
            Self::Person(actor) => actor.account(),
            Self::Program(caller) => caller.token.owner,
        }
    }
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

/// The providers that may be used, by name, with the models they have. Of an account that is what its
/// groups allow; providers that they do not have are not asked.
#[instrument(name = "control.setup", skip_all)]
pub async fn setup(control: &Control, whom: SetupFor) -> Result<Vec<Offer>, SetupError> {
    let mut work = control.store.begin(Access::Read).await?;
    let rules = match whom.account() {
        Some(account) => Some(rules_of(&mut *work, account).await?),
        None => None,
    };
    let mut providers: Vec<_> = match whom {
        SetupFor::Operator(actor) => {
            actor.require(Permission::ManageProviders)?;
            enabled(&mut *work).await?
        }
        SetupFor::Program(caller) => {
            let project = &caller.project;
            caller.actor().require_in(project.id, Permission::ReadProject)?;
            if !project.kind.serves_model_api() {
                return Err(SetupError::WrongType(project.kind));
            }
            open_to(&mut *work, project.id).await?
        }
        SetupFor::Person(actor) => {
            actor.require(Permission::UseOwnAccount)?;
            match keys::home(&mut *work).await? {
                Some(project) => open_to(&mut *work, project).await?,
                None => enabled(&mut *work).await?,
            }
        }
    };
    let credentials = work.providers().all_credentials().await?;
    drop(work);
    let Some(rules) = rules else { return Ok(offers(control, providers, credentials).await) };
    providers.retain(|provider| rules.provider_allowed(provider.id));
    let mut offered = offers(control, providers, credentials).await;
    for Offer { provider, models, .. } in &mut offered {
        models.retain(|model| rules.model_allowed(provider.id, model));
    }
    Ok(offered)
}

/// The providers that are on, by name.
async fn enabled(work: &mut dyn UnitOfWork) -> Result<Vec<Provider>, RepositoryError> {
    let all = work.providers().list_all().await?;
    Ok(by_name(all.into_iter().filter(|provider| provider.enabled)))
}

/// Those of them that a project may use.
async fn open_to(work: &mut dyn UnitOfWork, project: ProjectId) -> Result<Vec<Provider>, RepositoryError> {
    let open = effective(work, project).await?.into_iter().filter(EffectiveProvider::open);
    Ok(by_name(open.map(|effective| effective.provider)))
}

fn by_name(providers: impl Iterator<Item = Provider>) -> Vec<Provider> {
    let mut providers: Vec<Provider> = providers.collect();
    providers.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
    providers
}
