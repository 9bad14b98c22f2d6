//! Which models a project can be asked for.

use promptgate_auth::Permission;
use promptgate_store::Access;
use tracing::instrument;

use super::{Caller, IntrospectionError};
use crate::Control;

/// A model that a request may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedModel {
    /// What to write into `model`: `provider:model`, or `provider:*` for whatever the provider has.
    pub id: String,
    /// The provider's name.
    pub owned_by: String,
}

/// The models of the caller's project: for each enabled provider a placeholder, then the models
/// that it is known to have. Projects without the model API have none.
#[instrument(name = "control.introspection.models", skip_all, fields(project.id = %caller.project.id))]
pub async fn models(control: &Control, caller: &Caller) -> Result<Vec<ListedModel>, IntrospectionError> {
    caller.actor().require(Permission::ReadProject(caller.project.id))?;
    if !caller.project.kind.serves_model_api() {
        return Ok(Vec::new());
    }
    let mut work = control.store.begin(Access::Read).await?;
    let mut listed = Vec::new();
    for provider in work.providers().list_all().await? {
        if !provider.enabled {
            continue;
        }
        let name = provider.name.as_str();
        for model in std::iter::once("*").chain(provider.models.iter().map(String::as_str)) {
            listed.push(ListedModel { id: format!("{name}:{model}"), owned_by: name.to_owned() });
        }
    }
    Ok(listed)
}
