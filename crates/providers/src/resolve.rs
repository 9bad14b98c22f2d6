//! Which provider answers a model name.

use promptgate_kernel::ProviderId;

use crate::{ProviderKind, ProviderName};

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
    /// Whether it answers.
    pub enabled: bool,
}

/// The answer: who is asked, for which model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved<'m> {
    /// The provider.
    pub provider: ProviderId,
    /// The model's name as that provider knows it.
    pub model: &'m str,
    /// Which rule decided, in a few words for the decision trace.
    pub rule: &'static str,
}

/// Why nobody answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownModel {
    /// The named provider is switched off.
    #[error("the provider `{provider}` is switched off")]
    Disabled {
        /// Its name.
        provider: String,
    },
    /// No provider at all is switched on.
    #[error("no provider is enabled yet; add one with POST /api/v1/admin/providers")]
    NoProvider,
    /// No rule fits.
    #[error(
        "no provider answers the model `{model}`; name one as `provider:model`, list the model with a provider, \
         use a vendor's name such as gpt-… or claude-…, or set the project's default provider"
    )]
    NoMatch {
        /// What was asked for, shortened.
        model: String,
    },
}

/// Decides which provider answers `model`: `x:model` or `x/model`, x being a provider's name, else a
/// kind that exactly one enabled provider has; then an enabled provider that lists the model, the
/// project's default first; then by the vendor's family, if one provider of that kind is enabled;
/// then the project's default provider.
pub fn resolve<'m>(
    model: &'m str,
    providers: &[Listed<'_>],
    default: Option<ProviderId>,
) -> Result<Resolved<'m>, UnknownModel> {
    if let Some(resolved) = by_prefix(model, providers)? {
        return Ok(resolved);
    }
    if !providers.iter().any(|provider| provider.enabled) {
        return Err(UnknownModel::NoProvider);
    }
    let enabled = || providers.iter().filter(|provider| provider.enabled);
    let default = default.and_then(|id| enabled().find(|provider| provider.id == id));
    let lists = |provider: &&Listed<'_>| provider.models.iter().any(|listed| listed == model);
    let found = default
        .filter(lists)
        .or_else(|| enabled().find(lists))
        .map(|provider| (provider, "listed by the provider"))
        .or_else(|| {
            let kind = ProviderKind::of_family(model)?;
            only(enabled().filter(|provider| provider.kind == kind))
                .map(|provider| (provider, "family of the model"))
        })
        .or_else(|| default.map(|provider| (provider, "default provider of the project")));
    match found {
        Some((provider, rule)) => Ok(Resolved { provider: provider.id, model, rule }),
        None => Err(UnknownModel::NoMatch { model: model.chars().take(128).collect() }),
    }
}

fn by_prefix<'m>(model: &'m str, providers: &[Listed<'_>]) -> Result<Option<Resolved<'m>>, UnknownModel> {
    for separator in [':', '/'] {
        let Some((prefix, rest)) = model.split_once(separator) else { continue };
        if rest.is_empty() {
            continue;
        }
        if let Some(named) = providers.iter().find(|provider| provider.name.as_str() == prefix) {
            if !named.enabled {
                return Err(UnknownModel::Disabled { provider: prefix.to_owned() });
            }
            return Ok(Some(Resolved { provider: named.id, model: rest, rule: "named provider" }));
        }
        let of_kind =
            providers.iter().filter(|provider| provider.enabled && provider.kind.as_str() == prefix);
        if let Some(provider) = only(of_kind) {
            return Ok(Some(Resolved {
                provider: provider.id,
                model: rest,
                rule: "only provider of the kind",
            }));
        }
    }
    Ok(None)
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        names: Vec<ProviderName>,
        models: Vec<String>,
    }

    fn id(number: u8) -> ProviderId {
        format!("018f4e6e-0000-7000-8000-0000000000{number:02x}").parse().unwrap()
    }

    impl Fixture {
        fn new() -> Self {
            let names = ["openai", "claude-team", "local"].map(|name| ProviderName::parse(name).unwrap());
            Self { names: names.to_vec(), models: vec!["llama3:8b".into(), "shared".into()] }
        }

        fn providers(&self) -> Vec<Listed<'_>> {
            let kinds = [ProviderKind::OpenAi, ProviderKind::Anthropic, ProviderKind::Ollama];
            let models: [&[String]; 3] = [&self.models[1..], &[], &self.models];
            (0..3u8)
                .map(|n| Listed {
                    id: id(n),
                    name: &self.names[usize::from(n)],
                    kind: kinds[usize::from(n)],
                    models: models[usize::from(n)],
                    enabled: true,
                })
                .collect()
        }
    }

    fn answer(
        model: &str,
        providers: &[Listed<'_>],
        default: Option<ProviderId>,
    ) -> Option<(ProviderId, String)> {
        resolve(model, providers, default).ok().map(|resolved| (resolved.provider, resolved.model.to_owned()))
    }

    #[test]
    fn each_rule_in_its_turn() {
        let fixture = Fixture::new();
        let providers = fixture.providers();
        let is = |model: &str, provider: u8, upstream: &str| {
            assert_eq!(answer(model, &providers, None), Some((id(provider), upstream.into())), "{model}");
        };
        is("openai:gpt-4o", 0, "gpt-4o");
        is("openai/gpt-4o", 0, "gpt-4o");
        is("anthropic:claude-x", 1, "claude-x");
        is("ollama/meta/llama:7b", 2, "meta/llama:7b");
        is("llama3:8b", 2, "llama3:8b");
        is("shared", 0, "shared");
        is("claude-sonnet-4", 1, "claude-sonnet-4");
        assert_eq!(answer("mystery", &providers, None), None);
        assert_eq!(answer("mystery", &providers, Some(id(2))), Some((id(2), "mystery".into())));
        assert_eq!(
            answer("shared", &providers, Some(id(2))),
            Some((id(2), "shared".into())),
            "the default comes first"
        );
        assert_eq!(answer("openai:", &providers, None), None);
    }

    #[test]
    fn a_kind_that_two_providers_have_decides_nothing() {
        let fixture = Fixture::new();
        let mut providers = fixture.providers();
        providers[2].kind = ProviderKind::Anthropic;
        assert_eq!(answer("anthropic:claude-x", &providers, None), None);
        assert_eq!(answer("claude-x", &providers, None), None);
    }

    #[test]
    fn switched_off_is_said() {
        let fixture = Fixture::new();
        let mut providers = fixture.providers();
        providers[0].enabled = false;
        assert_eq!(
            resolve("openai:x", &providers, None),
            Err(UnknownModel::Disabled { provider: "openai".into() })
        );
        for provider in &mut providers {
            provider.enabled = false;
        }
        assert_eq!(resolve("gpt-4o", &providers, None), Err(UnknownModel::NoProvider));
    }
}
