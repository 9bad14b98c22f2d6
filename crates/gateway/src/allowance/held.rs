//! What a call holds while it is under way.

use promptgate_kernel::{Money, Timestamp};
use promptgate_limiter::{Denied, Hold, Limiter, Reservation, Use};
use promptgate_limits::{Counter, Holder, Limit, Measure};

use super::Limiters;
use super::bound::{Asks, Bound};
use super::caps::Limits;
use super::payers::Payers;
use super::refusal::LimitRefusal;
use super::told::Told;
use crate::candidate::Candidate;
use crate::pipeline::Shared;

/// Fewer tokens than this are not asked of a model: some refuse it, and nobody has anything of it.
const LEAST_OUTPUT: u64 = 16;
/// How often less is tried where a limit has no room for more.
const TRIES: u32 = 8;
/// By how much a stream may go on beyond what was reserved for it, if there is room.
const MORE_OUTPUT: std::ops::RangeInclusive<u64> = 64..=2_048;

/// What a call has reserved, and of what. It is settled once; dropped before that, all of it goes back.
#[derive(Debug)]
pub(crate) struct Held {
    pub(super) limits: Limits,
    at: Timestamp,
    rates: Option<Reservation>,
    budgets: Option<Reservation>,
    of_model: Option<Reservation>,
    model: Option<String>,
    bound: Bound,
    /// How much may be written, where nobody else says it.
    injected: Option<u64>,
    /// What one more token of the answer costs at most, in nano-dollars.
    per_token: u64,
}

/// More of what a call holds already.
#[derive(Debug)]
pub(crate) struct More {
    rates: Option<Reservation>,
    budgets: Option<Reservation>,
    of_model: Option<Reservation>,
    tokens: u64,
    cost: u64,
}

impl Held {
    pub(super) fn new(limits: Limits, at: Timestamp) -> Self {
        Self {
            limits,
            at,
            rates: None,
            budgets: None,
            of_model: None,
            model: None,
            bound: Bound::default(),
            injected: None,
            per_token: 0,
        }
    }

    /// How much may be written, where neither the client nor an alias says it.
    pub(crate) const fn injected(&self) -> Option<u64> {
        self.injected
    }

    /// How many tokens the answer may have, where that is limited.
    pub(crate) fn most_output(&self) -> Option<u64> {
        (self.limits.bound_tokens() && self.bound.output > 0).then_some(self.bound.output)
    }

    /// Who holds what the call may use of days and longer windows.
    pub(crate) fn holder(&self) -> Option<Holder> {
        self.budgets.as_ref()?.holder()
    }

    fn needed(&self) -> Use {
        Use { requests: 1, tokens: self.bound.tokens, cost: self.bound.cost }
    }

    /// Reserves what a call needs at most; where nobody says how much it may write, as much as there is
    /// room for.
    pub(super) async fn fit(
        &mut self,
        asks: &Asks,
        candidates: &[Candidate],
        shared: &Shared,
        payers: Option<&Payers>,
    ) -> Result<(), LimitRefusal> {
        let first = candidates.first().map(|first| first.model.clone());
        if self.model != first {
            self.limits.of_model = match (payers, &first) {
                (Some(payers), Some(model)) => payers.limits_of(model),
                _ => Vec::new(),
            };
            (self.model, self.of_model) = (first, None);
        }
        let costs = self.limits.bound_cost();
        let bound = |injected| asks.bound(candidates, injected, costs, shared);
        let per_token = |injected| if costs { asks.cost_per_token(candidates, injected, shared) } else { 0 };
        self.injected = self.limits.bound_tokens().then(|| asks.open_output(candidates)).flatten();
        for _ in 0..TRIES {
            self.measure(bound(self.injected));
            let Err(denied) = self.reserve(&shared.limiters).await else {
                self.per_token = per_token(self.injected);
                return Ok(());
            };
            let less = match (&denied, self.injected) {
                (Denied::Over { limit, available, .. }, Some(most)) => {
                    fitting(&limit.counter, *available, most, bound)
                }
                _ => None,
            };
            let Some(less) = less else {
                let denied = match self.injected {
                    Some(_) => at_least(denied, |limit| bound(Some(LEAST_OUTPUT)).of(&limit.counter)),
                    None => denied,
                };
                return Err(LimitRefusal::of(denied, self.at, shared));
            };
            self.injected = Some(less);
        }
        // Others took what there was, again and again.
        self.injected = Some(LEAST_OUTPUT);
        self.measure(bound(self.injected));
        let reserved = self.reserve(&shared.limiters).await;
        reserved.map_err(|denied| LimitRefusal::of(denied, self.at, shared))?;
        self.per_token = per_token(self.injected);
        Ok(())
    }

