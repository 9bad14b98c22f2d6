//! The vendors' own clients for Python and Node, at pinned versions, for the tests that use them.

use std::{fs, path::PathBuf};

use anyhow::Context;

use crate::{
    command::{program, root, target},
    requirements,
};

/// Installs the clients below the target directory and returns that place. Nothing is done when
/// what is there was made from the same lock files.
pub(crate) fn provide() -> anyhow::Result<PathBuf> {
    requirements::for_sdks()?;
    let home = target().join("sdk");
    let sources = root().join("crates/e2e/sdk");
    let requirements = sources.join("python/requirements.txt");
    let lock = sources.join("node/package-lock.json");

    let wanted = [&requirements, &lock]
        .map(|path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display())))
        .into_iter()
        .collect::<anyhow::Result<String>>()?;
    let stamp = home.join("installed-from");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(home);
    }

    if home.exists() {
        fs::remove_dir_all(&home).with_context(|| format!("cannot remove {}", home.display()))?;
    }
    let node = home.join("node");
    fs::create_dir_all(&node).with_context(|| format!("cannot create {}", node.display()))?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(sources.join("node").join(name), node.join(name))
            .with_context(|| format!("cannot copy {name}"))?;
    }
    twice(|| {
        program("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).directory(&node).run()
    })?;

    let python = home.join("python");
    program("python3").args(["-m", "venv"]).args([&python]).run()?;
    twice(|| {
        program(python.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"])
            .args(["--requirement".as_ref(), requirements.as_os_str()])
            .run()
    })?;

    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(home)
}

/// Registries have bad moments.
fn twice(attempt: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<()> {
    attempt().or_else(|_| attempt())
}
