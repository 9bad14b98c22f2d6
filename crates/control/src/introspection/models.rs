//! Which models a project can be asked for.

use std::collections::BTreeSet;

use promptgate_access::AccessRules;
use promptgate_auth::Permission;
use promptgate_endpoints::{Endpoint, Target};
use promptgate_kernel::{ProviderId, RepositoryError};
use promptgate_projects::{Project, ProjectType};
use promptgate_providers::{Alias, Provider, Template};
use promptgate_store::{Access, UnitOfWork};
use tracing::instrument;

use super::{Caller, IntrospectionError};
use crate::Control;
use crate::groups::rules_of;
use crate::project_providers::{EffectiveProvider, effective};

/// A model that a request may name, or that answers an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedModel {
    /// What to write into `model`: `promptgate:alias`, `provider:model`, or `provider:*` for whatever
    /// the provider has.
    pub id: String,
    /// The provider's name, or `promptgate-alias`.
    pub owned_by: String,
    /// Whether it is an alias of the project.
    pub is_alias: bool,
}

/// The models of the caller's project, by its type: with a model API its aliases, then for each
/// provider that it may use a placeholder and the models that the provider is known to have; with AI
/// endpoints the models that the active ones ask; else none. A token that acts for an account shows what
/// the account's groups allow.
#[instrument(name = "control.introspection.models", skip_all, fields(project.id = %caller.project.id))]
pub async fn models(control: &Control, caller: &Caller) -> Result<Vec<ListedModel>, IntrospectionError> {
    caller.actor().require_in(caller.project.id, Permission::ReadProject)?;
    let mut work = control.store.begin(Access::Read).await?;
    let granted = match caller.token.owner {
        Some(owner) => Granted(Some(rules_of(&mut *work, owner).await?)),
        None => Granted(None),
    };
    Ok(match caller.project.kind {
        ProjectType::AiWrapper | ProjectType::AgentProxy => {
            of_api(&mut *work, &caller.project, &granted).await?
        }
        ProjectType::AiGateway => of_endpoints(&mut *work, &caller.project, &granted).await?,
        ProjectType::ApiGateway | ProjectType::McpGateway => Vec::new(),
    })
}

/// What is granted to the account that asks; everything where none does.
struct Granted(Option<AccessRules>);

impl Granted {
    fn provider(&self, id: ProviderId) -> bool {
        self.0.as_ref().is_none_or(|rules| rules.provider_allowed(id))
    }

    fn model(&self, provider: ProviderId, model: &str) -> bool {
        self.0.as_ref().is_none_or(|rules| rules.model_allowed(provider, model))
    }
}

async fn of_api(
    work: &mut dyn UnitOfWork,
    project: &Project,
    granted: &Granted,
) -> Result<Vec<ListedModel>, RepositoryError> {
    let aliases = work.aliases().list_all().await?;
    let aliases = aliases.into_iter().filter(|alias| alias.project_id == project.id);
    let aliases = aliases.filter(|alias| granted.model(alias.provider_id, &alias.model));
    let mut listed: Vec<_> = aliases
        .map(|alias| ListedModel {
            id: format!("{}{}", Alias::PREFIX, alias.name),
            owned_by: "promptgate-alias".to_owned(),
            is_alias: true,
        })
        .collect();
    let providers = effective(work, project.id).await?;
    for EffectiveProvider { provider, .. } in providers.into_iter().filter(EffectiveProvider::open) {
        if !granted.provider(provider.id) {
            continue;
        }
        let models = provider.models.iter().map(String::as_str);
        let models = models.filter(|model| granted.model(provider.id, model));
        for model in std::iter::once("*").chain(models) {
            listed.push(of_provider(&provider, model));
        }
    }
    Ok(listed)
}

async fn of_endpoints(
    work: &mut dyn UnitOfWork,
    project: &Project,
    granted: &Granted,
) -> Result<Vec<ListedModel>, RepositoryError> {
    let endpoints = super::endpoints::of(work, project).await?;
    let templates = work.templates().list_all().await?;
    let providers = work.providers().list_all().await?;
    let credentials = work.providers().all_credentials().await?;
    let asked = |endpoint: &Endpoint| {
        let (provider, model) = match endpoint.config.target() {
            Target::Template(id) => {
                let Template { provider_id, model, .. } =
                    templates.iter().find(|template| template.id == id)?.clone();
                (provider_id, model)
            }
            Target::Manual { provider, credential, model } => {
                let of_credential = || {
                    let credential = credentials.iter().find(|known| Some(known.id) == credential)?;
                    Some(credential.provider_id)
                };
                (provider.or_else(of_credential)?, model.to_owned())
            }
            Target::Nobody => return None,
        };
        let provider = providers.iter().find(|known| known.id == provider)?;
        granted.model(provider.id, &model).then(|| of_provider(provider, &model))
    };
    let active = endpoints.iter().filter(|endpoint| endpoint.is_active);
    Ok(active.filter_map(asked).collect::<BTreeSet<_>>().into_iter().collect())
}

fn of_provider(provider: &Provider, model: &str) -> ListedModel {
    let name = provider.name.as_str();
    ListedModel { id: format!("{name}:{model}"), owned_by: name.to_owned(), is_alias: false }
}
