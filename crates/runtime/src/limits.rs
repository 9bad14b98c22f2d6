//! What keeps calls within their limits: where it is counted, and what happens while nobody can be asked.

use std::sync::Arc;
use std::time::Duration;

use promptgate_gateway::Limiters;
use promptgate_limiter::{Degraded, Limiter, LimiterOptions};
use promptgate_limits::Counters;

use crate::base::Base;
use crate::storage::{BusInUse, Storage};

/// How often counters that are not in the database forget what counts no longer.
const SWEEP_EVERY: Duration = Duration::from_mins(1);
/// How long Redis may take, retries of the client included.
const REDIS_DEADLINE: Duration = Duration::from_millis(150);

/// The limiters of a process. Rates are kept in Redis if there is one, else in the database that the
/// processes share, else in this process; budgets always in the database, which also records what they count.
pub(crate) fn start(base: &Base, storage: &Storage, bus: &BusInUse) -> anyhow::Result<Limiters> {
    let settings = base.settings.data_plane()?;
    let degraded = |word: &str| if word == "refuse" { Degraded::Refuse } else { Degraded::Share };
    let rates = LimiterOptions {
        name: "limits",
        zone: base.common.zone,
        deadline: bus.redis_counters().map_or(LimiterOptions::default().deadline, |_| REDIS_DEADLINE),
        degraded: degraded(&settings.limits_degraded),
        ..LimiterOptions::default()
    };
    let budgets = LimiterOptions {
        name: "budgets",
        zone: base.common.zone,
        degraded: degraded(&settings.budgets_degraded),
        ..LimiterOptions::default()
    };
    if let Some(counters) = &bus.counters {
        sweep(base, Arc::clone(counters));
    }
    let ledger = base.drills.counters(storage.connected.counters());
    let counters = bus.counters.clone().unwrap_or_else(|| Arc::clone(&ledger));
    Ok(Limiters { rates: limiter(base, counters, rates), budgets: limiter(base, ledger, budgets) })
}

fn limiter(base: &Base, counters: Arc<dyn Counters>, options: LimiterOptions) -> Limiter {
    let (clock, entropy) = (Arc::clone(&base.clock), Arc::clone(&base.entropy));
    let limiter = Limiter::new(counters, clock, entropy, base.tasks.clone(), options);
    let (telling, stop) = (limiter.clone(), base.stop.clone());
    base.tasks.spawn(async move { telling.run(stop).await });
    let (hearing, stop) = (limiter.clone(), base.stop.clone());
    let mut alive = base.proxies_alive.subscribe();
    base.tasks.spawn(async move {
        let hear = async {
            loop {
                hearing.replicas(u64::from(*alive.borrow_and_update()));
                if alive.changed().await.is_err() {
                    return;
                }
            }
        };
        stop.run_until_cancelled(hear).await
    });
    limiter
}

fn sweep(base: &Base, counters: Arc<dyn Counters>) {
    let (clock, stop) = (Arc::clone(&base.clock), base.stop.clone());
    base.tasks.spawn(async move {
        let sweep = async {
            loop {
                tokio::time::sleep(SWEEP_EVERY).await;
                if let Err(error) = counters.sweep(clock.now()).await {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "what counts no longer is forgotten later"
                    );
                }
            }
        };
        stop.run_until_cancelled(sweep).await
    });
}
