//! Keeps a throwaway PostgreSQL until its input ends: for the command that runs all tests.
#![expect(clippy::print_stdout, reason = "says where the server is")]

use std::io::{self, Read};

use promptgate_testkit::postgres::{PostgresServer, SERVER_VARIABLE};

fn main() -> anyhow::Result<()> {
    let server = PostgresServer::start()?;
    println!("{SERVER_VARIABLE}={}", server.url());
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
