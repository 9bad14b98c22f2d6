//! How a limiter behaves.

use std::time::Duration;

use chrono_tz::Tz;
use promptgate_limits::{Counter, Measure, Window};

/// What a call needs at most, or has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Use {
    /// Calls: one, or none if it came to nothing.
    pub requests: u64,
    /// Tokens of text, all classes of them.
    pub tokens: u64,
    /// Nano-dollars.
    pub cost: u64,
}

impl Use {
    /// What of it a counter counts while the call is under way.
    pub(crate) const fn needed(&self, counter: &Counter) -> u64 {
        match counter.measure {
            Measure::Requests => self.requests,
            Measure::Tokens => self.tokens,
            Measure::Cost => self.cost,
        }
    }

    /// What of it a counter counts when the call is over: places of calls under way are free again.
    pub(crate) const fn spent(&self, counter: &Counter) -> u64 {
        match counter.window {
            Window::Now => 0,
            _ => self.needed(counter),
        }
    }
}

/// What becomes of limits whose counters cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Degraded {
    /// Each replica keeps its share of them.
    #[default]
    Share,
    /// Calls are refused when what the process has in hand is spent.
    Refuse,
}

/// How a limiter behaves.
#[derive(Debug, Clone)]
pub struct LimiterOptions {
    /// What its limits are called in metrics and logs.
    pub name: &'static str,
    /// In which days and months turn.
    pub zone: Tz,
    /// How long a process that is gone holds what it took. Longer than any call takes.
    pub life: Duration,
    /// How often the counters are told what was used.
    pub tell_every: Duration,
    /// After how long what lies about goes back.
    pub idle: Duration,
    /// How long the counters may take to answer.
    pub deadline: Duration,
    /// For how long they are not asked for anything after they did not.
    pub pause: Duration,
    /// What becomes of limits while they do not.
    pub degraded: Degraded,
}

impl Default for LimiterOptions {
    fn default() -> Self {
        Self {
            name: "limits",
            zone: Tz::UTC,
            life: Duration::from_mins(15),
            tell_every: Duration::from_millis(250),
            idle: Duration::from_secs(1),
            deadline: Duration::from_millis(500),
            pause: Duration::from_secs(1),
            degraded: Degraded::Share,
        }
    }
}
