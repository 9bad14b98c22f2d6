//! Writes down what is to be kept, when there is something new.

use std::sync::Arc;
use std::time::Duration;

use promptgate_kernel::Revision;
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use super::Keepsakes;
use crate::authenticator::Authenticator;
use crate::config_source::ConfigSource;
use crate::snapshot::{Parts, SnapshotCell};

/// How often is looked whether there is something new.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How often tokens are written at most, unless one of them was changed or revoked.
const TOKENS_EVERY: Duration = Duration::from_secs(9);
/// How many times as long as writing them took, so that very many of them take no more than their part.
const REST: u32 = 30;
/// How many revocations at once are one.
const GATHERING: Duration = Duration::from_millis(100);
/// How long the store may take for all of the configuration.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an end waits for it.
const AT_THE_END: Duration = Duration::from_secs(1);

/// Keeps the copies on the disk as new as what a process works from.
pub struct Keeper<S> {
    /// Where the configuration is; an `Arc<dyn Store>`.
    pub store: S,
    /// What the process works from.
    pub snapshot: Arc<SnapshotCell>,
    /// What tokens it knows.
    pub authenticator: Arc<Authenticator>,
    /// Where copies go.
    pub kept: Keepsakes,
    /// The revision of the copy that was read at the start and is still in force.
    pub recalled: Option<Revision>,
}

/// What is on the disk.
#[derive(Default)]
struct Written {
    content: Option<Revision>,
    tokens: u64,
    rest_until: Option<Instant>,
    fails: bool,
}

impl<S: ConfigSource> Keeper<S> {
    /// Writes until the shutdown, and once more then. Never fails: what cannot be written is said once.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut written = Written { content: self.recalled, ..Written::default() };
        loop {
            let ended = tokio::select! {
                () = shutdown.cancelled() => true,
                _ = look.tick() => false,
                () = self.authenticator.forgotten() => {
                    // That a token was revoked has to be on the disk before the database goes away.
                    tokio::time::sleep(GATHERING).await;
                    written.rest_until = None;
                    false
                }
            };
            if ended {
                written.rest_until = None;
            }
            self.keep_tokens(&mut written).await;
            if ended {
                // What changed since the last look would be missing at a start without the database.
                let _ = timeout(AT_THE_END, self.keep_configuration(&mut written)).await;
                return;
            }
            self.keep_configuration(&mut written).await;
        }
    }

    async fn keep_tokens(&self, written: &mut Written) {
        let news = self.authenticator.news();
        let resting = written.rest_until.is_some_and(|until| Instant::now() < until);
        if news == written.tokens || resting {
            return;
        }
        let (kept, authenticator) = (self.kept.clone(), Arc::clone(&self.authenticator));
        // What changed up to here is forgotten already, so that no token that is written misses it.
        let revision = self.snapshot.load().revision();
        let started = Instant::now();
        let write = move || kept.put_tokens(revision, authenticator.kept(), authenticator.kept_limits());
        let done = tokio::task::spawn_blocking(write).await;
        written.rest_until = Some(Instant::now() + TOKENS_EVERY.max(started.elapsed() * REST));
        if written.say(done.map_err(std::io::Error::other).flatten()) {
            written.tokens = news;
        }
    }

    async fn keep_configuration(&self, written: &mut Written) {
        let current = self.snapshot.load();
        if written.content == Some(current.content_revision()) {
            return;
        }
        // A failure is the synchroniser's to tell.
        let Ok(Ok(mut configuration)) = timeout(PATIENCE, self.store.load(Parts::ALL)).await else { return };
        if configuration.revision < current.revision() {
            // The database was put back to an earlier state, which is not in force here yet.
            return;
        }
        // What was revoked up to this revision is forgotten here; of what is newer that is not certain.
        configuration.revision = current.revision();
        let kept = self.kept.clone();
        let done = tokio::task::spawn_blocking(move || kept.put_configuration(&configuration)).await;
        if written.say(done.map_err(std::io::Error::other).flatten()) {
            written.content = Some(current.content_revision());
        }
    }
}

impl Written {
    /// Tells once that the disk fails, and once that it does no more. Whether it was written.
    fn say(&mut self, done: std::io::Result<()>) -> bool {
        match done {
            Ok(()) if self.fails => {
                self.fails = false;
                tracing::info!("what is needed while the database is away is kept on disk again");
            }
            Err(error) if !self.fails => {
                self.fails = true;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what is needed while the database is away cannot be kept on disk; a start without the \
                     database is possible only from an older copy"
                );
            }
            Ok(()) => return true,
            Err(_) => return false,
        }
        !self.fails
    }
}
