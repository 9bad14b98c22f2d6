//! `cargo xtask bench`.

use crate::command::{cargo, program, step, target};

/// Builds the gateway and the load driver, optimised, and lets the driver measure.
pub(crate) fn bench(arguments: &[String]) -> anyhow::Result<()> {
    step("building, optimised");
    cargo(["build", "--release", "--package", "promptgate", "--package", "promptgate-bench"]).run()?;
    step("measuring");
    let built = target().join("release");
    program(built.join("promptgate-bench"))
        .args(["run".as_ref(), "--gateway".as_ref(), built.join("promptgate").as_os_str()])
        .args(arguments)
        .run()
}
