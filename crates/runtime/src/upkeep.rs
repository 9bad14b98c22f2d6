//! What an operator does now and then: prove that the audit log is whole, and move secrets to a newer key.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use promptgate_audit::FailureCounts;
use promptgate_auth::{Actor, Origin, Via};
use promptgate_control::audit::{VerifyError, verify, write_failures};
use promptgate_control::{Control, secrets};
use promptgate_store::Store;

use crate::accounts;
use crate::api::keys_dir;
use crate::base::Base;
use crate::start::print;
use crate::storage::{self, Storage};

/// What strangers were refused is written into the audit log this often.
const WRITTEN_EVERY: Duration = Duration::from_mins(1);

const ACTOR: Actor = Actor::system_for(Origin { via: Via::CommandLine, ..Origin::UNKNOWN });

/// `promptgate audit verify`
pub(crate) async fn verify_audit(base: Base) -> anyhow::Result<()> {
    let (control, storage) = open(&base).await?;
    let verified = verify(&control, ACTOR).await;
    close(&base, storage).await;
    match verified {
        Ok(whole) => print(&format!(
            "the audit log is whole: {} rows, {} checkpoints, signed up to row {}\n",
            whole.rows, whole.checkpoints, whole.signed_to
        )),
        Err(VerifyError::Altered(altered)) => Err(anyhow!("the audit log was altered: {altered}")),
        Err(error) => Err(error.into()),
    }
}

/// `promptgate secrets rotate`
pub(crate) async fn rotate_secrets(base: Base) -> anyhow::Result<()> {
    let (control, storage) = open(&base).await?;
    let key = control.keys.active_id();
    let resealed = secrets::reseal(&control, ACTOR).await;
    close(&base, storage).await;
    let done = resealed?;
    let mut text = format!(
        "{} rows are under the key {key} now, {} were before; {} checkpoints of the audit log were signed again\n",
        done.moved, done.current, done.signed
    );
    for unreadable in &done.unreadable {
        let _ = writeln!(text, "cannot be opened and stays as it is: {unreadable}");
    }
    print(&text)?;
    if done.busy > 0 {
        bail!("{} rows were changed by others all the time; run it again", done.busy);
    }
    if done.unreadable.is_empty() { Ok(()) } else { bail!("{} rows cannot be opened", done.unreadable.len()) }
}

async fn open(base: &Base) -> anyhow::Result<(Control, Storage)> {
    let data = match base.common.database.url {
        Some(_) if base.common.database.is_cluster => None,
        _ => keys_dir(base)?,
    };
    let storage = storage::open(&base.common, data.as_ref()).await?;
    let keys = storage::keys(base, data.as_ref())?;
    let control = Control { keys, ..accounts::offline(base, &storage)? };
    Ok((control, storage))
}

async fn close(base: &Base, storage: Storage) {
    base.stop.cancel();
    storage.connected.close().await;
}

/// Writes what strangers were refused into the audit log, every minute and once more at the end.
pub(crate) fn keep_failures(base: &Base, store: &Arc<dyn Store>) -> Arc<FailureCounts> {
    let counts = Arc::<FailureCounts>::default();
    let (counted, store, stop) = (Arc::clone(&counts), Arc::clone(store), base.stop.clone());
    let (clock, entropy) = (Arc::clone(&base.clock), Arc::clone(&base.entropy));
    base.tasks.spawn(async move {
        loop {
            let ended = tokio::time::timeout(WRITTEN_EVERY, stop.cancelled()).await.is_ok();
            if let Err(error) = write_failures(&counted, &*store, &*clock, &*entropy).await {
                tracing::warn!(%error, "refusals are not in the audit log yet: {error}");
            }
            if ended {
                return;
            }
        }
    });
    counts
}
