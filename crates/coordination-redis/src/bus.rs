//! Announcements over Redis.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fred::clients::Client;
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::Builder;
use fred::types::config::{Config, Options, ReconnectPolicy};
use promptgate_auth::SignInState;
use promptgate_kernel::Clock;
use promptgate_limits::Counters;
use promptgate_store::{Announcement, Bus, BusError, Signal, Subscription};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::breaker::Breaker;
use crate::counters::RedisCounters;
use crate::health::Health;
use crate::sign_in::RedisSignIn;
use crate::{listener, message};

/// What a listener may fall behind before it is told to look for itself.
const CAPACITY: usize = 256;
/// How long the first attempt to connect is waited for.
const FIRST_CONTACT: Duration = Duration::from_secs(1);

/// How patient the bus is.
#[derive(Debug, Clone, Copy)]
pub struct RedisOptions {
    /// How long an announcement may take, whatever happens.
    pub deadline: Duration,
    /// How long a sign-in may wait, or a request for its session: longer, because a crowd that signs in at
    /// once must not be taken for a Redis that is away.
    pub sign_in_deadline: Duration,
    /// How many calls in a row must fail before no more are made for a while.
    pub failures: u32,
    /// How long that while is.
    pub cool_down: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// The longest pause between attempts to connect.
    pub longest_pause: Duration,
    /// How often the connections are checked.
    pub heartbeat: Duration,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(50),
            sign_in_deadline: Duration::from_secs(2),
            failures: 3,
            cool_down: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(2),
            longest_pause: Duration::from_secs(2),
            heartbeat: Duration::from_secs(2),
        }
    }
}

/// The URL names no Redis. It is not repeated, as it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("not a Redis URL: redis://[user:password@]host[:port][/database] is, and rediss:// with TLS")]
pub struct InvalidRedisUrl;

/// A [`Bus`] over Redis. Dropping it closes its connections.
pub struct RedisBus {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    patience: Duration,
    stop: Arc<DropGuard>,
}

/// What the bus and its listener work with.
pub(crate) struct Shared {
    pub(crate) publisher: Client,
    pub(crate) options: Options,
    deadline: Duration,
    pub(crate) breaker: Breaker,
    pub(crate) sign_in_options: Options,
    sign_in_deadline: Duration,
    /// Of its own: what strangers do at the door holds up no announcement.
    sign_in_breaker: Breaker,
    pub(crate) health: Health,
    pub(crate) signals: broadcast::Sender<Signal>,
    pub(crate) listening: watch::Sender<bool>,
}

impl RedisBus {
    /// Connects in the background, and again whenever the connection is lost. Must be called on a
    /// runtime. The only failure is a URL that can never work.
    pub fn connect(url: &str, options: RedisOptions, clock: Arc<dyn Clock>) -> Result<Self, InvalidRedisUrl> {
        let builder = builder(url, &options)?;
        let publisher = builder.build().map_err(|_| InvalidRedisUrl)?;
        let subscriber = builder.build_subscriber_client().map_err(|_| InvalidRedisUrl)?;
        let within = |deadline| Options {
            fail_fast: true,
            timeout: Some(deadline),
            max_attempts: Some(1),
            ..Options::default()
        };
        let shared = Arc::new(Shared {
            publisher,
            options: within(options.deadline),
            deadline: options.deadline,
            breaker: Breaker::new(options.failures, options.cool_down),
            sign_in_options: within(options.sign_in_deadline),
            sign_in_deadline: options.sign_in_deadline,
            sign_in_breaker: Breaker::new(options.failures, options.cool_down),
            health: Health::default(),
            signals: broadcast::Sender::new(CAPACITY),
            listening: watch::Sender::new(false),
        });
        metrics::gauge!("promptgate_redis_up").set(0.0);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let pause = options.longest_pause;
        tasks.spawn(listener::listen(
            subscriber.clone(),
            Arc::clone(&shared),
            options.heartbeat,
            stop.clone(),
        ));
        tasks.spawn(listener::keep_connected(subscriber, pause, stop.clone()));
        tasks.spawn(listener::keep_connected(shared.publisher.clone(), pause, stop.clone()));
        let patience = options.deadline * 5;
        Ok(Self { shared, clock, patience, stop: Arc::new(stop.drop_guard()) })
    }

    /// What sign-ins share, kept in the same Redis.
    pub fn sign_in(&self) -> SignInState {
        RedisSignIn::state(Arc::clone(&self.shared), Arc::clone(&self.stop))
    }

    /// The counters of limits, kept in the same Redis.
    pub fn counters(&self) -> Arc<dyn Counters> {
        Arc::new(RedisCounters::new(Arc::clone(&self.shared), Arc::clone(&self.stop)))
    }

    /// Acts from now on as if Redis were away, or as it is. Nothing is heard meanwhile of what others announce.
    pub fn pretend_away(&self, away: bool) {
        let was_away = self.shared.breaker.hold_open(away);
        self.shared.sign_in_breaker.hold_open(away);
        if away {
            self.shared.health.speaking(false);
        } else if was_away {
            let _ = self.shared.signals.send(Signal::Missed);
        }
    }

