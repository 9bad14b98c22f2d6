//! The forms a value may have, and how each is read.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use promptgate_kernel::{CredentialId, SecretsKey};
use url::Url;

use crate::duration;
use crate::origins::origin_of;

/// The form of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text; blanks around it do not count.
    Text,
    /// The name of a cookie: a token of RFC 6265.
    CookieName,
    /// `true` or `false`.
    Switch,
    /// A whole number above zero.
    Count,
    /// A TCP port, with or without a colon before it.
    Port,
    /// A span of time above zero.
    Duration,
    /// A span of time, zero too.
    Delay,
    /// Texts separated by blanks or commas.
    List,
    /// Origins separated by blanks or commas.
    Origins,
    /// Networks separated by blanks or commas.
    Networks,
    /// `name=value` pairs separated by commas.
    Headers,
    /// `value=role` pairs separated by commas.
    Roles,
    /// A number of dollars, zero or more.
    Rate,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// An address or name of this machine.
    Host,
    /// An IP address, with or without a port.
    SocketAddress,
    /// An `http` or `https` address.
    HttpUrl,
    /// A database.
    DatabaseUrl,
    /// A Redis server.
    RedisUrl,
    /// A path that need not exist.
    Path,
    /// A directory that is there.
    ExistingDirectory,
    /// A file of PEM certificates that is there.
    CertificateFile,
    /// A key of 32 bytes.
    SecretsKey,
    /// Several keys of 32 bytes.
    SecretsKeys,
    /// A secret of at least 32 bytes.
    LongSecret,
    /// The work factor of bcrypt.
    BcryptCost,
    /// A time zone by its IANA name.
    Timezone,
    /// The id of a provider's credential.
    CredentialId,
}

/// A value that has been read.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Switch(bool),
    Count(u64),
    Duration(Duration),
    List(Vec<String>),
    Networks(Vec<IpNet>),
    Rate(f64),
    Path(PathBuf),
    Keys(Vec<SecretsKey>),
}

/// What is wrong with a value, as the rest of a sentence that begins with the name of the setting,
/// and whether the value may be repeated after it.
pub(crate) struct Refused {
    pub(crate) problem: String,
    pub(crate) repeat_value: bool,
}

fn refused(problem: impl Into<String>) -> Refused {
    Refused { problem: problem.into(), repeat_value: true }
}

fn refused_in_silence(problem: impl Into<String>) -> Refused {
    Refused { problem: problem.into(), repeat_value: false }
}

