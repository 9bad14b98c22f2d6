//! The layers a value can come from, and which of them wins.

use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value as Raw};
use figment::{Figment, Metadata, Profile, Provider};

use crate::error::SettingsError;
use crate::settings::{Found, Settings};
use crate::table::{self, PREFIX, SILENTLY_IGNORED, TEST_PREFIX, VARIABLES, key_of};
use crate::{dotenv, oidc, spelling};

/// The reference: every default with its meaning.
pub(crate) const DEFAULTS: &str = include_str!("../defaults.toml");

/// The optional file of settings in the working directory.
const FILE: &str = "promptgate.toml";

/// Where settings are taken from. Nothing is read from anywhere else, and nothing is exported.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Where `promptgate.toml` may be, and where the search for `.env` begins.
    pub working_dir: PathBuf,
    /// A file to use instead of the nearest `.env`.
    pub env_file: Option<PathBuf>,
    /// The environment of the process.
    pub environment: Vec<(String, String)>,
    /// Command line flags, by the name of the variable they stand for.
    pub flags: Vec<(&'static str, String)>,
}

impl Sources {
    /// Puts the layers on top of each other: defaults, `promptgate.toml`, `.env`, environment,
    /// flags. An empty value counts as none. Values are not judged yet.
    pub fn resolve(self) -> Result<Settings, SettingsError> {
        let mut warnings = Vec::new();
        let mut figment = Figment::from(Layer::new("default", toml_values(DEFAULTS).unwrap_or_default()));

        let file = self.working_dir.join(FILE);
        if let Some(values) = read_toml(&file)? {
            for key in values.keys() {
                if !VARIABLES
                    .iter()
                    .any(|variable| variable.key() == *key || alias_key(variable) == Some(key.clone()))
                    && oidc::of_named_key(key).is_none()
                {
                    warnings.push(unknown(key, FILE, spelling::nearest_key(key).as_ref()));
                }
            }
            figment = figment.merge(Layer::new(FILE, values));
        }

        let env_file = match self.env_file {
            Some(given) => Some(self.working_dir.join(given)),
            None => dotenv::nearest(&self.working_dir)?,
        };
        if let Some(path) = env_file {
            let source = path.display().to_string();
            let pairs = dotenv::read(&path)?;
            figment = figment.merge(variables(&source, pairs, &mut warnings));
        }
        figment = figment.merge(variables("environment", self.environment, &mut warnings));
        let flags = self.flags.into_iter().map(|(name, value)| (name.to_owned(), value));
        figment = figment.merge(variables("flag", flags, &mut warnings));

        let found = VARIABLES.iter().filter_map(|variable| {
            let key = variable.key();
            let value = figment.find_value(&key).ok()?;
            let source = figment.find_metadata(&key).map_or_else(String::new, |found| found.name.to_string());
            Some((variable.name, Found { text: text_of(&value), source }))
        });
        let found = found.collect();
        let keys = figment.data().unwrap_or_default().into_values().flatten().map(|(key, _)| key);
        let named = keys.filter(|key| oidc::of_named_key(key).is_some()).filter_map(|key| {
            let value = figment.find_value(&key).ok()?;
            let source = figment.find_metadata(&key).map_or_else(String::new, |found| found.name.to_string());
            let name = format!("{PREFIX}{}", key.to_ascii_uppercase());
            Some((name, Found { text: text_of(&value), source }))
        });
        let named = named.collect();
        Ok(Settings::new(found, named, warnings))
    }
}

/// One layer, with the name that its values carry as their source.
struct Layer {
    name: String,
    values: Dict,
}

impl Layer {
    /// Second names become first names, a first name wins over its second, and empty values go.
    fn new(name: impl Into<String>, mut values: Dict) -> Self {
        values.retain(|_, value| !value.as_str().is_some_and(str::is_empty));
        for variable in VARIABLES {
            if let Some(value) = alias_key(variable).and_then(|alias| values.remove(&alias)) {
                values.entry(variable.key()).or_insert(value);
            }
        }
        Self { name: name.into(), values }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

fn alias_key(variable: &table::Variable) -> Option<String> {
    variable.alias.map(key_of)
}

/// A layer of `NAME=value` pairs. What is not ours is left alone; what looks like ours and is not
/// known gives a warning.
fn variables(
    source: &str,
    pairs: impl IntoIterator<Item = (String, String)>,
    warnings: &mut Vec<String>,
) -> Layer {
    let mut values = Dict::new();
    for (name, value) in pairs {
        let is_named = name.strip_prefix(PREFIX).is_some_and(|rest| {
            rest.chars().all(|letter| !letter.is_ascii_lowercase())
                && oidc::of_named_key(&rest.to_ascii_lowercase()).is_some()
        });
        if is_named || table::find(&name).is_some() {
            values.insert(key_of(&name), Raw::from(value));
        } else if name.starts_with(PREFIX)
            && !SILENTLY_IGNORED.contains(&name.as_str())
            && !name.starts_with(TEST_PREFIX)
        {
            warnings.push(unknown(&name, source, spelling::nearest_name(&name).as_ref()));
        }
    }
    Layer::new(source, values)
}

fn unknown(name: &str, source: &str, nearest: Option<&String>) -> String {
    let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
    format!("unknown setting {name} ({source}){hint}")
}

fn read_toml(path: &Path) -> Result<Option<Dict>, SettingsError> {
    let file_error = |problem: String| SettingsError::File { path: path.to_owned(), problem };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error(error.to_string())),
    };
    let values = toml_values(&text).map_err(file_error)?;
    match values.iter().find(|(_, value)| matches!(value, Raw::Dict(..))) {
        Some((key, _)) => Err(file_error(format!("has a section [{key}]; settings stand without sections"))),
        None => Ok(Some(values)),
    }
}

/// The parser's own message repeats the line, which may hold a secret; only its first line, which
/// says where, is kept.
fn toml_values(text: &str) -> Result<Dict, String> {
    let mut profiles = Toml::string(text)
        .data()
        .map_err(|error| error.to_string().lines().next().unwrap_or("not TOML").to_owned())?;
    Ok(profiles.remove(&Profile::Default).unwrap_or_default())
}

/// A value as it would be written in the environment.
pub(crate) fn text_of(value: &Raw) -> String {
    match value {
        Raw::String(_, text) => text.clone(),
        Raw::Char(_, letter) => letter.to_string(),
        Raw::Bool(_, value) => value.to_string(),
        Raw::Num(_, number) => number
            .to_i128()
            .map(|number| number.to_string())
            .or_else(|| number.to_u128().map(|number| number.to_string()))
            .or_else(|| number.to_f64().map(|number| number.to_string()))
            .unwrap_or_default(),
        Raw::Array(_, items) => items.iter().map(text_of).collect::<Vec<_>>().join(" "),
        Raw::Empty(..) | Raw::Dict(..) => String::new(),
    }
}

/// The defaults alone, by key.
pub(crate) fn defaults() -> Dict {
    toml_values(DEFAULTS).unwrap_or_default()
}
