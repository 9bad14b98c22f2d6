//! Fuzz targets for what reads and changes texts in bodies and streams: `cargo xtask fuzz`.
//!
//! What they check is in [`checks`]; the tests of `promptgate-wire` run the same checks over the
//! committed corpora.

mod checks;

/// Runs the checks of a target.
pub fn run(target: &str, data: &[u8]) {
    checks::run(target, data);
}
