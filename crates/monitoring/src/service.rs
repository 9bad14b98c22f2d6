//! The definition of a monitored service and its rules.

use promptgate_kernel::{MonitoredServiceId, Timestamp};
use url::Url;

use crate::Condition;

const MAX_URL_BYTES: usize = 2_048;
const DEFAULT_STATUS: u16 = 200;
const DEFAULT_INTERVAL: u32 = 60;

/// What is wrong with a service that somebody wants to create or change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidService {
    /// The name does not fit.
    #[error("name must be lower-case letters and digits with single hyphens, at most 120 characters")]
    Name,
    /// The display name is too long, or cannot be shown.
    #[error("displayName must have at most 120 characters that are no control characters")]
    DisplayName,
    /// The URL is not one.
    #[error("url must be an http or https URL with a host, of at most 2,048 bytes")]
    Url,
    /// The status is none.
    #[error("expectedStatusCode must be a whole number from 100 to 599; 0 means 200")]
    StatusCode,
    /// The interval is too short or too long.
    #[error("intervalSeconds must be a whole number from 30 to 86,400")]
    Interval,
}

impl InvalidService {
    /// The field that is wrong, as the wire names it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::DisplayName => "displayName",
            Self::Url => "url",
            Self::StatusCode => "expectedStatusCode",
            Self::Interval => "intervalSeconds",
        }
    }
}

/// A service that is looked at again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonitoredService {
    /// Its identity.
    pub id: MonitoredServiceId,
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What is asked for.
    pub url: String,
    /// The status that the answer should have.
    pub expected_status_code: u16,
    /// How many seconds are between two looks.
    pub interval_seconds: u32,
    /// Whether it is looked at by itself.
    pub enabled: bool,
    /// How it is.
    pub condition: Condition,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its definition last changed.
    pub updated_at: Timestamp,
    /// Grows with every change of the definition; a save of an older version does not match.
    pub version: i64,
}

/// What a service is made from.
#[derive(Debug, Clone, Default)]
pub struct NewMonitoredService {
    /// Its name.
    pub name: String,
    /// Its name for people; blank means the name.
    pub display_name: String,
    /// What is asked for.
    pub url: String,
    /// The status that the answer should have; 200 for `None` and 0.
    pub expected_status_code: Option<i64>,
    /// How many seconds are between two looks; 60 for `None` and 0.
    pub interval_seconds: Option<i64>,
    /// Whether it is looked at by itself.
    pub enabled: bool,
}

/// What may be changed about a service; `None` keeps a value.
#[derive(Debug, Clone, Default)]
pub struct ServiceChanges {
    /// Another name.
    pub name: Option<String>,
    /// Another name for people.
    pub display_name: Option<String>,
    /// Another address.
    pub url: Option<String>,
    /// Another status; 0 means 200.
    pub expected_status_code: Option<i64>,
    /// Another interval.
    pub interval_seconds: Option<i64>,
    /// Look at it or do not.
    pub enabled: Option<bool>,
}

impl MonitoredService {
    /// Creates a service. It is well until somebody looked.
    pub fn create(
        id: MonitoredServiceId,
        new: NewMonitoredService,
        at: Timestamp,
    ) -> Result<Self, InvalidService> {
        let interval = match new.interval_seconds {
            None | Some(0) => DEFAULT_INTERVAL,
            Some(seconds) => interval(seconds)?,
        };
        let mut service = Self {
            id,
            name: new.name.trim().to_lowercase(),
            display_name: new.display_name.trim().to_owned(),
            url: new.url,
            expected_status_code: status(new.expected_status_code.unwrap_or_default())?,
            interval_seconds: interval,
            enabled: new.enabled,
            condition: Condition::default(),
            created_at: at,
            updated_at: at,
            version: 1,
        };
        service.check()?;
        Ok(service)
    }

    /// Applies changes.
    pub fn change(mut self, changes: ServiceChanges, at: Timestamp) -> Result<Self, InvalidService> {
        if let Some(name) = changes.name {
            let name = name.trim().to_lowercase();
            if self.display_name == self.name {
                self.display_name.clone_from(&name);
            }
            self.name = name;
        }
        if let Some(name) = changes.display_name {
            name.trim().clone_into(&mut self.display_name);
        }
        self.url = changes.url.unwrap_or(self.url);
        if let Some(code) = changes.expected_status_code {
            self.expected_status_code = status(code)?;
        }
        if let Some(seconds) = changes.interval_seconds {
            self.interval_seconds = interval(seconds)?;
        }
        self.enabled = changes.enabled.unwrap_or(self.enabled);
        self.updated_at = at;
        self.version += 1;
        self.check()?;
        Ok(self)
    }

