//! `cargo xtask audit`.

use anyhow::Context;

use crate::command::{answers, cargo, step};

/// Licences, bans and sources need no network; advisories do, and are left out, aloud, where their
/// database cannot be fetched.
pub(crate) fn audit() -> anyhow::Result<()> {
    if !answers("cargo-deny") {
        step("installing cargo-deny");
        cargo(["install", "--locked", "cargo-deny"]).run().context("cargo-deny is needed for the audit")?;
    }
    step("licences, bans, sources");
    cargo(["deny", "--all-features", "check", "licenses", "bans", "sources"]).run()?;

    step("advisories");
    let fetched = cargo(["deny", "fetch", "db"]).probe().is_some_and(|output| output.status.success());
    if !fetched {
        println!("left out: the advisory database cannot be fetched from here");
        return Ok(());
    }
    cargo(["deny", "--all-features", "check", "advisories"]).run()
}
