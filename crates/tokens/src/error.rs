//! Why a token is refused, and what makes one invalid.

use promptgate_kernel::{InvalidLimit, Timestamp};

use crate::{Scope, ScopeSet};

/// Why a known token does not open what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessDenied {
    /// It was revoked or deactivated. Clients are not told which.
    #[error("the token is invalid or revoked")]
    Revoked,
    /// Its time is over.
    #[error("the token expired at {at}")]
    Expired {
        /// When.
        at: Timestamp,
    },
    /// It does not have the scope.
    #[error("the scope `{required}` is required; this token has: {granted}")]
    MissingScope {
        /// What the route needs.
        required: Scope,
        /// What the token has.
        granted: ScopeSet,
    },
    /// It belongs to another project.
    #[error("the token does not belong to this project")]
    ForeignProject,
}

/// What is wrong with a token that somebody wants to create or change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// The name is blank or too long.
    #[error("name must have 1 to 120 characters that are no control characters")]
    Name,
    /// A limit is not positive, or larger than any that could be kept.
    #[error(
        "{field} must be from {least} to {most}, or null for no limit",
        least = least(field),
        most = most(field)
    )]
    Limit {
        /// The field as the wire names it.
        field: &'static str,
    },
    /// A limit of a model cannot be kept to.
    #[error(transparent)]
    ModelLimit(#[from] InvalidLimit),
    /// It is to be limited to too many endpoints.
    #[error("endpointIds must be at most 1,000 ids")]
    Endpoints,
    /// The end of its life is not in the future.
    #[error("expiresAt must be in the future")]
    Expiry,
    /// It would open nothing.
    #[error("scopes must name at least one scope")]
    NoScope,
    /// The metadata is too large.
    #[error("metadata must be a JSON object of at most 16 KiB")]
    Metadata,
    /// A minted token would have more than the one that mints it.
    #[error("{field} must not go beyond what the token that mints it has")]
    BeyondParent {
        /// The field as the wire names it.
        field: &'static str,
    },
    /// The key of an account would open more, or last longer, than such keys do.
    #[error("{field} must not go beyond what the keys of accounts have: chat, models and mcp, and an end")]
    BeyondKey {
        /// The field as the wire names it.
        field: &'static str,
    },
    /// The token that mints it is the last in its line.
    #[error("a token that is 5 tokens below an issued one mints none")]
    TooDeep,
    /// There are as many live tokens below the issued one as there may be.
    #[error("at most 1,000 live tokens may come from one that was issued; revoke some first")]
    TooMany,
    /// The old secret is to work for too long.
    #[error("overlapSeconds must be at most 604800, which is 7 days")]
    Overlap,
}

impl InvalidToken {
    /// The field that is wrong, as the wire names it.
    pub fn field(&self) -> &str {
        match self {
            Self::Name => "name",
            Self::Limit { field } => field,
            Self::ModelLimit(wrong) => wrong.field(),
            Self::Endpoints => "endpointIds",
            Self::Expiry => "expiresAt",
            Self::NoScope => "scopes",
            Self::Metadata => "metadata",
            Self::BeyondParent { field } | Self::BeyondKey { field } => field,
            Self::TooDeep | Self::TooMany => "parent",
            Self::Overlap => "overlapSeconds",
        }
    }
}

/// The smallest value of a limit, for people.
fn least(field: &str) -> &'static str {
    match field {
        "monthlyBudgetUsdCap" | "dailyBudgetUsdCap" => "0.000000001",
        _ => "1",
    }
}

/// The largest value of a limit, for people.
fn most(field: &str) -> &'static str {
    match field {
        "requestTokenCap"
        | "dailyTokenCap"
        | "monthlyTokenCap"
        | "tokenRateLimitPerMinute"
        | "tokenRateLimitPerHour" => "9,223,372,036,854,775,807",
        "monthlyBudgetUsdCap" | "dailyBudgetUsdCap" => "9,223,372,036",
        _ => "4,294,967,295",
    }
}
