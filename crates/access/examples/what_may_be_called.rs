//! Asks what the members of a group may call.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use promptgate_access::{AccessRule, AccessRules, Group, NewGroup, Patterns, Providers};
use promptgate_kernel::{Clock, GroupId, OsEntropy, ProviderId, SystemClock};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ollama = ProviderId::mint(&SystemClock, &OsEntropy);
    let new = NewGroup {
        name: "research".to_owned(),
        display_name: "Research".to_owned(),
        description: String::new(),
        providers: Providers::Some(vec![ollama]),
        allow: Patterns::parse([""; 0])?,
        exclude: Patterns::parse(["^bge"])?,
        for_new_accounts: false,
        limits: promptgate_kernel::LimitSet::default(),
    };
    let group = Group::create(GroupId::mint(&SystemClock, &OsEntropy), new, SystemClock.now())?;
    let rules = AccessRules::new(vec![Arc::new(AccessRule::of(&group))]);
    for model in ["llama3", "bge-m3"] {
        println!("{model}: {}", rules.model_allowed(ollama, model));
    }
    Ok(())
}
