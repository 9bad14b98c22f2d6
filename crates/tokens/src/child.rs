//! Tokens that tokens mint: never more than the parent has, never for longer.

use promptgate_kernel::{EndpointId, Timestamp, TokenId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::token::earliest;
use crate::{InvalidToken, NewToken, ScopeSet, Token, TokenLimits, TokenName, TokenSecret};

/// How many tokens may be above a token.
pub const MAX_DEPTH: u8 = 5;

/// How many live tokens may be below one that was issued.
pub const MAX_LIVE_IN_TREE: u64 = 1_000;

/// What the tokens above a token leave to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Above {
    /// One of them is switched off or revoked.
    pub suspended: bool,
    /// When the first of them stops working.
    pub ends_at: Option<Timestamp>,
}

/// What a token is minted from. What is left out is as the parent has it.
#[derive(Debug, Clone)]
pub struct NewChild {
    /// Its name.
    pub name: TokenName,
    /// What it opens; `None` means what the parent opens at run time.
    pub scopes: Option<ScopeSet>,
    /// The endpoints it may call; empty means those of the parent.
    pub endpoint_ids: Vec<EndpointId>,
    /// What it may use.
    pub limits: TokenLimits,
    /// Free data.
    pub metadata: Map<String, Value>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

impl Token {
    /// Mints a token below this one: in the same project, for the same owner.
    pub fn mint(
        &self,
        id: TokenId,
        new: NewChild,
        secret: &TokenSecret,
        at: Timestamp,
    ) -> Result<Self, InvalidToken> {
        if self.depth >= MAX_DEPTH {
            return Err(InvalidToken::TooDeep);
        }
        let runtime = || self.scopes.iter().filter(|scope| !scope.is_management()).collect();
        let scopes = new.scopes.unwrap_or_else(runtime);
        let beyond = |field| InvalidToken::BeyondParent { field };
        if !scopes.iter().all(|scope| self.scopes.allows(scope)) {
            return Err(beyond("scopes"));
        }
        let endpoints =
            if new.endpoint_ids.is_empty() { self.endpoint_ids.clone() } else { new.endpoint_ids };
        if !self.endpoint_ids.is_empty() && !endpoints.iter().all(|id| self.endpoint_ids.contains(id)) {
            return Err(beyond("endpointIds"));
        }
        if let (Some(own), Some(end)) = (self.ends_at(), new.expires_at)
            && end > own
        {
            return Err(beyond("expiresAt"));
        }
        let limits = new.limits.within(&self.limits)?;
        let new = NewToken {
            project_id: self.project_id,
            owner: self.owner,
            name: new.name,
            env: self.env,
            scopes,
            endpoint_ids: endpoints,
            limits,
            metadata: new.metadata,
            expires_at: new.expires_at.or(self.ends_at()),
        };
        let child = Self::issue(id, new, secret, at)?;
        let above = Above { suspended: self.above.suspended, ends_at: self.ends_at() };
        Ok(Self { parent: Some(self.id), depth: self.depth + 1, above, ..child })
    }

    /// The same token with nothing that `parent` does not have any more; itself, if there is no such
    /// thing. `None` when nothing would be left that it opens.
    pub fn narrowed_to(&self, parent: &Self) -> Option<Self> {
        let scopes: ScopeSet = self.scopes.iter().filter(|scope| parent.scopes.allows(*scope)).collect();
        let endpoint_ids = match (parent.endpoint_ids.as_slice(), self.endpoint_ids.as_slice()) {
            ([], own) => own.to_vec(),
            (all, []) => all.to_vec(),
            (all, own) => own.iter().filter(|id| all.contains(id)).copied().collect(),
        };
        let calls_nothing = endpoint_ids.is_empty() && !parent.endpoint_ids.is_empty();
        if scopes.is_empty() || calls_nothing {
            return None;
        }
        let limits = self.limits.at_most(&parent.limits);
        let expires_at = earliest(self.expires_at, parent.expires_at);
        let narrowed = Self { scopes, endpoint_ids, limits, expires_at, ..self.clone() };
        let changed = narrowed != *self;
        Some(Self { version: self.version + i64::from(changed), ..narrowed })
    }

    /// Whether the token has nothing that `parent`, which minted it, does not have.
    pub fn stay_within(&self, parent: &Self) -> Result<(), InvalidToken> {
        let beyond = |field| Err(InvalidToken::BeyondParent { field });
        let Some(narrowed) = self.narrowed_to(parent) else { return beyond("scopes") };
        let fields = [
            ("scopes", narrowed.scopes == self.scopes),
            ("endpointIds", narrowed.endpoint_ids == self.endpoint_ids),
            (
                "rateLimitPerMinute",
                narrowed.limits.rate_limit_per_minute == self.limits.rate_limit_per_minute,
            ),
            ("rateLimitPerHour", narrowed.limits.rate_limit_per_hour == self.limits.rate_limit_per_hour),
            (
                "monthlyBudgetUsdCap",
                narrowed.limits.monthly_budget_usd_cap == self.limits.monthly_budget_usd_cap,
            ),
            ("dailyBudgetUsdCap", narrowed.limits.daily_budget_usd_cap == self.limits.daily_budget_usd_cap),
            ("dailyTokenCap", narrowed.limits.daily_token_cap == self.limits.daily_token_cap),
            ("expiresAt", narrowed.expires_at == self.expires_at),
        ];
        fields.iter().find(|(_, same)| !same).map_or(Ok(()), |(field, _)| beyond(field))
    }
}

impl TokenLimits {
    /// These limits where they are set, else those of the parent; none may be looser than that.
    fn within(self, parent: &Self) -> Result<Self, InvalidToken> {
        Ok(Self {
            rate_limit_per_minute: within(
                "rateLimitPerMinute",
                self.rate_limit_per_minute,
                parent.rate_limit_per_minute,
            )?,
            rate_limit_per_hour: within(
                "rateLimitPerHour",
                self.rate_limit_per_hour,
                parent.rate_limit_per_hour,
            )?,
            monthly_budget_usd_cap: within(
                "monthlyBudgetUsdCap",
                self.monthly_budget_usd_cap,
                parent.monthly_budget_usd_cap,
            )?,
            daily_budget_usd_cap: within(
                "dailyBudgetUsdCap",
                self.daily_budget_usd_cap,
                parent.daily_budget_usd_cap,
            )?,
            daily_token_cap: within("dailyTokenCap", self.daily_token_cap, parent.daily_token_cap)?,
        })
    }

    /// These limits, none looser than the other's.
    fn at_most(&self, other: &Self) -> Self {
        Self {
            rate_limit_per_minute: tighter(self.rate_limit_per_minute, other.rate_limit_per_minute),
            rate_limit_per_hour: tighter(self.rate_limit_per_hour, other.rate_limit_per_hour),
            monthly_budget_usd_cap: tighter(self.monthly_budget_usd_cap, other.monthly_budget_usd_cap),
            daily_budget_usd_cap: tighter(self.daily_budget_usd_cap, other.daily_budget_usd_cap),
            daily_token_cap: tighter(self.daily_token_cap, other.daily_token_cap),
        }
    }
}

fn within<T: Ord + Copy>(
    field: &'static str,
    wanted: Option<T>,
    parent: Option<T>,
) -> Result<Option<T>, InvalidToken> {
    match (wanted, parent) {
        (Some(wanted), Some(parent)) if wanted > parent => Err(InvalidToken::BeyondParent { field }),
        (wanted, parent) => Ok(wanted.or(parent)),
    }
}

fn tighter<T: Ord + Copy>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
pub(crate) mod tests;
