//! What a minted token may have.

use std::time::Duration;

use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{AccountId, Clock, LimitsByModel, ModelLimits, Money, ProjectId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::Scope;
use crate::{AccessDenied, TokenEnv};

fn clock() -> TestClock {
    TestClock::at_millis(1_700_000_000_000)
}

pub(crate) fn token() -> Token {
    let (clock, entropy) = (clock(), SeededEntropy::new(1));
    let new = NewToken {
        project_id: ProjectId::mint(&clock, &entropy),
        owner: Some(AccountId::mint(&clock, &entropy)),
        name: TokenName::parse("parent").unwrap(),
        env: TokenEnv::Live,
        scopes: [Scope::Chat, Scope::Models, Scope::TokensWrite].into_iter().collect(),
        endpoint_ids: vec![],
        limits: TokenLimits { rate_limit_per_minute: Some(10), ..TokenLimits::default() },
        metadata: Map::new(),
        expires_at: None,
    };
    let secret = TokenSecret::generate(TokenEnv::Live, &entropy);
    Token::issue(TokenId::mint(&clock, &entropy), new, &secret, clock.now()).unwrap()
}

fn new() -> NewChild {
    NewChild {
        name: TokenName::parse("child").unwrap(),
        scopes: None,
        endpoint_ids: vec![],
        limits: TokenLimits::default(),
        metadata: Map::new(),
        expires_at: None,
    }
}

fn mint(parent: &Token, new: NewChild) -> Result<Token, InvalidToken> {
    let (clock, entropy) = (clock(), SeededEntropy::new(9));
    let secret = TokenSecret::generate(TokenEnv::Live, &entropy);
    parent.mint(TokenId::mint(&clock, &entropy), new, &secret, clock.now())
}

#[test]
fn what_is_left_out_is_the_parents_but_for_what_manages() {
    let parent = token();
    let child = mint(&parent, new()).unwrap();
    assert_eq!((child.parent, child.depth), (Some(parent.id), 1));
    assert_eq!((child.owner, child.project_id), (parent.owner, parent.project_id));
    assert_eq!(child.scopes.to_string(), "chat, models");
    assert_eq!(child.limits, parent.limits);
    let admin = Token { scopes: [Scope::Admin].into_iter().collect(), ..parent };
    assert_eq!(mint(&admin, new()), Err(InvalidToken::NoScope));
    let wanted = NewChild { scopes: Some([Scope::EndpointsWrite].into_iter().collect()), ..new() };
    assert!(mint(&admin, wanted).is_ok(), "admin stands for what manages");
}

#[test]
fn each_thing_that_goes_beyond_is_named() {
    let end = clock().now().plus(Duration::from_secs(9));
    let id = |seed| EndpointId::mint(&clock(), &SeededEntropy::new(seed));
    let mut parent = Token { expires_at: Some(end), endpoint_ids: vec![id(1)], ..token() };
    parent.limits.max_concurrent_requests = Some(2);
    let of_model = |slots| {
        let limits = ModelLimits { max_concurrent: Some(slots), ..ModelLimits::default() };
        LimitsByModel::from([("gpt-4o".to_owned(), limits)])
    };
    parent.limits.model_limits = of_model(3);
    let slots = TokenLimits { max_concurrent_requests: Some(3), ..TokenLimits::default() };
    let models = TokenLimits { model_limits: of_model(4), ..TokenLimits::default() };
    let limits = TokenLimits { rate_limit_per_minute: Some(11), ..TokenLimits::default() };
    let scopes = |scope| Some([scope].into_iter().collect());
    for (wanted, field) in [
        (NewChild { scopes: scopes(Scope::Proxy), ..new() }, "scopes"),
        (NewChild { scopes: scopes(Scope::Admin), ..new() }, "scopes"),
        (NewChild { limits, ..new() }, "rateLimitPerMinute"),
        (NewChild { limits: slots, ..new() }, "maxConcurrentRequests"),
        (NewChild { limits: models, ..new() }, "modelLimits"),
        (NewChild { endpoint_ids: vec![id(2)], ..new() }, "endpointIds"),
        (NewChild { expires_at: Some(end.plus(Duration::from_micros(1))), ..new() }, "expiresAt"),
    ] {
        assert_eq!(mint(&parent, wanted), Err(InvalidToken::BeyondParent { field }));
    }
    let child = mint(&parent, new()).unwrap();
    assert_eq!((child.expires_at, child.endpoint_ids), (Some(end), vec![id(1)]));
}

#[test]
fn a_line_ends_somewhere() {
    let mut last = token();
    for depth in 1..=MAX_DEPTH {
        last = mint(&last, new()).unwrap();
        assert_eq!(last.depth, depth);
    }
    assert_eq!(mint(&last, new()), Err(InvalidToken::TooDeep));
}

#[test]
fn what_is_above_counts() {
    let (now, child) = (clock().now(), mint(&token(), new()).unwrap());
    assert_eq!(child.usable(now), Ok(()));
    let suspended = Token { above: Above { suspended: true, ends_at: None }, ..child.clone() };
    assert_eq!(suspended.usable(now), Err(AccessDenied::Revoked));
    let over = Token { above: Above { suspended: false, ends_at: Some(now) }, ..child };
    assert_eq!(over.usable(now), Err(AccessDenied::Expired { at: now }));
}

#[test]
fn a_child_loses_what_its_parent_loses() {
    let parent = token();
    let child = mint(&parent, new()).unwrap();
    assert_eq!(child.narrowed_to(&parent).as_ref(), Some(&child));
    let limits = TokenLimits { daily_token_cap: Some(5), ..parent.limits.clone() };
    let poorer = Token { scopes: [Scope::Models].into_iter().collect(), limits, ..parent.clone() };
    let narrowed = child.narrowed_to(&poorer).unwrap();
    assert_eq!((narrowed.scopes.to_string(), narrowed.limits.daily_token_cap), ("models".into(), Some(5)));
    assert_eq!(narrowed.version, child.version + 1);
    let other = Token { scopes: [Scope::Proxy].into_iter().collect(), ..parent };
    assert_eq!(child.narrowed_to(&other), None);
}

fn models() -> impl Strategy<Value = LimitsByModel> {
    let limits =
        (proptest::option::of(1u32..20), proptest::option::of(1u64..20)).prop_map(|(requests, tokens)| {
            ModelLimits { requests_per_minute: requests, tokens_per_hour: tokens, ..ModelLimits::default() }
        });
    proptest::collection::btree_map("[ab]", limits, 0..3)
}

fn limits() -> impl Strategy<Value = TokenLimits> {
    let count = || proptest::option::of(1u32..20);
    let number = || proptest::option::of(1u64..20);
    let old = (count(), count(), count(), count(), number());
    let new = (number(), number(), number(), count(), models());
    (old, new).prop_map(
        |((minute, hour, month, day, tokens), (monthly, by_minute, by_hour, slots, models))| TokenLimits {
            rate_limit_per_minute: minute,
            rate_limit_per_hour: hour,
            monthly_budget_usd_cap: month.map(|cap| Money::from_nanos(cap.into())),
            daily_budget_usd_cap: day.map(|cap| Money::from_nanos(cap.into())),
            daily_token_cap: tokens,
            monthly_token_cap: monthly,
            token_rate_limit_per_minute: by_minute,
            token_rate_limit_per_hour: by_hour,
            max_concurrent_requests: slots,
            request_token_cap: None,
            model_limits: models,
        },
    )
}

fn scopes() -> impl Strategy<Value = ScopeSet> {
    subsequence(Scope::ALL.to_vec(), 1..=Scope::ALL.len()).prop_map(|scopes| scopes.into_iter().collect())
}

fn is_looser<T: Ord>(child: Option<T>, parent: Option<T>) -> bool {
    parent.is_some_and(|parent| child.is_none_or(|child| child > parent))
}

fn has_more(child: &Token, parent: &Token) -> bool {
    let (own, above) = (&child.limits, &parent.limits);
    !child.scopes.iter().all(|scope| parent.scopes.allows(scope))
        || is_looser(own.rate_limit_per_minute, above.rate_limit_per_minute)
        || is_looser(own.rate_limit_per_hour, above.rate_limit_per_hour)
        || is_looser(own.monthly_budget_usd_cap, above.monthly_budget_usd_cap)
        || is_looser(own.daily_budget_usd_cap, above.daily_budget_usd_cap)
        || is_looser(own.daily_token_cap, above.daily_token_cap)
        || is_looser(own.monthly_token_cap, above.monthly_token_cap)
        || is_looser(own.token_rate_limit_per_minute, above.token_rate_limit_per_minute)
        || is_looser(own.token_rate_limit_per_hour, above.token_rate_limit_per_hour)
        || is_looser(own.max_concurrent_requests, above.max_concurrent_requests)
        || is_looser(own.request_token_cap, above.request_token_cap)
        || above.model_limits.iter().any(|(model, above)| {
            let own = own.model_limits.get(model).copied().unwrap_or_default();
            is_looser(own.requests_per_minute, above.requests_per_minute)
                || is_looser(own.tokens_per_hour, above.tokens_per_hour)
        })
        || is_looser(child.expires_at, parent.ends_at())
        || (!parent.endpoint_ids.is_empty()
            && (child.endpoint_ids.is_empty()
                || child.endpoint_ids.iter().any(|id| !parent.endpoint_ids.contains(id))))
}

fn endpoints() -> impl Strategy<Value = Vec<EndpointId>> {
    vec(1u64..4, 0..4).prop_map(|seeds| {
        seeds.into_iter().map(|seed| EndpointId::mint(&clock(), &SeededEntropy::new(seed))).collect()
    })
}

fn ends() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::of((1u64..9).prop_map(|seconds| clock().now().plus(Duration::from_secs(seconds))))
}

proptest! {
    #[test]
    fn no_token_has_more_than_its_parent(
        own in (scopes(), limits(), endpoints(), ends()),
        wanted in (proptest::option::of(scopes()), limits(), endpoints(), ends()),
        later in (scopes(), limits(), endpoints(), ends()),
    ) {
        let parent = Token { scopes: own.0, limits: own.1, endpoint_ids: own.2, expires_at: own.3, ..token() };
        let wanted = NewChild {
            scopes: wanted.0,
            limits: wanted.1,
            endpoint_ids: wanted.2,
            expires_at: wanted.3,
            ..new()
        };
        if let Ok(child) = mint(&parent, wanted) {
            prop_assert!(!has_more(&child, &parent), "{child:?}");
            let parent =
                Token { scopes: later.0, limits: later.1, endpoint_ids: later.2, expires_at: later.3, ..parent };
            if let Some(narrowed) = child.narrowed_to(&parent) {
                prop_assert!(!has_more(&narrowed, &parent), "{narrowed:?}");
            }
        }
    }
}
