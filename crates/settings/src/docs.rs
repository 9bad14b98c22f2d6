//! The settings page, made from the table and from the comments of `defaults.toml`.

use std::fmt::Write;

use crate::layers::{DEFAULTS, defaults, text_of};
use crate::table::{VARIABLES, Variable};

/// One setting of `defaults.toml`: the heading it stands under, its key and what is said above it.
#[derive(Debug, PartialEq, Eq)]
struct Remark<'a> {
    group: &'a str,
    key: &'a str,
    meaning: String,
}

/// Reads headings (`# == Heading ==`), remarks (`# text`) and settings (`key = …`, or `#key = …`
/// for one without a default).
fn remarks(text: &str) -> Vec<Remark<'_>> {
    let (mut remarks, mut group, mut meaning) = (Vec::new(), "", String::new());
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("# == ").and_then(|rest| rest.strip_suffix(" ==")) {
            group = heading;
            meaning.clear();
        } else if let Some(words) = line.strip_prefix("# ") {
            if !meaning.is_empty() {
                meaning.push(' ');
            }
            meaning.push_str(words);
        } else if let Some((key, _)) = line.split_once('=') {
            let key = key.trim_start_matches('#').trim();
            remarks.push(Remark { group, key, meaning: std::mem::take(&mut meaning) });
        } else {
            meaning.clear();
        }
    }
    remarks
}

const HEAD: &str = "# Settings

<!-- Generated from `crates/settings` by `cargo xtask settings-docs`; change it there. -->

A value comes from the last of these layers that has one: the defaults below, `promptgate.toml` in the
working directory (same names, lower case, without `PROMPTGATE_`), the nearest `.env` from the working
directory upwards (or the file of `--env-file`), the environment, command line flags. An empty value
counts as none. A `.env` is read, never exported; a non-empty variable of the environment wins over it.

`promptgate config` prints the effective values, each with its source and secrets masked. A wrong value
ends the start with a line that names it; a variable that begins with `PROMPTGATE_` and is not listed here
gives a warning. Durations are written as in Go: `250ms`, `30s`, `1h30m`. Lists may be separated by blanks or
commas. A process reads and checks only the settings listed for it; `run-all` reads those of `api`, `proxy`,
`schedule` and `migrate`. Settings marked † are accepted and checked, so that what
older versions were configured with still starts, but nothing depends on them: each says why.
";

const TAIL: &str = "
## Coming from the community edition

| there | here |
| --- | --- |
| `APP_KEY` | `PROMPTGATE_SECRETS_KEY`, without the prefix `base64:` |
| `APP_URL` | `PROMPTGATE_BACKEND_BASE_URL` |
| `APP_TIMEZONE` | `PROMPTGATE_TIMEZONE` |
| `BCRYPT_ROUNDS` | `PROMPTGATE_BCRYPT_COST` |
| `DB_CONNECTION`, `DB_HOST`, `DB_PORT`, `DB_DATABASE`, `DB_USERNAME`, `DB_PASSWORD` | `PROMPTGATE_DATABASE_URL` (`sqlite:` or `postgres://`; MySQL is not supported) |
| `REDIS_HOST`, `REDIS_PORT`, `REDIS_PASSWORD` | `PROMPTGATE_REDIS_URL` |
| `SESSION_LIFETIME` (minutes) | `PROMPTGATE_SESSION_IDLE_TIMEOUT` (duration) |
| `LOG_LEVEL` | `PROMPTGATE_LOG_LEVEL` |
| `SSRF_ALLOWED_HOSTS` | `PROMPTGATE_SSRF_ALLOWED_HOSTS` |
| `PII_CONTEXTUAL_ENABLED`, `PII_CONTEXTUAL_CREDENTIAL_ID`, `PII_CONTEXTUAL_MODEL`, `PII_CONTEXTUAL_MAX_CHARS` | the same with `PROMPTGATE_` before them |
| `SESSION_DRIVER`, `CACHE_STORE`, `QUEUE_CONNECTION` | follow from `PROMPTGATE_DATABASE_URL` and `PROMPTGATE_REDIS_URL` |
";

/// The settings page in Markdown.
pub fn docs() -> String {
    let defaults = defaults();
    let mut page = HEAD.to_owned();
    let mut group = "";
    for (variable, remark) in VARIABLES.iter().zip(remarks(DEFAULTS)) {
        if remark.group != group {
            group = remark.group;
            let _ = write!(
                page,
                "\n## {group}\n\n| variable | read by | form | default | meaning |\n| --- | --- | --- | --- | --- |\n"
            );
        }
        let default =
            defaults.get(remark.key).map_or_else(|| "–".to_owned(), |value| format!("`{}`", text_of(value)));
        let _ = writeln!(
            page,
            "| `{}`{} | {} | {} | {default} | {}{} |",
            variable.name,
            if variable.in_use { "" } else { " †" },
            variable.readers.names(),
            form(variable),
            remark.meaning,
            variable.alias.map_or_else(String::new, |alias| format!(" Also `{alias}`.")),
        );
    }
    page.push_str(TAIL);
    page
}

fn form(variable: &Variable) -> String {
    let form = variable.kind.form();
    if variable.secret { format!("secret: {form}") } else { form }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_and_the_table_agree_line_by_line() {
        let remarks = remarks(DEFAULTS);
        let in_file: Vec<_> = remarks.iter().map(|remark| remark.key.to_owned()).collect();
        let in_table: Vec<_> = VARIABLES.iter().map(Variable::key).collect();
        assert_eq!(in_file, in_table);
        for remark in &remarks {
            assert!(
                remark.meaning.ends_with('.')
                    || remark.meaning.ends_with(|end: char| end.is_ascii_alphanumeric()),
                "{} has a meaning",
                remark.key
            );
            assert!(!remark.meaning.contains('|'), "{} would break the page's tables", remark.key);
        }
    }

    #[test]
    fn what_has_no_effect_is_marked_and_says_so() {
        for (variable, remark) in VARIABLES.iter().zip(remarks(DEFAULTS)) {
            let says = remark.meaning.starts_with("Does nothing: ");
            assert_eq!(says, !variable.in_use, "{}: {}", variable.name, remark.meaning);
        }
        let page = docs();
        assert!(page.contains("| `PROMPTGATE_USAGE_COST_ENABLED` | api |"));
        assert!(page.contains("| `PROMPTGATE_SUBSCRIPTION_QUOTA_SYNC_INTERVAL` † | schedule |"));
    }

    #[test]
    fn every_default_has_the_form_of_its_setting() {
        let defaults = defaults();
        for variable in VARIABLES {
            if let Some(value) = defaults.get(&variable.key()) {
                assert!(variable.kind.read(&text_of(value)).is_ok(), "{}", variable.name);
                assert!(!variable.secret, "{} is a secret and must have no default", variable.name);
            }
        }
    }

    #[test]
    fn the_page_shows_names_defaults_and_second_names() {
        let page = docs();
        assert!(page.contains(
            "| `PROMPTGATE_SESSION_TTL` | api, proxy | duration, such as 250ms, 30s or 1h30m | `8h` |"
        ));
        assert!(page.contains("Also `PROMPTGATE_KEYCLOAK_ISSUER_URL`."));
        assert!(page.contains("| `OPENAI_API_KEY` | run-all | secret: text | – |"));
    }
}
