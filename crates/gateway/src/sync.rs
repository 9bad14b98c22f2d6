//! Keeps a process's configuration at the latest revision.

use std::sync::Arc;
use std::time::Duration;

use promptgate_kernel::{KeyRing, RepositoryError, Revision};
use promptgate_providers::CapabilityCell;
use promptgate_store::{Bus, Change};
use tokio::time::{Instant, MissedTickBehavior, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::authenticator::Authenticator;
use crate::config_source::{CHANGES_AT_A_TIME, ConfigSource};
use crate::kept::Keepsakes;
use crate::snapshot::{Compiler, Configuration, Parts, Snapshot, SnapshotCell};

/// The shortest time between two looks, whatever is announced.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a look may take. A database behind a dead connection must not keep the next look waiting.
const LOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads what changed and applies it: forgets tokens, replaces the snapshot. It is woken by the bus,
/// by the clock, and by requests that name something unknown, so a lost announcement costs at most
/// one poll interval.
pub struct Synchroniser<S> {
    /// Where the configuration is; an `Arc<dyn Store>`.
    pub store: S,
    /// Tells that something changed.
    pub bus: Arc<dyn Bus>,
    /// Opens credentials.
    pub keys: KeyRing,
    /// What models can do.
    pub capabilities: Arc<CapabilityCell>,
    /// What is kept up to date.
    pub snapshot: Arc<SnapshotCell>,
    /// Whose memory of tokens is kept right.
    pub authenticator: Arc<Authenticator>,
    /// How often to look when nothing is announced.
    pub poll_interval: Duration,
}

impl<S: ConfigSource> Synchroniser<S> {
    /// Reads everything. A process calls it once before it serves.
    pub async fn load_initial(&self) -> Result<(), RepositoryError> {
        let snapshot = self.read(&self.snapshot.load(), Parts::ALL).await?;
        tracing::info!(revision = %snapshot.revision(), "configuration loaded");
        self.snapshot.store(snapshot);
        Ok(())
    }

    /// Reads everything anew and forgets every token. It waits for a look that [`Self::run`] has begun
    /// elsewhere, so that neither puts what it read earlier in the place of what is newer.
    pub async fn reload(&self) -> Result<(), RepositoryError> {
        let reload = async {
            let _reading = self.snapshot.reading().await;
            self.read_anew().await
        };
        tokio::time::timeout(LOOK_TIMEOUT, reload).await.unwrap_or_else(|late| Err(too_late(late)))
    }

    /// Puts the configuration in force that was kept on the disk, and the tokens beside it, for a start
    /// without the store; its revision, if there was one. [`Self::run`] brings both up to date once the
    /// store is back.
    pub fn recall(&self, kept: &Keepsakes) -> Option<Revision> {
        let configuration = kept.configuration()?;
        let snapshot = self.compiled(&self.snapshot.load(), configuration, Parts::ALL);
        let revision = snapshot.revision();
        let tokens = kept.tokens();
        let tokens_at = tokens.revision;
        let is_older = !tokens.is_empty() && tokens_at < revision;
        self.authenticator.recall(tokens);
        // The changes of tokens that came between the two are read again.
        self.snapshot.store(if is_older { snapshot.at(tokens_at) } else { snapshot });
        Some(revision)
    }

    /// Takes the tokens that were kept on the disk for known, but for those that changed since: this process
    /// has read the configuration of now, and will not hear of them again.
    pub async fn recall_tokens(&self, kept: &Keepsakes) {
        let tokens = kept.tokens();
        if tokens.is_empty() {
            return;
        }
        let revision = tokens.revision;
        self.authenticator.recall(tokens);
        let changed = tokio::time::timeout(LOOK_TIMEOUT, self.forget_changed(revision)).await;
        match changed.unwrap_or_else(|late| Err(too_late(late))) {
            Ok(true) => {}
            Ok(false) => self.authenticator.forget_all(),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot read which tokens changed since they were kept on disk; none of them is used"
                );
                self.authenticator.forget_all();
            }
        }
    }

    /// Forgets the tokens that changed after a revision. Whether it is known which these are.
    async fn forget_changed(&self, mut after: Revision) -> Result<bool, RepositoryError> {
        loop {
            let Some(changes) = self.store.changes(after).await? else { return Ok(false) };
            for (revision, change) in &changes {
                if let Change::Token { id, hash } = change {
                    self.authenticator.forget(*id, *hash);
                }
                after = *revision;
            }
            if changes.len() < CHANGES_AT_A_TIME as usize {
                return Ok(true);
            }
        }
    }

    /// Follows the changes until the shutdown. Never fails: while the store is away, the last good
    /// configuration stays in force.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut subscription = self.bus.subscribe().await;
        let mut poll = tokio::time::interval(self.poll_interval);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut store_is_away = false;
        loop {
            // Whatever is signalled, the reaction is the same: read the change log.
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = subscription.next() => {}
                _ = poll.tick() => {}
                () = self.snapshot.wanted() => {}
            }
            let next_look = Instant::now() + PAUSE;
            let look = tokio::time::timeout(LOOK_TIMEOUT, self.catch_up()).await;
            match look.unwrap_or_else(|late| Err(too_late(late))) {
                Ok(()) if store_is_away => {
                    store_is_away = false;
                    tracing::info!("the store answers again; the configuration is up to date");
                }
                Ok(()) => {}
                Err(error) if !store_is_away => {
                    store_is_away = true;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot read configuration changes; going on with the last good configuration"
                    );
                }
                Err(_) => {}
            }
            self.snapshot.looked();
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep_until(next_look) => {}
            }
        }
    }

    /// Applies everything that is new.
    async fn catch_up(&self) -> Result<(), RepositoryError> {
        let _reading = self.snapshot.reading().await;
        loop {
            let current = self.snapshot.load();
            let Some(changes) = self.store.changes(current.revision()).await? else {
                // What changed is not known any more: nothing that is remembered can be trusted.
                return self.read_anew().await;
            };
            let Some((latest, _)) = changes.last() else { return Ok(()) };
            let mut parts = Parts::default();
            for (_, change) in &changes {
                match change {
                    Change::Token { id, hash } => self.authenticator.forget(*id, *hash),
                    Change::Project(_) => parts.projects = true,
                    // What names a provider or credential goes on without it when it is removed.
                    Change::Provider(_) => parts = Parts::ALL,
                    Change::Template(_) => parts = Parts { templates: true, endpoints: true, ..parts },
                    Change::Endpoint(_) => parts.endpoints = true,
                    Change::Group(_) | Change::Account(_) => parts.access = true,
                    Change::Plan(_) => parts.plans = true,
                    // No call depends on the definition of an MCP server.
                    Change::McpServer(_) => {}
                    Change::Prices => parts.prices = true,
                    Change::NetworkRules => parts.network_rules = true,
                    Change::Guardrails => parts.guardrails = true,
                }
            }
            // What is read now may be newer than the changes; the tokens among the newer ones are
            // still to be forgotten, so the revision is that of the changes.
            let next = if parts.is_none() {
                current.at(*latest)
            } else {
                self.read(&current, parts).await?.at(*latest)
            };
            self.snapshot.store(next);
            if changes.len() < CHANGES_AT_A_TIME as usize {
                return Ok(());
            }
        }
    }

    /// Puts all that there is in force and trusts nothing that is remembered.
    async fn read_anew(&self) -> Result<(), RepositoryError> {
        let snapshot = self.read(&self.snapshot.load(), Parts::ALL).await?;
        // After reading, so that it covers every revision that was read, and before these count as applied.
        self.authenticator.forget_all();
        self.snapshot.store(snapshot);
        Ok(())
    }

    /// What there is, with some parts in their new state.
    async fn read(&self, current: &Snapshot, parts: Parts) -> Result<Snapshot, RepositoryError> {
        Ok(self.compiled(current, self.store.load(parts).await?, parts))
    }

    fn compiled(&self, current: &Snapshot, configuration: Configuration, parts: Parts) -> Snapshot {
        let compiler = Compiler { keys: self.keys.clone(), capabilities: self.capabilities.load() };
        let (snapshot, unusable) = current.with(configuration, parts, &compiler);
        for credential in &unusable {
            tracing::error!(
                provider = credential.provider,
                error = %credential.source,
                "{credential}; it is left out"
            );
        }
        snapshot
    }
}

