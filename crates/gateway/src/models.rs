//! The list of models that a project's clients may name.

use bytes::Bytes;
use promptgate_wire::{ModelRow, Surface, models_list};

use crate::snapshot::Snapshot;

/// The models of every enabled provider, each as `provider:model`, then `provider:*`, which says
/// that any other model of the provider may be named too.
pub(crate) fn list_models(snapshot: &Snapshot, surface: Surface) -> Bytes {
    let mut rows = Vec::new();
    for compiled in snapshot.providers().iter().filter(|compiled| compiled.provider.enabled) {
        let provider = &compiled.provider;
        let name = provider.name.as_str();
        let row = |model: &str| ModelRow {
            id: format!("{name}:{model}"),
            owned_by: name.to_owned(),
            created_at: provider.created_at,
        };
        rows.extend(provider.models.iter().map(|model| row(model)));
        rows.push(row("*"));
    }
    models_list(surface, &rows)
}