impl Kind {
    /// The accepted form, in words.
    pub fn form(self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Switch => "true or false".into(),
            Self::Count => "whole number above zero".into(),
            Self::Port => "port, such as 8080".into(),
            Self::Duration => "duration, such as 250ms, 30s or 1h30m".into(),
            Self::Delay => "duration, such as 250ms, 30s or 0s".into(),
            Self::List => "list, separated by blanks or commas".into(),
            Self::Origins => "list of origins, such as https://console.example.com".into(),
            Self::Networks => "list of networks, such as 10.0.0.0/8".into(),
            Self::Headers => "name=value, separated by commas".into(),
            Self::Roles => "value=role, separated by commas; roles are user, manager and admin".into(),
            Self::Rate => "number, zero or more".into(),
            Self::Choice(words) => words.join(", "),
            Self::Host => "IP address or host name".into(),
            Self::SocketAddress => "IP address, with or without a port".into(),
            Self::CookieName => "letters, digits and !#$%&'*+-.^_`|~".into(),
            Self::HttpUrl => "address that begins with http:// or https://".into(),
            Self::DatabaseUrl => "postgres://user:password@host/database, or sqlite:path/to/file.db".into(),
            Self::RedisUrl => "redis://host:6379/0, or rediss:// for TLS".into(),
            Self::Path => "path".into(),
            Self::ExistingDirectory => "directory that exists".into(),
            Self::CertificateFile => "file with at least one PEM certificate".into(),
            Self::SecretsKey => "base64 of 32 bytes, or 32 raw characters".into(),
            Self::SecretsKeys => "keys of 32 bytes, separated by blanks or commas".into(),
            Self::LongSecret => "at least 32 bytes".into(),
            Self::BcryptCost => "whole number from 4 to 31".into(),
            Self::Timezone => "IANA name, such as UTC or Europe/Berlin".into(),
            Self::CredentialId => "id of a credential".into(),
        }
    }

    pub(crate) fn read(self, text: &str) -> Result<Value, Refused> {
        let text = text.trim();
        match self {
            Self::Text => Ok(Value::Text(text.to_owned())),
            Self::Switch => switch(text),
            Self::Count => match text.parse::<u64>() {
                Ok(count) if count > 0 => Ok(Value::Count(count)),
                Ok(_) => Err(refused("must be greater than zero")),
                Err(_) => Err(refused("must be a whole number above zero")),
            },
            Self::Port => text
                .strip_prefix(':')
                .unwrap_or(text)
                .parse::<u16>()
                .map(|port| Value::Count(port.into()))
                .map_err(|_| refused("must be a port from 0 to 65535, such as 8080")),
            Self::Duration => match duration::parse(text) {
                Some(span) if !span.is_negative && !span.length.is_zero() => Ok(Value::Duration(span.length)),
                Some(_) => Err(refused("must be greater than zero, such as 30s")),
                None => Err(refused(NO_DURATION)),
            },
            Self::Delay => match duration::parse(text) {
                Some(span) if !span.is_negative => Ok(Value::Duration(span.length)),
                Some(_) => Err(refused("must not be negative")),
                None => Err(refused(NO_DURATION)),
            },
            Self::List => Ok(Value::List(items(text).map(str::to_owned).collect())),
            Self::Origins => {
                // Browsers name origins in one way only, and without a path.
                let origin = |item| http_url(item).map(|url| origin_of(url).unwrap_or_else(|| trimmed(url)));
                items(text).map(origin).collect::<Result<_, _>>().map(Value::List)
            }
            Self::Networks => items(text).map(network).collect::<Result<_, _>>().map(Value::Networks),
            Self::Headers => headers(text),
            Self::Roles => roles(text),
            Self::Rate => rate(text),
            Self::Choice(words) => {
                let word = text.to_ascii_lowercase();
                if words.contains(&word.as_str()) {
                    Ok(Value::Text(word))
                } else {
                    Err(refused(format!("must be one of {}", words.join(", "))))
                }
            }
            Self::Host => host(text),
            Self::SocketAddress if text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok() => {
                Ok(Value::Text(text.to_owned()))
            }
            Self::SocketAddress => Err(refused("must be an IP address, such as 10.0.0.2 or 10.0.0.2:53")),
            Self::CookieName if is_token(text) => Ok(Value::Text(text.to_owned())),
            Self::CookieName => {
                Err(refused("must be the name of a cookie: letters, digits and !#$%&'*+-.^_`|~"))
            }
            Self::HttpUrl => http_url(text).map(|url| Value::Text(trimmed(url))),
            Self::DatabaseUrl => database_url(text),
            Self::RedisUrl => redis_url(text),
            Self::Path => Ok(Value::Path(PathBuf::from(text))),
            Self::ExistingDirectory => match std::fs::metadata(text) {
                Ok(found) if found.is_dir() => Ok(Value::Path(PathBuf::from(text))),
                Ok(_) => Err(refused("must be a directory, and is a file")),
                Err(error) => Err(refused(format!("must be a directory that exists ({error})"))),
            },
            Self::CertificateFile => certificate_file(text),
            Self::SecretsKey => key(text).map(|key| Value::Keys(vec![key])),
            Self::SecretsKeys => items(text).map(key).collect::<Result<_, _>>().map(Value::Keys),
            Self::CredentialId => match text.parse::<CredentialId>() {
                Ok(id) => Ok(Value::Text(id.to_string())),
                Err(_) => Err(refused("must be the id of a credential, as the list of credentials shows it")),
            },
            Self::LongSecret if text.len() >= 32 => Ok(Value::Text(text.to_owned())),
            Self::LongSecret => Err(refused_in_silence(format!(
                "must have at least 32 bytes; it has {}. Make one with: openssl rand -base64 48",
                text.len()
            ))),
            Self::BcryptCost => match text.parse::<u64>() {
                Ok(cost @ 4..=31) => Ok(Value::Count(cost)),
                _ => Err(refused("must be a whole number from 4 to 31")),
            },
            Self::Timezone => timezone(text),
        }
    }
}

const NO_DURATION: &str = "must be a duration with a unit, such as 250ms, 30s or 1h30m";

/// The items of a list: separated by blanks or commas, empty ones ignored.
pub(crate) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(|separator: char| separator == ',' || separator.is_whitespace())
        .filter(|item| !item.is_empty())
}

fn switch(text: &str) -> Result<Value, Refused> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" => Ok(Value::Switch(true)),
        "0" | "f" | "false" => Ok(Value::Switch(false)),
        _ => Err(refused("must be true or false")),
    }
}

