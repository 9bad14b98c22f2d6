//! What a call has reserved.

use std::sync::Arc;

use promptgate_limits::{Limit, Standing};

use crate::Use;
use crate::book::Part;
use crate::limiter::Inner;

/// What a call may use. Dropped without being settled, it goes back as if the call had not been made.
#[derive(Debug)]
pub struct Reservation {
    inner: Arc<Inner>,
    parts: Vec<Part>,
    /// How the counters stood that were asked for it.
    standings: Vec<(Limit, Standing)>,
    /// Whether some of it nobody gave.
    is_degraded: bool,
}

impl Reservation {
    pub(crate) const fn new(inner: Arc<Inner>) -> Self {
        Self { inner, parts: Vec::new(), standings: Vec::new(), is_degraded: false }
    }

    pub(crate) fn push(&mut self, part: Part) {
        self.parts.push(part);
    }

    pub(crate) fn note(&mut self, limit: Limit, standing: Standing) {
        self.standings.push((limit, standing));
    }

    /// The same with what was brought for it.
    pub(crate) fn with(mut self, mut brought: Self) -> Self {
        self.parts.append(&mut brought.parts);
        self.standings.append(&mut brought.standings);
        self
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

    /// Books what the call used, and gives the rest back.
    pub fn settle(mut self, used: Use) {
        let parts = std::mem::take(&mut self.parts);
        self.inner.settle(&parts, |part| used.spent(&part.counter));
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.parts.is_empty() {
            let parts = std::mem::take(&mut self.parts);
            self.inner.settle(&parts, |_| 0);
        }
    }
}
