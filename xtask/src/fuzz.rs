//! `cargo xtask fuzz`.

use std::fs;

use anyhow::Context;

use crate::command::{answers, cargo, program, root, step, target};

/// The longest input that is tried. Bugs that need more are found with less.
const MAX_INPUT_BYTES: u32 = 8 * 1024;

/// Lets every fuzz target, or those that are named, run for so many seconds. What they learn stays
/// under `target`; what they find is in the `artifacts` beside the target.
pub(crate) fn fuzz(seconds: u32, targets: &[String]) -> anyhow::Result<()> {
    if !answers("cargo-fuzz") {
        step("installing cargo-fuzz");
        cargo(["install", "cargo-fuzz", "--locked"]).run()?;
    }
    let all = if targets.is_empty() { every_target()? } else { targets.to_vec() };
    for name in &all {
        step(&format!("{name}, {seconds} seconds"));
        run(name, seconds)?;
    }
    Ok(())
}

/// Where fuzz targets are.
const CRATES: [&str; 2] = ["crates/translate/fuzz", "crates/wire/fuzz"];

fn every_target() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for home in CRATES {
        let directory = root().join(home).join("fuzz_targets");
        let files =
            fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
        for file in files {
            names.extend(file?.path().file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Fuzzers need a nightly toolchain. New inputs go to the first corpus, the committed one is the second.
fn run(name: &str, seconds: u32) -> anyhow::Result<()> {
    let is_home = |home: &&str| root().join(home).join("fuzz_targets").join(format!("{name}.rs")).exists();
    let home =
        CRATES.into_iter().find(is_home).with_context(|| format!("no fuzz target is called {name}"))?;
    let built = target().join("fuzz");
    let learned = built.join("corpus").join(name);
    fs::create_dir_all(&learned).with_context(|| format!("cannot make {}", learned.display()))?;
    let committed = root().join(home).join("corpus").join(name);
    program("rustup")
        .args(["run", "nightly", "cargo", "fuzz", "run", "--fuzz-dir", home, "--target-dir"])
        .args([built.as_os_str(), name.as_ref(), learned.as_os_str(), committed.as_os_str()])
        .args(["--".to_owned(), format!("-max_total_time={seconds}"), format!("-max_len={MAX_INPUT_BYTES}")])
        .args(["-timeout=10", "-print_final_stats=1", "-dict=crates/translate/fuzz/words.dict"])
        .run()
}
