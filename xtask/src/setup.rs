//! `cargo xtask setup`.

use crate::{
    command::{cargo, step},
    requirements, sdk, test,
};

/// Fetches what can be fetched and says what is missing. Running it again does no harm.
pub(crate) fn setup() -> anyhow::Result<()> {
    step("toolchain");
    let toolchain = cargo(["--version"]).read()?;
    println!("{}", toolchain.trim());
    cargo(["fmt", "--version"]).run()?;
    cargo(["clippy", "--version"]).run()?;

    step("dependencies");
    cargo(["fetch", "--locked"]).run()?;

    step("test runner");
    if test::nextest_is_there() {
        println!("cargo-nextest is installed");
    } else {
        cargo(["install", "--locked", "cargo-nextest"]).run()?;
    }

    step("PostgreSQL, Redis, curl");
    requirements::for_tests()?;
    println!("there");

    step("the vendors' clients");
    match sdk::provide() {
        Ok(directory) => println!("in {}", directory.display()),
        Err(error) => println!("not available, their tests will be left out: {error:#}"),
    }

    step("nginx");
    match requirements::for_nginx() {
        Ok(()) => println!("there"),
        Err(error) => {
            println!("not available, its tests will be left out, and so will the yardstick: {error:#}");
        }
    }

    step("Chromium");
    match requirements::for_browser() {
        Ok(()) => println!("there"),
        Err(error) => println!("not available, its tests will be left out: {error:#}"),
    }

    println!("ready: cargo xtask run-all, cargo xtask test");
    Ok(())
}
