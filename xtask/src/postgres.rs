//! The throwaway PostgreSQL that all tests of a run share. A Redis is started by each test that
//! wants one, as such tests stop and freeze it.
//!
//! The server belongs to a process of its own, which stops and removes it when its input ends. So
//! it goes away however this one ends: done, failed, interrupted or killed.

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use anyhow::Context;

use crate::{
    command::{cargo, program, target},
    requirements,
};

const KEEPER: &str = "promptgate-throwaway-postgres";

/// A running server. Dropping it stops it and removes its files.
pub(crate) struct Postgres {
    keeper: Child,
    /// What tells tests where it is: a variable's name and value.
    pub(crate) variable: (String, String),
}

impl Postgres {
    /// Starts it with the keeper that was built together with the tests.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Self::keep(program(target().join("debug").join(KEEPER)).into_command())
    }

    fn keep(mut command: Command) -> anyhow::Result<Self> {
        // A process group of its own: Ctrl-C is for us, and ends the keeper by ending its input.
        let mut keeper = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("cannot start the keeper of PostgreSQL")?;
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().context("the keeper has no output")?).read_line(&mut line)?;
        let variable = line.trim().split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variable = variable.context("PostgreSQL for the tests did not start; the lines above say why")?;
        Ok(Self { keeper, variable })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            println!("cannot wait for the keeper of PostgreSQL: {error}");
        }
    }
}

/// `cargo xtask postgres`: for running tests by hand.
pub(crate) fn until_input_ends() -> anyhow::Result<()> {
    requirements::for_tests()?;
    let keeper = cargo(["run", "--quiet", "--package", "promptgate-testkit", "--bin", KEEPER]);
    let postgres = Postgres::keep(keeper.into_command())?;
    let (name, value) = &postgres.variable;
    println!("export {name}={value}");
    println!("running until the input ends (Ctrl-D)");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
