//! `proxy`: the data plane.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::response::Response;
use promptgate_control::Control;
use promptgate_control::catalog::ModelCatalog;
use promptgate_kernel::KeyRing;
use promptgate_providers::{CapabilityCell, CapabilityTable};
use promptgate_rest::{ApiState, Edge, ProxyBaseUrl};
use promptgate_usage::Costs;

use crate::accounts;
use crate::base::{Base, Site};
use crate::data_plane::{self, DataPlane};
use crate::dependencies::Watch;
use crate::offline;
use crate::ops::Readiness;
use crate::replicas;
use crate::storage::{self, BusInUse, Storage};
use crate::trace::continue_trace;

/// What the proxy gives up without a data directory.
pub(crate) const WITHOUT_DATA: &str = "usage events wait in memory, and those that wait are lost if the process is killed; it cannot start while \
     the database is away";

pub(crate) async fn run(base: Base) -> anyhow::Result<()> {
    let (site, address) = bind(&base).await?;
    let data = storage::data_dir(&base.common, WITHOUT_DATA)?;
    let keys = storage::keys(&base, data.as_ref())?;
    let kept = offline::keepsakes(&base, data.as_ref(), keys.clone(), address.port());
    let offline::Opened { storage, schema } = offline::open(&base, data.as_ref(), kept.as_ref()).await?;
    if let Some(kept) = &kept {
        offline::remember_proxies(&base, kept);
    }
    if let Some(schema) = &schema {
        schema.watch(&base, &storage);
    }
    base.drills.follow(&base, Arc::clone(&storage.store));
    let storage = Storage { store: base.drills.store(storage.store), ..storage };
    let bus = storage::bus(&base, &storage)?;
    let plane = DataPlane::start(
        &base,
        data.as_ref(),
        &storage,
        &bus,
        keys.clone(),
        data_plane::capabilities(&base)?,
        kept.as_ref(),
    )
    .await?;
    replicas::announce(&base, &storage.store, &[address], Some(&plane.snapshot));
    Watch::of(&storage.store, Some(&bus)).with_sink(Arc::clone(&plane.sink)).start(&base);
    let router = router(&base, &plane, &storage, &bus, keys)?;
    base.serve(vec![site.serving(router)], || plane.gateway.stop_admitting(), || Ok(())).await?;
    storage.connected.close().await;
    schema.map_or(Ok(()), |schema| schema.verdict())
}

pub(crate) async fn bind(base: &Base) -> anyhow::Result<(Site, SocketAddr)> {
    let settings = base.settings.proxy()?;
    let host = base.server_settings()?.host;
    let (site, address) = Site::bind("proxy", &host, settings.port, "PROMPTGATE_PROXY_PORT").await?;
    Ok((Site { client_write_timeout: settings.client_write_timeout, ..site }, address))
}

/// The surfaces before the pipeline, and what else answers on this port.
pub(crate) fn router(
    base: &Base,
    plane: &DataPlane,
    storage: &Storage,
    bus: &BusInUse,
    keys: KeyRing,
) -> anyhow::Result<Router> {
    // Introspection asks no provider and calls no endpoint.
    let control = Control {
        store: Arc::clone(&storage.store),
        bus: Arc::clone(&bus.bus),
        clock: Arc::clone(&base.clock),
        entropy: Arc::clone(&base.entropy),
        sign_in: accounts::sign_in(base, bus.sign_in.clone())?,
        keys,
        catalog: ModelCatalog::default(),
        capabilities: Arc::new(CapabilityCell::new(CapabilityTable::bundled())),
        checker: None,
        destinations: None,
        failures: Arc::clone(&plane.failures),
        limits: storage::limit_counters(base, storage, bus),
        finds_names: base.settings.contextual()?.is_set_up(),
        runner: None,
    };
    let proxies = base.settings.data_plane()?;
    let state = ApiState {
        control: Arc::new(control),
        admin_key: None,
        proxy_base_url: ProxyBaseUrl::default(),
        // Nothing of it is for browsers; only the client's address is of interest.
        edge: Arc::new(Edge {
            proxies: data_plane::proxy_trust(&proxies.trusted_proxies, proxies.trust_forward_headers),
            ..Edge::default()
        }),
        costs: Costs::Hidden,
    };
    let introspection =
        promptgate_rest::introspection_router(state).layer(middleware::from_fn(continue_trace));
    let ops = Readiness::new(base, Arc::clone(&storage.store))?
        .with_bus(bus)
        .with_snapshot(Arc::clone(&plane.snapshot))
        .with_memory_spool(plane.memory.clone())
        .router();
    let dependencies = base.dependencies.clone();
    let calls = promptgate_proxy_http::router(plane.gateway.clone()).merge(introspection);
    let calls = calls.layer(middleware::map_response(move |response: Response| {
        std::future::ready(dependencies.mark(response))
    }));
    Ok(calls.merge(ops))
}
