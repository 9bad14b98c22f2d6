//! What a program needs to be pointed at the gateway.

use std::sync::Arc;

use promptgate_access::{AccessRule, AccessRules};
use promptgate_auth::{Actor, Forbidden, Permission};
use promptgate_kernel::{AccountId, RepositoryError};
use promptgate_projects::ProjectType;
use promptgate_providers::Provider;
use promptgate_store::{Access, UnitOfWork};
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
    /// Somebody who signed in; sees what the account's groups allow.
    Person(Actor),
    /// A program with a project's token; sees what its project may use.
    Program(Box<Caller>),
}

impl SetupFor {
    /// Whose groups decide what is seen; nobody's of whoever manages them, and of a project's own token.
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
        SetupFor::Person(actor) => {
            actor.require(Permission::UseOwnAccount)?;
            enabled(&mut *work).await?
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
    let Some(rules) = rules else { return Ok(offers(control, providers, credentials).await) };
    providers.retain(|provider| rules.provider_allowed(provider.id));
    let mut offered = offers(control, providers, credentials).await;
    for Offer { provider, models, .. } in &mut offered {
        models.retain(|model| rules.model_allowed(provider.id, model));
    }
    Ok(offered)
}

async fn enabled(work: &mut dyn UnitOfWork) -> Result<Vec<Provider>, RepositoryError> {
    let all = work.providers().list_all().await?;
    Ok(all.into_iter().filter(|provider| provider.enabled).collect())
}

/// What the groups of an account allow.
async fn rules_of(work: &mut dyn UnitOfWork, account: AccountId) -> Result<AccessRules, RepositoryError> {
    let groups = work.groups().groups_of(account).await?;
    let rules = groups.iter().map(|listed| Arc::new(AccessRule::of(&listed.group)));
    Ok(AccessRules::new(rules.collect()))
}
