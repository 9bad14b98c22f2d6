//! The `promptgate-proxy` binary: one process, the same as `promptgate proxy`.

use std::process::ExitCode;

fn main() -> ExitCode {
    promptgate_runtime::run(promptgate_runtime::Process::Proxy)
}
