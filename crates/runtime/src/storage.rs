//! Opening what a process keeps things in: the data directory, the keys, the database, the bus.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use promptgate_auth::SignInState;
use promptgate_control::limits::LimitCounters;
use promptgate_coordination_local::LocalBus;
use promptgate_coordination_redis::{RedisBus, RedisOptions};
use promptgate_kernel::{KeyRing, SecretString};
use promptgate_limits::{Counters, MemoryCounters};
use promptgate_settings::{CommonSettings, Process};
use promptgate_store::{Bus, Store};
use promptgate_store_sql::{Connected, SqlOptions};

use crate::base::Base;
use crate::files::DataDir;

/// The database, opened, and its schema known.
pub(crate) struct Storage {
    pub(crate) connected: Connected,
    pub(crate) store: Arc<dyn Store>,
}

/// The data directory. In cluster mode a process can do without it and says once what it gives up.
pub(crate) fn data_dir(common: &CommonSettings, gives_up: &str) -> anyhow::Result<Option<DataDir>> {
    let shown = common.data_dir.display();
    match DataDir::open(&common.data_dir) {
        Ok(directory) => Ok(Some(directory)),
        Err(error) if common.database.is_cluster => {
            tracing::warn!(
                data_dir = %shown,
                error = %error,
                "the data directory {shown} cannot be written to; going on without it: {gives_up}"
            );
            Ok(None)
        }
        Err(error) => Err(anyhow!(
            "cannot write to the data directory {shown}: {error}; set PROMPTGATE_DATA_DIR to a directory that can be written to"
        )),
    }
}

/// Opens the database, and sees that it answers.
pub(crate) async fn connect(common: &CommonSettings, data: Option<&DataDir>) -> anyhow::Result<Connected> {
    let connected = prepare(common, data).await?;
    let shown = |url: &SecretString| promptgate_store_sql::describe(url.expose());
    let shown = common.database.url.as_ref().map_or_else(|| "in the data directory".to_owned(), shown);
    connected.store().ping().await.with_context(|| format!("cannot reach the database {shown}"))?;
    Ok(connected)
}

/// Opens the database without asking it anything, if it is a server.
pub(crate) async fn prepare(common: &CommonSettings, data: Option<&DataDir>) -> anyhow::Result<Connected> {
    let database = &common.database;
    let url = match (&database.url, data) {
        (Some(url), _) => url.expose().clone(),
        (None, Some(data)) => data
            .database_url()
            .with_context(|| format!("cannot open the database in {}", data.path().display()))?,
        (None, None) => {
            unreachable!("without an address the database is in the data directory, which is required")
        }
    };
    let options = SqlOptions {
        max_open: database.max_connections,
        max_idle: database.idle_connections,
        max_lifetime: database.connection_lifetime,
        zone: common.zone,
        ..SqlOptions::default()
    };
    let shown = promptgate_store_sql::describe(&url);
    tracing::info!(database = shown, "using the database {shown}");
    let source = if database.url.is_some() { "PROMPTGATE_DATABASE_URL" } else { "the embedded database" };
    promptgate_store_sql::connect(&url, options).await.context(source)
}

/// Opens the database of a process that works with it; refuses a schema that it does not know.
pub(crate) async fn open(common: &CommonSettings, data: Option<&DataDir>) -> anyhow::Result<Storage> {
    let connected = connect(common, data).await?;
    connected.check_schema().await?;
    Ok(Storage { store: connected.store(), connected })
}

/// The keys that credentials are sealed under: given, or made in the data directory.
pub(crate) fn keys(base: &Base, data: Option<&DataDir>) -> anyhow::Result<KeyRing> {
    let secrets = base.settings.secrets()?;
    let active = match (secrets.key, data) {
        (Some(key), _) => key,
        (None, Some(data)) => data.secrets_key(&*base.entropy)?,
        (None, None) => {
            unreachable!("without a data directory it is cluster mode, in which the key is required")
        }
    };
    Ok(KeyRing::new(active, secrets.old_keys))
}

/// Asks whether something is up.
pub(crate) type IsUp = Arc<dyn Fn() -> bool + Send + Sync>;

/// The bus, and how it does.
pub(crate) struct BusInUse {
    pub(crate) bus: Arc<dyn Bus>,
    /// `redis`, `postgres` or `local`.
    pub(crate) name: &'static str,
    /// Whether it is up, where it can be down.
    pub(crate) is_up: IsUp,
    /// What sign-ins share: in Redis if there is one, else in the database.
    pub(crate) sign_in: SignInState,
    /// The counters of minutes, hours and calls under way, where they are not in the database: in Redis if
    /// there is one, in this process where it is alone.
    pub(crate) counters: Option<Arc<dyn Counters>>,
    redis: Option<Arc<RedisBus>>,
}

impl BusInUse {
    /// Waits until it is known whether Redis is there, if there is to be one. Whoever limits calls before
    /// acts as if it were away, and gives what others have given.
    pub(crate) async fn first_contact(&self) {
        if let Some(redis) = &self.redis {
            redis.first_contact().await;
        }
    }

    /// Those counters, if they are in Redis.
    pub(crate) fn redis_counters(&self) -> Option<&Arc<dyn Counters>> {
        self.counters.as_ref().filter(|_| self.name == "redis")
    }
}

/// The bus: Redis if there is one, else PostgreSQL if that is the database, else this process.
pub(crate) fn bus(base: &Base, storage: &Storage) -> anyhow::Result<BusInUse> {
    if let Some(url) = base.server_settings()?.redis_url {
        let clock = Arc::clone(&base.clock);
        let bus = Arc::new(
            RedisBus::connect(url.expose(), RedisOptions::default(), clock)
                .context("PROMPTGATE_REDIS_URL")?,
        );
        let health = Arc::clone(&bus);
        let drilled = Arc::clone(&bus);
        base.drills.tell_redis(base, move |away| drilled.pretend_away(away));
        let sign_in = bus.sign_in();
        let counters = Some(bus.counters());
        let is_up: IsUp = Arc::new(move || health.is_up());
        let redis = Some(Arc::clone(&bus));
        return Ok(BusInUse { bus, name: "redis", is_up, sign_in, counters, redis });
    }
    let sign_in = storage.connected.sign_in();
    let Some(bus) = storage.connected.bus(&base.tasks, &base.stop) else {
        let bus = Arc::new(LocalBus::new());
        // What calls take of them the control plane looks up in the same place.
        let counters = is_alone(base).then(|| Arc::new(MemoryCounters::default()) as Arc<dyn Counters>);
        return Ok(BusInUse { bus, name: "local", is_up: Arc::new(|| true), sign_in, counters, redis: None });
    };
    let bus = Arc::new(bus);
    let health = Arc::clone(&bus);
    let is_up: IsUp = Arc::new(move || health.is_up());
    Ok(BusInUse { bus, name: "postgres", is_up, sign_in, counters: None, redis: None })
}

/// Whether no other process shares the database.
fn is_alone(base: &Base) -> bool {
    base.process == Process::RunAll && !base.common.database.is_cluster
}

/// The counters of limits, as the control plane looks them up.
pub(crate) fn limit_counters(base: &Base, storage: &Storage, bus: &BusInUse) -> LimitCounters {
    let ledger = storage.connected.counters();
    let rates = bus.counters.clone().unwrap_or_else(|| Arc::clone(&ledger));
    LimitCounters { ledger, rates, zone: base.common.zone }
}
