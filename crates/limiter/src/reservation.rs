//! What a call has reserved.

use std::sync::Arc;

use promptgate_kernel::Timestamp;
use promptgate_limits::{Counter, Holder, Limit, Standing};

use crate::book::Part;
use crate::inner::Inner;
use crate::{Denied, Use};

/// What somebody holds of a counter for a call that is over, until it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Who holds it.
    pub holder: Holder,
    /// Of what.
    pub counter: Counter,
    /// How much.
    pub amount: u64,
}

/// What a call may use. Dropped without being settled, it goes back as if the call had not been made.
#[derive(Debug)]
pub struct Reservation {
    inner: Arc<Inner>,
    /// When the call arrived: what it uses counts then.
    at: Timestamp,
    parts: Vec<Part>,
    /// How the counters stood that were asked for it.
    standings: Vec<(Limit, Standing)>,
    /// Whether some of it nobody gave.
    is_degraded: bool,
}

impl Reservation {
    pub(crate) const fn new(inner: Arc<Inner>, at: Timestamp) -> Self {
        Self { inner, at, parts: Vec::new(), standings: Vec::new(), is_degraded: false }
    }

    pub(crate) fn push(&mut self, part: Part) {
        self.parts.push(part);
    }

    pub(crate) fn note(&mut self, limit: Limit, standing: Standing) {
        self.standings.push((limit, standing));
    }

    /// Takes over what another one has, of the same call.
    pub fn absorb(&mut self, mut other: Self) {
        self.parts.append(&mut other.parts);
        self.standings.append(&mut other.standings);
        self.is_degraded |= other.is_degraded;
    }

    pub(crate) const fn degrade(&mut self) {
        self.is_degraded = true;
    }

    /// Whether the counters could not be asked for some of it.
    pub const fn is_degraded(&self) -> bool {
        self.is_degraded
    }

    /// How the counters stood that were asked for it.
    pub fn standings(&self) -> &[(Limit, Standing)] {
        &self.standings
    }

    /// Who holds what the call may use of days and longer windows, or first did, for whoever records it and
    /// does not read what [settling](Self::settle) it says. Nobody, where nothing of that was reserved, or some
    /// of it could not be asked for.
    pub fn holder(&self) -> Option<Holder> {
        let mut parts = self.parts.iter().filter(|part| part.counter.is_ledger());
        let first = parts.next()?.owner?;
        parts.all(|part| part.owner.is_some()).then_some(first)
    }

    /// Reserves more where the call needs more than it has, and gives back where it needs less. Where
    /// there is no room the reservation is none the larger.
    pub async fn adjust(&mut self, limits: &[Limit], needed: Use) -> Result<(), Denied> {
        let mut more = Vec::new();
        for limit in limits {
            let (has, needs) = (self.has(&limit.counter), needed.needed(&limit.counter));
            if needs > has {
                more.push((limit, needs - has));
            } else if needs < has {
                self.give_back(&limit.counter, has - needs);
            }
        }
        if more.is_empty() {
            return Ok(());
        }
        let inner = Arc::clone(&self.inner);
        match inner.reserve(&more, self.at).await {
            Ok(grown) => {
                self.absorb(grown);
                Ok(())
            }
            Err(Denied::Over { limit, standing, needed: missing, available }) => {
                let has = self.has(&limit.counter);
                let (needed, available) = (missing.saturating_add(has), available.saturating_add(has));
                Err(Denied::Over { limit, standing, needed, available })
            }
            Err(unknown @ Denied::Unknown { .. }) => Err(unknown),
        }
    }

    fn has(&self, counter: &Counter) -> u64 {
        self.parts.iter().filter(|part| part.counter == *counter).map(|part| part.amount).sum()
    }

    fn give_back(&mut self, counter: &Counter, mut amount: u64) {
        for part in self.parts.iter_mut().rev().filter(|part| part.counter == *counter) {
            let back = amount.min(part.amount);
            self.inner.give_back(part, back);
            part.amount -= back;
            amount -= back;
        }
    }

    /// Books what the call used, and gives the rest back. Of days and longer windows, what it used stays held
    /// until whoever records it takes just that from who holds it.
    pub fn settle(mut self, used: Use) -> Vec<Hold> {
        let parts = std::mem::take(&mut self.parts);
        self.inner.settle(&parts, used)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.parts.is_empty() {
            let parts = std::mem::take(&mut self.parts);
            self.inner.settle(&parts, Use::default());
        }
    }
}
