//! The token entity and its transitions.

use promptgate_kernel::{
    AccountId, EndpointId, LimitSet, LimitsByModel, ModelChanges, Money, ProjectId, Timestamp, TokenId,
    change_models, check_models,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Above, AccessDenied, InvalidToken, Overlap, PreviousSecret, Scope, ScopeSet, TokenEnv, TokenHash,
    TokenSecret,
};

const MAX_METADATA_BYTES: usize = 16 * 1024;
const MAX_ENDPOINTS: usize = 1_000;
/// What any store can keep.
const MAX_TOKEN_CAP: u64 = i64::MAX.unsigned_abs();

/// A token's name: 1 to 120 characters, no control characters, no blanks around it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TokenName(String);

impl TokenName {
    /// Trims and checks a name.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        let text = text.trim();
        let fits = (1..=120).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidToken::Name)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a token is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TokenState {
    /// It opens what its scopes say.
    Active,
    /// It was switched off and can be switched on again.
    Inactive,
    /// It was ended for good.
    Revoked {
        /// When.
        at: Timestamp,
    },
}

/// What a token may use at most. `None` means that the token sets no limit of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenLimits {
    /// Requests in one wall-clock minute.
    pub rate_limit_per_minute: Option<u32>,
    /// Requests in one wall-clock hour.
    pub rate_limit_per_hour: Option<u32>,
    /// Dollars in one calendar month.
    pub monthly_budget_usd_cap: Option<Money>,
    /// Dollars in one day.
    pub daily_budget_usd_cap: Option<Money>,
    /// Tokens of text in one day.
    pub daily_token_cap: Option<u64>,
    /// Tokens of text in one calendar month.
    pub monthly_token_cap: Option<u64>,
    /// Tokens of text in one wall-clock minute.
    pub token_rate_limit_per_minute: Option<u64>,
    /// Tokens of text in one wall-clock hour.
    pub token_rate_limit_per_hour: Option<u64>,
    /// Requests at the same time.
    pub max_concurrent_requests: Option<u32>,
    /// Tokens that one request may give a model to read, by estimate.
    pub request_token_cap: Option<u64>,
    /// How much single models may be used, besides.
    pub model_limits: LimitsByModel,
}

impl TokenLimits {
    /// The same limits under the names that limits have everywhere.
    pub fn limit_set(&self) -> LimitSet {
        LimitSet {
            requests_per_minute: self.rate_limit_per_minute,
            requests_per_hour: self.rate_limit_per_hour,
            tokens_per_minute: self.token_rate_limit_per_minute,
            tokens_per_hour: self.token_rate_limit_per_hour,
            max_concurrent: self.max_concurrent_requests,
            request_tokens: self.request_token_cap,
            daily_tokens: self.daily_token_cap,
            monthly_tokens: self.monthly_token_cap,
            daily_cost: self.daily_budget_usd_cap,
            monthly_cost: self.monthly_budget_usd_cap,
            models: self.model_limits.clone(),
        }
    }

    fn check(&self) -> Result<(), InvalidToken> {
        let budget = |cap: Option<Money>| cap.is_some_and(|cap| cap <= Money::ZERO);
        let tokens = |cap: Option<u64>| cap.is_some_and(|cap| cap == 0 || cap > MAX_TOKEN_CAP);
        let wrong = [
            ("rateLimitPerMinute", self.rate_limit_per_minute == Some(0)),
            ("rateLimitPerHour", self.rate_limit_per_hour == Some(0)),
            ("monthlyBudgetUsdCap", budget(self.monthly_budget_usd_cap)),
            ("dailyBudgetUsdCap", budget(self.daily_budget_usd_cap)),
            ("dailyTokenCap", tokens(self.daily_token_cap)),
            ("monthlyTokenCap", tokens(self.monthly_token_cap)),
            ("tokenRateLimitPerMinute", tokens(self.token_rate_limit_per_minute)),
            ("tokenRateLimitPerHour", tokens(self.token_rate_limit_per_hour)),
            ("maxConcurrentRequests", self.max_concurrent_requests == Some(0)),
            ("requestTokenCap", tokens(self.request_token_cap)),
        ];
        wrong
            .into_iter()
            .find(|(_, wrong)| *wrong)
            .map_or(Ok(()), |(field, _)| Err(InvalidToken::Limit { field }))?;
        Ok(check_models("modelLimits", &self.model_limits)?)
    }
}

