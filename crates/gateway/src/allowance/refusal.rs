//! Why a call may not use what it needs.

use std::time::Duration;

use promptgate_kernel::{Money, Timestamp};
use promptgate_limiter::Denied;
use promptgate_limits::{Limit, Measure, Standing, Subject, Window};
use serde_json::{Map, Value, json};

use crate::pipeline::Shared;
use crate::refusal::Who;

/// Why a call may not use what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitRefusal {
    /// Too many requests or tokens in a minute or an hour, or too many calls at the same time.
    Rate {
        /// Which limit has no room.
        limit: Limit,
        /// What the call needed of it.
        needed: u64,
        /// When it may have.
        retry_after: Duration,
    },
    /// A budget of tokens or money has too little left.
    Budget {
        /// Which.
        limit: Limit,
        /// How it stands.
        standing: Standing,
        /// What the call needed of it.
        needed: u64,
    },
    /// The plan of the account that calls has too little left.
    Quota {
        /// Which window.
        limit: Limit,
        /// How it stands.
        standing: Standing,
        /// What the call needed of it.
        needed: u64,
        /// When something comes back.
        retry_after: Duration,
    },
    /// One request gives a model more to read than one may.
    Request {
        /// Whose cap it is.
        subject: Subject,
        /// How many tokens.
        cap: u64,
        /// How many it has, by estimate.
        needed: u64,
    },
    /// The account that calls has no plan, and there is no default one.
    NoPlan,
    /// A limit cannot be kept at the moment, and nothing may go without.
    Unavailable {
        /// Which.
        limit: Limit,
    },
}

