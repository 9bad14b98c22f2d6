//! The pipeline that calls go through: the configuration it works from, kept at the latest revision,
//! and the custody of what it records.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use ipnet::IpNet;
use promptgate_audit::FailureCounts;
use promptgate_coordination_local::spool::MemorySpool;
use promptgate_forwarded::ProxyTrust;
use promptgate_gateway::ports::UsageSink;
use promptgate_gateway::{
    Authenticator, AuthenticatorOptions, ContextualModel, DisconnectPolicy, Gateway, GatewayLimits,
    GatewayParts, Keeper, Keepsakes, SnapshotCell, StoredMemory, Synchroniser,
};
use promptgate_kernel::{KeyRing, Revision};
use promptgate_projects::RecordBodies;
use promptgate_providers::CapabilityCell;
use promptgate_settings::{ContextualSettings, DataPlaneSettings};
use promptgate_store::Store;
use promptgate_usage::PriceTable;

use crate::base::Base;
use crate::dependencies::DATABASE;
use crate::files::DataDir;
use crate::limits;
use crate::outbound;
use crate::reload;
use crate::storage::{BusInUse, Storage};
use crate::trace::W3cTraceContext;
use crate::upkeep;
use crate::usage;

/// The running pipeline. The proxy puts surfaces before it; the API process calls AI endpoints
/// through one of its own.
pub(crate) struct DataPlane {
    pub(crate) gateway: Gateway,
    pub(crate) snapshot: Arc<SnapshotCell>,
    /// Set where events wait in memory, because there is no disk for them.
    pub(crate) memory: Option<Arc<MemorySpool>>,
    /// What strangers were refused.
    pub(crate) failures: Arc<FailureCounts>,
    /// What usage events are handed to.
    pub(crate) sink: Arc<dyn UsageSink>,
}

impl DataPlane {
    /// Loads the configuration and follows its changes.
    pub(crate) async fn start(
        base: &Base,
        data: Option<&DataDir>,
        storage: &Storage,
        bus: &BusInUse,
        keys: KeyRing,
        capabilities: Arc<CapabilityCell>,
        kept: Option<&Keepsakes>,
    ) -> anyhow::Result<Self> {
        let settings = base.settings.data_plane()?;
        let custody = usage::custody(base, &settings.spool, data, Arc::clone(&storage.store)).await?;
        let configuration =
            ConfigurationInForce::load(base, &settings, storage, bus, keys.clone(), capabilities, kept)
                .await?;
        let failures = upkeep::keep_failures(base, &storage.store);
        bus.first_contact().await;
        let gateway = Gateway::new(GatewayParts {
            snapshot: Arc::clone(&configuration.snapshot),
            authenticator: Arc::clone(&configuration.authenticator),
            upstream: Arc::new(outbound::trusted(base)?),
            sink: Arc::clone(&custody.sink),
            clock: Arc::clone(&base.clock),
            entropy: Arc::clone(&base.entropy),
            limits: bounds(&settings)?,
            prices: Arc::new(PriceTable::bundled()),
            tasks: base.finishing.clone(),
            trace_context: Arc::new(W3cTraceContext),
            keys,
            memory: remembering(base, storage),
            idempotency: Arc::new(Arc::clone(&storage.store)),
            failures: Arc::clone(&failures),
            limiters: limits::start(base, storage, bus)?,
        });
        let (snapshot, memory, sink) = (configuration.snapshot, custody.memory, custody.sink);
        Ok(Self { gateway, snapshot, memory, failures, sink })
    }
}

/// What AI endpoints remember, and the task that writes down how often answers were used again.
fn remembering(base: &Base, storage: &Storage) -> Arc<StoredMemory> {
    let memory = Arc::new(StoredMemory::new(Arc::clone(&storage.store)));
    let (counting, stop) = (Arc::clone(&memory), base.stop.clone());
    base.tasks.spawn(async move { counting.write_hits(stop).await });
    memory
}

/// The configuration that requests are judged by, kept at the latest revision.
struct ConfigurationInForce {
    snapshot: Arc<SnapshotCell>,
    authenticator: Arc<Authenticator>,
}

