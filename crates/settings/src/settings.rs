//! The effective settings: the winner of the layers for each variable, and how it is read.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use promptgate_kernel::{SecretString, SecretsKey};
use url::Url;

use crate::error::{Problem, Problems, SettingsError};
use crate::kind::{Kind, Value, items};
use crate::oidc;
use crate::process::Process;
use crate::table::{self, VARIABLES, Variable};

/// The text of a value, and the layer it came from.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) source: String,
}

/// The effective settings of a process. Sections are read from it: [`Settings::common`],
/// [`Settings::api`] and so on.
#[derive(Clone)]
pub struct Settings {
    found: HashMap<&'static str, Found>,
    /// Those of identity providers with a name of their own.
    named: BTreeMap<String, Found>,
    warnings: Vec<String>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.entries().map(|entry| (entry.name, entry.shown))).finish()
    }
}

/// One setting as `promptgate config` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The row of the table that it goes by.
    pub variable: &'static Variable,
    /// Its value; a secret shows itself as `[set]`, a password in an address as `***`. `None` when unset.
    pub shown: Option<String>,
    /// The layer it came from.
    pub source: Option<String>,
    /// What is wrong with it.
    pub problem: Option<Problem>,
}

impl PartialEq for Variable {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Variable {}

impl Settings {
    pub(crate) const fn new(
        found: HashMap<&'static str, Found>,
        named: BTreeMap<String, Found>,
        warnings: Vec<String>,
    ) -> Self {
        Self { found, named, warnings }
    }

    /// Remarks on names that mean nothing, a line each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Checks every value that `process` reads, and that none it needs is missing.
    pub fn check(&self, process: Process) -> Result<(), SettingsError> {
        let read = VARIABLES.iter().filter(|variable| variable.is_read_by(process));
        let mut problems: Vec<_> = read.filter_map(|variable| self.read(variable).err()).collect();
        let named = self.named.iter().filter_map(|(name, found)| Some((name, oidc::of_name(name)?, found)));
        let named = named.filter(|(_, variable, _)| variable.is_read_by(process));
        problems.extend(named.filter_map(|(name, variable, found)| judged(name, variable, found).err()));
        if problems.is_empty() && process_reads_oidc(process) {
            problems = self.incomplete_providers();
        }
        if problems.is_empty() && self.is_cluster() {
            let required = ["PROMPTGATE_JWT_SECRET", "PROMPTGATE_SECRETS_KEY"];
            problems = required
                .into_iter()
                .filter_map(table::find)
                .filter(|variable| variable.is_read_by(process) && !self.found.contains_key(variable.name))
                .map(|variable| missing(variable, "with PostgreSQL"))
                .collect();
        }
        if problems.is_empty() { Ok(()) } else { Err(SettingsError::Values(Problems(problems))) }
    }

    /// Whether the database is PostgreSQL.
    pub fn is_cluster(&self) -> bool {
        self.found
            .get("PROMPTGATE_DATABASE_URL")
            .is_some_and(|found| found.text.trim().starts_with("postgres"))
    }

