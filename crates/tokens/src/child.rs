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
            ("expiresAt", narrowed.expires_at == self.expires_at),
        ];
        if let Some((field, _)) = fields.iter().find(|(_, same)| !same) {
            return beyond(field);
        }
        self.limits.first_other_than(&narrowed.limits).map_or(Ok(()), beyond)
    }
}

impl TokenLimits {
    /// These limits where they are set, else those of the parent; none may be looser than that.
    fn within(self, parent: &Self) -> Result<Self, InvalidToken> {
        let left = self.or(parent);
        match left.first_other_than(&left.at_most(parent)) {
            Some(field) => Err(InvalidToken::BeyondParent { field }),
            None => Ok(left),
        }
    }

    /// These limits where they are set, else the other's.
    fn or(self, other: &Self) -> Self {
        let mut model_limits = other.model_limits.clone();
        for (model, own) in self.model_limits {
            let limits = model_limits.entry(model).or_default();
            *limits = own.or(*limits);
        }
        Self {
            rate_limit_per_minute: self.rate_limit_per_minute.or(other.rate_limit_per_minute),
            rate_limit_per_hour: self.rate_limit_per_hour.or(other.rate_limit_per_hour),
            monthly_budget_usd_cap: self.monthly_budget_usd_cap.or(other.monthly_budget_usd_cap),
            daily_budget_usd_cap: self.daily_budget_usd_cap.or(other.daily_budget_usd_cap),
            daily_token_cap: self.daily_token_cap.or(other.daily_token_cap),
            monthly_token_cap: self.monthly_token_cap.or(other.monthly_token_cap),
            token_rate_limit_per_minute: self
                .token_rate_limit_per_minute
                .or(other.token_rate_limit_per_minute),
            token_rate_limit_per_hour: self.token_rate_limit_per_hour.or(other.token_rate_limit_per_hour),
            max_concurrent_requests: self.max_concurrent_requests.or(other.max_concurrent_requests),
            request_token_cap: self.request_token_cap.or(other.request_token_cap),
            model_limits,
        }
    }

    /// These limits, none looser than the other's.
    fn at_most(&self, other: &Self) -> Self {
        let mut model_limits = self.model_limits.clone();
        for (model, above) in &other.model_limits {
            let limits = model_limits.entry(model.clone()).or_default();
            *limits = limits.at_most(*above);
        }
        Self {
            rate_limit_per_minute: tighter(self.rate_limit_per_minute, other.rate_limit_per_minute),
            rate_limit_per_hour: tighter(self.rate_limit_per_hour, other.rate_limit_per_hour),
            monthly_budget_usd_cap: tighter(self.monthly_budget_usd_cap, other.monthly_budget_usd_cap),
            daily_budget_usd_cap: tighter(self.daily_budget_usd_cap, other.daily_budget_usd_cap),
            daily_token_cap: tighter(self.daily_token_cap, other.daily_token_cap),
            monthly_token_cap: tighter(self.monthly_token_cap, other.monthly_token_cap),
            token_rate_limit_per_minute: tighter(
                self.token_rate_limit_per_minute,
                other.token_rate_limit_per_minute,
            ),
            token_rate_limit_per_hour: tighter(
                self.token_rate_limit_per_hour,
                other.token_rate_limit_per_hour,
            ),
            max_concurrent_requests: tighter(self.max_concurrent_requests, other.max_concurrent_requests),
            request_token_cap: tighter(self.request_token_cap, other.request_token_cap),
            model_limits,
        }
    }

    /// The first limit that is not as the other has it, as the wire names it.
    fn first_other_than(&self, other: &Self) -> Option<&'static str> {
        let same = [
            ("rateLimitPerMinute", self.rate_limit_per_minute == other.rate_limit_per_minute),
            ("rateLimitPerHour", self.rate_limit_per_hour == other.rate_limit_per_hour),
            ("monthlyBudgetUsdCap", self.monthly_budget_usd_cap == other.monthly_budget_usd_cap),
            ("dailyBudgetUsdCap", self.daily_budget_usd_cap == other.daily_budget_usd_cap),
            ("dailyTokenCap", self.daily_token_cap == other.daily_token_cap),
            ("monthlyTokenCap", self.monthly_token_cap == other.monthly_token_cap),
            (
                "tokenRateLimitPerMinute",
                self.token_rate_limit_per_minute == other.token_rate_limit_per_minute,
            ),
            ("tokenRateLimitPerHour", self.token_rate_limit_per_hour == other.token_rate_limit_per_hour),
            ("maxConcurrentRequests", self.max_concurrent_requests == other.max_concurrent_requests),
            ("requestTokenCap", self.request_token_cap == other.request_token_cap),
            ("modelLimits", self.model_limits == other.model_limits),
        ];
        same.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
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
