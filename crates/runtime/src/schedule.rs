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
use crate::ops::Readiness;
use crate::service_checker::OutboundChecker;
use crate::storage::{self, BusInUse, Storage};

pub(crate) async fn run(base: Base) -> anyhow::Result<()> {
    let settings = base.settings.scheduler()?;
    let host = base.server_settings()?.host;
    let (site, _) = Site::bind("scheduler", &host, settings.port, "PROMPTGATE_SCHEDULER_PORT").await?;
    let data = api::keys_dir(&base)?;
    let storage = storage::open(&base.common, data.as_ref()).await?;
    let keys = storage::keys(&base, data.as_ref())?;
    let bus = storage::bus(&base, &storage)?;
    start(&base, &storage, keys, &bus)?;
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
        token_interval: settings.token_cleanup_interval,
        access_interval: settings.access_expiration_interval,
        ..SchedulerOptions::default()
    };
    let checks = DueChecks {
        store: Arc::clone(&storage.store),
        clock: Arc::clone(&base.clock),
        checker: Arc::new(OutboundChecker(storage::outbound_to_anybody(&base.settings)?)),
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
    let scheduler = Scheduler::new(Arc::clone(&storage.store), Arc::clone(&base.clock), options)
        .checking(checks)
        .keeping(audit)
        .ending(expiry)
        .forgetting(SignIns { state: bus.sign_in.clone(), idle: settings.session_idle_timeout });
    base.tasks.spawn(scheduler.run(base.stop.clone()));
    Ok(())
}