fn network(item: &str) -> Result<IpNet, Refused> {
    item.parse::<IpNet>()
        .map(|network| network.trunc())
        .map_err(|_| refused(format!("has `{item}`, which is not a network, such as 10.0.0.0/8")))
}

fn headers(text: &str) -> Result<Value, Refused> {
    let pairs: Vec<_> = text.split(',').map(str::trim).filter(|pair| !pair.is_empty()).collect();
    if pairs.iter().all(|pair| pair.split_once('=').is_some_and(|(name, _)| !name.trim().is_empty())) {
        Ok(Value::List(pairs.into_iter().map(str::to_owned).collect()))
    } else {
        Err(refused_in_silence("must be name=value, several separated by commas"))
    }
}

fn roles(text: &str) -> Result<Value, Refused> {
    let pairs: Vec<_> = text.split(',').map(str::trim).filter(|pair| !pair.is_empty()).collect();
    let fits = |pair: &&str| {
        let (value, role) = pair.rsplit_once('=').unwrap_or_default();
        !value.trim().is_empty() && matches!(role.trim(), "user" | "manager" | "admin")
    };
    if pairs.iter().all(fits) {
        Ok(Value::List(pairs.into_iter().map(str::to_owned).collect()))
    } else {
        Err(refused("must be value=role, several separated by commas; roles are user, manager and admin"))
    }
}

fn rate(text: &str) -> Result<Value, Refused> {
    match text.parse::<f64>() {
        Ok(rate) if !rate.is_finite() => Err(refused("must be a valid number")),
        Ok(rate) if rate < 0.0 => Err(refused("must be greater than or equal to zero")),
        Ok(rate) => Ok(Value::Rate(rate)),
        Err(_) => Err(refused("must be a valid number")),
    }
}

fn host(text: &str) -> Result<Value, Refused> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let is_name = !bare.is_empty()
        && bare.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.');
    if bare.parse::<IpAddr>().is_ok() || is_name {
        Ok(Value::Text(bare.to_owned()))
    } else {
        Err(refused("must be an IP address or a host name without a port, such as 127.0.0.1 or 0.0.0.0"))
    }
}

fn http_url(text: &str) -> Result<&str, Refused> {
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            Err(refused_in_silence("must begin with http:// or https://"))
        }
        Ok(url) if url.host_str().is_none_or(str::is_empty) => Err(refused("must name a host")),
        Ok(_) => Ok(text),
        Err(_) => Err(refused_in_silence("must be an address that begins with http:// or https://")),
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn trimmed(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

fn database_url(text: &str) -> Result<Value, Refused> {
    let wrong = || {
        refused_in_silence(
            "must be postgres://user:password@host/database, or sqlite:path/to/file.db (unset: a file in \
             the data directory)",
        )
    };
    if let Some(path) = text.strip_prefix("sqlite:") {
        return if path.is_empty() { Err(wrong()) } else { Ok(Value::Text(text.to_owned())) };
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => Ok(Value::Text(text.to_owned())),
        _ => Err(wrong()),
    }
}

fn redis_url(text: &str) -> Result<Value, Refused> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "redis" | "rediss") && url.host_str().is_some() => {
            Ok(Value::Text(text.to_owned()))
        }
        _ => Err(refused_in_silence("must be redis://host:6379/0, or rediss://… for TLS")),
    }
}

fn certificate_file(text: &str) -> Result<Value, Refused> {
    let path = Path::new(text);
    if path.is_dir() {
        return Err(refused("must be a file of PEM certificates, and is a directory"));
    }
    match std::fs::read_to_string(path) {
        Ok(content) if content.contains("-----BEGIN CERTIFICATE-----") => Ok(Value::Path(path.to_owned())),
        Ok(_) => Err(refused("must be a file with at least one PEM certificate, and has none")),
        Err(error) => Err(refused(format!("must be a file of PEM certificates that can be read ({error})"))),
    }
}

fn key(text: &str) -> Result<SecretsKey, Refused> {
    SecretsKey::parse(text).map_err(|error| refused_in_silence(error.to_string()))
}

fn timezone(text: &str) -> Result<Value, Refused> {
    match text.parse::<chrono_tz::Tz>() {
        Ok(zone) => Ok(Value::Text(zone.name().to_owned())),
        Err(_) => Err(refused("must be the name of a time zone, such as UTC or Europe/Berlin")),
    }
}
