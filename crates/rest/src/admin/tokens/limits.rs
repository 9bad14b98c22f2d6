//! Limits on the wire, and what to say about them.

use promptgate_kernel::Money;
use promptgate_tokens::{InvalidToken, Token, TokenLimits};

/// Reads a number of dollars.
pub(crate) fn dollars(field: &'static str, dollars: f64) -> Result<Money, InvalidToken> {
    Money::from_dollars(dollars).ok_or(InvalidToken::Limit { field })
}

/// What of a token has no effect in this version. Silence would promise what is not kept.
pub(super) fn warnings(token: &Token) -> Vec<String> {
    let mut warnings = Vec::new();
    if token.limits != TokenLimits::default() {
        warnings.push(
            "rate limits, budgets and token caps are recorded, but this version does not enforce them yet"
                .to_owned(),
        );
    }
    warnings
}
