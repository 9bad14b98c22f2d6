//! What is remembered, for how long, and what is not.

mod trouble;

use super::asking::PAUSE_AFTER_FAILURE;
use super::*;
use crate::testing::{FakeTokens, project, token_for};
use promptgate_kernel::testing::TestClock;
use promptgate_projects::ProjectType;
use promptgate_tokens::TokenState;
use std::task::Poll;

struct Bench {
    tokens: Arc<FakeTokens>,
    clock: Arc<TestClock>,
    authenticator: Authenticator,
    presented: PresentedToken,
    token: Token,
}

fn bench() -> Bench {
    let (tokens, clock) = (Arc::<FakeTokens>::default(), Arc::new(TestClock::at_millis(1_000_000)));
    let authenticator = Authenticator::new(tokens.clone(), clock.clone(), AuthenticatorOptions::default());
    let (presented, token) = token_for(&project(ProjectType::AiWrapper), 1);
    tokens.put(token.clone());
    Bench { tokens, clock, authenticator, presented, token }
}

impl Bench {
    async fn state(&self) -> Option<TokenState> {
        self.authenticator.find(self.presented).await.unwrap().map(|token| token.state)
    }

    fn revoke(&self) {
        self.tokens.put(self.token.clone().revoke(self.clock.now()).unwrap());
    }
}

#[tokio::test]
async fn hits_and_misses_are_remembered_for_a_while() {
    let bench = bench();
    let (unknown, _) = token_for(&project(ProjectType::AiWrapper), 2);
    for _ in 0..3 {
        assert_eq!(bench.state().await, Some(TokenState::Active));
        assert!(bench.authenticator.find(unknown).await.unwrap().is_none());
    }
    assert_eq!(bench.tokens.lookups(), 2);
    bench.clock.advance(Duration::from_secs(10));
    bench.authenticator.find(unknown).await.unwrap();
    assert_eq!(bench.tokens.lookups(), 3);
    bench.clock.advance(Duration::from_secs(50));
    bench.state().await;
    assert_eq!(bench.tokens.lookups(), 4);
}

#[tokio::test]
async fn a_token_revoked_while_it_is_looked_up_is_not_remembered_as_active() {
    let bench = bench();
    let gate = bench.tokens.pause();
    let mut first = std::pin::pin!(bench.authenticator.find(bench.presented));
    // The store has read the active token and has not answered yet.
    assert!(matches!(futures_util::poll!(first.as_mut()), Poll::Pending));
    bench.revoke();
    bench.authenticator.forget(bench.token.id, bench.token.hash);
    gate.open();
    assert_eq!(first.await.unwrap().unwrap().state, TokenState::Active, "it was asked before");
    assert!(matches!(bench.state().await, Some(TokenState::Revoked { .. })));
}

#[tokio::test]
async fn who_asks_after_the_revocation_does_not_share_the_older_question() {
    let bench = bench();
    let gate = bench.tokens.pause();
    let mut before = std::pin::pin!(bench.authenticator.find(bench.presented));
    assert!(matches!(futures_util::poll!(before.as_mut()), Poll::Pending));
    bench.revoke();
    bench.authenticator.forget(bench.token.id, bench.token.hash);
    let mut after = std::pin::pin!(bench.authenticator.find(bench.presented));
    assert!(matches!(futures_util::poll!(after.as_mut()), Poll::Pending));
    gate.open();
    assert!(matches!(after.await.unwrap().unwrap().state, TokenState::Revoked { .. }));
    before.await.unwrap();
    assert!(matches!(bench.state().await, Some(TokenState::Revoked { .. })));
}

#[tokio::test]
async fn many_who_ask_at_once_make_one_lookup_and_survive_one_leaving() {
    let bench = bench();
    let gate = bench.tokens.pause();
    let mut leaving = Box::pin(bench.authenticator.find(bench.presented));
    assert!(matches!(futures_util::poll!(leaving.as_mut()), Poll::Pending));
    let others = futures_util::future::join_all((0..50).map(|_| bench.state()));
    let mut others = std::pin::pin!(others);
    assert!(matches!(futures_util::poll!(others.as_mut()), Poll::Pending));
    drop(leaving);
    gate.open();
    assert!(others.await.into_iter().all(|state| state == Some(TokenState::Active)));
    assert_eq!(bench.tokens.lookups(), 1);
}

#[tokio::test]
async fn while_the_store_is_away_known_tokens_work_and_others_are_not_called_wrong() {
    let bench = bench();
    bench.state().await;
    bench.tokens.break_down(true);
    bench.clock.advance(Duration::from_mins(14));
    assert_eq!(bench.state().await, Some(TokenState::Active));
    let (unknown, _) = token_for(&project(ProjectType::AiWrapper), 2);
    assert!(bench.authenticator.find(unknown).await.is_err());
    // Nobody waits for what was away a moment ago.
    let lookups = bench.tokens.lookups();
    assert!(bench.authenticator.find(unknown).await.is_err());
    assert_eq!(bench.tokens.lookups(), lookups);
    bench.clock.advance(PAUSE_AFTER_FAILURE);
    bench.tokens.break_down(false);
    assert!(bench.authenticator.find(unknown).await.unwrap().is_none());
    bench.tokens.break_down(true);
    bench.clock.advance(Duration::from_mins(1));
    assert!(bench.authenticator.find(bench.presented).await.is_err());
}

#[tokio::test]
async fn while_the_store_is_away_known_tokens_do_not_wait_for_it_each_time() {
    let bench = bench();
    bench.state().await;
    bench.tokens.break_down(true);
    bench.clock.advance(Duration::from_mins(2));
    for _ in 0..5 {
        assert_eq!(bench.state().await, Some(TokenState::Active));
    }
    assert_eq!(bench.tokens.lookups(), 2);
    bench.clock.advance(PAUSE_AFTER_FAILURE);
    bench.tokens.break_down(false);
    bench.revoke();
    assert!(matches!(bench.state().await, Some(TokenState::Revoked { .. })));
}

#[tokio::test]
async fn forgetting_all_begins_anew() {
    let bench = bench();
    bench.state().await;
    bench.authenticator.forget_all();
    bench.state().await;
    assert_eq!(bench.tokens.lookups(), 2);
}