impl ConfigurationInForce {
    async fn load(
        base: &Base,
        settings: &DataPlaneSettings,
        storage: &Storage,
        bus: &BusInUse,
        keys: KeyRing,
        capabilities: Arc<CapabilityCell>,
        kept: Option<&Keepsakes>,
    ) -> anyhow::Result<Self> {
        let options = AuthenticatorOptions {
            hits: settings.auth_cache_entries,
            hit_ttl: settings.auth_cache_ttl,
            offline_ttl: settings.offline_auth_ttl,
            ..AuthenticatorOptions::default()
        };
        let tokens = Arc::new(Arc::clone(&storage.store));
        let authenticator = Arc::new(Authenticator::new(tokens, Arc::clone(&base.clock), options));
        let snapshot = Arc::new(SnapshotCell::default());
        let synchroniser = || Synchroniser {
            store: Arc::clone(&storage.store),
            bus: Arc::clone(&bus.bus),
            keys: keys.clone(),
            capabilities: Arc::clone(&capabilities),
            snapshot: Arc::clone(&snapshot),
            authenticator: Arc::clone(&authenticator),
            poll_interval: settings.poll_interval,
        };
        let recalled = load(base, &synchroniser(), kept).await?;
        base.tasks.spawn(synchroniser().run(base.stop.clone()));
        if let Some(kept) = kept.cloned() {
            let keeper = Keeper {
                store: Arc::clone(&storage.store),
                snapshot: Arc::clone(&snapshot),
                authenticator: Arc::clone(&authenticator),
                kept,
                recalled,
            };
            base.tasks.spawn(keeper.run(base.stop.clone()));
        }
        read_on_signal(base, synchroniser());
        let (remembering, stop) = (Arc::clone(&authenticator), base.stop.clone());
        base.tasks.spawn(async move { remembering.write_last_used(stop).await });
        Ok(Self { snapshot, authenticator })
    }
}

/// Has the table of capabilities and the configuration read anew at a signal.
fn read_on_signal(base: &Base, synchroniser: Synchroniser<Arc<dyn Store>>) {
    let capabilities = Arc::clone(&synchroniser.capabilities);
    base.reloads.add("the table of capabilities", "capabilities", move |settings| {
        let read = settings.data_plane().map_err(anyhow::Error::from);
        let read = read.and_then(|settings| reload::capability_table(settings.capabilities_file.as_deref()));
        std::future::ready(read.map(|table| {
            capabilities.store(table);
            true
        }))
    });
    let synchroniser = Arc::new(synchroniser);
    base.reloads.add("the configuration", "configuration", move |_| {
        let synchroniser = Arc::clone(&synchroniser);
        async move { Ok(synchroniser.reload().await.map(|()| true)?) }
    });
}

/// Loads the configuration: from the database, or from the disk where that is away; then its revision.
async fn load(
    base: &Base,
    synchroniser: &Synchroniser<Arc<dyn Store>>,
    kept: Option<&Keepsakes>,
) -> anyhow::Result<Option<Revision>> {
    // That it is away was found out already, and waiting for it would only take time.
    let is_away = base.dependencies.all().contains_key(DATABASE);
    let loaded = if is_away { None } else { Some(synchroniser.load_initial().await) };
    if let Some(Ok(())) = loaded {
        recall_tokens(synchroniser, kept).await;
        return Ok(None);
    }
    let recalled = kept.and_then(|kept| synchroniser.recall(kept));
    match (recalled, loaded) {
        (Some(revision), _) => {
            tracing::warn!(
                revision = revision.number(),
                "working from revision {revision} of the configuration, which was kept on disk, until the \
                 database is back"
            );
            Ok(Some(revision))
        }
        (None, Some(Err(error))) => Err(error).context("cannot load the configuration"),
        (None, _) => {
            synchroniser.load_initial().await.context("cannot load the configuration")?;
            recall_tokens(synchroniser, kept).await;
            Ok(None)
        }
    }
}

/// Recalls what tokens were known before the start.
async fn recall_tokens(synchroniser: &Synchroniser<Arc<dyn Store>>, kept: Option<&Keepsakes>) {
    if let Some(kept) = kept {
        synchroniser.recall_tokens(kept).await;
    }
}

/// What models can do, for all of a process: as the operator's file says, else as the program knows.
pub(crate) fn capabilities(base: &Base) -> anyhow::Result<Arc<CapabilityCell>> {
    let table = reload::capability_table(base.settings.data_plane()?.capabilities_file.as_deref())?;
    Ok(Arc::new(CapabilityCell::new(table)))
}

/// Whose forwarded headers count.
pub(crate) fn proxy_trust(networks: &[IpNet], everybody: bool) -> ProxyTrust {
    match (networks, everybody) {
        (_, true) => ProxyTrust::Everybody,
        ([], false) => ProxyTrust::Nobody,
        (networks, false) => ProxyTrust::Networks(networks.to_vec()),
    }
}

fn bounds(settings: &DataPlaneSettings) -> anyhow::Result<GatewayLimits> {
    let timeouts = settings.timeouts;
    let proxies = proxy_trust(&settings.trusted_proxies, settings.trust_forward_headers);
    let disconnect = match settings.drain_after_disconnect {
        Some(limit) => DisconnectPolicy::Drain { limit },
        None => DisconnectPolicy::Cancel,
    };
    let record_bodies = settings.record_bodies.parse::<RecordBodies>();
    Ok(GatewayLimits {
        max_request_bytes: settings.max_request_bytes,
        max_response_bytes: settings.max_response_bytes,
        upload_timeout: timeouts.upload,
        connect_timeout: timeouts.connect,
        first_byte_timeout: timeouts.first_byte,
        idle_timeout: timeouts.idle,
        total_timeout: timeouts.total,
        disconnect,
        max_drains: settings.max_drains,
        max_attempts: settings.max_attempts,
        retry_budget_percent: settings.retry_budget_percent,
        record_bodies: record_bodies.map_err(|_| anyhow!("PROMPTGATE_RECORD_BODIES: no such choice"))?,
        idempotency_ttl: settings.idempotency_ttl,
        guardrails_hold_back: settings.guardrails_hold_back,
        contextual: contextual(settings.contextual.clone()),
        proxies,
    })
}

