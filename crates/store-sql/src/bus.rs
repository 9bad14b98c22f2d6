//! Announcements over `LISTEN`/`NOTIFY`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use promptgate_kernel::Revision;
use promptgate_store::{Announcement, Bus, BusError, Signal, Subscription};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{PgPool, Postgres};
use tokio::sync::broadcast;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::ConnectError;
use crate::connect::postgres_options;

/// The channel that announcements go over.
pub const CONFIG_CHANNEL: &str = "promptgate_config_events";

const ANNOUNCE_DEADLINE: Duration = Duration::from_secs(1);
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the line may be silent before it is tried.
const SILENCE: Duration = Duration::from_secs(15);
/// Signals that a slow subscriber may be behind; beyond it, it hears [`Signal::Missed`].
const BACKLOG: usize = 256;

/// A bus over PostgreSQL. One connection listens for the whole process; it comes back by itself.
pub struct PgBus {
    speaker: PgPool,
    signals: broadcast::Sender<Signal>,
    hears: Arc<AtomicBool>,
    _listening: DropGuard,
}

impl PgBus {
    /// A bus over the database of a URL. The database need not be there. It listens until it is
    /// dropped or `stop` is cancelled.
    pub fn open(url: &str, tasks: &TaskTracker, stop: &CancellationToken) -> Result<Self, ConnectError> {
        Ok(Self::start(postgres_options(url)?, tasks, stop))
    }

    pub(crate) fn start(options: PgConnectOptions, tasks: &TaskTracker, stop: &CancellationToken) -> Self {
        let pool = |size| PgPoolOptions::new().max_connections(size).acquire_timeout(CONNECT_DEADLINE);
        let (signals, _) = broadcast::channel(BACKLOG);
        let stop = stop.child_token();
        let hears = Arc::new(AtomicBool::new(false));
        let listener = Listener {
            pool: pool(1).max_lifetime(None).idle_timeout(None).connect_lazy_with(options.clone()),
            signals: signals.clone(),
            hears: Arc::clone(&hears),
        };
        let stopped = stop.clone();
        tasks.spawn(async move { stopped.run_until_cancelled(listener.run()).await });
        Self { speaker: pool(2).connect_lazy_with(options), signals, hears, _listening: stop.drop_guard() }
    }

    /// Whether the connection that listens is there. A connection that died without a word counts as
    /// there for a quarter of a minute.
    pub fn is_up(&self) -> bool {
        self.hears.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Bus for PgBus {
    async fn announce(&self, announcement: Announcement) -> Result<(), BusError> {
        let notify = sqlx::query::<Postgres>("SELECT pg_notify($1, $2)")
            .bind(CONFIG_CHANNEL)
            .bind(announcement.revision.to_string())
            .execute(&self.speaker);
        match timeout(ANNOUNCE_DEADLINE, notify).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(BusError(error.into())),
            Err(elapsed) => Err(BusError(elapsed.into())),
        }
    }

    async fn subscribe(&self) -> Box<dyn Subscription> {
        Box::new(PgSubscription { signals: self.signals.subscribe() })
    }
}

struct PgSubscription {
    signals: broadcast::Receiver<Signal>,
}

#[async_trait]
impl Subscription for PgSubscription {
    async fn next(&mut self) -> Signal {
        match self.signals.recv().await {
            Ok(signal) => signal,
            Err(broadcast::error::RecvError::Lagged(_)) => Signal::Missed,
            // The bus is gone, and the process with it.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

struct Listener {
    pool: PgPool,
    signals: broadcast::Sender<Signal>,
    hears: Arc<AtomicBool>,
}

impl Listener {
    /// Connects, listens, and starts again when the connection is lost. Never returns.
    async fn run(self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.connect().await {
                Ok(listener) => {
                    info!("listening for configuration changes");
                    pause = FIRST_PAUSE;
                    self.hears.store(true, Ordering::Relaxed);
                    // Whatever was announced before was not heard. Nobody there to hear is fine.
                    let _ = self.signals.send(Signal::Missed);
                    let error = self.listen(listener).await;
                    self.hears.store(false, Ordering::Relaxed);
                    warn!(error = %error, "the connection that hears configuration changes was lost");
                }
                Err(error) => debug!(error = %error, "cannot listen for configuration changes yet"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn connect(&self) -> Result<PgListener, sqlx::Error> {
        let connecting = async {
            let mut listener = PgListener::connect_with(&self.pool).await?;
            listener.eager_reconnect(false);
            listener.listen(CONFIG_CHANNEL).await?;
            Ok(listener)
        };
        timeout(CONNECT_DEADLINE, connecting).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Passes on what is heard until the connection fails; says how it did.
    async fn listen(&self, mut listener: PgListener) -> sqlx::Error {
        loop {
            let signal = match timeout(SILENCE, listener.try_recv()).await {
                Ok(Ok(Some(notification))) => {
                    let revision = notification.payload().parse().map(Revision::from_number);
                    revision.map_or(Signal::Missed, |revision| Signal::Announced(Announcement { revision }))
                }
                Ok(Ok(None)) => return sqlx::Error::PoolClosed,
                Ok(Err(error)) => return error,
                // A connection may die without a word; a question finds out.
                Err(_silence) => match timeout(CONNECT_DEADLINE, alive(&mut listener)).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => return error,
                    Err(_silence) => return sqlx::Error::PoolTimedOut,
                },
            };
            let _ = self.signals.send(signal);
        }
    }
}

async fn alive(listener: &mut PgListener) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT 1").execute(listener).await.map(|_| ())
}
