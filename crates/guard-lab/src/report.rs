//! What is printed, one report a family.

mod injection;
mod pii;
mod secrets;

pub(crate) use injection::injection;
pub(crate) use pii::pii;
pub(crate) use secrets::secrets;

use crate::prediction::Span;
use crate::row::Gold;

/// How many characters of what is really there no span covers.
fn uncovered(gold: &Gold, spans: &[Span]) -> usize {
    (gold.start..gold.end).filter(|at| !spans.iter().any(|span| span.start <= *at && *at < span.end)).count()
}
