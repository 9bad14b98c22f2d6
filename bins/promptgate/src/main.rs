//! The `promptgate` binary: every process as a subcommand, and the operator's commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    promptgate_runtime::promptgate()
}
