//! `cargo xtask soak`.

use crate::command::{cargo, program, step, target};
use crate::requirements;

/// Builds everything and lets the chaos suite run for as long as is asked for.
pub(crate) fn soak(arguments: &[String]) -> anyhow::Result<()> {
    requirements::for_tests()?;
    requirements::for_nginx()?;
    step("building, optimised");
    cargo(["build", "--release", "--workspace", "--bins"]).run()?;
    step("soaking");
    program(target().join("release/promptgate-soak")).args(arguments).run()
}
