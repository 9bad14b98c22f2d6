//! Identity providers: one by the names of the table, further ones by names of their own.

use std::collections::BTreeMap;

use promptgate_kernel::SecretString;

use crate::error::{Problem, SettingsError};
use crate::kind::Value;
use crate::layers::{defaults, text_of};
use crate::settings::{Found, Settings, judged};
use crate::table::{self, PREFIX, Variable};

/// What the provider without a name of its own is called.
const UNNAMED: &str = "oidc";
const START: &str = "oidc_";
pub(crate) const ISSUER_URL: &str = "PROMPTGATE_OIDC_ISSUER_URL";
const CLIENT_ID: &str = "PROMPTGATE_OIDC_CLIENT_ID";

/// An OpenID Connect provider.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// What it is called here.
    pub name: String,
    /// Its issuer.
    pub issuer_url: String,
    /// Where its keys are, if not where it says itself.
    pub jwks_url: Option<String>,
    /// What it calls this installation.
    pub client_id: String,
    /// The installation's secret there.
    pub client_secret: Option<SecretString>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// Audiences besides the client whose access tokens count.
    pub audiences: Vec<String>,
    /// The claim that is the user name.
    pub username_claim: String,
    /// The claim that roles come from.
    pub role_claim: Option<String>,
    /// Which value gives which role.
    pub roles: Vec<(String, String)>,
    /// The claim that names access groups.
    pub groups_claim: Option<String>,
}

/// The row of the table that a key of a named provider goes by: that of `oidc_client_id` for
/// `oidc_google_client_id`.
pub(crate) fn of_named_key(key: &str) -> Option<&'static Variable> {
    let name = format!("{PREFIX}{}", key.to_ascii_uppercase());
    if table::find(&name).is_some() {
        return None;
    }
    let (provider, member) = key.strip_prefix(START)?.split_once('_')?;
    let is_name = !provider.is_empty()
        && provider.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    is_name.then(|| table::find(&format!("{PREFIX}OIDC_{}", member.to_ascii_uppercase()))).flatten()
}

/// The same for the name of a variable.
pub(crate) fn of_name(name: &str) -> Option<&'static Variable> {
    of_named_key(&table::key_of(name))
}

/// The provider that a variable is about.
fn provider_of(name: &str) -> String {
    let key = table::key_of(name);
    let rest = key.strip_prefix(START).unwrap_or(&key);
    rest.split('_').next().unwrap_or_default().to_owned()
}

impl Settings {
    /// The identity providers: the one without a name of its own first, the others by name.
    pub fn oidc(&self) -> Result<Vec<OidcSettings>, SettingsError> {
        let mut providers = Vec::new();
        if let (Some(issuer_url), Some(client_id)) = (self.text(ISSUER_URL)?, self.text(CLIENT_ID)?) {
            let text = |member: &'static str| self.text(member);
            providers.push(OidcSettings {
                name: UNNAMED.into(),
                issuer_url,
                jwks_url: text("PROMPTGATE_OIDC_JWKS_URL")?,
                client_id,
                client_secret: self.secret("PROMPTGATE_OIDC_CLIENT_SECRET")?,
                scopes: self.list("PROMPTGATE_OIDC_SCOPES")?,
                audiences: self.list("PROMPTGATE_OIDC_AUDIENCES")?,
                username_claim: text("PROMPTGATE_OIDC_USERNAME_CLAIM")?.unwrap_or_default(),
                role_claim: text("PROMPTGATE_OIDC_ROLE_CLAIM")?,
                roles: pairs(self.list("PROMPTGATE_OIDC_ROLES")?),
                groups_claim: text("PROMPTGATE_OIDC_GROUPS_CLAIM")?,
            });
        }
        for (name, mut values) in self.by_provider()? {
            let mut text = |member: &str| match values.remove(member) {
                Some(Value::Text(text)) => Some(text),
                _ => None,
            };
            let (issuer_url, client_id) = (text("issuer_url"), text("client_id"));
            let (Some(issuer_url), Some(client_id)) = (issuer_url, client_id) else { continue };
            let jwks_url = text("jwks_url");
            let client_secret = text("client_secret").map(SecretString::new);
            let username_claim = text("username_claim").unwrap_or_else(|| default("oidc_username_claim"));
            let (role_claim, groups_claim) = (text("role_claim"), text("groups_claim"));
            let mut list = |member: &str| match values.remove(member) {
                Some(Value::List(list)) => Some(list),
                _ => None,
            };
            let usual = || default("oidc_scopes").split_whitespace().map(str::to_owned).collect();
            providers.push(OidcSettings {
                name,
                issuer_url,
                jwks_url,
                client_id,
                client_secret,
                scopes: list("scopes").unwrap_or_else(usual),
                audiences: list("audiences").unwrap_or_default(),
                username_claim,
                role_claim,
                roles: pairs(list("roles").unwrap_or_default()),
                groups_claim,
            });
        }
        Ok(providers)
    }

    /// What makes no provider, because its issuer or its client is missing.
    pub(crate) fn incomplete_providers(&self) -> Vec<Problem> {
        let mut prefixes: Vec<String> =
            self.named().keys().map(|name| format!("{}_", provider_of(name).to_ascii_uppercase())).collect();
        prefixes.dedup();
        let is_set = |name: &str| {
            self.named().contains_key(name)
                || self.entries().any(|entry| entry.name == name && entry.shown.is_some())
        };
        let mut problems = Vec::new();
        for prefix in std::iter::once(String::new()).chain(prefixes) {
            let [issuer, client, roles, claim] = ["ISSUER_URL", "CLIENT_ID", "ROLES", "ROLE_CLAIM"]
                .map(|member| format!("{PREFIX}OIDC_{prefix}{member}"));
            for (one, other) in [(&issuer, &client), (&client, &issuer), (&roles, &claim), (&claim, &roles)] {
                if is_set(one) && !is_set(other) {
                    problems.push(Problem {
                        name: other.clone(),
                        problem: format!("is required with {one}"),
                        found: String::new(),
                    });
                }
            }
            let is_named = !prefix.is_empty();
            if is_named && !is_set(&issuer) && !is_set(&client) {
                problems.push(Problem {
                    name: issuer,
                    problem: "is required for a provider with a name of its own".into(),
                    found: String::new(),
                });
            }
        }
        problems
    }

    fn by_provider(&self) -> Result<BTreeMap<String, BTreeMap<String, Value>>, SettingsError> {
        let mut providers: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        for (name, found) in self.named() {
            let Some(variable) = of_name(name) else { continue };
            let value = read(name, variable, found)?;
            let member = variable.key().strip_prefix(START).unwrap_or_default().to_owned();
            providers.entry(provider_of(name)).or_default().insert(member, value);
        }
        Ok(providers)
    }
}

fn read(name: &str, variable: &Variable, found: &Found) -> Result<Value, SettingsError> {
    judged(name, variable, found).map_err(|problem| SettingsError::Values(crate::Problems(vec![problem])))
}

fn pairs(list: Vec<String>) -> Vec<(String, String)> {
    let pair = |item: String| {
        let (value, role) = item.rsplit_once('=')?;
        Some((value.trim().to_owned(), role.trim().to_owned()))
    };
    list.into_iter().filter_map(pair).collect()
}

fn default(key: &str) -> String {
    defaults().get(key).map(text_of).unwrap_or_default()
}
