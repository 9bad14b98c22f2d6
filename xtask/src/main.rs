//! The project's own commands: `cargo xtask <command>`.
//!
//! It is built before anything else, so it depends on none of the project's crates; what needs
//! them it runs as a program of its own.
#![expect(clippy::print_stdout, reason = "a command line tool speaks on standard output")]

mod audit;
mod bench;
mod command;
mod fuzz;
mod generated;
mod guard;
mod layers;
mod postgres;
mod requirements;
mod sdk;
mod setup;
mod soak;
mod test;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::command::cargo;

/// PromptGate's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Prepares a machine for development, and says what is missing.
    Setup,
    /// Formats the code.
    Fmt,
    /// Runs the lints, warnings as errors.
    Lint,
    /// Checks that dependencies point the way the architecture says.
    Layers,
    /// Runs what the continuous integration runs: format, lints, layers, docs, then every test.
    Test {
        /// Handed to the test runner, such as the name of a test. With any, only the matching
        /// tests run and the other checks are left out.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        runner: Vec<String>,
    },
    /// Builds the binaries, optimised.
    Build,
    /// Removes what was built. Data directories stay.
    Clean,
    /// Brings the database to the current schema.
    Migrate(Passed),
    /// Runs the control plane from source.
    RunApi(Passed),
    /// Runs the proxy from source.
    RunProxy(Passed),
    /// Runs the scheduler from source.
    RunSchedule(Passed),
    /// Runs everything in one process from source.
    RunAll(Passed),
    /// Measures the proxy against yardsticks, or, with `guard`, what guarding requests costs; figures go
    /// to docs/performance.md by hand.
    Bench(Passed),
    /// Brings trouble over replicas under load for as long as is asked for: databases that stop, freeze and
    /// slow down, processes that are killed, a rolling restart. Figures go to docs/resilience.md by hand.
    Soak(Passed),
    /// Scores the guard on a folder of labelled texts.
    Eval {
        /// What is scored: `guard`.
        what: String,
        /// The folder, with `injection*.jsonl`, `pii*.jsonl` or `secrets*.jsonl`.
        folder: std::path::PathBuf,
        /// Handed on: `--predictions OUT` writes what was said of every row, `--lenient` lets shapes do.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Makes the weights of the guard's classifier anew; `--cross` says what they are worth instead.
    TrainGuard(Passed),
    /// Feeds everything that reads what strangers send with what nobody would send.
    Fuzz {
        /// For how many seconds each target runs.
        #[arg(default_value_t = 60)]
        seconds: u32,
        /// Which targets; all of them unless named.
        targets: Vec<String>,
    },
    /// Checks licences, sources and advisories of every dependency.
    Audit,
    /// Writes docs/openapi.json and docs/api.md.
    Openapi(Generated),
    /// Writes docs/settings.md.
    SettingsDocs(Generated),
    /// Writes docs/compatibility.md: what the vendors' clients get from every wire format.
    Compatibility,
    /// Starts a throwaway PostgreSQL for running tests by hand, and keeps it until its input ends.
    Postgres,
}

#[derive(Args)]
struct Passed {
    /// Handed on as they are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

#[derive(Args)]
struct Generated {
    /// Writes nothing; fails if the committed file differs.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    match perform(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Setup => setup::setup(),
        Task::Fmt => cargo(["fmt", "--all"]).run(),
        Task::Lint => test::lint(),
        Task::Layers => layers::check(),
        Task::Test { runner } if runner.is_empty() => test::everything(),
        Task::Test { runner } => test::only(&runner),
        Task::Build => build(),
        Task::Clean => cargo(["clean"]).run(),
        Task::Migrate(passed) => promptgate("migrate", &passed),
        Task::RunApi(passed) => promptgate("api", &passed),
        Task::RunProxy(passed) => promptgate("proxy", &passed),
        Task::RunSchedule(passed) => promptgate("schedule", &passed),
        Task::RunAll(passed) => promptgate("run-all", &passed),
        Task::Bench(passed) => match passed.arguments.split_first() {
            Some((what, rest)) if what == "guard" => guard::bench(rest),
            _ => bench::bench(&passed.arguments),
        },
        Task::Soak(passed) => soak::soak(&passed.arguments),
        Task::Eval { what, folder, rest } => guard::eval(&what, &folder, &rest),
        Task::TrainGuard(passed) => guard::train(&passed.arguments),
        Task::Fuzz { seconds, targets } => fuzz::fuzz(seconds, &targets),
        Task::Audit => audit::audit(),
        Task::Openapi(generated) => generated::openapi(generated.check),
        Task::SettingsDocs(generated) => generated::settings(generated.check),
        Task::Compatibility => test::write_compatibility(),
        Task::Postgres => postgres::until_input_ends(),
    }
}

fn promptgate(subcommand: &str, passed: &Passed) -> anyhow::Result<()> {
    cargo(["run", "--quiet", "--package", "promptgate", "--", subcommand]).args(&passed.arguments).run()
}

fn build() -> anyhow::Result<()> {
    const BINARIES: [&str; 5] =
        ["promptgate", "promptgate-api", "promptgate-proxy", "promptgate-scheduler", "promptgate-migrate"];
    let packages = BINARIES.iter().flat_map(|name| ["--package", name]);
    cargo(["build", "--release"]).args(packages).run()
}
