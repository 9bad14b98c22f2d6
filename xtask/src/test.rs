//! `cargo xtask test`: what continuous integration runs.

use crate::{
    command::{Program, answers, cargo, program, step},
    generated, layers,
    postgres::Postgres,
    requirements, sdk,
};

/// Every check, then every test; the runner's own summary is the last thing printed.
pub(crate) fn everything() -> anyhow::Result<()> {
    step("requirements");
    requirements::for_tests()?;

    step("format");
    cargo(["fmt", "--all", "--check"]).run()?;

    step("layers");
    layers::check()?;

    step("lints");
    lint()?;

    step("documentation");
    cargo(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings").run()?;

    step("build");
    build()?;

    step("generated pages");
    generated::check_with_built_binary()?;

    step("documentation tests");
    cargo(["test", "--workspace", "--doc", "--quiet"]).run()?;

    tests(&[], &[])
}

/// Only the tests that match what is handed to the runner.
pub(crate) fn only(runner: &[String]) -> anyhow::Result<()> {
    requirements::for_tests()?;
    step("build");
    build()?;
    tests(runner, &[])
}

/// Lets the test that compares docs/compatibility.md write it.
pub(crate) fn write_compatibility() -> anyhow::Result<()> {
    requirements::for_tests()?;
    step("build");
    build()?;
    tests(&["sdk::compatibility".to_owned()], &[("PROMPTGATE_WRITE_COMPATIBILITY", "1")])
}

/// Clippy over everything, warnings as errors.
pub(crate) fn lint() -> anyhow::Result<()> {
    cargo(["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]).run()
}

/// Libraries, binaries and tests in one go: the tests' features are unified with everything else,
/// so that the runner finds all of it built, the binaries that the black-box tests start included.
fn build() -> anyhow::Result<()> {
    cargo(["build", "--workspace", "--all-targets", "--quiet"]).run()
}

fn tests(runner: &[String], more: &[(&str, &str)]) -> anyhow::Result<()> {
    step("the vendors' clients");
    let sdk = sdk::provide();
    if let Err(error) = &sdk {
        println!("their tests are left out: {error:#}");
    }

    step("nginx");
    let nginx = requirements::for_nginx();
    if let Err(error) = &nginx {
        println!("the tests behind it are left out: {error:#}");
    }

    step("Chromium");
    let browser = requirements::for_browser();
    if let Err(error) = &browser {
        println!("the tests in a browser are left out: {error:#}");
    }

    let missing = [
        (sdk.is_err(), "sdk::"),
        (nginx.is_err(), "browser::nginx::"),
        (nginx.is_err(), "chaos::nginx::"),
        (browser.is_err(), "docs_page::"),
    ];
    let left_out: Vec<_> =
        missing.into_iter().filter_map(|(is_missing, tests)| is_missing.then_some(tests)).collect();

    step("PostgreSQL");
    let postgres = Postgres::start()?;

    step("tests");
    let mut tests = if nextest_is_there() { nextest(&left_out) } else { cargo_test(&left_out) };
    let (name, value) = &postgres.variable;
    tests = tests.args(runner).env(name, value);
    if let Ok(directory) = sdk {
        tests = tests.env("PROMPTGATE_TEST_SDK", directory);
    }
    for (name, value) in more {
        tests = tests.env(name, value);
    }
    tests.run()
}

/// Whether the faster runner is installed.
pub(crate) fn nextest_is_there() -> bool {
    answers("cargo-nextest")
        || program("cargo").args(["nextest", "--version"]).probe().is_some_and(|o| o.status.success())
}

/// Without the tests whose names begin so.
fn nextest(left_out: &[&str]) -> Program {
    let tests = cargo(["nextest", "run", "--workspace", "--no-fail-fast"]);
    if left_out.is_empty() {
        return tests;
    }
    let each: Vec<_> = left_out.iter().map(|name| format!("not test(/^{name}/)")).collect();
    tests.args(["--filterset", &each.join(" and ")])
}

fn cargo_test(left_out: &[&str]) -> Program {
    println!("cargo-nextest is not installed (`cargo xtask setup` does it); `cargo test` takes its place");
    let tests = cargo(["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]).args(["--"]);
    tests.args(left_out.iter().flat_map(|name| ["--skip", name]))
}
