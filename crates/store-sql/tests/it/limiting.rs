//! Limiters of several processes over counters in SQL, and over those of the ledger, whose calls are recorded.

use std::sync::Arc;

use promptgate_kernel::testing::SeededEntropy;
use promptgate_kernel::{CallId, ProjectId, SystemClock};
use promptgate_limiter::testing::{Ended, Model, RATES};
use promptgate_limits::{Counters, Measure, Window};
use promptgate_store::Access;
use promptgate_store::contract::ledger::{End, ZONE};
use promptgate_usage::{Hold, Outcome, TokenCounts, UsageEvent};
use uuid::Uuid;

async fn record(end: &End, ended: Ended, entropy: &SeededEntropy) {
    let Ended { token, at, tokens, held } = ended;
    let call = CallId::mint(&SystemClock, entropy);
    let project = ProjectId::from_uuid(token.as_uuid());
    let held = held.into_iter().map(|hold| Hold {
        holder: Uuid::from_u128(hold.holder.0),
        counter: hold.counter.to_string(),
        amount: hold.amount,
    });
    let event = UsageEvent {
        tokens: TokenCounts { input: tokens, ..TokenCounts::default() },
        held: Some(held.collect()),
        ..UsageEvent::of_call(call, at, project, token, "chat_completions", Outcome::Completed, 200)
    };
    let mut work = end.store.begin(Access::Write).await.unwrap();
    work.usage().record(&[&event]).await.unwrap();
    work.commit().await.unwrap();
}

async fn limits_hold(ends: &[End; 3], seeds: u64, steps: usize) {
    let kinds = [RATES.as_slice(), &[(Measure::Tokens, Window::Day), (Measure::Tokens, Window::Month)]];
    for seed in 0..seeds {
        let counters: Vec<Arc<dyn Counters>> = ends.iter().map(|end| Arc::clone(&end.counters)).collect();
        let mut model = Model::new(counters, &kinds.concat(), ZONE, seed);
        let entropy = SeededEntropy::new(seed + 1_000);
        model.run(steps, async |ended| record(&ends[1], ended, &entropy).await).await;
    }
}

#[tokio::test]
async fn limits_hold_over_sqlite() {
    limits_hold(crate::ledger_sqlite_memory().await.ends(), 6, 150).await;
}

#[tokio::test]
async fn limits_hold_over_postgres() {
    limits_hold(crate::ledger_postgres().await.ends(), 4, 120).await;
}
