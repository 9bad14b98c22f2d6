//! Checks an admin key, and asks what different actors may do.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use promptgate_auth::{Actor, AdminKey, Permission};
use promptgate_kernel::{OsEntropy, ProjectId, SystemClock, TokenId};

fn main() {
    let key = AdminKey::from_text("correct horse battery staple");
    let sent = "correct horse battery staple";
    println!("the key opens: {}", key.is_some_and(|key| key.matches(sent)));

    let own = ProjectId::mint(&SystemClock, &OsEntropy);
    let other = ProjectId::mint(&SystemClock, &OsEntropy);
    let token = Actor::Token { id: TokenId::mint(&SystemClock, &OsEntropy), project: own };
    for (actor, permission) in [
        (Actor::AdminKey, Permission::ManageTokens),
        (token, Permission::ReadProject(own)),
        (token, Permission::ReadProject(other)),
        (token, Permission::ManageProviders),
    ] {
        match actor.require(permission) {
            Ok(()) => println!("{}: yes", actor.kind()),
            Err(forbidden) => println!("{}: no, {forbidden}", actor.kind()),
        }
    }
}