/// The model that finds names and addresses, where one is set up.
fn contextual(settings: ContextualSettings) -> Option<ContextualModel> {
    let is_set_up = settings.is_set_up();
    let model = ContextualModel {
        provider: settings.provider,
        credential: settings.credential,
        model: settings.model,
        most_characters: settings.max_chars,
        timeout: settings.timeout,
    };
    is_set_up.then_some(model)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use promptgate_endpoints::{CacheKey, CachedAnswer, Endpoint};
    use promptgate_gateway::EndpointMemory;
    use promptgate_kernel::testing::{SeededEntropy, TestClock};
    use promptgate_kernel::{Clock, EndpointId, ProjectId};
    use promptgate_projects::{NewProject, Project, ProjectEnv, ProjectName, ProjectType};
    use promptgate_store::{Access, Store};
    use promptgate_store_sql::{SqlOptions, connect};
    use serde_json::{Map, json};
    use tokio_util::sync::CancellationToken;

    use super::*;

    async fn stored_endpoint(store: &dyn Store, clock: &TestClock) -> Endpoint {
        let entropy = SeededEntropy::new(1);
        let new = NewProject {
            name: ProjectName::parse("Search").unwrap(),
            kind: ProjectType::AiGateway,
            env: ProjectEnv::Prod,
            default_provider: None,
            record_bodies: None,
            limits: promptgate_kernel::LimitSet::default(),
            metadata: Map::new(),
            active: true,
        };
        let project = Project::create(ProjectId::mint(clock, &entropy), new, clock.now()).unwrap();
        let endpoint = Endpoint {
            id: EndpointId::mint(clock, &entropy),
            project_id: project.id,
            config: serde_json::from_value(json!({"name": "a", "slug": "a"})).unwrap(),
            guardrails: Map::new(),
            is_active: true,
            latest_version: 1,
            created_at: clock.now(),
            updated_at: clock.now(),
            version: 1,
        };
        let mut work = store.begin(Access::Write).await.unwrap();
        work.projects().insert(&project).await.unwrap();
        work.endpoints().insert(&endpoint).await.unwrap();
        work.commit().await.unwrap();
        endpoint
    }

    #[tokio::test]
    async fn looking_for_an_answer_writes_nothing_until_hits_are_written_down() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("promptgate.db").display());
        // Nobody waits for long here for the one connection that writes.
        let options = SqlOptions { acquire_timeout: Duration::from_millis(50), ..SqlOptions::default() };
        let connected = connect(&url, options).await.unwrap();
        connected.migrate().await.unwrap();
        let (store, clock) = (connected.store(), TestClock::at_millis(1_700_000_000_000));
        let endpoint = stored_endpoint(&*store, &clock).await;
        let memory = StoredMemory::new(Arc::clone(&store));
        let (key, now) = (CacheKey::from_bytes([1; 32]), clock.now());
        let answer = CachedAnswer {
            key,
            endpoint_id: endpoint.id,
            project_id: endpoint.project_id,
            provider: "echo".into(),
            provider_model: "echo".into(),
            prompt_tokens: 1,
            completion_tokens: 1,
            total_tokens: 2,
            body: "{}".into(),
            hit_count: 0,
            created_at: now,
            expires_at: now.plus(Duration::from_mins(1)),
        };
        memory.keep(&answer).await.unwrap();

        let writer = store.begin(Access::Write).await.unwrap();
        for _ in 0..3 {
            assert_eq!(memory.cached(&key, now).await.unwrap().as_ref(), Some(&answer));
        }
        assert_eq!(memory.cached(&CacheKey::from_bytes([2; 32]), now).await.unwrap(), None);
        let stop = CancellationToken::new();
        stop.cancel();
        memory.write_hits(stop.clone()).await;
        drop(writer);
        assert_eq!(memory.cached(&key, now).await.unwrap().map(|answer| answer.hit_count), Some(0));

        memory.write_hits(stop.clone()).await;
        assert_eq!(memory.cached(&key, now).await.unwrap().map(|answer| answer.hit_count), Some(4));
        memory.write_hits(stop).await;
        assert_eq!(memory.cached(&key, now).await.unwrap().map(|answer| answer.hit_count), Some(5));
    }
}