    /// Every setting with its value and source, in the order of the table.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        let listed = VARIABLES.iter().map(|variable| {
            let found = self.found.get(variable.name);
            Entry {
                name: variable.name.into(),
                variable,
                shown: found.map(|found| shown(variable, &found.text)),
                source: found.map(|found| found.source.clone()),
                problem: self.read(variable).err(),
            }
        });
        let named = self.named.iter().filter_map(|(name, found)| {
            let variable = oidc::of_name(name)?;
            Some(Entry {
                name: name.clone(),
                variable,
                shown: Some(shown(variable, &found.text)),
                source: Some(found.source.clone()),
                problem: judged(name, variable, found).err(),
            })
        });
        listed.chain(named)
    }

    /// The names of what `process` reads and what is set otherwise in `other`.
    pub fn differing(&self, other: &Self, process: Process) -> Vec<String> {
        let listed = VARIABLES.iter().filter(|variable| variable.is_read_by(process));
        let text = |settings: &Self, name: &str| settings.found.get(name).map(|found| found.text.clone());
        let mut differing: Vec<String> = listed
            .map(|variable| variable.name)
            .filter(|name| text(self, name) != text(other, name))
            .map(str::to_owned)
            .collect();
        let named: std::collections::BTreeSet<&String> =
            self.named.keys().chain(other.named.keys()).collect();
        let named_text =
            |settings: &Self, name: &String| settings.named.get(name).map(|found| found.text.clone());
        let read = |name: &&String| oidc::of_name(name).is_some_and(|variable| variable.is_read_by(process));
        let differs = |name: &&String| named_text(self, name) != named_text(other, name);
        differing.extend(named.into_iter().filter(read).filter(differs).cloned());
        differing
    }

    /// What is set for identity providers with a name of their own.
    pub(crate) const fn named(&self) -> &BTreeMap<String, Found> {
        &self.named
    }

    fn read(&self, variable: &Variable) -> Result<Option<Value>, Problem> {
        let Some(found) = self.found.get(variable.name) else { return Ok(None) };
        judged(variable.name, variable, found).map(Some)
    }

    fn value(&self, name: &'static str) -> Result<Option<Value>, SettingsError> {
        let variable = table::find(name).expect("sections only name variables of the table");
        self.read(variable).map_err(|problem| SettingsError::Values(Problems(vec![problem])))
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<Option<String>, SettingsError> {
        Ok(match self.value(name)? {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        })
    }

    pub(crate) fn secret(&self, name: &'static str) -> Result<Option<SecretString>, SettingsError> {
        Ok(self.text(name)?.map(SecretString::new))
    }

    pub(crate) fn path(&self, name: &'static str) -> Result<Option<PathBuf>, SettingsError> {
        Ok(match self.value(name)? {
            Some(Value::Path(path)) => Some(path),
            _ => None,
        })
    }

    pub(crate) fn list(&self, name: &'static str) -> Result<Vec<String>, SettingsError> {
        Ok(match self.value(name)? {
            Some(Value::List(list)) => list,
            _ => Vec::new(),
        })
    }

    pub(crate) fn networks(&self, name: &'static str) -> Result<Vec<IpNet>, SettingsError> {
        Ok(match self.value(name)? {
            Some(Value::Networks(networks)) => networks,
            _ => Vec::new(),
        })
    }

    pub(crate) fn keys(&self, name: &'static str) -> Result<Vec<SecretsKey>, SettingsError> {
        Ok(match self.value(name)? {
            Some(Value::Keys(keys)) => keys,
            _ => Vec::new(),
        })
    }

    pub(crate) fn optional_duration(&self, name: &'static str) -> Result<Option<Duration>, SettingsError> {
        Ok(match self.value(name)? {
            Some(Value::Duration(span)) => Some(span),
            _ => None,
        })
    }

    pub(crate) fn duration(&self, name: &'static str) -> Result<Duration, SettingsError> {
        Ok(self.optional_duration(name)?.expect("defaults.toml has a default for it"))
    }

    pub(crate) fn count(&self, name: &'static str) -> Result<u64, SettingsError> {
        Ok(match self.value(name)? {
            Some(Value::Count(count)) => count,
            _ => unreachable!("defaults.toml has a default for {name}"),
        })
    }

    pub(crate) fn port(&self, name: &'static str) -> Result<u16, SettingsError> {
        Ok(u16::try_from(self.count(name)?).expect("a port has been read as one"))
    }

    pub(crate) fn switch(&self, name: &'static str) -> Result<bool, SettingsError> {
        Ok(matches!(self.value(name)?, Some(Value::Switch(true))))
    }

    pub(crate) fn rate(&self, name: &'static str) -> Result<f64, SettingsError> {
        Ok(match self.value(name)? {
            Some(Value::Rate(rate)) => rate,
            _ => 0.0,
        })
    }
}

/// Reads a value under its name.
pub(crate) fn judged(name: &str, variable: &Variable, found: &Found) -> Result<Value, Problem> {
    variable.kind.read(&found.text).map_err(|refused| {
        let repeats = refused.repeat_value && !variable.secret;
        let value = if repeats { format!("`{}` from ", shortened(&found.text)) } else { "from ".into() };
        Problem { name: name.into(), problem: refused.problem, found: format!("{value}{}", found.source) }
    })
}

fn process_reads_oidc(process: Process) -> bool {
    table::find(oidc::ISSUER_URL).is_some_and(|variable| variable.is_read_by(process))
}

fn missing(variable: &Variable, when: &str) -> Problem {
    let make = match variable.kind {
        Kind::SecretsKey => ". Make one with: openssl rand -base64 32",
        Kind::LongSecret => ". Make one with: openssl rand -base64 48",
        _ => "",
    };
    Problem {
        name: variable.name.into(),
        problem: format!("is required {when}: {}{make}", variable.kind.form()),
        found: String::new(),
    }
}

fn shown(variable: &Variable, text: &str) -> String {
    if variable.secret {
        return "[set]".into();
    }
    match variable.kind {
        Kind::DatabaseUrl | Kind::RedisUrl | Kind::HttpUrl => masked(text),
        Kind::Origins => items(text).map(masked).collect::<Vec<_>>().join(", "),
        _ => text.trim().to_owned(),
    }
}

/// An address without what may be secret in it: its password, a user name that stands alone (often
/// a key), its parameters. The user and harmless parameters of a database are shown. An address
/// that cannot be understood is not shown at all.
fn masked(text: &str) -> String {
    const HIDDEN: &str = "***";
    let text = text.trim();
    if text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let Ok(mut url) = Url::parse(text) else { return "[unreadable]".into() };
    let is_database = url.scheme().starts_with("postgres");
    let hides_user = !is_database && url.password().is_none() && !url.username().is_empty();
    let hides_parameters = if is_database {
        url.query_pairs().any(|(name, _)| name.contains("pass"))
    } else {
        url.query().is_some()
    };
    let masked = (url.password().is_none() || url.set_password(Some(HIDDEN)).is_ok())
        && (!hides_user || url.set_username(HIDDEN).is_ok());
    if !masked {
        return "[unreadable]".into();
    }
    if hides_parameters {
        url.set_query(Some(HIDDEN));
    }
    if hides_user || hides_parameters || url.password().is_some() { url.to_string() } else { text.to_owned() }
}

fn shortened(text: &str) -> String {
    let one_line = text.replace(char::is_control, " ");
    if one_line.chars().count() <= 80 {
        return one_line;
    }
    one_line.chars().take(80).chain(['…']).collect()
}
