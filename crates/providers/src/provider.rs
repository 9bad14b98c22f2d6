//! The provider entity and its rules.

use std::time::Duration;

use promptgate_kernel::{ProviderId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::limits::is_model;
use crate::{ProviderKind, ProviderName};

const MAX_MODELS: usize = 1_000;
const MAX_URL_BYTES: usize = 2_048;
const MAX_CONFIG_BYTES: usize = 64 * 1024;

/// What is wrong with a provider that somebody wants to create or change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProvider {
    /// The name does not fit.
    #[error("name must be lower-case letters and digits with single hyphens, such as `team-openai`")]
    Name,
    /// The name is a route of the gateway itself.
    #[error("name is reserved, because the gateway has a route of that name")]
    ReservedName,
    /// The display name is too long, or cannot be shown.
    #[error("displayName must have at most 120 characters that are no control characters")]
    DisplayName,
    /// The base URL is not one.
    #[error(
        "baseUrl must be an http or https URL with a host, without user, query or fragment, of at most 2,048 bytes"
    )]
    BaseUrl,
    /// A kind without a well-known address needs a base URL.
    #[error("baseUrl is required for providers of type {kind}")]
    BaseUrlRequired {
        /// The kind.
        kind: ProviderKind,
    },
    /// A model name is blank or too long, or there are too many.
    #[error("models must be at most 1,000 names of 1 to 200 characters that are no control characters")]
    Models,
    /// The configuration is too large.
    #[error("config must be a JSON object of at most 64 KiB")]
    Config,
    /// A time-out of the configuration is wrong.
    #[error("config.{field} must be a number of milliseconds from 1 to 3,600,000")]
    Timeout {
        /// The member of `config`.
        field: &'static str,
    },
    /// What the configuration says about the service's abilities cannot be read.
    #[error("config.{field}: {problem}")]
    Capabilities {
        /// The member of `config`.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Azure's version is not one.
    #[error("config.apiVersion must be 1 to 40 letters, digits, hyphens and dots, such as 2024-10-21")]
    ApiVersion,
}

impl InvalidProvider {
    /// The field that is wrong, as the wire names it.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Name | Self::ReservedName => "name",
            Self::DisplayName => "displayName",
            Self::BaseUrl | Self::BaseUrlRequired { .. } => "baseUrl",
            Self::Models => "models",
            Self::Config | Self::Timeout { .. } | Self::Capabilities { .. } | Self::ApiVersion => "config",
        }
    }
}

/// Where a provider answers: http or https, with a host, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Checks a URL and removes trailing slashes.
    pub fn parse(text: &str) -> Result<Self, InvalidProvider> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidProvider::BaseUrl)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.as_str().len() <= MAX_URL_BYTES;
        if plain {
            Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
        } else {
            Err(InvalidProvider::BaseUrl)
        }
    }

    /// The URL, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long a call may take; `None` leaves it to the process's setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeouts {
    /// Until the connection is there, TLS included.
    pub connect: Option<Duration>,
    /// From the request being sent until the answer's head is there.
    pub first_byte: Option<Duration>,
    /// Between two pieces of the answer.
    pub idle: Option<Duration>,
    /// The whole call; never applied to a stream.
    pub total: Option<Duration>,
}

/// A configured upstream model service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    /// Its identity.
    pub id: ProviderId,
    /// Its name, which never changes.
    pub name: ProviderName,
    /// Its name for people.
    pub display_name: String,
    /// What kind of service it is.
    pub kind: ProviderKind,
    /// Where it answers.
    pub base_url: BaseUrl,
    /// The models it is known to have, in order.
    pub models: Vec<String>,
    /// Free options. Known members: `connectTimeoutMs`, `firstByteTimeoutMs`, `idleTimeoutMs`,
    /// `totalTimeoutMs`, `shapes`, `capabilities`, `modelCapabilities`, `apiVersion`.
    pub config: Map<String, Value>,
    /// Whether it answers; switched off, every request aimed at it is refused.
    pub enabled: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// What a provider is made from.
#[derive(Debug, Clone)]
pub struct NewProvider {
    /// Its name.
    pub name: ProviderName,
    /// Its name for people; blank means the name.
    pub display_name: String,
    /// What kind of service it is.
    pub kind: ProviderKind,
    /// Where it answers; `None` means the vendor's own address.
    pub base_url: Option<BaseUrl>,
    /// The models it is known to have.
    pub models: Vec<String>,
    /// Free options.
    pub config: Map<String, Value>,
    /// Whether it answers.
    pub enabled: bool,
}

/// What may be changed about a provider; `None` keeps a value.
#[derive(Debug, Clone, Default)]
pub struct ProviderChanges {
    /// Another name for people.
    pub display_name: Option<String>,
    /// Another kind.
    pub kind: Option<ProviderKind>,
    /// Another address.
    pub base_url: Option<BaseUrl>,
    /// Other models, whole.
    pub models: Option<Vec<String>>,
    /// Other options, whole.
    pub config: Option<Map<String, Value>>,
    /// Switch it on or off.
    pub enabled: Option<bool>,
}