impl LimitRefusal {
    pub(super) fn of(denied: Denied, at: Timestamp, shared: &Shared) -> Self {
        let now = shared.clock.now();
        match denied {
            Denied::Unknown { limit } => Self::Unavailable { limit },
            Denied::Over { limit, standing, needed, .. } => match limit.counter.window {
                Window::Now => Self::Rate { limit, needed, retry_after: Duration::from_secs(1) },
                Window::Minute | Window::Hour => {
                    let until = shared.limiters.rates.span(&limit, at).until;
                    Self::Rate { limit, needed, retry_after: until.since(now) }
                }
                Window::FiveHours | Window::SevenDays => {
                    let is_held = standing.used.saturating_add(needed) <= limit.cap;
                    let retry_after =
                        if is_held { Duration::from_secs(1) } else { standing.resets_at.since(now) };
                    Self::Quota { limit, standing, needed, retry_after }
                }
                Window::Day | Window::Month => Self::Budget { limit, standing, needed },
            },
        }
    }

    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::Rate { .. } | Self::Quota { .. } => 429,
            Self::Budget { .. } => 402,
            Self::Request { .. } => 422,
            Self::NoPlan => 403,
            Self::Unavailable { .. } => 503,
        }
    }

    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Rate { .. } => "rate_limit_exceeded",
            Self::Quota { .. } => "quota_exceeded",
            Self::Budget { .. } => "budget_exhausted",
            Self::Request { .. } => "input_too_large",
            Self::NoPlan => "subscription_required",
            Self::Unavailable { limit } => match limit.counter.window {
                Window::FiveHours | Window::SevenDays => "subscription_quota_unavailable",
                Window::Day | Window::Month => "budgets_unavailable",
                Window::Minute | Window::Hour | Window::Now => "limits_unavailable",
            },
        }
    }

    pub(crate) const fn who(&self) -> Who {
        match self {
            Self::Unavailable { .. } => Who::Us,
            _ => Who::Policy,
        }
    }

    /// Whether the call needs more than a limit ever has: waiting does not help.
    const fn is_too_large(&self) -> bool {
        match self {
            Self::Rate { limit, needed, .. }
            | Self::Budget { limit, needed, .. }
            | Self::Quota { limit, needed, .. } => *needed > limit.cap,
            Self::Request { .. } => true,
            Self::NoPlan | Self::Unavailable { .. } => false,
        }
    }

    /// Whether what is left of a budget or a quota would do, and is only held by calls that are not over, or not
    /// recorded yet: it comes back with them, not when the window turns.
    const fn is_held(&self) -> bool {
        match self {
            Self::Budget { limit, standing, needed } | Self::Quota { limit, standing, needed, .. } => {
                standing.used.saturating_add(*needed) <= limit.cap
            }
            Self::Rate { .. } | Self::Request { .. } | Self::NoPlan | Self::Unavailable { .. } => false,
        }
    }

    pub(crate) const fn may_retry(&self) -> bool {
        let comes_back = matches!(self, Self::Rate { .. } | Self::Unavailable { .. }) || self.is_held();
        comes_back && !self.is_too_large()
    }

    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            _ if self.is_too_large() => None,
            Self::Rate { retry_after, .. } | Self::Quota { retry_after, .. } => Some(*retry_after),
            Self::Unavailable { .. } => Some(Duration::from_secs(1)),
            Self::Budget { .. } if self.is_held() => Some(Duration::from_secs(1)),
            Self::Budget { .. } | Self::Request { .. } | Self::NoPlan => None,
        }
    }

    /// What the community contract calls it.
    pub(crate) const fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Budget { limit, .. } if matches!(limit.counter.subject, Subject::Token(_)) => {
                Some("budget_exhausted")
            }
            _ => None,
        }
    }

    /// `minute`, `hour`, `concurrency`, and so on; for clients and metrics.
    const fn scope(limit: &Limit) -> &'static str {
        match limit.counter.window {
            Window::Now => "concurrency",
            window => window.name(),
        }
    }

    /// What there is to say besides, for programs.
    pub(crate) fn details(&self) -> Map<String, Value> {
        let details = match self {
            Self::Rate { limit, .. } => {
                json!({"scope": Self::scope(limit), "limit": limit.cap, "limited": limited(limit)})
            }
            Self::Budget { limit, standing, needed } => json!({
                "scope": Self::scope(limit),
                "limited": limited(limit),
                "spent": amount(limit, standing.used),
                "reserved": amount(limit, standing.held),
                "limit": amount(limit, limit.cap),
                "needed": amount(limit, *needed),
                "resets_at": standing.resets_at.to_string(),
            }),
            Self::Quota { limit, standing, .. } => json!({
                "window": limit.counter.window.name(),
                "usedTokens": standing.used,
                "reservedTokens": standing.held,
                "quotaTokens": limit.cap,
                "resetAt": (standing.used > 0).then(|| standing.resets_at.to_string()),
            }),
            Self::Request { subject, cap, needed } => json!({
                "scope": "request",
                "limited": {"subject": subject.kind(), "measure": "tokens"},
                "limit": cap,
                "needed": needed,
            }),
            Self::NoPlan | Self::Unavailable { .. } => json!({}),
        };
        match details {
            Value::Object(details) => details,
            _ => Map::new(),
        }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::Rate { limit, needed, .. }
            | Self::Budget { limit, needed, .. }
            | Self::Quota { limit, needed, .. }
                if self.is_too_large() =>
            {
                too_large(limit, *needed)
            }
            Self::Rate { limit, .. } if limit.counter.window == Window::Now => format!(
                "too many calls at the same time: {} has room for {}; wait until one of them has ended",
                whose(limit),
                limit.cap
            ),
            Self::Rate { limit, needed, retry_after } => {
                let what = limit.counter.measure.name();
                let needs = match limit.counter.measure {
                    Measure::Requests => String::new(),
                    _ => format!(" (this call may need {needed})"),
                };
                format!(
                    "too many {what}: {} may have {} in one {}{needs}; try again in {} s",
                    whose(limit),
                    limit.cap,
                    limit.counter.window.name(),
                    retry_after.as_millis().div_ceil(1_000)
                )
            }
            Self::Budget { limit, standing, needed } => {
                let (budget, whose) = (of_budget(limit), whose(limit));
                let stands = format!(
                    "{} spent and {} reserved of {}, and this call may need {}",
                    shown(limit, standing.used),
                    shown(limit, standing.held),
                    shown(limit, limit.cap),
                    shown(limit, *needed)
                );
                if self.is_held() {
                    format!(
                        "what is left of the {budget} of {whose} is held by calls under way: {stands}; try again \
                         when one has ended, or ask for less"
                    )
                } else {
                    format!(
                        "the {budget} of {whose} is exhausted: {stands}; it resets at {}. Ask for less, or let an \
                         administrator raise it",
                        standing.resets_at
                    )
                }
            }
            Self::Quota { limit, standing, needed, .. } if self.is_held() => {
                format!(
                    "what is left of the quota of the subscription for {} is held by calls under way: {} tokens \
                     used and {} reserved of {}, and this call may need {needed}; try again when one has ended",
                    of_hours(limit),
                    standing.used,
                    standing.held,
                    limit.cap
                )
            }
            Self::Quota { limit, standing, needed, .. } => format!(
                "the quota of the subscription for {} is used up: {} tokens used and {} reserved of {}, and this \
                 call may need {needed}; the first of them come back at {}",
                of_hours(limit),
                standing.used,
                standing.held,
                limit.cap,
                standing.resets_at
            ),
            Self::Request { subject, cap, needed } => format!(
                "this request has about {needed} tokens to read, and one request of {} may have {cap}. Make it \
                 shorter, or let an administrator raise the cap",
                named(*subject)
            ),
            Self::NoPlan => "the account has no subscription plan, and there is no default one; an \
                             administrator can assign one"
                .to_owned(),
            Self::Unavailable { limit } => format!(
                "how much {} has used cannot be found out right now, so the call is not made; try again shortly",
                whose(limit)
            ),
        }
    }

    /// What the record says.
    pub(super) fn note(&self) -> String {
        match self {
            Self::Rate { limit, needed, .. } => {
                format!("limit {} of {}: no room for {needed}", limit.counter, limit.cap)
            }
            Self::Budget { limit, standing, needed } | Self::Quota { limit, standing, needed, .. } => {
                format!(
                    "limit {} of {}: {} used, {} held, no room for {needed}",
                    limit.counter, limit.cap, standing.used, standing.held
                )
            }
            Self::Request { subject, cap, needed } => {
                format!("cap of one request of {} of {cap} tokens: about {needed}", named(*subject))
            }
            Self::NoPlan => "no subscription plan".to_owned(),
            Self::Unavailable { limit } => format!("limit {} cannot be asked", limit.counter),
        }
    }

    /// Counts it.
    pub(super) fn measure(&self) {
        let (scope, subject) = match self {
            Self::Rate { limit, .. } | Self::Budget { limit, .. } | Self::Quota { limit, .. } => {
                (Self::scope(limit), limit.counter.subject.kind())
            }
            Self::Request { subject, .. } => ("request", subject.kind()),
            Self::NoPlan => ("plan", "owner"),
            Self::Unavailable { limit } => ("unavailable", limit.counter.subject.kind()),
        };
        metrics::counter!("promptgate_limit_refusals_total", "scope" => scope, "subject" => subject)
            .increment(1);
    }
}

