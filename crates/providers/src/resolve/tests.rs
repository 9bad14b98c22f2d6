use super::*;
use crate::{NewAlias, Preset};
use promptgate_kernel::Timestamp;
use proptest::prelude::*;

struct Fixture {
    names: Vec<ProviderName>,
    models: [Vec<String>; 4],
    aliases: Vec<Alias>,
}

const KINDS: [ProviderKind; 4] =
    [ProviderKind::OpenAi, ProviderKind::Anthropic, ProviderKind::Ollama, ProviderKind::Google];

fn id(number: u8) -> ProviderId {
    format!("018f4e6e-0000-7000-8000-0000000000{number:02x}").parse().unwrap()
}

fn alias(name: &str, provider: u8, model: &str) -> Alias {
    let new = NewAlias {
        project_id: "018f4e6e-0000-7000-8000-000000000001".parse().unwrap(),
        name: name.to_owned(),
        provider_id: id(provider),
        model: model.to_owned(),
        description: String::new(),
        preset: Preset::default(),
    };
    let id = "018f4e6e-0000-7000-8000-0000000000ff".parse().unwrap();
    Alias::create(id, new, Timestamp::default()).unwrap()
}

impl Fixture {
    fn new() -> Self {
        let names = ["openai", "claude-team", "local", "gemini"];
        let listed = |models: &[&str]| models.iter().map(ToString::to_string).collect::<Vec<_>>();
        Self {
            names: names.map(|name| ProviderName::parse(name).unwrap()).to_vec(),
            models: [listed(&["shared"]), vec![], listed(&["llama3:8b", "shared", "openai/oss"]), vec![]],
            aliases: vec![
                alias("fast", 0, "gpt-4o-mini"),
                alias("openai:fast", 2, "llama3:8b"),
                alias("gone", 9, "m"),
            ],
        }
    }

    fn providers(&self) -> Vec<Listed<'_>> {
        (0..4u8)
            .map(|n| Listed {
                id: id(n),
                name: &self.names[usize::from(n)],
                kind: KINDS[usize::from(n)],
                models: &self.models[usize::from(n)],
                enabled: true,
                allowed: true,
            })
            .collect()
    }

    fn resolve<'a>(
        &'a self,
        model: &'a str,
        providers: &[Listed<'_>],
        default: Option<ProviderId>,
    ) -> Result<Resolved<'a>, UnknownModel> {
        resolve(model, providers, default, |name| self.aliases.iter().find(|alias| alias.name == name))
    }
}

fn targets(resolved: &Resolved<'_>) -> Vec<(ProviderId, String)> {
    resolved.targets.iter().map(|target| (target.provider, target.model.to_owned())).collect()
}

#[test]
fn each_rule_in_its_turn() {
    let fixture = Fixture::new();
    let providers = fixture.providers();
    for (model, expected, rule) in [
        ("promptgate:fast", &[(0, "gpt-4o-mini")][..], "alias of the project"),
        ("fast", &[(0, "gpt-4o-mini")], "alias of the project"),
        ("openai:fast", &[(2, "llama3:8b")], "alias of the project"),
        ("promptgate:openai:fast", &[(2, "llama3:8b")], "alias of the project"),
        ("openai:gpt-4o", &[(0, "gpt-4o")], "named provider"),
        ("openai/gpt-4o", &[(0, "gpt-4o")], "named provider"),
        ("openai/oss", &[(0, "oss")], "named provider"),
        ("anthropic:claude-x", &[(1, "claude-x")], "only provider of the kind"),
        ("ollama/meta/llama:7b", &[(2, "meta/llama:7b")], "only provider of the kind"),
        ("llama3:8b", &[(2, "llama3:8b")], "listed by the provider"),
        ("shared", &[(0, "shared"), (2, "shared")], "listed by the provider"),
        ("claude-sonnet-4", &[(1, "claude-sonnet-4")], "family of the model"),
        ("gemini-2.5-pro", &[(3, "gemini-2.5-pro")], "family of the model"),
        ("gemini:ü:/日本", &[(3, "ü:/日本")], "named provider"),
    ] {
        let resolved = fixture.resolve(model, &providers, None).unwrap();
        let expected: Vec<_> = expected.iter().map(|(n, model)| (id(*n), (*model).to_owned())).collect();
        assert_eq!((targets(&resolved), resolved.rule), (expected, rule), "{model}");
        assert_eq!(resolved.alias.is_some(), rule.starts_with("alias"), "{model}");
    }
    let by_default = fixture.resolve("mystery", &providers, Some(id(2))).unwrap();
    assert_eq!(targets(&by_default), [(id(2), "mystery".to_owned())]);
}

