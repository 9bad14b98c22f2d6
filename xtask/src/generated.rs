//! Pages under `docs/` that are made from the code.

use std::{fs, path::Path};

use anyhow::{Context, bail};

use crate::command::{Program, cargo, program, root, target};

/// `docs/openapi.json`, and `docs/api.md`, which is made from it.
pub(crate) fn openapi(check: bool) -> anyhow::Result<()> {
    page("docs/openapi.json", "openapi", &from_source("openapi").read()?, check)?;
    page("docs/api.md", "openapi", &from_source("api").read()?, check)
}

/// `docs/settings.md`.
pub(crate) fn settings(check: bool) -> anyhow::Result<()> {
    page("docs/settings.md", "settings-docs", &from_source("settings").read()?, check)
}

/// Compares every page with what an already built binary prints.
pub(crate) fn check_with_built_binary() -> anyhow::Result<()> {
    let binary = target().join("debug/promptgate");
    let print = |what: &str| program(&binary).args(["docs", what]).read();
    page("docs/openapi.json", "openapi", &print("openapi")?, true)?;
    page("docs/api.md", "openapi", &print("api")?, true)?;
    page("docs/settings.md", "settings-docs", &print("settings")?, true)
}

fn from_source(what: &str) -> Program {
    cargo(["run", "--quiet", "--package", "promptgate", "--", "docs", what])
}

fn page(path: &str, command: &str, content: &str, check: bool) -> anyhow::Result<()> {
    let file = root().join(path);
    if check {
        return compare(&file, path, command, content);
    }
    fs::write(&file, content).with_context(|| format!("cannot write {path}"))?;
    println!("wrote {path}");
    Ok(())
}

fn compare(file: &Path, path: &str, command: &str, content: &str) -> anyhow::Result<()> {
    if fs::read_to_string(file).is_ok_and(|committed| committed == content) {
        return Ok(());
    }
    bail!("{path} is not what the code says; run `cargo xtask {command}` and commit the result")
}
