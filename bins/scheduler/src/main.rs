//! The `promptgate-scheduler` binary: one process, the same as `promptgate schedule`.

use std::process::ExitCode;

fn main() -> ExitCode {
    promptgate_runtime::run(promptgate_runtime::Process::Schedule)
}
