//! `migrate`: applies the schema and ends.

use crate::base::Base;
use crate::storage;

pub(crate) async fn run(base: Base) -> anyhow::Result<()> {
    let data = match base.common.database.url {
        Some(_) => None,
        None => storage::data_dir(&base.common, "")?,
    };
    let connected = storage::connect(&base.common, data.as_ref()).await?;
    let report = connected.migrate().await?;
    tracing::info!(applied = report.applied.len(), "{report}");
    connected.close().await;
    Ok(())
}
