//! `promptgate prices …`: prices of the database of the settings, from the command line.

use std::fmt::Write;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use promptgate_auth::{Actor, Origin, Via};
use promptgate_control::Control;
use promptgate_control::prices::{self, ImportedPrices, Rehearsal};
use promptgate_kernel::{Money, Timestamp};
use promptgate_usage::{
    PriceFile, PriceRates, PriceScope, RefreshStatus, Repricing, RepricingState, WantedRepricing,
};

use crate::accounts;
use crate::base::Base;
use crate::cli::{PricesCommand, RepriceCalls};
use crate::price_list;
use crate::start::print;
use crate::storage::{self, Storage};

const ACTOR: Actor = Actor::system_for(Origin { via: Via::CommandLine, ..Origin::UNKNOWN });

/// So many changes are named; the others are counted.
const NAMED: usize = 50;

/// Does what `promptgate prices …` says.
pub(crate) async fn run(base: Base, command: PricesCommand) -> anyhow::Result<()> {
    let data = match base.common.database.url {
        Some(_) => None,
        None => storage::data_dir(&base.common, "")?,
    };
    let storage = storage::open(&base.common, data.as_ref()).await?;
    let control = accounts::offline(&base, &storage)?;
    let done = work(&base, &storage, &control, command).await;
    base.stop.cancel();
    storage.connected.close().await;
    print(&done?)
}

async fn work(
    base: &Base,
    storage: &Storage,
    control: &Control,
    command: PricesCommand,
) -> anyhow::Result<String> {
    match command {
        PricesCommand::Import { file, dry_run } => {
            let rehearsal = if dry_run { Rehearsal::Yes } else { Rehearsal::No };
            let imported = prices::import(control, ACTOR, &read(&file)?, rehearsal).await?;
            Ok(told(&imported, rehearsal))
        }
        PricesCommand::Export { all } => {
            let stored = prices::all_with_lists(control, ACTOR).await?;
            let mut text = serde_json::to_string_pretty(&PriceFile::export(&stored, all))?;
            text.push('\n');
            Ok(text)
        }
        PricesCommand::Refresh => refresh(base, storage, control).await,
        PricesCommand::Reprice(calls) => reprice(control, &calls).await,
    }
}

/// A file, or with `-` what is piped in.
fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file.as_os_str() == "-" {
        let mut json = Vec::new();
        std::io::stdin().lock().read_to_end(&mut json).context("cannot read the standard input")?;
        return Ok(json);
    }
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn told(imported: &ImportedPrices, rehearsal: Rehearsal) -> String {
    let mut text = String::new();
    for change in imported.changes.iter().take(NAMED) {
        let before = change.before.as_ref().map_or_else(|| "none".to_owned(), rates);
        let _ = writeln!(text, "{}: {before} -> {}", scope(&change.scope), rates(&change.after));
    }
    if let Some(more) = imported.changes.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let _ = writeln!(text, "and {more} more");
    }
    let verb = if rehearsal == Rehearsal::Yes { "would change" } else { "changed" };
    let ImportedPrices { changes, unchanged, kept, skipped } = imported;
    let _ = writeln!(
        text,
        "{} prices {verb}, {unchanged} are what they were, {kept} stay because somebody set them, {skipped} rows \
         are of no use here",
        changes.len()
    );
    text
}

fn scope(scope: &PriceScope) -> String {
    match scope {
        PriceScope::Fallback => "fallback".to_owned(),
        PriceScope::Provider(target) => format!("{} {}", target.provider, target.model),
        PriceScope::Kind { kind, model } => format!("every {kind} {model}"),
    }
}

/// Dollars per million tokens.
fn rates(rates: &PriceRates) -> String {
    let mut text = format!("input {}, output {}", rates.input.as_money(), rates.output.as_money());
    for (name, rate) in rates.optional() {
        if let Some(rate) = rate {
            let _ = write!(text, ", {name} {}", rate.as_money());
        }
    }
    text
}

async fn refresh(base: &Base, storage: &Storage, control: &Control) -> anyhow::Result<String> {
    let keeper = price_list::keeper(base, &storage.store, &Arc::clone(&control.bus))?;
    let mut text = String::new();
    for done in keeper.refresh().await? {
        if done.status == RefreshStatus::Failed {
            bail!("{}: {}", done.source, done.error.unwrap_or_default());
        }
        let _ = writeln!(
            text,
            "{}: {}, {} models, {} new, {} changed, {} passed over",
            done.source,
            done.status.as_str(),
            done.seen,
            done.added,
            done.updated,
            done.skipped
        );
    }
    if text.is_empty() {
        text.push_str("the prices of this version are there already\n");
    }
    Ok(text)
}

async fn reprice(control: &Control, calls: &RepriceCalls) -> anyhow::Result<String> {
    let instant = |text: &str, flag: &str| -> anyhow::Result<Timestamp> {
        text.parse().ok().with_context(|| format!("{flag} must be an instant such as 2025-01-31T12:00:00Z"))
    };
    let price = calls.price_version.as_deref().map(str::parse).transpose().context("--price-version")?;
    let wanted = WantedRepricing {
        from: instant(&calls.from, "--from")?,
        to: instant(&calls.to, "--to")?,
        provider: calls.provider.clone(),
        model: calls.model.clone(),
        price,
        dry_run: calls.dry_run,
    };
    let mut repricing = prices::begin_repricing(control, ACTOR, wanted).await?;
    while repricing.state == RepricingState::Running {
        repricing = prices::resume_repricing(control, ACTOR, repricing.id).await?;
    }
    let Repricing { examined, changed, before, after, .. } = repricing;
    let verb = if calls.dry_run { "would cost" } else { "cost" };
    let difference = Money::from_nanos(after.as_nanos().saturating_sub(before.as_nanos()));
    Ok(format!(
        "{examined} calls were looked at; {changed} {verb} something else: ${after} instead of ${before}, a \
         difference of ${difference}\n"
    ))
}
