//! What is counted, and how much of it there may be.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use promptgate_kernel::{AccountId, EndpointId, GroupId, ProjectId, TokenId};

use crate::Window;

/// Whose use is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A token.
    Token(TokenId),
    /// An AI endpoint, by all its callers.
    Endpoint(EndpointId),
    /// A project, by all its tokens.
    Project(ProjectId),
    /// An access group, by all its members.
    Group(GroupId),
    /// A person or a service account, by all its keys.
    Owner(AccountId),
}

impl Subject {
    /// What it is, by its stable name.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Endpoint(_) => "endpoint",
            Self::Project(_) => "project",
            Self::Group(_) => "group",
            Self::Owner(_) => "owner",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::Token(id) => write!(f, "{kind}:{id}"),
            Self::Endpoint(id) => write!(f, "{kind}:{id}"),
            Self::Project(id) => write!(f, "{kind}:{id}"),
            Self::Group(id) => write!(f, "{kind}:{id}"),
            Self::Owner(id) => write!(f, "{kind}:{id}"),
        }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Calls.
    Requests,
    /// Tokens of text, all classes of them.
    Tokens,
    /// Nano-dollars.
    Cost,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 3] = [Self::Requests, Self::Tokens, Self::Cost];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
        }
    }
}

/// One thing that is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// Whose use.
    pub subject: Subject,
    /// Only that of this model; `None` counts all.
    pub model: Option<Arc<str>>,
    /// Of what.
    pub measure: Measure,
    /// Within which time.
    pub window: Window,
}

/// The stable text of a counter, under which stores keep it: `token:<id>:requests:minute`, and the model
/// at its end where there is one.
impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.subject, self.measure.name(), self.window.name())?;
        match &self.model {
            Some(model) => write!(f, ":{model}"),
            None => Ok(()),
        }
    }
}

/// A text that names no counter.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no counter")]
pub struct UnknownCounter(String);

impl FromStr for Counter {
    type Err = UnknownCounter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| UnknownCounter(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Counter> {
    let mut parts = text.splitn(5, ':');
    let (kind, id) = (parts.next()?, parts.next()?);
    let subject = match kind {
        "token" => Subject::Token(id.parse().ok()?),
        "endpoint" => Subject::Endpoint(id.parse().ok()?),
        "project" => Subject::Project(id.parse().ok()?),
        "group" => Subject::Group(id.parse().ok()?),
        "owner" => Subject::Owner(id.parse().ok()?),
        _ => return None,
    };
    let (measure, window) = (parts.next()?, parts.next()?);
    Some(Counter {
        subject,
        model: parts.next().map(Arc::from),
        measure: Measure::ALL.into_iter().find(|known| known.name() == measure)?,
        window: Window::ALL.into_iter().find(|known| known.name() == window)?,
    })
}

/// How much of something there may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Limit {
    /// What is counted.
    pub counter: Counter,
    /// The most.
    pub cap: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_counter_is_stable_and_tells_counters_apart() {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        let counter = Counter {
            subject: Subject::Token(id.parse().unwrap()),
            model: None,
            measure: Measure::Requests,
            window: Window::Minute,
        };
        assert_eq!(counter.to_string(), format!("token:{id}:requests:minute"));
        let of_a_model = Counter { model: Some("x:y".into()), measure: Measure::Cost, ..counter };
        assert_eq!(of_a_model.to_string(), format!("token:{id}:cost:minute:x:y"));
    }

    #[test]
    fn a_counter_is_read_from_its_text() {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        let subjects = [
            Subject::Token(id.parse().unwrap()),
            Subject::Endpoint(id.parse().unwrap()),
            Subject::Project(id.parse().unwrap()),
            Subject::Group(id.parse().unwrap()),
            Subject::Owner(id.parse().unwrap()),
        ];
        for subject in subjects {
            for measure in Measure::ALL {
                for window in Window::ALL {
                    for model in [None, Some(""), Some("x:y")] {
                        let counter = Counter { subject, model: model.map(Arc::from), measure, window };
                        assert_eq!(counter.to_string().parse::<Counter>().unwrap(), counter);
                    }
                }
            }
        }
        for wrong in [
            "",
            "token",
            "token:x:cost:day",
            &format!("tokens:{id}:cost:day"),
            &format!("token:{id}:cost:year"),
        ] {
            assert!(wrong.parse::<Counter>().is_err(), "{wrong}");
        }
    }
}