/// The window of a quota, in words.
const fn of_budget(limit: &Limit) -> &'static str {
    match limit.counter.window {
        Window::Day => "daily budget",
        _ => "monthly budget",
    }
}

fn of_hours(limit: &Limit) -> &'static str {
    if limit.counter.window == Window::FiveHours { "five hours" } else { "seven days" }
}

fn too_large(limit: &Limit, needed: u64) -> String {
    let name = match limit.counter.window {
        Window::Now => "limit of calls at the same time",
        Window::Minute | Window::Hour => "limit",
        Window::Day => "daily budget",
        Window::Month => "monthly budget",
        Window::FiveHours => "five hours' quota",
        Window::SevenDays => "seven days' quota",
    };
    let window = match limit.counter.window {
        Window::Minute | Window::Hour => format!(" in one {}", limit.counter.window.name()),
        _ => String::new(),
    };
    let unit = if limit.counter.measure == Measure::Requests { " calls" } else { "" };
    format!(
        "this call may need {}{unit}{window}, which is more than the {name} of {} ever allows: {}{unit}. Ask for \
         less, or let an administrator raise it",
        shown(limit, needed),
        whose(limit),
        shown(limit, limit.cap)
    )
}

/// What is limited, for programs: `token`, `endpoint`, `project`, `group`, `owner`, and the model.
fn limited(limit: &Limit) -> Value {
    let subject = limit.counter.subject.kind();
    match &limit.counter.model {
        Some(model) => {
            json!({"subject": subject, "measure": limit.counter.measure.name(), "model": &**model})
        }
        None => json!({"subject": subject, "measure": limit.counter.measure.name()}),
    }
}

fn named(subject: Subject) -> &'static str {
    match subject {
        Subject::Token(_) => "this token",
        Subject::Endpoint(_) => "this endpoint",
        Subject::Project(_) => "this project",
        Subject::Group(_) => "one of the account's groups",
        Subject::Owner(_) => "this account",
    }
}

fn whose(limit: &Limit) -> String {
    let subject = named(limit.counter.subject);
    match &limit.counter.model {
        Some(model) => format!("{subject} with the model `{model}`"),
        None => subject.to_owned(),
    }
}

/// Dollars or tokens, as a number.
fn amount(limit: &Limit, amount: u64) -> Value {
    match limit.counter.measure {
        Measure::Cost => json!(money(amount).as_dollars()),
        Measure::Tokens | Measure::Requests => json!(amount),
    }
}

fn shown(limit: &Limit, amount: u64) -> String {
    match limit.counter.measure {
        Measure::Cost => format!("${}", money(amount)),
        Measure::Tokens => format!("{amount} tokens"),
        Measure::Requests => amount.to_string(),
    }
}

fn money(nanos: u64) -> Money {
    Money::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}