impl Provider {
    /// Creates a provider.
    pub fn create(id: ProviderId, new: NewProvider, at: Timestamp) -> Result<Self, InvalidProvider> {
        let base_url = match (new.base_url, new.kind.default_base_url()) {
            (Some(url), _) => url,
            (None, Some(url)) => BaseUrl::parse(url)?,
            (None, None) => return Err(InvalidProvider::BaseUrlRequired { kind: new.kind }),
        };
        let provider = Self {
            id,
            display_name: display_name(&new.display_name, &new.name),
            name: new.name,
            kind: new.kind,
            base_url,
            models: new.models,
            config: new.config,
            enabled: new.enabled,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        provider.check()?;
        Ok(provider)
    }

    /// Applies changes.
    pub fn change(mut self, changes: ProviderChanges, at: Timestamp) -> Result<Self, InvalidProvider> {
        if let Some(name) = changes.display_name {
            self.display_name = display_name(&name, &self.name);
        }
        self.kind = changes.kind.unwrap_or(self.kind);
        self.base_url = changes.base_url.unwrap_or(self.base_url);
        self.models = changes.models.unwrap_or(self.models);
        self.config = changes.config.unwrap_or(self.config);
        self.enabled = changes.enabled.unwrap_or(self.enabled);
        self.updated_at = at;
        self.version += 1;
        self.check()?;
        Ok(self)
    }

    /// The time-outs that its configuration sets.
    pub fn timeouts(&self) -> Result<Timeouts, InvalidProvider> {
        let read = |field: &'static str| match self.config.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64() {
                Some(millis @ 1..=3_600_000) => Ok(Some(Duration::from_millis(millis))),
                _ => Err(InvalidProvider::Timeout { field }),
            },
        };
        Ok(Timeouts {
            connect: read("connectTimeoutMs")?,
            first_byte: read("firstByteTimeoutMs")?,
            idle: read("idleTimeoutMs")?,
            total: read("totalTimeoutMs")?,
        })
    }

    fn check(&self) -> Result<(), InvalidProvider> {
        if self.display_name.chars().count() > 120 || self.display_name.contains(char::is_control) {
            return Err(InvalidProvider::DisplayName);
        }
        if self.models.len() > MAX_MODELS || !self.models.iter().all(|model| is_model(model)) {
            return Err(InvalidProvider::Models);
        }
        let config = serde_json::to_vec(&self.config).map_or(usize::MAX, |bytes| bytes.len());
        if config > MAX_CONFIG_BYTES {
            return Err(InvalidProvider::Config);
        }
        self.timeouts()?;
        self.overrides()?;
        self.api_version()?;
        Ok(())
    }
}

fn display_name(given: &str, name: &ProviderName) -> String {
    let given = given.trim();
    if given.is_empty() { name.as_str().to_owned() } else { given.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(kind: ProviderKind) -> NewProvider {
        NewProvider {
            name: ProviderName::parse("main").unwrap(),
            display_name: String::new(),
            kind,
            base_url: None,
            models: vec![],
            config: Map::new(),
            enabled: true,
        }
    }

    fn create(new: NewProvider) -> Result<Provider, InvalidProvider> {
        Provider::create("018f4e6e-0000-7000-8000-000000000001".parse().unwrap(), new, Timestamp::default())
    }

    #[test]
    fn vendors_have_an_address_and_others_need_one() {
        assert_eq!(create(new(ProviderKind::OpenAi)).unwrap().base_url.as_str(), "https://api.openai.com/v1");
        let refused = create(new(ProviderKind::OpenAiCompatible)).unwrap_err();
        assert_eq!(refused.to_string(), "baseUrl is required for providers of type openai_compatible");
    }

    #[test]
    fn addresses_with_anything_hidden_in_them_are_refused() {
        for wrong in [
            "",
            "ftp://h",
            "https://",
            "h/v1",
            "https://user@h",
            "https://u:p@h",
            "http://h?x=1",
            "http://h#x",
            &format!("http://h/{}", "x".repeat(2_048)),
        ] {
            assert_eq!(BaseUrl::parse(wrong), Err(InvalidProvider::BaseUrl), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_kept_or_shown_is_refused() {
        let mut wrong = new(ProviderKind::OpenAi);
        wrong.display_name = "a\0b".into();
        assert_eq!(create(wrong).unwrap_err(), InvalidProvider::DisplayName);
        let mut wrong = new(ProviderKind::OpenAi);
        wrong.models = vec!["a\nb".into()];
        assert_eq!(create(wrong).unwrap_err(), InvalidProvider::Models);
        let mut wrong = new(ProviderKind::OpenAi);
        wrong.config.insert("note".into(), "x".repeat(64 * 1024).into());
        assert_eq!(create(wrong).unwrap_err(), InvalidProvider::Config);
    }

    #[test]
    fn a_wrong_timeout_is_named() {
        let mut wrong = new(ProviderKind::OpenAi);
        wrong.config.insert("idleTimeoutMs".into(), 0.into());
        assert_eq!(create(wrong).unwrap_err(), InvalidProvider::Timeout { field: "idleTimeoutMs" });
        let mut right = new(ProviderKind::OpenAi);
        right.config.insert("idleTimeoutMs".into(), 1500.into());
        assert_eq!(create(right).unwrap().timeouts().unwrap().idle, Some(Duration::from_millis(1500)));
    }
}
