//! The `promptgate-api` binary: one process, the same as `promptgate api`.

use std::process::ExitCode;

fn main() -> ExitCode {
    promptgate_runtime::run(promptgate_runtime::Process::Api)
}