#[test]
fn the_projects_order_decides_between_listings() {
    let fixture = Fixture::new();
    let mut providers = fixture.providers();
    providers.reverse();
    let resolved = fixture.resolve("shared", &providers, None).unwrap();
    assert_eq!(targets(&resolved), [(id(2), "shared".to_owned()), (id(0), "shared".to_owned())]);
}

#[test]
fn nobody_is_said_with_a_reason() {
    let fixture = Fixture::new();
    let providers = fixture.providers();
    let why = |model| fixture.resolve(model, &providers, None).unwrap_err();
    assert_eq!(why("promptgate:nope"), UnknownModel::NoAlias { name: "nope".into() });
    for model in ["mystery", "openai:", "openai:*", "gone", ":", "/", ""] {
        assert_eq!(why(model), UnknownModel::NoMatch { model: model.into() });
    }
    assert!(why("mystery").to_string().contains("default provider"), "the ways are said");
    assert!(matches!(why(&"x".repeat(500)), UnknownModel::NoMatch { model } if model.len() == 128));
}

#[test]
fn what_is_switched_off_does_not_answer_and_is_said() {
    let fixture = Fixture::new();
    let mut providers = fixture.providers();
    providers[0].enabled = false;
    providers[2].allowed = false;
    let why = |model, default| fixture.resolve(model, &providers, default).unwrap_err();
    let disabled = || UnknownModel::Disabled { provider: "openai".into() };
    let not_allowed = || UnknownModel::NotAllowed { provider: "local".into() };
    for model in ["openai:x", "fast", "shared"] {
        assert_eq!(why(model, None), disabled(), "{model}");
    }
    for model in ["local/x", "openai:fast", "llama3:8b", "ollama:x"] {
        assert_eq!(why(model, None), not_allowed(), "{model}");
    }
    assert_eq!(why("ollama:x", Some(id(1))), not_allowed(), "the default answers for no named kind");
    assert_eq!(why("mystery", Some(id(0))), disabled());
    assert_eq!(why("mystery", Some(id(2))), not_allowed());
    for provider in &mut providers {
        provider.enabled = false;
    }
    assert_eq!(fixture.resolve("gpt-4o", &providers, None), Err(UnknownModel::NoProvider));
}

#[test]
fn an_open_provider_answers_in_place_of_a_closed_one() {
    let fixture = Fixture::new();
    let mut providers = fixture.providers();
    providers[0].enabled = false;
    let resolved = fixture.resolve("shared", &providers, None).unwrap();
    assert_eq!(targets(&resolved), [(id(2), "shared".to_owned())]);
}

#[test]
fn a_kind_that_two_providers_have_decides_nothing() {
    let fixture = Fixture::new();
    let mut providers = fixture.providers();
    providers[2].kind = ProviderKind::Anthropic;
    assert!(fixture.resolve("anthropic:claude-x", &providers, None).is_err());
    assert!(fixture.resolve("claude-x", &providers, None).is_err());
    providers[2].allowed = false;
    let resolved = fixture.resolve("claude-x", &providers, None).unwrap();
    assert_eq!(targets(&resolved), [(id(1), "claude-x".to_owned())], "a closed one does not count");
}

proptest! {
    #[test]
    fn any_name_has_an_answer(
        model in prop_oneof![
            "\\PC{0,40}",
            "(openai|local|anthropic|promptgate|x)?[:/]{0,2}(fast|shared|\\*|[a-zü:/]{0,6})",
        ],
        enabled in prop::array::uniform4(any::<bool>()),
        allowed in prop::array::uniform4(any::<bool>()),
        default in prop::option::of(0..6u8),
    ) {
        let fixture = Fixture::new();
        let mut providers = fixture.providers();
        for (n, provider) in providers.iter_mut().enumerate() {
            provider.enabled = enabled[n];
            provider.allowed = allowed[n];
        }
        match fixture.resolve(&model, &providers, default.map(id)) {
            Ok(resolved) => {
                prop_assert!(!resolved.targets.is_empty());
                for target in &resolved.targets {
                    let provider = providers.iter().find(|provider| provider.id == target.provider).unwrap();
                    prop_assert!(provider.enabled && provider.allowed, "nobody closed is asked");
                    let model = model.as_str();
                    let own = resolved.alias.is_some() || model.ends_with(target.model);
                    prop_assert!(own, "{} is asked for {}", target.model, model);
                }
            }
            Err(UnknownModel::NoProvider) => prop_assert!(!enabled.contains(&true)),
            Err(UnknownModel::NoAlias { name }) => prop_assert!(model.starts_with("promptgate:") && name.len() <= model.len()),
            Err(_) => {}
        }
    }
}
