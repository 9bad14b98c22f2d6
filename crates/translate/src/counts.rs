//! What providers say about tokens, believed as far as it can be true.

use crate::members::Members;

/// More tokens than any call takes; a larger number is not believed.
const MOST: u64 = 1_000_000_000;

/// A number of tokens is none, or cannot be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lie;

/// A count that a wrong value must not hide in.
pub(crate) fn believed(usage: &Members<'_>, name: &str) -> Result<Option<u64>, Lie> {
    match usage.count(name) {
        Ok(count) if count.is_none_or(|count| count <= MOST) => Ok(count),
        _ => Err(Lie),
    }
}

/// A count of details; what is wrong is none.
pub(crate) fn told(usage: Option<&Members<'_>>, name: &str) -> Option<u64> {
    usage.and_then(|usage| believed(usage, name).ok().flatten())
}

/// The share of a larger class; what is wrong is no share.
pub(crate) fn share_of(usage: Option<&Members<'_>>, name: &str, whole: u64) -> u64 {
    told(usage, name).unwrap_or(0).min(whole)
}
