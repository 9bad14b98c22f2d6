//! What is compiled, and what is not again.

use bytes::Bytes;
use promptgate_providers::{Credential, Provider, ProviderKind};

use super::*;
use crate::testing::{compiler, credential, keys, provider};

fn compiled(providers: Vec<Provider>, credentials: Vec<Credential>) -> (Snapshot, usize) {
    let configuration = Configuration { providers, credentials, ..Configuration::default() };
    let (snapshot, unusable) = Snapshot::compile(configuration, &compiler());
    (snapshot, unusable.len())
}

fn value(provider: &CompiledProvider, at: usize) -> &str {
    provider.credentials[at].secrets[0].value.to_str().unwrap()
}

#[test]
fn a_credential_that_cannot_be_opened_closes_itself_only() {
    let openai = provider("main", ProviderKind::OpenAi);
    let credentials = vec![credential(&openai, "lost", &keys(2)), credential(&openai, "kept", &keys(1))];
    let (snapshot, unusable) = compiled(vec![openai], credentials);
    assert_eq!((unusable, snapshot.providers[0].credentials.len()), (1, 1));
    assert_eq!(value(&snapshot.providers[0], 0), "Bearer kept");
    assert!(!format!("{snapshot:?}").contains("kept\""), "secrets are not shown");
    let anthropic = provider("bad", ProviderKind::Anthropic);
    let credentials = vec![credential(&anthropic, "two\nlines", &keys(1))];
    let (snapshot, unusable) = compiled(vec![anthropic], credentials);
    assert_eq!((unusable, snapshot.providers[0].credentials.len()), (1, 0));
}

#[test]
fn inactive_credentials_are_skipped_without_a_word() {
    let openai = provider("main", ProviderKind::OpenAi);
    let mut inactive = credential(&openai, "sk-inactive", &keys(1));
    inactive.active = false;
    let (snapshot, unusable) = compiled(vec![openai], vec![inactive]);
    assert_eq!((unusable, snapshot.providers[0].credentials.len()), (0, 0));
}

#[test]
fn who_needs_no_secret_has_a_credential_without_any() {
    for kind in [ProviderKind::Echo, ProviderKind::OpenAiCompatible, ProviderKind::Ollama] {
        let (snapshot, _) = compiled(vec![provider("local", kind)], vec![]);
        let [only] = &snapshot.providers[0].credentials[..] else { panic!("one") };
        assert_eq!((only.id, only.secrets.is_empty()), (None, kind != ProviderKind::Ollama), "{kind}");
    }
}

#[test]
fn a_rotated_secret_comes_before_the_one_that_still_serves() {
    let openai = provider("main", ProviderKind::OpenAi);
    let entropy = promptgate_kernel::testing::SeededEntropy::new(8);
    let rotated = credential(&openai, "sk-first", &keys(1))
        .rotate(
            &"sk-second".to_owned().into(),
            std::time::Duration::from_mins(5),
            &keys(1),
            &entropy,
            promptgate_kernel::Timestamp::from_micros(7),
        )
        .unwrap();
    let (snapshot, _) = compiled(vec![openai], vec![rotated]);
    let secrets = &snapshot.providers[0].credentials[0].secrets;
    assert_eq!(secrets.iter().map(|secret| secret.until.is_some()).collect::<Vec<_>>(), [false, true]);
    assert_eq!(
        (&secrets[0].value, &secrets[1].value),
        (&"Bearer sk-second".parse().unwrap(), &"Bearer sk-first".parse().unwrap())
    );
}

#[test]
fn what_a_provider_says_is_told_without_its_credentials() {
    let said = |kind, secret: &str, text: &'static str| {
        let main = provider("main", kind);
        let credentials =
            vec![credential(&main, "sk-another", &keys(1)), credential(&main, secret, &keys(1))];
        let (snapshot, _) = compiled(vec![main], credentials);
        snapshot.providers[0].without_credential(Bytes::from_static(text.as_bytes()))
    };
    for kind in [ProviderKind::OpenAi, ProviderKind::Anthropic, ProviderKind::Google] {
        let told = said(kind, "sk-canary", r#"{"error":"no sk-canary, Bearer sk-another"}"#);
        assert_eq!(told, r#"{"error":"no [credential], Bearer [credential]"}"#);
    }
    assert_eq!(said(ProviderKind::OpenAi, "token", "a token is missing"), "a token is missing");
    for form in ["sk/a+b\"c=", r#"sk/a+b\"c="#, r#"sk\/a+b\"c="#, "sk%2Fa%2Bb%22c%3D", "sk%2fa%2bb%22c%3d"] {
        let told = said(ProviderKind::OpenAi, "sk/a+b\"c=", form);
        assert_eq!(told, "[credential]", "{form}");
    }
}

#[test]
fn what_did_not_change_is_not_compiled_again() {
    let providers = vec![provider("one", ProviderKind::OpenAi), provider("two", ProviderKind::OpenAi)];
    let compiler = compiler();
    let configuration = Configuration { providers: providers.clone(), ..Configuration::default() };
    let (before, _) = Snapshot::compile(configuration.clone(), &compiler);
    let mut changed = configuration;
    changed.providers[0].models.push("m".into());
    let (after, _) = before.with(changed.clone(), Parts::ALL, &compiler);
    let same = |at: usize, other: &Snapshot| Arc::ptr_eq(&after.providers[at], &other.providers[at]);
    assert_eq!([same(0, &before), same(1, &before)], [false, true]);
    let only_projects = Parts { projects: true, ..Parts::default() };
    let (untouched, _) = after.with(Configuration::default(), only_projects, &compiler);
    assert!(same(0, &untouched) && same(1, &untouched));
    let another_table = Compiler { capabilities: Arc::new(CapabilityTable::bundled()), ..compiler };
    let (anew, _) = after.with(changed, Parts::ALL, &another_table);
    assert!(!same(1, &anew));
}
