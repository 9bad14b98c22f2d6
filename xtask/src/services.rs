//! The throwaway PostgreSQL and Redis that the tests run against.
//!
//! They belong to a process of its own, which stops and removes them when its input ends. So they
//! go away however this one ends: done, failed, interrupted or killed.

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, bail};

use crate::{
    command::{cargo, program, target},
    requirements,
};

/// Running services. Dropping it stops them and removes their files.
pub(crate) struct Services {
    keeper: Child,
    variables: Vec<(String, String)>,
}

impl Services {
    /// Starts them with the keeper that was built together with the tests.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Self::keep(program(target().join("debug/promptgate-test-services")).into_command())
    }

    /// Reads `NAME=value` lines until the keeper says that it is ready.
    fn keep(mut command: Command) -> anyhow::Result<Self> {
        // A process group of its own: Ctrl-C is for us, and ends the keeper by ending its input.
        let mut keeper = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("cannot start the keeper of PostgreSQL and Redis")?;
        let output = keeper.stdout.take().context("the keeper has no output")?;
        let mut services = Self { keeper, variables: Vec::new() };
        for line in BufReader::new(output).lines() {
            let line = line?;
            if line == "ready" {
                return Ok(services);
            }
            if let Some((name, value)) = line.split_once('=') {
                services.variables.push((name.to_owned(), value.to_owned()));
            }
        }
        bail!("PostgreSQL and Redis for the tests did not start; the lines above say why")
    }

    /// What tests need in their environment.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            println!("cannot wait for the keeper of PostgreSQL and Redis: {error}");
        }
    }
}

/// `cargo xtask services`: for running tests by hand.
pub(crate) fn until_input_ends() -> anyhow::Result<()> {
    requirements::for_tests()?;
    let services = Services::keep(
        cargo(["run", "--quiet", "--package", "promptgate-testkit", "--bin", "promptgate-test-services"])
            .into_command(),
    )?;
    for (name, value) in services.variables() {
        println!("export {name}={value}");
    }
    println!("running until the input ends (Ctrl-D)");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