/// A bearer credential as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its identity, which survives rotation.
    pub id: TokenId,
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// The person or service account it acts for; `None` for a project's own token.
    pub owner: Option<AccountId>,
    /// Its name.
    pub name: TokenName,
    /// SHA-256 of the secret.
    pub hash: TokenHash,
    /// The first characters, for display.
    pub prefix: String,
    /// The last four characters, for display.
    pub last_four: String,
    /// Live or test.
    pub env: TokenEnv,
    /// What it opens.
    pub scopes: ScopeSet,
    /// The endpoints it may call; empty means every endpoint of the project.
    pub endpoint_ids: Vec<EndpointId>,
    /// What it may use.
    pub limits: TokenLimits,
    /// Whatever its maker wants to keep with it. Never interpreted, never logged.
    pub metadata: Map<String, Value>,
    /// Where it is in its life.
    pub state: TokenState,
    /// When it stops working; `None` means never.
    pub expires_at: Option<Timestamp>,
    /// When it last opened something, to within a minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// What its maker says about it.
    pub description: String,
    /// The secret before the last rotation, while it works besides the new one.
    pub previous: Option<PreviousSecret>,
    /// When maintenance noted that its time was over.
    pub expired_at: Option<Timestamp>,
    /// The token that minted it; `None` for one that was issued.
    pub parent: Option<TokenId>,
    /// How many tokens are above it.
    pub depth: u8,
    /// What the tokens above it leave to it, as of when it was read; never written.
    pub above: Above,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// What a token is made from.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The project it will belong to.
    pub project_id: ProjectId,
    /// Who it acts for.
    pub owner: Option<AccountId>,
    /// Its name.
    pub name: TokenName,
    /// Live or test.
    pub env: TokenEnv,
    /// What it opens.
    pub scopes: ScopeSet,
    /// The endpoints it may call; empty means all.
    pub endpoint_ids: Vec<EndpointId>,
    /// What it may use.
    pub limits: TokenLimits,
    /// Free data.
    pub metadata: Map<String, Value>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

/// What may be changed about a token; `None` keeps a value, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
pub struct TokenChanges {
    /// A new name.
    pub name: Option<TokenName>,
    /// Other scopes.
    pub scopes: Option<ScopeSet>,
    /// Another allowlist.
    pub endpoint_ids: Option<Vec<EndpointId>>,
    /// Another limit of requests a minute.
    pub rate_limit_per_minute: Option<Option<u32>>,
    /// Another limit of requests an hour.
    pub rate_limit_per_hour: Option<Option<u32>>,
    /// Another cap of dollars a month.
    pub monthly_budget_usd_cap: Option<Option<Money>>,
    /// Another cap of dollars a day.
    pub daily_budget_usd_cap: Option<Option<Money>>,
    /// Another cap of tokens a day.
    pub daily_token_cap: Option<Option<u64>>,
    /// Another cap of tokens a month.
    pub monthly_token_cap: Option<Option<u64>>,
    /// Another limit of tokens a minute.
    pub token_rate_limit_per_minute: Option<Option<u64>>,
    /// Another limit of tokens an hour.
    pub token_rate_limit_per_hour: Option<Option<u64>>,
    /// Another limit of requests at the same time.
    pub max_concurrent_requests: Option<Option<u32>>,
    /// Tokens that one request may give a model to read, by estimate.
    pub request_token_cap: Option<Option<u64>>,
    /// Other limits of these models; those of others stay. `Some(None)` takes all of them away.
    pub model_limits: Option<Option<ModelChanges>>,
    /// Other metadata, whole.
    pub metadata: Option<Map<String, Value>>,
    /// Switch it on or off.
    pub is_active: Option<bool>,
    /// Another end of its life.
    pub expires_at: Option<Option<Timestamp>>,
}

/// The token was revoked before; a revoked token neither changes nor comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token was revoked at {at}")]
pub struct AlreadyRevoked {
    /// When.
    pub at: Timestamp,
}

impl Token {
    /// Issues a token: the entity to store, made from what was asked for and the new secret.
    pub fn issue(
        id: TokenId,
        new: NewToken,
        secret: &TokenSecret,
        at: Timestamp,
    ) -> Result<Self, InvalidToken> {
        let token = Self {
            id,
            project_id: new.project_id,
            owner: new.owner,
            name: new.name,
            hash: secret.hash(),
            prefix: secret.shown_prefix(),
            last_four: secret.last_four(),
            env: new.env,
            scopes: new.scopes,
            endpoint_ids: new.endpoint_ids,
            limits: new.limits,
            metadata: new.metadata,
            state: TokenState::Active,
            expires_at: new.expires_at,
            last_used_at: None,
            created_at: at,
            description: String::new(),
            previous: None,
            expired_at: None,
            parent: None,
            depth: 0,
            above: Above::default(),
            version: 1,
        };
        token.check(at)?;
        Ok(token)
    }

    /// Whether the token opens a route of `project` that needs `scope`.
    pub fn admit(&self, project: ProjectId, scope: Scope, now: Timestamp) -> Result<(), AccessDenied> {
        self.usable(now)?;
        if !self.scopes.allows(scope) {
            return Err(AccessDenied::MissingScope { required: scope, granted: self.scopes.clone() });
        }
        if self.project_id != project {
            return Err(AccessDenied::ForeignProject);
        }
        Ok(())
    }

