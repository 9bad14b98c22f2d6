//! Projects, ready for use.

use std::collections::HashMap;
use std::sync::Arc;

use promptgate_kernel::{CredentialId, ProviderId};
use promptgate_projects::Project;
use promptgate_providers::{Alias, Preset, ProjectProvider};

/// A project, with what it says about models and providers.
#[derive(Debug)]
pub(crate) struct CompiledProject {
    pub(crate) project: Project,
    /// By name.
    aliases: HashMap<String, CompiledAlias>,
    settings: HashMap<ProviderId, ProjectProvider>,
}

/// An alias, with its preset ready to be shared.
#[derive(Debug, PartialEq)]
pub(crate) struct CompiledAlias {
    pub(crate) alias: Alias,
    /// `None` where it presets nothing.
    pub(crate) preset: Option<Arc<Preset>>,
}

impl CompiledProject {
    pub(super) fn compile(project: Project, aliases: Vec<Alias>, settings: Vec<ProjectProvider>) -> Self {
        let compiled = |alias: Alias| {
            let preset = (!alias.preset.is_empty()).then(|| Arc::new(alias.preset.clone()));
            (alias.name.clone(), CompiledAlias { alias, preset })
        };
        Self {
            project,
            aliases: aliases.into_iter().map(compiled).collect(),
            settings: settings.into_iter().map(|setting| (setting.provider_id, setting)).collect(),
        }
    }

    /// The alias of a name.
    pub(crate) fn alias(&self, name: &str) -> Option<&CompiledAlias> {
        self.aliases.get(name)
    }

    /// Every alias, by name.
    pub(crate) fn aliases(&self) -> Vec<&CompiledAlias> {
        let mut aliases: Vec<_> = self.aliases.values().collect();
        aliases.sort_by(|one, other| one.alias.name.cmp(&other.alias.name));
        aliases
    }

    /// Whether the project may use a provider.
    pub(crate) fn allows(&self, provider: ProviderId) -> bool {
        self.settings.get(&provider).is_none_or(|setting| setting.enabled)
    }

    /// The one credential that the project's calls to a provider use, if it names one.
    pub(crate) fn credential(&self, provider: ProviderId) -> Option<CredentialId> {
        self.settings.get(&provider)?.credential_id
    }

    /// Whether any provider has a place of its own.
    pub(super) fn has_order(&self) -> bool {
        self.project.default_provider.is_some() || !self.settings.is_empty()
    }

    /// What providers are sorted by: those with a position, then the project's default, then the rest.
    pub(super) fn place(&self, provider: ProviderId) -> (u32, bool) {
        let place = self.settings.get(&provider).map_or(u32::MAX, ProjectProvider::place);
        (place, self.project.default_provider != Some(provider))
    }
}
