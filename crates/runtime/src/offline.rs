//! Going on without the database: what a proxy keeps on its disk, and a start from that.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::bail;
use promptgate_coordination_local::SealedShelf;
use promptgate_gateway::Keepsakes;
use promptgate_kernel::KeyRing;
use promptgate_store_sql::SchemaError;
use tokio::time::{sleep, timeout};

use crate::base::Base;
use crate::dependencies::{DATABASE, without_database};
use crate::files::DataDir;
use crate::storage::{self, Storage};

/// How long the database may take at a start that can do without it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often is looked whether it is back.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Where a proxy keeps what it needs while the database is away; `None` where that is no use, because the
/// database is on the same disk, or where there is no disk to write to.
pub(crate) fn keepsakes(base: &Base, data: Option<&DataDir>, keys: KeyRing, port: u16) -> Option<Keepsakes> {
    let url = base.common.database.url.as_ref().filter(|_| base.common.database.is_cluster)?;
    // Two processes that write to one place would each undo what the other one has forgotten.
    let directory = data?.kept(&format!("{}-{port}", base.process.name()));
    match SealedShelf::open(directory.clone(), keys, Arc::clone(&base.entropy)) {
        Ok(shelf) => {
            let origin = promptgate_store_sql::describe(url.expose());
            Some(Keepsakes::new(Arc::new(shelf), origin))
        }
        Err(error) => {
            let directory = directory.display();
            tracing::warn!(
                error = %error,
                "{directory} cannot be written to: this proxy cannot start while the database is away"
            );
            None
        }
    }
}

/// Remembers on the disk how many processes answer calls, and what was remembered there until it is known:
/// a process that starts while nobody can be asked keeps no more than its share of limits.
pub(crate) fn remember_proxies(base: &Base, kept: &Keepsakes) {
    if let Some(proxies) = kept.proxies().filter(|proxies| *proxies > 1) {
        base.proxies_alive.send_replace(proxies);
    }
    let (kept, stop) = (kept.clone(), base.stop.clone());
    let mut alive = base.proxies_alive.subscribe();
    base.tasks.spawn(async move {
        let write = async {
            while alive.changed().await.is_ok() {
                let (kept, proxies) = (kept.clone(), *alive.borrow_and_update());
                let written = tokio::task::spawn_blocking(move || kept.put_proxies(proxies)).await;
                if let Err(error) = written.map_err(std::io::Error::other).flatten() {
                    // That the disk fails is the keeper's to tell.
                    tracing::debug!(error = %error, "how many proxies there are cannot be kept on disk");
                }
            }
        };
        stop.run_until_cancelled(write).await
    });
}

/// How a proxy started.
pub(crate) struct Opened {
    pub(crate) storage: Storage,
    /// The database was away; what became of its schema is found out later.
    pub(crate) schema: Option<SchemaLater>,
}

/// Whether the schema of a database that was away at the start turned out to be another one.
#[derive(Clone, Default)]
pub(crate) struct SchemaLater(Arc<OnceLock<String>>);

/// Opens the database of a proxy. One that is away is no obstacle where the configuration was kept.
pub(crate) async fn open(
    base: &Base,
    data: Option<&DataDir>,
    kept: Option<&Keepsakes>,
) -> anyhow::Result<Opened> {
    let Some(kept) = kept else {
        return Ok(Opened { storage: storage::open(&base.common, data).await?, schema: None });
    };
    let connected = storage::prepare(&base.common, data).await?;
    let storage = Storage { store: connected.store(), connected };
    let away = match timeout(PATIENCE, storage.connected.check_schema()).await {
        Ok(Ok(())) => return Ok(Opened { storage, schema: None }),
        Ok(Err(SchemaError::Unavailable(error))) => error.to_string(),
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    if kept.configuration().is_none() {
        // It may only be slow.
        return Ok(Opened { storage: storage::open(&base.common, data).await?, schema: None });
    }
    tracing::warn!(
        error = away,
        "the database does not answer; starting with the configuration that was kept on disk"
    );
    base.dependencies.note(DATABASE, Some(without_database(base.process)));
    Ok(Opened { storage, schema: Some(SchemaLater::default()) })
}

impl SchemaLater {
    /// Looks at the schema as soon as the database is back. A process that does not know it ends.
    pub(crate) fn watch(&self, base: &Base, storage: &Storage) {
        let (found, stop, asked) = (Arc::clone(&self.0), base.stop.clone(), base.asked.clone());
        let connected = storage.connected.clone();
        base.tasks.spawn(async move {
            let look = async {
                loop {
                    sleep(LOOK_EVERY).await;
                    match connected.check_schema().await {
                        Ok(()) => return,
                        Err(SchemaError::Unavailable(_)) => {}
                        Err(error) => {
                            tracing::error!(error = %error, "the database is back, and cannot be worked with");
                            let _ = found.set(error.to_string());
                            asked.cancel();
                            return;
                        }
                    }
                }
            };
            stop.run_until_cancelled(look).await
        });
    }

    /// An error if the process ended because of it.
    pub(crate) fn verdict(&self) -> anyhow::Result<()> {
        match self.0.get() {
            Some(reason) => bail!("{reason}"),
            None => Ok(()),
        }
    }
}
