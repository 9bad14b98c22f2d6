//! Which limits count for a call.

use std::sync::Arc;

use promptgate_kernel::{LimitSet, ModelLimits, Money};
use promptgate_limits::{Counter, Limit, Measure, Subject, Window};

use super::payers::{Payers, Share};
use super::refusal::LimitRefusal;

/// By how many bytes of text a token is estimated, where no upper bound is wanted.
const BYTES_PER_TOKEN: u64 = 4;

/// One cap of a set, and what it caps.
type Cap<S> = (fn(&S) -> Option<u64>, Measure, Window);

/// The caps of minutes and hours, and of places; the tighter window first.
const RATES: [Cap<LimitSet>; 5] = [
    (|set| set.requests_per_minute.map(u64::from), Measure::Requests, Window::Minute),
    (|set| set.requests_per_hour.map(u64::from), Measure::Requests, Window::Hour),
    (|set| set.tokens_per_minute, Measure::Tokens, Window::Minute),
    (|set| set.tokens_per_hour, Measure::Tokens, Window::Hour),
    (|set| set.max_concurrent.map(u64::from), Measure::Requests, Window::Now),
];

/// The caps of days and months.
const BUDGETS: [Cap<LimitSet>; 4] = [
    (|set| set.daily_tokens, Measure::Tokens, Window::Day),
    (|set| set.monthly_tokens, Measure::Tokens, Window::Month),
    (|set| set.daily_cost.map(nanos), Measure::Cost, Window::Day),
    (|set| set.monthly_cost.map(nanos), Measure::Cost, Window::Month),
];

/// The caps of one model.
const OF_MODEL: [Cap<ModelLimits>; 5] = [
    (|set| set.requests_per_minute.map(u64::from), Measure::Requests, Window::Minute),
    (|set| set.requests_per_hour.map(u64::from), Measure::Requests, Window::Hour),
    (|set| set.tokens_per_minute, Measure::Tokens, Window::Minute),
    (|set| set.tokens_per_hour, Measure::Tokens, Window::Hour),
    (|set| set.max_concurrent.map(u64::from), Measure::Requests, Window::Now),
];

fn nanos(money: Money) -> u64 {
    u64::try_from(money.as_nanos()).unwrap_or(0)
}

/// The limits that count for a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Of minutes and hours, and places.
    pub(super) rates: Vec<Limit>,
    /// Of days and longer windows, those of a plan first.
    pub(super) budgets: Vec<Limit>,
    /// The same as `rates` for the model that is asked.
    pub(super) of_model: Vec<Limit>,
    /// Whether others of these may count when another model is asked.
    pub(super) has_models: bool,
}

impl Limits {
    pub(super) fn of(payers: &Payers, model: Option<&str>) -> Self {
        let mut limits = Self { has_models: payers.limits_models(), ..Self::default() };
        // A plan is looked at first, its shorter window before the longer one.
        if let (Some(owner), Some(quota)) = (payers.owner, payers.quota) {
            let windows = [(quota.five_hours, Window::FiveHours), (quota.seven_days, Window::SevenDays)];
            for (cap, window) in windows {
                let cap = cap.map(|cap| limit(Subject::Owner(owner), None, Measure::Tokens, window, cap));
                limits.budgets.extend(cap);
            }
        }
        for (read, measure, window) in RATES {
            if payers.share == Share::Everything {
                limits.rates.extend(payers.caps(read, measure, window, None));
            }
        }
        for (read, measure, window) in BUDGETS {
            limits.budgets.extend(payers.caps(read, measure, window, None));
        }
        if let Some(model) = model {
            limits.of_model = payers.limits_of(model);
        }
        limits
    }

    /// The windows of a plan, and the budgets of days and months.
    pub(super) fn quotas_and_budgets(&self) -> (&[Limit], &[Limit]) {
        let is_quota = |limit: &Limit| matches!(limit.counter.window, Window::FiveHours | Window::SevenDays);
        self.budgets.split_at(self.budgets.partition_point(is_quota))
    }

