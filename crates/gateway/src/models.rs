//! The models that a project's clients may name.

mod upstream;

use bytes::Bytes;
use promptgate_providers::{Alias, resolve};
use promptgate_wire::{AliasRow, ModelRow, Surface, model_detail, models_list};

use crate::refusal::Refusal;
use crate::snapshot::{CompiledProject, CompiledProvider, Snapshot};

pub(crate) use upstream::provider_models;

/// Who has the aliases.
const ALIAS_OWNER: &str = "promptgate-alias";

/// The aliases of a project, then the models of every provider that the project may use, each as
/// `provider:model`, then `provider:*`, which says that any other model of the provider may be named
/// too.
pub(crate) fn list_models(project: &CompiledProject, snapshot: &Snapshot, surface: Surface) -> Bytes {
    models_list(surface, &rows(project, snapshot))
}

/// One model, by any name that a request may have for it; but not one that only the project's default
/// provider would be asked for, because that is any name.
pub(crate) fn show_model(
    id: &str,
    project: &CompiledProject,
    snapshot: &Snapshot,
    surface: Surface,
) -> Result<Bytes, Refusal> {
    let name = id.strip_prefix(Alias::PREFIX).unwrap_or(id);
    if let Some(row) = project.alias(name).and_then(|compiled| alias_row(&compiled.alias, snapshot)) {
        return Ok(model_detail(surface, &row));
    }
    if let Some(row) = rows(project, snapshot).iter().find(|row| row.id == id) {
        return Ok(model_detail(surface, row));
    }
    let resolved = resolve(id, &snapshot.listed(project), None, |_| None)?;
    let provider = resolved.targets.first().and_then(|target| snapshot.provider(target.provider));
    let row = provider.map(|provider| row(provider, id.to_owned()));
    row.map(|row| model_detail(surface, &row)).ok_or(Refusal::NoProvider)
}

fn rows(project: &CompiledProject, snapshot: &Snapshot) -> Vec<ModelRow> {
    let mut rows: Vec<_> =
        project.aliases().into_iter().filter_map(|compiled| alias_row(&compiled.alias, snapshot)).collect();
    for compiled in snapshot.in_order_of(project) {
        let provider = &compiled.provider;
        if !provider.enabled || !project.allows(provider.id) {
            continue;
        }
        let models = provider.models.iter().map(String::as_str).chain(["*"]);
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
fn alias_row(alias: &Alias, snapshot: &Snapshot) -> Option<ModelRow> {
    let provider = snapshot.provider(alias.provider_id)?.provider.name.as_str().to_owned();
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
