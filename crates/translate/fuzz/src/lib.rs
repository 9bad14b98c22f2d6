//! Fuzz targets for everything that reads what strangers send: `cargo xtask fuzz`.
//!
//! What they check is in [`checks`]; the tests of `promptgate-translate` run the same checks over
//! the committed corpora.

mod checks;

/// Runs the checks of a target.
pub fn run(target: &str, data: &[u8]) {
    checks::run(target, data);
}
