//! `api`: the JSON API.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::middleware;
use promptgate_auth::AdminKey;
use promptgate_control::Control;
use promptgate_control::catalog::ModelCatalog;
use promptgate_control::endpoints::EndpointRunner;
use promptgate_gateway::Gateway;
use promptgate_kernel::KeyRing;
use promptgate_providers::CapabilityCell;
use promptgate_rest::{ApiState, Assets, Edge, ProxyBaseUrl};
use promptgate_settings::{AdminKeySetting, ApiSettings};
use promptgate_usage::Costs;

use crate::accounts;
use crate::banner::AdminKeyPlace;
use crate::base::{Base, Site};
use crate::data_plane::{self, DataPlane};
use crate::dependencies::Watch;
use crate::destinations::FormGuard;
use crate::endpoint_runner::GatewayRunner;
use crate::files::DataDir;
use crate::identity;
use crate::model_lister::OutboundLister;
use crate::ops::Readiness;
use crate::outbound;
use crate::replicas;
use crate::service_checker::OutboundChecker;
use crate::storage::{self, BusInUse, Storage};
use crate::trace::continue_trace;

pub(crate) async fn run(base: Base) -> anyhow::Result<()> {
    let (site, address) = bind(&base).await?;
    let data = keys_dir(&base)?;
    let storage = storage::open(&base.common, data.as_ref()).await?;
    let keys = storage::keys(&base, data.as_ref())?;
    let bus = storage::bus(&base, &storage)?;
    // Replays and golden sets go through the same pipeline as everybody's calls.
    let capabilities = data_plane::capabilities(&base)?;
    let data_plane =
        DataPlane::start(&base, data.as_ref(), &storage, &bus, keys.clone(), Arc::clone(&capabilities), None)
            .await?;
    replicas::announce(&base, &storage.store, &[address], Some(&data_plane.snapshot));
    Watch::of(&storage.store, Some(&bus)).start(&base);
    let control = control(&base, &storage, &bus, keys, capabilities)?;
    let failures = Arc::clone(&data_plane.failures);
    let control = Control { runner: Some(runner(&data_plane.gateway)), failures, ..control };
    let plane = ControlPlane::start(&base, data.as_ref(), &storage, &bus, control)?;
    let serving = vec![site.serving(plane.router)];
    base.serve(serving, || data_plane.gateway.stop_admitting(), || Ok(())).await?;
    storage.connected.close().await;
    Ok(())
}

pub(crate) async fn bind(base: &Base) -> anyhow::Result<(Site, SocketAddr)> {
    let port = base.settings.api()?.port;
    Site::bind("api", &base.server_settings()?.host, port, "PROMPTGATE_PORT").await
}

/// The data directory of a process that keeps nothing but keys in it: none in cluster mode, where
/// the keys are given.
pub(crate) fn keys_dir(base: &Base) -> anyhow::Result<Option<DataDir>> {
    if base.common.database.is_cluster { Ok(None) } else { storage::data_dir(&base.common, "") }
}

/// The running control plane.
pub(crate) struct ControlPlane {
    pub(crate) admin_key: AdminKeyPlace,
    pub(crate) router: Router,
}

impl ControlPlane {
    pub(crate) fn start(
        base: &Base,
        data: Option<&DataDir>,
        storage: &Storage,
        bus: &BusInUse,
        control: Control,
    ) -> anyhow::Result<Self> {
        let proxy_base_url = ProxyBaseUrl::new(&base.settings.api()?.proxy_base_url);
        let (admin_key, place) = admin_key(base, data)?;
        let edge = Arc::new(edge(&base.settings.api()?)?);
        let costs = if base.settings.api()?.usage_cost.enabled { Costs::Shown } else { Costs::Hidden };
        let state = ApiState { control: Arc::new(control), admin_key, proxy_base_url, edge, costs };
        let ops = Readiness::new(base, Arc::clone(&storage.store))?.with_bus(bus).router();
        let router = promptgate_rest::router(state).layer(middleware::from_fn(continue_trace)).merge(ops);
        Ok(Self { admin_key: place, router })
    }
}

/// How browsers reach the API.
fn edge(settings: &ApiSettings) -> anyhow::Result<Edge> {
    let assets = settings.static_assets_dir.as_deref().map(Assets::in_directory).transpose();
    Ok(Edge {
        allowed_origins: settings.allowed_origins.clone(),
        own_origins: settings.own_origins.clone(),
        base_url: Some(settings.backend_base_url.clone()),
        frontend_base_url: settings.frontend_base_url.clone(),
        is_https: settings.backend_base_url.starts_with("https://"),
        session_cookie: settings.session_cookie_name.clone(),
        proxies: data_plane::proxy_trust(&settings.trusted_proxies, settings.trust_forward_headers),
        assets: assets.context("PROMPTGATE_STATIC_ASSETS_DIR")?,
    })
}

/// What the use cases work with; who calls AI endpoints for them is yet to be put in.
pub(crate) fn control(
    base: &Base,
    storage: &Storage,
    bus: &BusInUse,
    keys: KeyRing,
    capabilities: Arc<CapabilityCell>,
) -> anyhow::Result<Control> {
    Ok(Control {
        store: Arc::clone(&storage.store),
        bus: Arc::clone(&bus.bus),
        clock: Arc::clone(&base.clock),
        entropy: Arc::clone(&base.entropy),
        sign_in: identity::with_providers(base, accounts::sign_in(base, bus.sign_in.clone())?)?,
        keys,
        catalog: ModelCatalog::new(Arc::new(OutboundLister(outbound::trusted(base)?))),
        capabilities,
        checker: Some(Arc::new(OutboundChecker(outbound::public(base)?))),
        destinations: Some(Arc::new(FormGuard::new(&base.settings)?)),
        failures: Arc::default(),
        limits: storage::limit_counters(base, storage, bus),
        finds_names: base.settings.contextual()?.is_set_up(),
        runner: None,
    })
}

/// Who calls AI endpoints on behalf of the control plane.
pub(crate) fn runner(gateway: &Gateway) -> Arc<dyn EndpointRunner> {
    Arc::new(GatewayRunner::new(gateway.clone()))
}

/// The admin API key: as it is set, else made in the data directory, but never in cluster mode,
/// where replicas would each have their own.
fn admin_key(base: &Base, data: Option<&DataDir>) -> anyhow::Result<(Option<AdminKey>, AdminKeyPlace)> {
    match (base.settings.api()?.admin_api_key, data) {
        (AdminKeySetting::Key(key), _) => Ok((AdminKey::from_text(key.expose()), AdminKeyPlace::Setting)),
        (AdminKeySetting::Unset, Some(data)) if !base.common.database.is_cluster => {
            let key = data.admin_api_key(&*base.entropy)?;
            Ok((AdminKey::from_text(key.expose()), AdminKeyPlace::File(data.key_path("admin_api_key"))))
        }
        (AdminKeySetting::Unset | AdminKeySetting::Off, _) => Ok((None, AdminKeyPlace::Off)),
    }
}
