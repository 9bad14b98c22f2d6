//! Limiters of several processes over counters in Redis.

use std::sync::Arc;

use chrono_tz::Tz;
use promptgate_limiter::testing::{Model, RATES};

#[tokio::test]
async fn limits_hold_over_redis() {
    let counting = crate::counting().await;
    for seed in 0..8 {
        let ends = vec![Arc::clone(&counting.here), Arc::clone(&counting.there)];
        Model::new(ends, &RATES, Tz::UTC, seed).run(300, async |_| ()).await;
    }
}
