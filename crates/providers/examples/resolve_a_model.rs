//! Decides which of two providers answers a model name, and seals a provider's key.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use promptgate_kernel::{
    Clock, CredentialId, KeyRing, OsEntropy, ProviderId, SecretString, SecretsKey, SystemClock,
};
use promptgate_providers::{Credential, Listed, ProviderKind, ProviderName, resolve};

fn main() -> Result<(), Box<dyn Error>> {
    let names = [ProviderName::parse("team-openai")?, ProviderName::parse("claude")?];
    let ids = [(); 2].map(|()| ProviderId::mint(&SystemClock, &OsEntropy));
    let kinds = [ProviderKind::OpenAi, ProviderKind::Anthropic];
    let listed: Vec<_> = (0..2)
        .map(|at| Listed {
            id: ids[at],
            name: &names[at],
            kind: kinds[at],
            models: &[],
            enabled: true,
            allowed: true,
        })
        .collect();
    for model in ["team-openai:gpt-4o", "anthropic/claude-sonnet-4", "gpt-4o-mini", "mystery-1"] {
        match resolve(model, &listed, None, |_| None) {
            Ok(found) => println!("{model}: {} by {}", found.targets[0].model, found.rule),
            Err(error) => println!("{model}: {error}"),
        }
    }

    let keys = KeyRing::new(SecretsKey::generate(&OsEntropy), vec![]);
    let id = CredentialId::mint(&SystemClock, &OsEntropy);
    let secret = SecretString::new("sk-upstream".to_owned());
    let credential = Credential::seal(id, ids[0], &secret, &keys, &OsEntropy, SystemClock.now());
    println!("opens again: {}", credential.open(&keys)?.expose() == "sk-upstream");
    Ok(())
}
