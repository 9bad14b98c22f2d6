//! What every process has, and the order in which it lets go.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use promptgate_kernel::{Clock, Entropy, OsEntropy, SystemClock};
use promptgate_settings::{CommonSettings, Process, ServerSettings, Settings, Sources};
use promptgate_telemetry::{Levels, Metrics, Telemetry};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dependencies::Dependencies;
use crate::drills::Drills;
use crate::outbound::Certificates;
use crate::reload::Reloads;
use crate::replicas::ProxiesAlive;
use crate::server::{self, Bound, Servers};
use crate::shutdown::Leaving;

/// How often metrics are folded.
const FOLD_EVERY: Duration = Duration::from_secs(5);
/// How long background work may take to end after the servers have: the last drain of the spool
/// has a deadline of its own below this.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a client may take nothing of its answer, where no setting says it.
const CLIENT_WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// What every process has.
pub(crate) struct Base {
    pub(crate) process: Process,
    pub(crate) settings: Settings,
    /// Where they come from, to read them anew.
    pub(crate) sources: Sources,
    pub(crate) common: CommonSettings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) metrics: Metrics,
    /// How much is logged.
    pub(crate) levels: Levels,
    /// Whose certificates calls to the outside believe.
    pub(crate) certificates: Certificates,
    /// What can be read anew.
    pub(crate) reloads: Reloads,
    /// What is away, and what is given up meanwhile.
    pub(crate) dependencies: Dependencies,
    /// What is to act as if it were away.
    pub(crate) drills: Drills,
    /// How many processes answer calls.
    pub(crate) proxies_alive: Arc<ProxiesAlive>,
    /// Work that goes on beside requests.
    pub(crate) tasks: TaskTracker,
    /// Tells that work to end.
    pub(crate) stop: CancellationToken,
    /// Work that ends by itself, and that the stop of the others waits for.
    pub(crate) finishing: TaskTracker,
    /// The operator wants the process to end.
    pub(crate) asked: CancellationToken,
    pub(crate) leaving: Leaving,
}

impl Base {
    pub(crate) fn new(
        process: Process,
        settings: Settings,
        sources: Sources,
        telemetry: &Telemetry,
        certificates: Certificates,
    ) -> anyhow::Result<Self> {
        let common = settings.common()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let base = Self {
            process,
            settings,
            sources,
            common,
            dependencies: Dependencies::new(Arc::clone(&clock)),
            drills: Drills::default(),
            clock,
            entropy: Arc::new(OsEntropy),
            metrics: telemetry.metrics(),
            levels: telemetry.levels(),
            certificates,
            reloads: Reloads::default(),
            proxies_alive: Arc::new(watch::Sender::new(1)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            finishing: TaskTracker::new(),
            asked: CancellationToken::new(),
            leaving: Leaving::default(),
        };
        base.fold_metrics();
        Ok(base)
    }

    fn fold_metrics(&self) {
        metrics::gauge!("promptgate_build_info", "version" => env!("CARGO_PKG_VERSION"), "process" => self.process.name())
            .set(1.0);
        let (metrics, stop) = (self.metrics.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let fold = async {
                loop {
                    tokio::time::sleep(FOLD_EVERY).await;
                    metrics.fold();
                }
            };
            stop.run_until_cancelled(fold).await
        });
    }

    pub(crate) fn server_settings(&self) -> anyhow::Result<ServerSettings> {
        Ok(self.settings.server()?)
    }

    /// Serves until the process is asked to end, then lets go in order: readiness turns false,
    /// for a moment requests are still taken, then no more are, those under way finish, background
    /// work ends.
    pub(crate) async fn serve(
        &self,
        sites: Vec<Site>,
        before_drain: impl FnOnce(),
        when_ready: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let settings = self.server_settings()?;
        let servers = Servers::new(settings.shutdown_timeout);
        for site in sites {
            servers.start(site.name, site.bound, site.router, site.client_write_timeout);
        }
        self.reloads.complete();
        when_ready()?;
        self.asked.cancelled().await;
        self.leaving.begin();
        tokio::time::sleep(settings.shutdown_delay).await;
        before_drain();
        servers.stop().await;
        self.finish(settings.shutdown_timeout).await;
        Ok(())
    }

    async fn finish(&self, patience: Duration) {
        self.finishing.close();
        if tokio::time::timeout(patience, self.finishing.wait()).await.is_err() {
            tracing::warn!("calls were still being read to their end; their usage is estimated");
        }
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(BACKGROUND_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!("background work did not end in time");
        }
    }
}

/// One server of a process.
pub(crate) struct Site {
    pub(crate) name: &'static str,
    pub(crate) bound: Bound,
    pub(crate) router: Router,
    /// How long a client may take nothing of its answer.
    pub(crate) client_write_timeout: Duration,
}

impl Site {
    pub(crate) async fn bind(
        name: &'static str,
        host: &str,
        port: u16,
        setting: &'static str,
    ) -> anyhow::Result<(Self, std::net::SocketAddr)> {
        let bound = server::bind(host, port, setting).await?;
        let address = bound.address;
        let router = Router::new();
        Ok((Self { name, bound, router, client_write_timeout: CLIENT_WRITE_TIMEOUT }, address))
    }

    pub(crate) fn serving(self, router: Router) -> Self {
        Self { router, ..self }
    }
}
