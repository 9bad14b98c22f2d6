//! The `promptgate-migrate` binary: one process, the same as `promptgate migrate`.

use std::process::ExitCode;

fn main() -> ExitCode {
    promptgate_runtime::run(promptgate_runtime::Process::Migrate)
}
