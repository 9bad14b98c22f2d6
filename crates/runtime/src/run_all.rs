//! `run-all`: everything in one process, on nothing but a directory to write to.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use promptgate_auth::Actor;
use promptgate_control::Control;
use promptgate_control::bootstrap::{self, Overview, Seed};
use promptgate_control::providers::ApiKey;
use promptgate_kernel::SecretString;

use crate::accounts;
use crate::api::{self, ControlPlane};
use crate::banner::Banner;
use crate::base::Base;
use crate::data_plane::{self, DataPlane};
use crate::dependencies::Watch;
use crate::migrate;
use crate::proxy;
use crate::replicas;
use crate::schedule;
use crate::start::print;
use crate::storage::{self, Storage};

pub(crate) async fn run(base: Base) -> anyhow::Result<()> {
    let (api_site, api_address) = api::bind(&base).await?;
    let (proxy_site, proxy_address) = proxy::bind(&base).await?;
    let data = storage::data_dir(&base.common, proxy::WITHOUT_DATA)?;
    let connected = storage::connect(&base.common, data.as_ref()).await?;
    let report = connected.migrate().await?;
    tracing::info!(applied = report.applied.len(), "{report}");
    let storage = Storage { store: connected.store(), connected };
    migrate::seed(&base, &*storage.store).await?;

    let keys = storage::keys(&base, data.as_ref())?;
    let bus = storage::bus(&base, &storage)?;
    let capabilities = data_plane::capabilities(&base)?;
    let first = api::control(&base, &storage, &bus, keys.clone(), Arc::clone(&capabilities))?;
    // What may be refused comes first: the project's token is shown once, at a start that goes on.
    let project = seed(&base)?;
    let administrator = accounts::seed(&base, &first).await?;
    let seeded =
        bootstrap::seed(&first, Actor::system(), project).await.context("cannot set up the first project")?;
    let overview =
        bootstrap::overview(&first, Actor::system()).await.context("cannot look at what is there")?;
    // What is drilled is the data plane alone.
    base.drills.follow(&base, Arc::clone(&storage.store));
    let drilled = Storage {
        store: base.drills.store(Arc::clone(&storage.store)),
        connected: storage.connected.clone(),
    };
    let plane =
        DataPlane::start(&base, data.as_ref(), &drilled, &bus, keys.clone(), capabilities, None).await?;
    replicas::announce(&base, &storage.store, &[api_address, proxy_address], Some(&plane.snapshot));
    Watch::of(&drilled.store, Some(&bus)).with_sink(Arc::clone(&plane.sink)).start(&base);
    let gateway = plane.gateway.clone();
    let failures = Arc::clone(&plane.failures);
    let control = Control { runner: Some(api::runner(&gateway)), failures, ..first };
    let control = ControlPlane::start(&base, data.as_ref(), &storage, &bus, control)?;
    let surfaces = proxy::router(&base, &plane, &storage, &bus, keys.clone())?;
    schedule::start(&base, &storage, keys, &bus)?;

    let sites = vec![api_site.serving(control.router), proxy_site.serving(surfaces)];
    let ready = || {
        let banner = Banner {
            data_dir: data.as_ref().map(|data| data.path().to_owned()),
            api: api_address,
            proxy: proxy_address,
            admin_key: control.admin_key,
            administrator: administrator.as_ref(),
            model: example_model(&overview),
            seeded: seeded.as_ref(),
            overview: &overview,
        };
        print(&banner.text())
    };
    base.serve(sites, || gateway.stop_admitting(), ready).await?;
    storage.connected.close().await;
    Ok(())
}

/// What a first start sets up.
fn seed(base: &Base) -> anyhow::Result<Seed> {
    let keys = base.settings.first_start()?;
    Ok(Seed {
        echo: true,
        openai_key: api_key("OPENAI_API_KEY", keys.openai_api_key)?,
        anthropic_key: api_key("ANTHROPIC_API_KEY", keys.anthropic_api_key)?,
    })
}

fn api_key(variable: &str, key: Option<SecretString>) -> anyhow::Result<Option<ApiKey>> {
    let Some(key) = key else { return Ok(None) };
    ApiKey::parse(key.expose()).map_err(|_| {
        anyhow!("{variable} must be printable ASCII without blanks in it, at most 8,192 characters")
    })
}

/// A model that answers: the built-in one, else the first that an enabled provider lists.
fn example_model(overview: &Overview) -> Option<String> {
    let serves =
        overview.project.as_ref().is_some_and(|project| project.active && project.kind.serves_model_api());
    let enabled = || overview.providers.iter().filter(|provider| provider.enabled);
    let echo = enabled().find(|provider| provider.kind.is_built_in());
    let provider = echo.or_else(|| enabled().find(|provider| !provider.models.is_empty()))?;
    let model = provider.models.first()?;
    serves.then(|| format!("{}:{model}", provider.name.as_str()))
}
