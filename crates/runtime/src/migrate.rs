//! `migrate`: applies the schema and ends.

use anyhow::Context;
use promptgate_control::{prices, setup_guides};
use promptgate_store::Store;

use crate::accounts;
use crate::base::Base;
use crate::storage::{self, Storage};

pub(crate) async fn run(base: Base) -> anyhow::Result<()> {
    let data = match base.common.database.url {
        Some(_) => None,
        None => storage::data_dir(&base.common, "")?,
    };
    let connected = storage::connect(&base.common, data.as_ref()).await?;
    let report = connected.migrate().await?;
    tracing::info!(applied = report.applied.len(), "{report}");
    seed(&base, &*connected.store()).await?;
    let storage = Storage { store: connected.store(), connected };
    accounts::seed(&base, &accounts::offline(&base, &storage)?).await?;
    base.stop.cancel();
    storage.connected.close().await;
    Ok(())
}

/// Writes what a new installation begins with.
pub(crate) async fn seed(base: &Base, store: &dyn Store) -> anyhow::Result<()> {
    let guides = setup_guides::seed(store, &*base.clock, &*base.entropy).await;
    guides.context("cannot write the set-up guides")?;
    let prices = prices::load_built_in(store, &*base.clock, &*base.entropy).await;
    if let Some(news) = prices.context("cannot write the prices of the program")? {
        tracing::info!(added = news.added, updated = news.updated, "took the prices of the program");
    }
    Ok(())
}