    async fn reserve(&mut self, limiters: &Limiters) -> Result<(), Denied> {
        let (needed, at) = (self.needed(), self.at);
        let Limits { rates, of_model, .. } = &self.limits;
        let (quotas, budgets) = self.limits.quotas_and_budgets();
        ensure(&mut self.rates, &limiters.rates, rates, needed, at).await?;
        ensure(&mut self.of_model, &limiters.rates, of_model, needed, at).await?;
        // What takes nothing is let in as long as there is anything left.
        let needed = Use { tokens: needed.tokens.max(1), ..needed };
        ensure(&mut self.budgets, &limiters.budgets, quotas, needed, at).await?;
        let needed = Use { tokens: self.bound.with_fetched().max(1), ..needed };
        ensure(&mut self.budgets, &limiters.budgets, budgets, needed, at).await
    }

    /// Reserves of the limits of another model, and gives back what was reserved of those before.
    pub(super) async fn turn_to(
        &mut self,
        model: &str,
        payers: &Payers,
        shared: &Shared,
    ) -> Result<(), LimitRefusal> {
        if !self.limits.has_models || self.model.as_deref() == Some(model) {
            return Ok(());
        }
        let limits = payers.limits_of(model);
        let mut reservation = None;
        let reserved =
            ensure(&mut reservation, &shared.limiters.rates, &limits, self.needed(), self.at).await;
        reserved.map_err(|denied| {
            // How much it may write was not the client's to say: asked anew it may be less.
            let is_open = self.injected.is_some();
            let denied = if is_open { at_least(denied, |limit| limit.cap) } else { denied };
            LimitRefusal::of(denied, self.at, shared)
        })?;
        (self.model, self.of_model) = (Some(model.to_owned()), reservation);
        self.limits.of_model = limits;
        Ok(())
    }

