//! `schedule`: recurring work.

use std::sync::Arc;

use axum::Router;
use promptgate_control::audit::AuditKeeper;
use promptgate_control::keys::Expiry;
use promptgate_control::monitoring::DueChecks;
use promptgate_jobs::{Scheduler, SchedulerOptions, SignIns};
use promptgate_kernel::KeyRing;

use crate::api;
use crate::base::{Base, Site};
use crate::dependencies::Watch;
use crate::ops::Readiness;
use crate::outbound;
use crate::price_list;
use crate::replicas;
use crate::service_checker::OutboundChecker;
use crate::storage::{self, BusInUse, Storage};
use crate::usage;

pub(crate) async fn run(base: Base) -> anyhow::Result<()> {
    let settings = base.settings.scheduler()?;
    let host = base.server_settings()?.host;
    let (site, address) = Site::bind("scheduler", &host, settings.port, "PROMPTGATE_SCHEDULER_PORT").await?;
    let data = api::keys_dir(&base)?;
    let storage = storage::open(&base.common, data.as_ref()).await?;
    let keys = storage::keys(&base, data.as_ref())?;
    let bus = storage::bus(&base, &storage)?;
    start(&base, &storage, keys, &bus)?;
    replicas::announce(&base, &storage.store, &[address], None);
    Watch::of(&storage.store, Some(&bus)).start(&base);
    let ops = Readiness::new(&base, Arc::clone(&storage.store))?.router();
    base.serve(vec![site.serving(Router::new().merge(ops))], || {}, || Ok(())).await?;
    storage.connected.close().await;
    Ok(())
}

/// Starts the recurring jobs.
pub(crate) fn start(base: &Base, storage: &Storage, keys: KeyRing, bus: &BusInUse) -> anyhow::Result<()> {
    let settings = base.settings.scheduler()?;
    let options = SchedulerOptions {
        usage_retention: settings.usage_raw_retention,
        usage_interval: settings.usage_raw_cleanup_interval,
        content_retention: settings.call_content_retention,
        session_retention: settings.ai_session_retention,
        dead_letter_retention: settings.dead_letter_retention,
        token_interval: settings.token_cleanup_interval,
        access_interval: settings.access_expiration_interval,
        ..SchedulerOptions::default()
    };
    let checks = DueChecks {
        store: Arc::clone(&storage.store),
        clock: Arc::clone(&base.clock),
        checker: Arc::new(OutboundChecker(outbound::public(base)?)),
    };
    let expiry = Expiry {
        store: Arc::clone(&storage.store),
        bus: Arc::clone(&bus.bus),
        clock: Arc::clone(&base.clock),
        entropy: Arc::clone(&base.entropy),
    };
    let audit = AuditKeeper {
        store: Arc::clone(&storage.store),
        clock: Arc::clone(&base.clock),
        keys,
        keep: settings.audit_retention,
    };
    let (store, clock, entropy) =
        (Arc::clone(&storage.store), Arc::clone(&base.clock), Arc::clone(&base.entropy));
    let prices = price_list::keeper(base, &storage.store, &bus.bus)?;
    price_list::read_on_signal(base, &prices)?;
    let scheduler = Scheduler::new(store, clock, entropy, options)
        .checking(checks)
        .keeping(audit)
        .ending(expiry)
        .pricing(prices)
        .sweeping("sweep_limits", storage.connected.counters())
        .forgetting(SignIns { state: bus.sign_in.clone(), idle: settings.session_idle_timeout });
    let scheduler = match bus.redis_counters() {
        Some(counters) => scheduler.sweeping("sweep_limits_redis", Arc::clone(counters)),
        None => scheduler,
    };
    usage::ingest(base, &storage.store)?;
    base.tasks.spawn(scheduler.run(base.stop.clone()));
    Ok(())
}
