//! The models that a project's clients may name.

mod upstream;

use bytes::Bytes;
use promptgate_providers::{Alias, Provider, UnknownModel, resolve};
use promptgate_wire::{AliasRow, ModelRow, Surface, model_detail, models_list};

use crate::record::shortened;
use crate::refusal::Refusal;
use crate::snapshot::{Caller, CompiledProject, CompiledProvider, Snapshot};

pub(crate) use upstream::provider_models;

/// Who has the aliases.
const ALIAS_OWNER: &str = "promptgate-alias";

/// The aliases of a project, then the models of every provider that the project may use, each as
/// `provider:model`, then `provider:*`, which says that any other model of the provider may be named
/// too. An account sees what its groups allow.
pub(crate) fn list_models(
    project: &CompiledProject,
    snapshot: &Snapshot,
    caller: Option<&Caller>,
    surface: Surface,
) -> Bytes {
    models_list(surface, &rows(project, snapshot, caller))
}

/// One model, by any name that a request may have for it; but not one that only the project's default
/// provider would be asked for, because that is any name.
pub(crate) fn show_model(
    id: &str,
    project: &CompiledProject,
    snapshot: &Snapshot,
    caller: Option<&Caller>,
    surface: Surface,
) -> Result<Bytes, Refusal> {
    let name = id.strip_prefix(Alias::PREFIX).unwrap_or(id);
    let alias = project.alias(name).map(|compiled| &compiled.alias);
    if let Some(row) = alias.and_then(|alias| alias_row(alias, snapshot, caller)) {
        return Ok(model_detail(surface, &row));
    }
    if let Some(row) = rows(project, snapshot, caller).iter().find(|row| row.id == id) {
        return Ok(model_detail(surface, row));
    }
    let resolved = resolve(id, &snapshot.listed(project), None, |_| None)?;
    let mut targets = resolved.targets.iter();
    let provider = targets.find_map(|target| {
        let provider = snapshot.provider(target.provider)?;
        allows(caller, &provider.provider, target.model).then_some(provider)
    });
    let provider = provider.ok_or_else(|| UnknownModel::NoMatch { model: shortened(id) })?;
    Ok(model_detail(surface, &row(provider, id.to_owned())))
}

/// Whether the account that asks, if one does, may call a model.
fn allows(caller: Option<&Caller>, provider: &Provider, model: &str) -> bool {
    caller.is_none_or(|caller| caller.allows_model(provider, model))
}

fn rows(project: &CompiledProject, snapshot: &Snapshot, caller: Option<&Caller>) -> Vec<ModelRow> {
    let aliases = project.aliases().into_iter();
    let mut rows: Vec<_> =
        aliases.filter_map(|compiled| alias_row(&compiled.alias, snapshot, caller)).collect();
    for compiled in snapshot.in_order_of(project) {
        let provider = &compiled.provider;
        let is_granted = caller.is_none_or(|caller| caller.rules.provider_allowed(provider.id));
        if !provider.enabled || !project.allows(provider.id) || !is_granted {
            continue;
        }
        let models = provider.models.iter().map(String::as_str);
        let models = models.filter(|model| allows(caller, provider, model)).chain(["*"]);
        rows.extend(models.map(|model| row(compiled, format!("{}:{model}", provider.name))));
    }
    rows
}

fn row(compiled: &CompiledProvider, id: String) -> ModelRow {
    ModelRow {
        id,
        owned_by: compiled.provider.name.as_str().to_owned(),
        created_at: compiled.provider.created_at,
        alias: None,
    }
}

/// An alias whose provider is gone leads nowhere and is not shown.
fn alias_row(alias: &Alias, snapshot: &Snapshot, caller: Option<&Caller>) -> Option<ModelRow> {
    let provider = &snapshot.provider(alias.provider_id)?.provider;
    if !allows(caller, provider, &alias.model) {
        return None;
    }
    let provider = provider.name.as_str().to_owned();
    Some(ModelRow {
        id: format!("{}{}", Alias::PREFIX, alias.name),
        owned_by: ALIAS_OWNER.to_owned(),
        created_at: alias.created_at,
        alias: Some(AliasRow {
            name: alias.name.clone(),
            provider,
            model: alias.model.clone(),
            description: alias.description.clone(),
            preset: alias.preset.clone(),
        }),
    })
}
