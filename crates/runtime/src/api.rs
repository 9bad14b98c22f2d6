//! `api`: the JSON API.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware;
use promptgate_auth::AdminKey;
use promptgate_control::Control;
use promptgate_control::catalog::ModelCatalog;
use promptgate_kernel::KeyRing;
use promptgate_rest::{ApiState, ProxyBaseUrl};
use promptgate_settings::AdminKeySetting;

use crate::banner::AdminKeyPlace;
use crate::base::{Base, Site};
use crate::files::DataDir;
use crate::ops::Readiness;
use crate::proxy::capability_table;
use crate::storage::{self, BusInUse, Storage};
use crate::trace::continue_trace;

pub(crate) async fn run(base: Base) -> anyhow::Result<()> {
    let (site, _) = bind(&base).await?;
    let data = keys_dir(&base)?;
    let storage = storage::open(&base.common, data.as_ref()).await?;
    let keys = storage::keys(&base, data.as_ref())?;
    let bus = storage::bus(&base, &storage)?;
    let plane = ControlPlane::start(&base, data.as_ref(), &storage, &bus, keys)?;
    base.serve(vec![site.serving(plane.router)], || {}, || Ok(())).await?;
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
    pub(crate) control: Arc<Control>,
    pub(crate) admin_key: AdminKeyPlace,
    pub(crate) router: Router,
}

impl ControlPlane {
    pub(crate) fn start(
        base: &Base,
        data: Option<&DataDir>,
        storage: &Storage,
        bus: &BusInUse,
        keys: KeyRing,
    ) -> anyhow::Result<Self> {
        let settings = base.settings.api()?;
        let control = Arc::new(Control {
            store: Arc::clone(&storage.store),
            bus: Arc::clone(&bus.bus),
            clock: Arc::clone(&base.clock),
            entropy: Arc::clone(&base.entropy),
            keys,
            catalog: ModelCatalog::default(),
            capabilities: Arc::new(capability_table(settings.capabilities_file.as_deref())?),
            runner: None,
        });
        let (admin_key, place) = admin_key(base, data)?;
        let proxy_base_url = ProxyBaseUrl::new(&settings.proxy_base_url);
        let state = ApiState { control: Arc::clone(&control), admin_key, proxy_base_url };
        let ops = Readiness::new(base, Arc::clone(&storage.store))?.with_bus(bus).router();
        let router = promptgate_rest::router(state).layer(middleware::from_fn(continue_trace)).merge(ops);
        Ok(Self { control, admin_key: place, router })
    }
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
