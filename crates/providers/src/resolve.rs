//! Which providers answer a model name.

use promptgate_kernel::ProviderId;

use crate::{Alias, ProviderKind, ProviderName};

/// What the rule needs to know of a provider.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Its identity.
    pub id: ProviderId,
    /// Its name.
    pub name: &'a ProviderName,
    /// Its kind.
    pub kind: ProviderKind,
    /// The models it is known to have.
    pub models: &'a [String],
    /// Whether it answers at all.
    pub enabled: bool,
    /// Whether the project may use it.
    pub allowed: bool,
}

impl Listed<'_> {
    const fn open(&self) -> bool {
        self.enabled && self.allowed
    }

    /// Why it does not answer; switched off everywhere says more than switched off here.
    fn closed(&self) -> UnknownModel {
        let provider = self.name.as_str().to_owned();
        if self.enabled { UnknownModel::NotAllowed { provider } } else { UnknownModel::Disabled { provider } }
    }
}

/// Who is asked, for which model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The provider.
    pub provider: ProviderId,
    /// The model's name as that provider knows it.
    pub model: &'a str,
}

/// The answer: who may be asked, the preferred one first.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved<'a> {
    /// Who is asked; at least one. All of them know the model by the same name.
    pub targets: Vec<Target<'a>>,
    /// The alias that was named, with its preset.
    pub alias: Option<&'a Alias>,
    /// Which rule decided, in a few words for the decision trace.
    pub rule: &'static str,
}

/// Why nobody answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownModel {
    /// The provider is switched off for everybody.
    #[error("the provider `{provider}` is switched off")]
    Disabled {
        /// Its name.
        provider: String,
    },
    /// The project may not use the provider.
    #[error("the provider `{provider}` is not enabled for this project")]
    NotAllowed {
        /// Its name.
        provider: String,
    },
    /// No provider at all is switched on.
    #[error("no provider is enabled yet; add one with POST /api/v1/admin/providers")]
    NoProvider,
    /// The project has no such alias.
    #[error("the project has no alias `{name}`")]
    NoAlias {
        /// What was asked for, shortened.
        name: String,
    },
    /// No rule fits.
    #[error(
        "no provider answers the model `{model}`; name one as `provider:model`, use an alias of the project, \
         list the model with a provider, use a vendor's name such as gpt-…, claude-… or gemini-…, or set the \
         project's default provider"
    )]
    NoMatch {
        /// What was asked for, shortened.
        model: String,
    },
}

/// Decides which providers answer `model`; the first rule that fits counts:
///
/// 1. an alias of the project, as `promptgate:name` or bare, whatever characters are in its name;
/// 2. `x:model` or `x/model`, x being a provider's name, else a kind that exactly one open provider has;
/// 3. the open providers that list the model, in the given order, which is the project's;
/// 4. the vendor's family, if exactly one open provider is of that kind;
/// 5. the project's default provider.
///
/// A provider is open if it is enabled, and allowed in the project. One that is not, but would have
/// answered, is the reason given when nobody does.
pub fn resolve<'a>(
    model: &'a str,
    providers: &[Listed<'_>],
    default: Option<ProviderId>,
    alias: impl Fn(&str) -> Option<&'a Alias>,
) -> Result<Resolved<'a>, UnknownModel> {
    let reserved = model.strip_prefix(Alias::PREFIX);
    if let Some(alias) = alias(reserved.unwrap_or(model)) {
        return by_alias(alias, providers);
    }
    if let Some(name) = reserved {
        return Err(UnknownModel::NoAlias { name: shortened(name) });
    }
    let mut closed = None;
    if let Some(resolved) = by_prefix(model, providers, &mut closed)? {
        return Ok(resolved);
    }
    if !providers.iter().any(|provider| provider.enabled) {
        return Err(UnknownModel::NoProvider);
    }
    let lists = |provider: &&Listed<'_>| provider.models.iter().any(|listed| listed == model);
    let listing: Vec<Target<'a>> = providers
        .iter()
        .filter(lists)
        .filter(|provider| provider.open())
        .map(|provider| Target { provider: provider.id, model })
        .collect();
    if !listing.is_empty() {
        return Ok(Resolved { targets: listing, alias: None, rule: "listed by the provider" });
    }
    let closed = closed.or_else(|| providers.iter().find(lists).map(Listed::closed));
    if let Some(kind) = ProviderKind::of_family(model)
        && let Some(provider) = only_of_kind(providers, kind)
    {
        return Ok(one(provider.id, model, "family of the model"));
    }
    if let Some(closed) = closed {
        return Err(closed);
    }
    match default.and_then(|id| providers.iter().find(|provider| provider.id == id)) {
        Some(provider) if provider.open() => Ok(one(provider.id, model, "default provider of the project")),
        Some(provider) => Err(provider.closed()),
        None => Err(UnknownModel::NoMatch { model: shortened(model) }),
    }
}

fn by_alias<'a>(alias: &'a Alias, providers: &[Listed<'_>]) -> Result<Resolved<'a>, UnknownModel> {
    let Some(provider) = providers.iter().find(|provider| provider.id == alias.provider_id) else {
        return Err(UnknownModel::NoMatch { model: shortened(&alias.name) });
    };
    if !provider.open() {
        return Err(provider.closed());
    }
    let target = Target { provider: provider.id, model: &alias.model };
    Ok(Resolved { targets: vec![target], alias: Some(alias), rule: "alias of the project" })
}

/// What stands before the first colon, else before the first slash, if it names a provider or a kind.
/// Notes the provider that would have been meant but is closed.
fn by_prefix<'a>(
    model: &'a str,
    providers: &[Listed<'_>],
    closed: &mut Option<UnknownModel>,
) -> Result<Option<Resolved<'a>>, UnknownModel> {
    for separator in [':', '/'] {
        let Some((prefix, rest)) = model.split_once(separator) else { continue };
        // `x:*` is how lists of models show a provider, not a model of it.
        if rest.is_empty() || rest == "*" {
            continue;
        }
        if let Some(named) = providers.iter().find(|provider| provider.name.as_str() == prefix) {
            return if named.open() {
                Ok(Some(one(named.id, rest, "named provider")))
            } else {
                Err(named.closed())
            };
        }
        let Ok(kind) = prefix.parse::<ProviderKind>() else { continue };
        if let Some(provider) = only_of_kind(providers, kind) {
            return Ok(Some(one(provider.id, rest, "only provider of the kind")));
        }
        let mut of_kind = providers.iter().filter(|provider| provider.kind == kind);
        if closed.is_none() && !of_kind.clone().any(Listed::open) {
            *closed = of_kind.next().map(Listed::closed);
        }
    }
    Ok(None)
}

fn one<'a>(provider: ProviderId, model: &'a str, rule: &'static str) -> Resolved<'a> {
    Resolved { targets: vec![Target { provider, model }], alias: None, rule }
}

/// The open provider of a kind, if there is exactly one.
fn only_of_kind<'p, 'l>(providers: &'p [Listed<'l>], kind: ProviderKind) -> Option<&'p Listed<'l>> {
    let mut open = providers.iter().filter(|provider| provider.kind == kind && provider.open());
    let first = open.next()?;
    open.next().is_none().then_some(first)
}

fn shortened(name: &str) -> String {
    name.chars().take(128).collect()
}

#[cfg(test)]
mod tests;