    /// Whether the token works at all; one whose parent does not work does not either.
    pub fn usable(&self, now: Timestamp) -> Result<(), AccessDenied> {
        if self.state != TokenState::Active || self.above.suspended {
            return Err(AccessDenied::Revoked);
        }
        match self.ends_at() {
            Some(at) if at <= now => Err(AccessDenied::Expired { at }),
            _ => Ok(()),
        }
    }

    /// When it stops working, by its own or because a token above it does.
    pub fn ends_at(&self) -> Option<Timestamp> {
        earliest(self.expires_at, self.above.ends_at)
    }

    /// Ends the token for good.
    pub fn revoke(self, at: Timestamp) -> Result<Self, AlreadyRevoked> {
        let token = self.unless_revoked()?;
        Ok(Self { state: TokenState::Revoked { at }, version: token.version + 1, ..token })
    }

    /// Replaces the secret; everything else, its limits and its history, stays. The old secret works
    /// for the time of the overlap, the one before that no more.
    pub fn rotate(
        self,
        secret: &TokenSecret,
        overlap: Overlap,
        at: Timestamp,
    ) -> Result<Self, AlreadyRevoked> {
        let token = self.unless_revoked()?;
        Ok(Self {
            previous: overlap.until(at).map(|until| PreviousSecret { hash: token.hash, until }),
            hash: secret.hash(),
            prefix: secret.shown_prefix(),
            last_four: secret.last_four(),
            version: token.version + 1,
            ..token
        })
    }

    /// Applies changes; the token must not be revoked.
    pub fn change(
        self,
        changes: TokenChanges,
        now: Timestamp,
    ) -> Result<Result<Self, InvalidToken>, AlreadyRevoked> {
        let mut token = self.unless_revoked()?;
        token.version += 1;
        let expiry_changes = changes.expires_at.is_some();
        replace(&mut token.name, changes.name);
        replace(&mut token.scopes, changes.scopes);
        replace(&mut token.endpoint_ids, changes.endpoint_ids);
        replace(&mut token.limits.rate_limit_per_minute, changes.rate_limit_per_minute);
        replace(&mut token.limits.rate_limit_per_hour, changes.rate_limit_per_hour);
        replace(&mut token.limits.monthly_budget_usd_cap, changes.monthly_budget_usd_cap);
        replace(&mut token.limits.daily_budget_usd_cap, changes.daily_budget_usd_cap);
        replace(&mut token.limits.daily_token_cap, changes.daily_token_cap);
        replace(&mut token.limits.monthly_token_cap, changes.monthly_token_cap);
        replace(&mut token.limits.token_rate_limit_per_minute, changes.token_rate_limit_per_minute);
        replace(&mut token.limits.token_rate_limit_per_hour, changes.token_rate_limit_per_hour);
        replace(&mut token.limits.max_concurrent_requests, changes.max_concurrent_requests);
        replace(&mut token.limits.request_token_cap, changes.request_token_cap);
        token.limits.model_limits = change_models(token.limits.model_limits, changes.model_limits);
        replace(&mut token.metadata, changes.metadata);
        replace(&mut token.expires_at, changes.expires_at);
        if expiry_changes {
            token.expired_at = None;
        }
        if let Some(active) = changes.is_active {
            token.state = if active { TokenState::Active } else { TokenState::Inactive };
        }
        // An expiry that has passed does not stand in the way of other changes.
        let checked_at = if expiry_changes { now } else { Timestamp::from_micros(i64::MIN) };
        Ok(token.check(checked_at).map(|()| token))
    }

    fn unless_revoked(self) -> Result<Self, AlreadyRevoked> {
        match self.state {
            TokenState::Revoked { at } => Err(AlreadyRevoked { at }),
            TokenState::Active | TokenState::Inactive => Ok(self),
        }
    }

    pub(crate) fn check(&self, now: Timestamp) -> Result<(), InvalidToken> {
        if self.scopes.is_empty() {
            return Err(InvalidToken::NoScope);
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(InvalidToken::Expiry);
        }
        if self.endpoint_ids.len() > MAX_ENDPOINTS {
            return Err(InvalidToken::Endpoints);
        }
        let metadata = serde_json::to_vec(&self.metadata).map_or(usize::MAX, |bytes| bytes.len());
        if metadata > MAX_METADATA_BYTES {
            return Err(InvalidToken::Metadata);
        }
        self.limits.check()
    }
}

