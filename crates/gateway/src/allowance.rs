//! How much a call may use.
//!
//! Who pays for a call is known when its token is. Before a provider is asked, what the call needs at most is
//! reserved of all the limits that count for it, or it is refused; when it ends, in whichever way, what it
//! used is booked and the rest goes back.

mod bound;
mod caps;
mod held;
mod payers;
mod refusal;
#[cfg(test)]
mod tests;
mod told;

use std::sync::Arc;

use promptgate_limiter::Limiter;
use promptgate_wire::BadRequest;

use crate::candidate::Candidate;
use crate::pipeline::Shared;
use crate::record::Record;
use crate::refusal::Refusal;

pub(crate) use bound::{Asks, most_output};
pub(crate) use held::{Held, More};
pub(crate) use payers::{Payers, Share};
pub use refusal::LimitRefusal;
pub(crate) use told::Told;

/// What keeps calls within their limits.
#[derive(Debug, Clone)]
pub struct Limiters {
    /// Requests and tokens of minutes and hours, and places.
    pub rates: Limiter,
    /// Tokens and money of days and longer windows.
    pub budgets: Limiter,
}

impl Limiters {
    /// What cannot be kept together with the other processes at the moment: `limits`, `budgets`.
    pub fn degraded(&self) -> Vec<&'static str> {
        let states = [("limits", self.rates.is_degraded()), ("budgets", self.budgets.is_degraded())];
        states.into_iter().filter(|(_, is_degraded)| *is_degraded).map(|(name, _)| name).collect()
    }
}

/// Reserves what a call needs at most of everything that limits it.
pub(crate) async fn reserve(
    asks: &Asks,
    candidates: &[Candidate],
    record: &mut Record,
) -> Result<(), Refusal> {
    let shared = Arc::clone(&record.shared);
    let Some(payers) = record.payers.as_deref() else { return Ok(()) };
    if payers.lacks_plan {
        return Err(refused(LimitRefusal::NoPlan, record));
    }
    if let Some(too_large) = payers.too_large(asks.prompt.text_bytes).filter(|_| !asks.is_free) {
        return Err(refused(too_large, record));
    }
    let mut limits = payers.limits(candidates.first().map(|first| first.model.as_str()));
    if asks.is_free {
        limits.keep_quotas();
    }
    if limits.is_empty() {
        record.note("admitted: no limit applies");
        return Ok(());
    }
    if asks.has_odd_max_output && limits.bound_tokens() {
        let expected = "the most tokens to write, and `n`, must be whole numbers where tokens are limited";
        return Err(Refusal::BadRequest(BadRequest {
            field: Some("max_tokens".to_owned()),
            message: expected.to_owned(),
            code: "invalid_field",
        }));
    }
    if let Some(member) = asks.prompt.dearer.filter(|_| limits.bound_cost()) {
        return Err(Refusal::BadRequest(BadRequest {
            field: Some(member.to_owned()),
            message: format!(
                "what `{member}` asks for has no price here, and so it cannot be kept within a budget in \
                              dollars; leave it out"
            ),
            code: "invalid_field",
        }));
    }
    let held = Held::new(limits, record.arrived_at);
    fit(held, asks, candidates, &shared, record).await
}

/// Reserves more or less for a call that turned out to need another amount, or to be asked of others.
pub(crate) async fn adjust(
    asks: &Asks,
    candidates: &[Candidate],
    record: &mut Record,
) -> Result<(), Refusal> {
    let shared = Arc::clone(&record.shared);
    let Some(held) = record.held_allowance.take() else { return Ok(()) };
    fit(*held, asks, candidates, &shared, record).await
}

async fn fit(
    mut held: Held,
    asks: &Asks,
    candidates: &[Candidate],
    shared: &Shared,
    record: &mut Record,
) -> Result<(), Refusal> {
    let payer = record.payers.as_deref();
    let asks = &Asks { per_thousand: record.per_thousand(), ..*asks };
    let fitted = held.fit(asks, candidates, shared, payer).await;
    if fitted.is_err() {
        // What is told is what the next call finds.
        held.release();
    }
    record.told_limits = held.told(shared).map(Box::new);
    match fitted {
        Ok(()) => {
            record.note(held.note());
            record.held_allowance = Some(Box::new(held));
            Ok(())
        }
        Err(refusal) => Err(refused(refusal, record)),
    }
}

fn refused(refusal: LimitRefusal, record: &mut Record) -> Refusal {
    refusal.measure();
    record.note(refusal.note());
    Refusal::Limit(Box::new(refusal))
}

/// Reserves for the model of whoever is asked now, where that is another than before.
pub(crate) async fn turn_to(candidate: &Candidate, record: &mut Record) -> Result<(), Refusal> {
    let shared = Arc::clone(&record.shared);
    let Some(held) = &mut record.held_allowance else { return Ok(()) };
    let Some(payers) = &record.payers else { return Ok(()) };
    held.turn_to(&candidate.model, payers, &shared).await.map_err(|refusal| {
        refusal.measure();
        Refusal::Limit(Box::new(refusal))
    })
}
