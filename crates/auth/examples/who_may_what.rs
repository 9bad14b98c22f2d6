//! Checks an admin key, and asks what different actors may do.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use promptgate_auth::{Actor, AdminKey, ManagementScope, Permission};
use promptgate_kernel::{OsEntropy, ProjectId, SystemClock, TokenId};

fn main() {
    let key = AdminKey::from_text("correct horse battery staple");
    let sent = "correct horse battery staple";
    println!("the key opens: {}", key.is_some_and(|key| key.matches(sent)));

    let own = ProjectId::mint(&SystemClock, &OsEntropy);
    let other = ProjectId::mint(&SystemClock, &OsEntropy);
    let scopes = [ManagementScope::EndpointsWrite].into_iter().collect();
    let token = Actor::token(TokenId::mint(&SystemClock, &OsEntropy), own, scopes);
    for (actor, project, permission) in [
        (Actor::admin_key(), other, Permission::ManageTokens),
        (token, own, Permission::ManageEndpoints),
        (token, other, Permission::ManageEndpoints),
        (token, own, Permission::ManageTokens),
    ] {
        match actor.require_in(project, permission) {
            Ok(()) => println!("{}: yes", actor.kind()),
            Err(forbidden) => println!("{}: no, {forbidden}", actor.kind()),
        }
    }
}