    fn check(&mut self) -> Result<(), InvalidService> {
        if !is_slug(&self.name) {
            return Err(InvalidService::Name);
        }
        if self.display_name.is_empty() {
            self.display_name.clone_from(&self.name);
        }
        if self.display_name.chars().count() > 120 || self.display_name.contains(char::is_control) {
            return Err(InvalidService::DisplayName);
        }
        if is_address(&self.url) { Ok(()) } else { Err(InvalidService::Url) }
    }
}

fn status(code: i64) -> Result<u16, InvalidService> {
    match u16::try_from(code) {
        Ok(0) => Ok(DEFAULT_STATUS),
        Ok(code @ 100..=599) => Ok(code),
        Ok(_) | Err(_) => Err(InvalidService::StatusCode),
    }
}

fn interval(seconds: i64) -> Result<u32, InvalidService> {
    match u32::try_from(seconds) {
        Ok(seconds @ 30..=86_400) => Ok(seconds),
        Ok(_) | Err(_) => Err(InvalidService::Interval),
    }
}

/// Whether a text is an address that can be asked. It is kept as it is written, so that it must be one
/// without being tidied.
fn is_address(text: &str) -> bool {
    let is_plain = !text.contains(|character: char| character.is_whitespace() || character.is_control());
    let url = Url::parse(text).ok();
    let is_http = |url: Url| {
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty())
    };
    is_plain && text.len() <= MAX_URL_BYTES && url.is_some_and(is_http)
}

fn is_slug(text: &str) -> bool {
    text.len() <= 120
        && text.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn new() -> NewMonitoredService {
        NewMonitoredService { name: "a".into(), url: "http://h/x/".into(), ..NewMonitoredService::default() }
    }

    fn create(new: NewMonitoredService) -> Result<MonitoredService, InvalidService> {
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        MonitoredService::create(id, new, Timestamp::default())
    }

    #[test]
    fn what_is_left_out_or_zero_is_the_usual() {
        for zero in [None, Some(0)] {
            let made =
                create(NewMonitoredService { expected_status_code: zero, interval_seconds: zero, ..new() })
                    .unwrap();
            assert_eq!((made.expected_status_code, made.interval_seconds), (200, 60));
            assert_eq!((&*made.url, &*made.display_name), ("http://h/x/", "a"));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for name in ["", "a_b", "-a", "ä"] {
            assert_eq!(create(NewMonitoredService { name: name.into(), ..new() }), Err(InvalidService::Name));
        }
        for url in ["", "h", "ftp://h", "http://", " http://h", "http://h/a b", "file:///x"] {
            let made = create(NewMonitoredService { url: url.into(), ..new() });
            assert_eq!(made, Err(InvalidService::Url), "{url}");
        }
        for code in [-1, 99, 600, 65_736] {
            let made = create(NewMonitoredService { expected_status_code: Some(code), ..new() });
            assert_eq!(made, Err(InvalidService::StatusCode), "{code}");
        }
        for seconds in [-1, 29, 86_401] {
            let made = create(NewMonitoredService { interval_seconds: Some(seconds), ..new() });
            assert_eq!(made, Err(InvalidService::Interval), "{seconds}");
        }
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name_and_zero_is_no_interval() {
        let first = create(NewMonitoredService { interval_seconds: Some(90), ..new() }).unwrap();
        let changes = ServiceChanges { expected_status_code: Some(0), ..ServiceChanges::default() };
        let after = first.clone().change(changes, Timestamp::from_micros(5)).unwrap();
        assert_eq!((after.expected_status_code, after.interval_seconds, after.version), (200, 90, 2));
        let changes = ServiceChanges { interval_seconds: Some(0), ..ServiceChanges::default() };
        assert_eq!(first.change(changes, Timestamp::default()), Err(InvalidService::Interval));
    }

    proptest! {
        #[test]
        fn what_is_accepted_fits(name in ".{0,10}", url in "(https?://)?.{0,20}", code: i64, seconds: i64) {
            let new = NewMonitoredService {
                name, url, expected_status_code: Some(code), interval_seconds: Some(seconds), ..new()
            };
            if let Ok(service) = create(new) {
                prop_assert!((100..600).contains(&service.expected_status_code));
                prop_assert!((30..=86_400).contains(&service.interval_seconds));
                prop_assert!(service.url.starts_with("http") && !service.url.contains(' '));
            }
        }
    }
}