fn too_late(late: tokio::time::error::Elapsed) -> RepositoryError {
    RepositoryError::Unavailable { source: late.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticator::AuthenticatorOptions;
    use crate::testing::{FakeConfig, FakeTokens, SilentBus, keys, project, token_for};
    use promptgate_kernel::Clock;
    use promptgate_kernel::testing::TestClock;
    use promptgate_projects::ProjectType;
    use promptgate_providers::CapabilityTable;
    use tokio_util::task::TaskTracker;

    struct Bench {
        config: Arc<FakeConfig>,
        tokens: Arc<FakeTokens>,
        bus: Arc<SilentBus>,
        snapshot: Arc<SnapshotCell>,
        authenticator: Arc<Authenticator>,
        shutdown: CancellationToken,
        tasks: TaskTracker,
    }

    impl Bench {
        async fn start(poll_interval: Duration) -> Self {
            let clock: Arc<dyn Clock> = Arc::new(TestClock::at_millis(1_700_000_000_000));
            let tokens = Arc::new(FakeTokens::default());
            let bench = Self {
                config: Arc::default(),
                tokens: Arc::clone(&tokens),
                bus: Arc::default(),
                snapshot: Arc::default(),
                authenticator: Arc::new(Authenticator::new(tokens, clock, AuthenticatorOptions::default())),
                shutdown: CancellationToken::new(),
                tasks: TaskTracker::new(),
            };
            let synchroniser = bench.synchroniser(poll_interval);
            synchroniser.load_initial().await.unwrap();
            bench.tasks.spawn(synchroniser.run(bench.shutdown.clone()));
            bench
        }

        fn synchroniser(&self, poll_interval: Duration) -> Synchroniser<Arc<FakeConfig>> {
            Synchroniser {
                store: Arc::clone(&self.config),
                bus: Arc::clone(&self.bus) as Arc<dyn Bus>,
                keys: keys(1),
                capabilities: Arc::new(CapabilityCell::new(CapabilityTable::bundled())),
                snapshot: Arc::clone(&self.snapshot),
                authenticator: Arc::clone(&self.authenticator),
                poll_interval,
            }
        }

        async fn reaches(&self, revision: i64) {
            let reached = async {
                while self.snapshot.load().revision() < Revision::from_number(revision) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(Duration::from_mins(10), reached).await.expect("the revision arrives");
        }

        async fn stop(self) {
            self.shutdown.cancel();
            self.tasks.close();
            self.tasks.wait().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_announced_change_is_in_force_at_once() {
        let bench = Bench::start(Duration::from_hours(1)).await;
        let project = project(ProjectType::AiWrapper);
        tokio::time::sleep(Duration::from_secs(1)).await;
        bench.config.add_project(project.clone());
        let before = Instant::now();
        bench.bus.signal();
        bench.reaches(1).await;
        assert!(before.elapsed() < Duration::from_millis(200));
        assert!(bench.snapshot.load().project(project.id).is_some());
        bench.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_have_changed_is_read_again() {
        let bench = Bench::start(Duration::from_secs(5)).await;
        let id = "018f4e6e-0000-7000-8000-000000000001";
        let changes = [
            (Change::Endpoint(id.parse().unwrap()), Parts { endpoints: true, ..Parts::default() }),
            (
                Change::Template(id.parse().unwrap()),
                Parts { templates: true, endpoints: true, ..Parts::default() },
            ),
            (Change::Prices, Parts { prices: true, ..Parts::default() }),
            (Change::Plan(id.parse().unwrap()), Parts { plans: true, ..Parts::default() }),
            (Change::Group(id.parse().unwrap()), Parts { access: true, ..Parts::default() }),
            (Change::Account(id.parse().unwrap()), Parts { access: true, ..Parts::default() }),
            (Change::Provider(id.parse().unwrap()), Parts::ALL),
        ];
        bench.config.add_project(project(ProjectType::AiWrapper));
        bench.reaches(1).await;
        let mut expected = vec![Parts::ALL, Parts { projects: true, ..Parts::default() }];
        for (revision, (change, parts)) in (2..).zip(changes) {
            bench.config.change(change);
            bench.reaches(revision).await;
            expected.push(parts);
        }
        assert_eq!(bench.config.loads(), expected);
        bench.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_announcement_costs_one_poll() {
        let bench = Bench::start(Duration::from_secs(5)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        bench.config.add_project(project(ProjectType::AiWrapper));
        let before = Instant::now();
        bench.reaches(1).await;
        assert!(before.elapsed() <= Duration::from_secs(6));
        bench.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_may_ask_for_a_look() {
        let bench = Bench::start(Duration::from_hours(1)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        bench.config.add_project(project(ProjectType::AiWrapper));
        bench.snapshot.refresh(Duration::from_secs(1)).await;
        assert_eq!(bench.snapshot.load().revision(), Revision::from_number(1));
        bench.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_token_is_forgotten_and_a_pruned_log_forgets_all() {
        let bench = Bench::start(Duration::from_secs(5)).await;
        let (presented, token) = token_for(&project(ProjectType::AiWrapper), 1);
        bench.tokens.put(token.clone());
        let looked_up = async || {
            bench.authenticator.find(presented).await.unwrap();
            bench.tokens.lookups()
        };
        assert_eq!((looked_up().await, looked_up().await), (1, 1), "the second is remembered");
        bench.config.change(Change::Token { id: token.id, hash: token.hash });
        bench.reaches(1).await;
        assert_eq!(looked_up().await, 2);
        bench.config.prune();
        bench.config.change(Change::Token { id: token.id, hash: token.hash });
        bench.reaches(2).await;
        assert_eq!(looked_up().await, 3);
        bench.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_put_back_to_an_earlier_state_is_read_anew() {
        let bench = Bench::start(Duration::from_secs(5)).await;
        let (kept, lost) = (project(ProjectType::AiWrapper), project(ProjectType::McpGateway));
        bench.config.add_project(kept.clone());
        bench.config.add_project(lost.clone());
        bench.reaches(2).await;
        let (presented, token) = token_for(&kept, 1);
        bench.tokens.put(token);
        bench.authenticator.find(presented).await.unwrap();
        bench.config.restore(1);
        tokio::time::sleep(Duration::from_secs(6)).await;
        let snapshot = bench.snapshot.load();
        assert_eq!(snapshot.revision(), Revision::from_number(1));
        assert!(snapshot.project(kept.id).is_some() && snapshot.project(lost.id).is_none());
        bench.authenticator.find(presented).await.unwrap();
        assert_eq!(bench.tokens.lookups(), 2, "no token is remembered");
        bench.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn reading_anew_puts_nothing_older_in_the_place_of_what_is_newer() {
        let bench = Bench::start(Duration::from_hours(1)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        bench.config.add_project(project(ProjectType::AiWrapper));
        let synchroniser = bench.synchroniser(Duration::from_hours(1));
        bench.config.answer_the_next_load_late(Duration::from_secs(1));
        let changing = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            bench.config.add_project(project(ProjectType::McpGateway));
            bench.bus.signal();
        };
        let (read, ()) = tokio::join!(synchroniser.reload(), changing);
        read.unwrap();
        // No other look comes within this time.
        bench.reaches(2).await;
        bench.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_is_given_up() {
        let bench = Bench::start(Duration::from_secs(5)).await;
        bench.config.hang(true);
        bench.config.add_project(project(ProjectType::AiWrapper));
        tokio::time::sleep(Duration::from_secs(10)).await;
        bench.config.hang(false);
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(bench.snapshot.load().revision(), Revision::from_number(1));
        bench.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_store_is_away_the_last_configuration_stays() {
        let bench = Bench::start(Duration::from_secs(5)).await;
        bench.config.break_down(true);
        bench.config.add_project(project(ProjectType::AiWrapper));
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(bench.snapshot.load().revision(), Revision::default());
        bench.config.break_down(false);
        bench.reaches(1).await;
        bench.stop().await;
    }
}