    /// Leaves out what calls do not count against for which no model reads anything.
    pub(super) fn keep_quotas(&mut self) {
        self.budgets.retain(|limit| matches!(limit.counter.window, Window::FiveHours | Window::SevenDays));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rates.is_empty() && self.budgets.is_empty() && !self.has_models
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Limit> {
        self.rates.iter().chain(&self.of_model).chain(&self.budgets)
    }

    /// Whether how much may be written has to be known.
    pub(super) fn bound_tokens(&self) -> bool {
        self.all().any(|limit| limit.counter.measure != Measure::Requests)
    }

    /// Whether what it costs has to be known.
    pub(super) fn bound_cost(&self) -> bool {
        self.budgets.iter().any(|limit| limit.counter.measure == Measure::Cost)
    }
}

fn limit(subject: Subject, model: Option<&Arc<str>>, measure: Measure, window: Window, cap: u64) -> Limit {
    Limit { counter: Counter { subject, model: model.cloned(), measure, window }, cap }
}

impl Payers {
    /// All sets that count, but for the token's and the endpoint's own.
    fn besides(&self) -> impl Iterator<Item = (Subject, &LimitSet)> {
        let above = self.above.iter().map(|(id, set)| (Subject::Token(*id), &**set));
        let project = (Subject::Project(self.project_id()), &self.project.project.limits);
        let groups = self.caller.iter().flat_map(|caller| &caller.groups);
        let groups = groups.map(|group| (Subject::Group(group.id), &group.limits));
        let owner = self.caller.iter().zip(self.owner);
        let owner = owner.map(|(caller, id)| (Subject::Owner(id), &caller.limits));
        above.chain([project]).chain(groups).chain(owner)
    }

    /// Whether what the token says of one cap takes the place of what its endpoint says, also where it is
    /// looser. What a minted token says was chosen by whoever minted it: it does so only where the issued one
    /// at the top of the line says something, too.
    fn replaces_endpoint<T>(&self, read: impl Fn(&LimitSet) -> Option<T>) -> bool {
        let is_issued = self.above.last().is_none_or(|(_, issued)| read(issued).is_some());
        is_issued && read(&self.token_limits).is_some()
    }

    /// What the token says of one cap, and what the endpoint says, unless the one takes the other's place.
    fn own<T>(&self, read: impl Fn(&LimitSet) -> Option<T>) -> impl Iterator<Item = (Subject, T)> {
        let token = read(&self.token_limits).map(|cap| (Subject::Token(self.token), cap));
        let counts = !self.replaces_endpoint(&read);
        let endpoint = self.endpoint.as_ref().filter(|_| counts);
        let endpoint = endpoint.and_then(|(id, set)| Some((Subject::Endpoint(*id), read(set)?)));
        token.into_iter().chain(endpoint)
    }

    /// Why a request is too large for one, if it has so many bytes for a model to read. What no client asks,
    /// such as what looks for names and addresses, is as large as it is.
    pub(super) fn too_large(&self, text_bytes: u64) -> Option<LimitRefusal> {
        if self.share == Share::Budgets {
            return None;
        }
        let own = self.token_limits.request_tokens.map(|cap| (Subject::Token(self.token), cap));
        let besides = self.besides().filter_map(|(subject, set)| Some((subject, set.request_tokens?)));
        let (subject, cap) = own.into_iter().chain(besides).min_by_key(|(_, cap)| *cap)?;
        let needed = text_bytes.div_ceil(BYTES_PER_TOKEN);
        (needed > cap).then_some(LimitRefusal::Request { subject, cap, needed })
    }

    fn caps(
        &self,
        read: impl Fn(&LimitSet) -> Option<u64>,
        measure: Measure,
        window: Window,
        model: Option<&Arc<str>>,
    ) -> Vec<Limit> {
        let own = self.own(&read);
        let besides = self.besides().filter_map(|(subject, set)| Some((subject, read(set)?)));
        own.chain(besides).map(|(subject, cap)| limit(subject, model, measure, window, cap)).collect()
    }

    /// What the ledger counts of a call that is not reserved of.
    pub(super) fn unheld_counters(&self) -> Vec<Counter> {
        let mut unheld = Vec::new();
        for (read, measure, window) in BUDGETS {
            let counter = |subject| Counter { subject, model: None, measure, window };
            if !self.is_token_limited {
                let tokens = std::iter::once(self.token).chain(self.above());
                unheld.extend(tokens.map(|token| counter(Subject::Token(token))));
            }
            if let Some((endpoint, limits)) = &self.endpoint
                && read(limits).is_some()
                && self.replaces_endpoint(read)
            {
                unheld.push(counter(Subject::Endpoint(*endpoint)));
            }
        }
        unheld
    }

    fn limits_models(&self) -> bool {
        let is_limited = !self.token_limits.models.is_empty()
            || self.endpoint.as_ref().is_some_and(|(_, limits)| !limits.models.is_empty())
            || self.besides().any(|(_, set)| !set.models.is_empty());
        self.share == Share::Everything && is_limited
    }

    /// What limits the use of one model besides.
    pub(super) fn limits_of(&self, model: &str) -> Vec<Limit> {
        if !self.limits_models() {
            return Vec::new();
        }
        let name: Arc<str> = model.into();
        let mut limits = Vec::new();
        for (read, measure, window) in OF_MODEL {
            let of = |set: &LimitSet| read(set.models.get(model)?);
            limits.extend(self.caps(of, measure, window, Some(&name)));
        }
        limits
    }
}
