//! `promptgate config`: the effective settings, each with its source.

use std::fmt::Write;

use anyhow::bail;
use promptgate_settings::{Entry, Settings};

use crate::cli::Flags;
use crate::start::print;

/// Prints every setting; fails when one of them is wrong.
pub(crate) fn print_all(settings: &Settings) -> anyhow::Result<()> {
    let entries: Vec<_> = settings.entries().collect();
    print(&table(&entries))?;
    for warning in settings.warnings() {
        print(&format!("# {warning}\n"))?;
    }
    let problems: Vec<_> =
        entries.iter().filter_map(|entry| entry.problem.as_ref()).map(ToString::to_string).collect();
    if problems.is_empty() { Ok(()) } else { bail!(problems.join("\n")) }
}

/// Reads the settings and prints them.
pub(crate) fn print_effective(flags: Flags) -> anyhow::Result<()> {
    print_all(&flags.sources()?.resolve()?)
}

fn table(entries: &[Entry]) -> String {
    let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for entry in entries {
        let value = match (&entry.problem, &entry.shown) {
            (Some(_), _) => "(wrong)",
            (None, Some(value)) => value,
            (None, None) => "(unset)",
        };
        let source = entry.source.as_deref().map_or_else(String::new, |source| format!("  # {source}"));
        let _ = writeln!(text, "{:width$} = {value}{source}", entry.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use promptgate_settings::Sources;

    use super::*;

    #[test]
    fn values_stand_beside_their_sources_and_secrets_do_not_stand_there() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let sources = Sources {
            working_dir: directory.path().to_owned(),
            environment: vec![
                ("PROMPTGATE_JWT_SECRET".into(), "canary-canary-canary-canary-canary".into()),
                ("PROMPTGATE_PROXY_PORT".into(), "canary".into()),
            ],
            flags: vec![("PROMPTGATE_PORT", "9000".into())],
            ..Sources::default()
        };
        let settings = sources.resolve().expect("readable");
        let text = table(&settings.entries().collect::<Vec<_>>());
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).expect("it is listed");
        assert!(line("PROMPTGATE_PORT ").ends_with("= 9000  # flag"));
        assert!(line("PROMPTGATE_JWT_SECRET ").ends_with("= [set]  # environment"));
        assert!(line("PROMPTGATE_PROXY_PORT ").ends_with("= (wrong)  # environment"));
        assert!(line("PROMPTGATE_REDIS_URL ").ends_with("= (unset)"));
        assert!(!text.contains("canary"));
    }
}