    /// What is needed for a stream to go on beyond what it has reserved. Nothing if there is no room.
    pub(crate) fn more(&self, limiters: &Limiters) -> impl Future<Output = Option<More>> + Send + 'static {
        let tokens = self.bound.output.clamp(*MORE_OUTPUT.start(), *MORE_OUTPUT.end());
        let cost = tokens.saturating_mul(self.per_token);
        let needed = Use { requests: 0, tokens, cost };
        let (limits, at, limiters) = (self.limits.clone(), self.at, limiters.clone());
        async move {
            let reserve = async |limiter: &Limiter, limits: &[Limit]| match limits {
                [] => Some(None),
                limits => limiter.reserve(limits, needed, at).await.ok().map(Some),
            };
            let rates = reserve(&limiters.rates, &limits.rates).await?;
            let of_model = reserve(&limiters.rates, &limits.of_model).await?;
            let budgets = reserve(&limiters.budgets, &limits.budgets).await?;
            Some(More { rates, budgets, of_model, tokens, cost })
        }
    }

    /// Takes over what was reserved besides.
    pub(crate) fn absorb(&mut self, more: More) {
        let More { rates, budgets, of_model, tokens, cost } = more;
        let pairs = [(&mut self.rates, rates), (&mut self.budgets, budgets), (&mut self.of_model, of_model)];
        for (held, more) in pairs {
            match (held, more) {
                (Some(held), Some(more)) => held.absorb(more),
                (held, more @ Some(_)) => *held = more,
                (_, None) => {}
            }
        }
        let mut bound = self.bound;
        bound.tokens = bound.tokens.saturating_add(tokens);
        bound.output = bound.output.saturating_add(tokens);
        bound.cost = bound.cost.saturating_add(cost);
        self.measure(bound);
    }

    /// Gives everything back: the call is not made.
    pub(super) fn release(&mut self) {
        (self.rates, self.of_model, self.budgets) = (None, None, None);
        self.measure(Bound::default());
    }

    /// Books what the call used, and gives the rest back. Says what is held of it until the call is recorded.
    pub(crate) fn settle(mut self, used: Use) -> Vec<Hold> {
        let all = [self.rates.take(), self.of_model.take(), self.budgets.take()];
        all.into_iter().flatten().flat_map(|reservation| reservation.settle(used)).collect()
    }

    /// What clients are told about it.
    pub(super) fn told(&self, shared: &Shared) -> Option<Told> {
        let all = [&self.rates, &self.of_model, &self.budgets];
        let is_degraded = all.into_iter().flatten().any(Reservation::is_degraded);
        Told::of(&self.limits, self.at, is_degraded, shared)
    }

    /// What the record says about it.
    pub(super) fn note(&self) -> String {
        let limits = self.limits.all().count();
        let Bound { tokens, fetched, cost, .. } = self.bound;
        let cost = Money::from_nanos(i64::try_from(cost).unwrap_or(i64::MAX));
        let most = self.injected.map_or_else(String::new, |most| format!(", at most {most} written"));
        let model = self.model.as_deref().filter(|_| !self.limits.of_model.is_empty());
        let model = model.map_or_else(String::new, |model| format!(", some of the model `{model}`"));
        let (_, budgets) = self.limits.quotas_and_budgets();
        let tools = if fetched == 0 || budgets.is_empty() {
            String::new()
        } else {
            format!(" and of budgets {fetched} for what the provider's tools fetch")
        };
        format!("admitted: {limits} limits{model}; reserved {tokens} tokens{tools}, ${cost}{most}")
    }

    /// Keeps what is reserved in all told to whoever watches.
    fn measure(&mut self, bound: Bound) {
        gauge(&bound, &self.bound);
        self.bound = bound;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.measure(Bound::default());
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are approximate")]
fn gauge(now: &Bound, before: &Bound) {
    if now.tokens != before.tokens {
        metrics::gauge!("promptgate_reserved_tokens").increment(now.tokens as f64 - before.tokens as f64);
    }
    if now.cost != before.cost {
        let dollars = (now.cost as f64 - before.cost as f64) / 1e9;
        metrics::gauge!("promptgate_reserved_dollars").increment(dollars);
    }
}

async fn ensure(
    held: &mut Option<Reservation>,
    limiter: &Limiter,
    limits: &[Limit],
    needed: Use,
    at: Timestamp,
) -> Result<(), Denied> {
    if limits.is_empty() {
        return Ok(());
    }
    if let Some(held) = held {
        return held.adjust(limits, needed).await;
    }
    *held = Some(limiter.reserve(limits, needed, at).await?);
    Ok(())
}

/// The same with what the call needs at least, where nobody says how much it may write.
fn at_least(denied: Denied, least: impl Fn(&Limit) -> u64) -> Denied {
    match denied {
        Denied::Over { limit, standing, needed, available } => {
            let needed = needed.min(least(&limit));
            Denied::Over { limit, standing, needed, available }
        }
        unknown @ Denied::Unknown { .. } => unknown,
    }
}

/// The most that may be written with what a limit has left; none if that is not worth asking for.
fn fitting(
    counter: &Counter,
    available: u64,
    most: u64,
    bound: impl Fn(Option<u64>) -> Bound,
) -> Option<u64> {
    let fits = |output: u64| bound(Some(output)).of(counter) <= available;
    if counter.measure == Measure::Requests || most <= LEAST_OUTPUT || !fits(LEAST_OUTPUT) {
        return None;
    }
    let (mut fit, mut over) = (LEAST_OUTPUT, most);
    while over - fit > 1 {
        let middle = fit + (over - fit) / 2;
        if fits(middle) { fit = middle } else { over = middle }
    }
    Some(fit)
}
