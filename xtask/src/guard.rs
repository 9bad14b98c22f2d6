//! `cargo xtask eval guard`, `cargo xtask bench guard` and `cargo xtask train-guard`.

use std::path::Path;

use anyhow::{Context, bail};

use crate::command::{cargo, program, step, target};

const TRAINING: &str = "crates/guard-lab/training";
const WEIGHTS: &str = "crates/guard/src/injection/weights.bin";

/// Scores what is named on labelled texts; the guard is all there is to score.
pub(crate) fn eval(what: &str, folder: &Path, rest: &[String]) -> anyhow::Result<()> {
    if what != "guard" {
        bail!("there is no `{what}` to score, only `guard`");
    }
    // The program runs in the repository's root; the folder was named where the command was given.
    let folder = folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))?;
    let here = std::env::current_dir().context("cannot tell the current directory")?;
    build()?;
    program(target().join("release/promptgate-guard-lab"))
        .args(["eval".as_ref(), folder.as_os_str()])
        .args(rest)
        .directory(&here)
        .run()
}

/// Says what guarding requests costs.
pub(crate) fn bench(rest: &[String]) -> anyhow::Result<()> {
    build()?;
    step("measuring");
    program(target().join("release/promptgate-guard-lab")).args(["bench"]).args(rest).run()
}

/// Trains the guard's classifier, or says what one is worth on sources it never saw.
pub(crate) fn train(rest: &[String]) -> anyhow::Result<()> {
    build()?;
    let program =
        program(target().join("release/promptgate-guard-lab")).args(["train", "--training", TRAINING]);
    if rest.iter().any(|argument| argument == "--cross" || argument == "--out") {
        return program.args(rest).run();
    }
    program.args(["--out", WEIGHTS]).args(rest).run()?;
    println!("wrote {WEIGHTS}; the figures in docs/guardrails.md are of the weights before");
    Ok(())
}

fn build() -> anyhow::Result<()> {
    step("building, optimised");
    cargo(["build", "--release", "--package", "promptgate-guard-lab"]).run()
}