/// The earlier of two ends; `None` is none at all.
pub(crate) fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::testing::{SeededEntropy, TestClock};
    use promptgate_kernel::{Clock, Entropy, ModelLimitChanges};
    use std::time::Duration;

    fn clock() -> TestClock {
        TestClock::at_millis(1_700_000_000_000)
    }

    fn secret(seed: u64) -> TokenSecret {
        TokenSecret::generate(TokenEnv::Live, &SeededEntropy::new(seed))
    }

    fn new_token(clock: &dyn Clock, entropy: &dyn Entropy) -> NewToken {
        NewToken {
            project_id: ProjectId::mint(clock, entropy),
            owner: None,
            name: TokenName::parse("ci").unwrap(),
            env: TokenEnv::Live,
            scopes: [Scope::Chat].into_iter().collect(),
            endpoint_ids: vec![],
            limits: TokenLimits::default(),
            metadata: Map::new(),
            expires_at: None,
        }
    }

    fn token() -> Token {
        let (clock, entropy) = (clock(), SeededEntropy::new(1));
        let new = new_token(&clock, &entropy);
        Token::issue(TokenId::mint(&clock, &entropy), new, &secret(2), clock.now()).unwrap()
    }

    #[test]
    fn a_token_opens_its_own_project_and_scope_only() {
        let (token, now) = (token(), clock().now());
        let other = ProjectId::mint(&clock(), &SeededEntropy::new(99));
        assert_eq!(token.admit(token.project_id, Scope::Chat, now), Ok(()));
        assert_eq!(token.admit(other, Scope::Chat, now), Err(AccessDenied::ForeignProject));
        let refused = token.admit(token.project_id, Scope::Admin, now).unwrap_err().to_string();
        assert_eq!(refused, "the scope `admin` is required; this token has: chat");
    }

    #[test]
    fn it_stops_at_the_instant_of_its_expiry() {
        let (clock, mut token) = (clock(), token());
        token.expires_at = Some(clock.now().plus(Duration::from_secs(1)));
        assert_eq!(token.usable(clock.now()), Ok(()));
        clock.advance(Duration::from_secs(1));
        assert!(matches!(token.usable(clock.now()), Err(AccessDenied::Expired { .. })));
    }

    #[test]
    fn revoking_twice_is_refused_and_nothing_changes_afterwards() {
        let now = clock().now();
        let revoked = token().revoke(now).unwrap();
        assert_eq!(revoked.usable(now), Err(AccessDenied::Revoked));
        assert_eq!(revoked.clone().revoke(now), Err(AlreadyRevoked { at: now }));
        assert!(revoked.clone().rotate(&secret(3), Overlap::NONE, now).is_err());
        assert!(revoked.change(TokenChanges { is_active: Some(true), ..Default::default() }, now).is_err());
    }

    #[test]
    fn rotation_keeps_everything_but_the_secret() {
        let before = token();
        let after = before.clone().rotate(&secret(3), Overlap::NONE, clock().now()).unwrap();
        assert_ne!(after.hash, before.hash);
        assert_eq!(after.version, before.version + 1);
        let restored = Token {
            hash: before.hash,
            prefix: before.prefix.clone(),
            last_four: before.last_four.clone(),
            version: 1,
            ..after
        };
        assert_eq!(restored, before);
    }

    #[test]
    fn an_expired_token_can_be_renamed_but_not_given_a_past_expiry() {
        let (clock, mut token) = (clock(), token());
        token.expires_at = Some(clock.now());
        let name = TokenName::parse("renamed").unwrap();
        let renamed = TokenChanges { name: Some(name.clone()), ..Default::default() };
        assert_eq!(token.clone().change(renamed, clock.now()).unwrap().unwrap().name, name);
        let past = TokenChanges { expires_at: Some(Some(clock.now())), ..Default::default() };
        assert_eq!(token.change(past, clock.now()).unwrap(), Err(InvalidToken::Expiry));
    }

    #[test]
    fn a_limit_of_zero_names_its_field() {
        let changes = TokenChanges { rate_limit_per_hour: Some(Some(0)), ..Default::default() };
        let refused = token().change(changes, clock().now()).unwrap().unwrap_err();
        assert_eq!(refused.field(), "rateLimitPerHour");
        let limits = ModelLimitChanges { tokens_per_minute: Some(Some(0)), ..Default::default() };
        let models = Some(Some([("gpt-4o".to_owned(), Some(limits))].into()));
        let changes = TokenChanges { model_limits: models, ..Default::default() };
        let refused = token().change(changes, clock().now()).unwrap().unwrap_err();
        assert_eq!(refused.field(), "modelLimits.gpt-4o.tokensPerMinute");
    }

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(TokenName::parse("  söme name ").unwrap().as_str(), "söme name");
        for wrong in ["", "  ", "a\nb", &"x".repeat(121)] {
            assert_eq!(TokenName::parse(wrong), Err(InvalidToken::Name));
        }
    }
}
