//! The rules of settings, through the public interface.

mod layers;
mod oidc;
mod processes;
mod values;

use std::path::Path;

use promptgate_settings::{Process, Settings, Sources};

pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const POSTGRES: &str = "postgres://postgres:canary@db.internal:5432/promptgate";

/// Settings with an environment and an empty working directory.
pub(crate) fn with(environment: &[(&str, &str)]) -> Settings {
    let directory = tempfile::tempdir().expect("a temporary directory");
    within(directory.path(), environment)
}

/// Settings with an environment and a working directory.
pub(crate) fn within(directory: &Path, environment: &[(&str, &str)]) -> Settings {
    sources(directory, environment).resolve().expect("files that can be read")
}

pub(crate) fn sources(directory: &Path, environment: &[(&str, &str)]) -> Sources {
    Sources {
        working_dir: directory.to_owned(),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Sources::default()
    }
}

/// The line that a wrong environment is answered with.
pub(crate) fn refusal(process: Process, environment: &[(&str, &str)]) -> String {
    let line = with(environment).check(process).expect_err("this must be refused").to_string();
    assert!(!line.contains('\n'), "one line: {line}");
    line
}
