//! Limits on the wire.

use promptgate_kernel::Money;
use promptgate_tokens::InvalidToken;

/// Reads a number of dollars.
pub(crate) fn dollars(field: &'static str, dollars: f64) -> Result<Money, InvalidToken> {
    Money::from_dollars(dollars).ok_or(InvalidToken::Limit { field })
}