    /// Waits until the first attempt to connect has come to something, whatever it is, but not for long.
    pub async fn first_contact(&self) {
        let publisher = &self.shared.publisher;
        let mut errors = publisher.error_rx();
        let contact = async {
            tokio::select! {
                _ = publisher.wait_for_connect() => {}
                _ = errors.recv() => {}
            }
        };
        let _ = timeout(FIRST_CONTACT, contact).await;
    }

    /// Whether Redis answers, as far as is known.
    pub fn is_up(&self) -> bool {
        self.shared.health.is_up()
    }
}

pub(crate) fn builder(url: &str, options: &RedisOptions) -> Result<Builder, InvalidRedisUrl> {
    let scheme = url.split("://").next().unwrap_or_default();
    let known = ["redis", "rediss", "redis-cluster", "rediss-cluster", "redis-sentinel", "rediss-sentinel"];
    if !known.contains(&scheme) {
        return Err(InvalidRedisUrl);
    }
    let config = Config::from_url(url).map_err(|_| InvalidRedisUrl)?;
    let longest = u32::try_from(options.longest_pause.as_millis()).unwrap_or(u32::MAX);
    // Where the driver forgets how long a call may take, it is the longest; the calls themselves do not.
    let patience = options.sign_in_deadline.max(options.deadline * 5);
    let connect_timeout = options.connect_timeout;
    let mut builder = Builder::from_config(Config { fail_fast: false, ..config });
    builder
        .set_policy(ReconnectPolicy::new_exponential(0, 50.min(longest), longest, 2))
        .with_performance_config(|performance| performance.default_command_timeout = patience)
        .with_connection_config(|connection| {
            connection.connection_timeout = connect_timeout;
            connection.internal_command_timeout = connect_timeout;
            connection.max_command_attempts = 2;
            connection.max_command_buffer_len = 1_024;
            connection.unresponsive.max_timeout = Some(connect_timeout);
            connection.unresponsive.interval = connect_timeout / 4;
        });
    Ok(builder)
}

impl Shared {
    /// Makes a call under the deadline, unless the breaker is open.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, fred::error::Error>>,
    ) -> Result<T, BusError> {
        self.breaker.admit()?;
        let result = self.breaker.judge(timeout(self.deadline, call).await);
        self.health.speaking(!self.breaker.is_open());
        result
    }

    /// Makes a call of a sign-in, under a deadline and a breaker of their own.
    pub(crate) async fn call_of_sign_in<T>(
        &self,
        call: impl Future<Output = Result<T, fred::error::Error>>,
    ) -> Result<T, BusError> {
        self.sign_in_breaker.admit()?;
        self.sign_in_breaker.judge(timeout(self.sign_in_deadline, call).await)
    }

    /// Sees whether the publishing connection works.
    pub(crate) async fn check(&self) {
        let client = self.publisher.with_options(&self.options);
        let _ = self.call(client.ping::<()>(None)).await;
    }
}

#[async_trait]
impl Bus for RedisBus {
    async fn announce(&self, announcement: Announcement) -> Result<(), BusError> {
        let payload = message::write(announcement, self.clock.now());
        let client = self.shared.publisher.with_options(&self.shared.options);
        let published = self.shared.call(client.publish::<(), _, _>(message::CHANNEL, payload)).await;
        if published.is_err() {
            // At least the listeners in here hear it.
            let _ = self.shared.signals.send(Signal::Announced(announcement));
        }
        published
    }

    async fn subscribe(&self) -> Box<dyn Subscription> {
        let mut listening = self.shared.listening.subscribe();
        let early = self.shared.signals.subscribe();
        let signals = match timeout(self.patience, listening.wait_for(|listening| *listening)).await {
            // Nothing was missed by whoever begins to listen now.
            Ok(Ok(_)) => self.shared.signals.subscribe(),
            Ok(Err(_)) | Err(_) => early,
        };
        Box::new(RedisSubscription { signals, _shared: Arc::clone(&self.shared) })
    }
}

/// Holds what the signals come from, so that they cannot end under the listener.
struct RedisSubscription {
    signals: broadcast::Receiver<Signal>,
    _shared: Arc<Shared>,
}

#[async_trait]
impl Subscription for RedisSubscription {
    async fn next(&mut self) -> Signal {
        match self.signals.recv().await {
            Ok(signal) => signal,
            Err(RecvError::Lagged(_)) => Signal::Missed,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::SystemClock;

    #[tokio::test]
    async fn a_wrong_url_is_refused_without_being_repeated() {
        for url in ["", "localhost", "http://localhost", "redis://", "redis://:secret@:nine"] {
            let error = RedisBus::connect(url, RedisOptions::default(), Arc::new(SystemClock)).err().unwrap();
            assert!(error.to_string().starts_with("not a Redis URL"), "{url}");
            assert!(!format!("{error:?} {error}").contains("secret"));
        }
    }
}
