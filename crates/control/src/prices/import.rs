//! Reading prices of a file.

use std::collections::{HashMap, HashSet};

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{Clock, Entropy, PriceId, Timestamp};
use promptgate_providers::ProviderKind;
use promptgate_store::{Access, Change, UnitOfWork};
use promptgate_usage::{
    BadRow, FallbackPrice, InvalidPrice, InvalidPriceFile, ListMerge, ListPrice, PriceFile, PriceRates,
    PriceScope, PriceTarget, StoredPrice, merge_lists,
};
use tracing::instrument;

use super::PriceError;
use crate::Control;
use crate::journal::Entry;
use crate::shown::{self, Shown};

/// Whether something is done, or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rehearsal {
    /// It is done.
    No,
    /// Nothing is changed.
    Yes,
}

/// A price that a file changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceDifference {
    /// What the price is for.
    pub scope: PriceScope,
    /// What it was; `None` where there was none.
    pub before: Option<PriceRates>,
    /// What the file says.
    pub after: PriceRates,
}

/// What a file changed, or would change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportedPrices {
    /// Each price that is another one.
    pub changes: Vec<PriceDifference>,
    /// How many are what they were.
    pub unchanged: u64,
    /// How many somebody has set, which a public list does not change.
    pub kept: u64,
    /// How many rows of a public list are of no use here.
    pub skipped: u64,
}

/// Reads a file of prices, PromptGate's own or a public list, and sets what it says: all of it or, where
/// one row is not in order, nothing. Prices that it does not name stay.
#[instrument(name = "control.prices.import", skip_all)]
pub async fn import(
    control: &Control,
    actor: Actor,
    json: &[u8],
    rehearsal: Rehearsal,
) -> Result<ImportedPrices, PriceError> {
    actor.require(Permission::ManagePrices)?;
    let file = PriceFile::parse(json)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    // One at a time, as with every change of prices.
    work.audit().hold().await?;
    check(&mut *work, &file).await?;
    let mut imported = ImportedPrices { skipped: file.skipped, ..ImportedPrices::default() };
    if let Some(rates) = file.fallback {
        set_fallback(&mut *work, rates, at, &mut imported).await?;
    }
    set_models(control, &mut *work, file.models, at, &mut imported).await?;
    let merge = merge_lists(&work.prices().list_prices().await?, file.lists);
    imported.unchanged += merge.unchanged;
    imported.kept += merge.kept;
    imported.changes.extend(differences(&merge));
    if !keep_lists(&mut *work, merge, at, &*control.clock, &*control.entropy).await? {
        return Err(PriceError::Changed);
    }
    if rehearsal == Rehearsal::Yes || imported.changes.is_empty() {
        return Ok(imported);
    }
    let entry = Entry::of_prices("price.imported", "file")
        .detail("changes", imported.changes.len().to_string())
        .between(
            &named(&imported.changes, |change| change.before),
            &named(&imported.changes, |change| Some(change.after)),
        );
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Prices, at).await?;
    control.commit(work, revision).await?;
    Ok(imported)
}

/// Removes what is published of a model. A later refresh may bring it back.
#[instrument(name = "control.prices.delete_list_price", skip_all, fields(price.id = %id))]
pub async fn delete_list_price(control: &Control, actor: Actor, id: PriceId) -> Result<(), PriceError> {
    actor.require(Permission::ManagePrices)?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    work.audit().hold().await?;
    let stored = work.prices().list_prices().await?;
    let price = stored.into_iter().find(|price| price.id == id).ok_or(PriceError::NotFound(id))?;
    if !work.prices().remove_list_price(id, at).await? {
        return Err(PriceError::NotFound(id));
    }
    let entry = Entry::of_price("price.list_deleted", id)
        .detail("kind", &price.kind)
        .detail("model", &price.model)
        .gone(&shown::rates(&price.rates));
    control.audit(&mut *work, actor, entry, at).await?;
    let revision = work.changes().record(Change::Prices, at).await?;
    control.commit(work, revision).await?;
    Ok(())
}

/// Whether its providers and kinds of providers are there.
async fn check(work: &mut dyn UnitOfWork, file: &PriceFile) -> Result<(), PriceError> {
    let providers = work.providers().list_all().await?;
    let known: HashSet<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
    let models = file.models.iter().filter(|(target, _)| !known.contains(target.provider.as_str()));
    let models = models.map(|(PriceTarget { provider, model }, _)| BadRow {
        row: format!("models ({provider} {model})"),
        field: "providerName".to_owned(),
        message: PriceError::UnknownProvider.to_string(),
    });
    let is_known = |kind: &str| ProviderKind::ALL.iter().any(|known| known.as_str() == kind);
    let lists = file.lists.iter().filter(|new| !is_known(&new.kind)).map(|new| BadRow {
        row: format!("lists ({} {})", new.kind, new.model),
        field: "kind".to_owned(),
        message: InvalidPrice::Kind.to_string(),
    });
    let bad: Vec<BadRow> = models.chain(lists).take(100).collect();
    if bad.is_empty() { Ok(()) } else { Err(InvalidPriceFile::Rows(bad).into()) }
}

async fn set_fallback(
    work: &mut dyn UnitOfWork,
    rates: PriceRates,
    at: Timestamp,
    imported: &mut ImportedPrices,
) -> Result<(), PriceError> {
    let before = work.prices().fallback().await?;
    if before.rates == rates {
        imported.unchanged += 1;
        return Ok(());
    }
    let after = FallbackPrice { rates, updated_at: at, version: before.version + 1 };
    if !work.prices().save_fallback(&after).await? {
        return Err(PriceError::Changed);
    }
    let scope = PriceScope::Fallback;
    imported.changes.push(PriceDifference { scope, before: Some(before.rates), after: rates });
    Ok(())
}

async fn set_models(
    control: &Control,
    work: &mut dyn UnitOfWork,
    models: Vec<(PriceTarget, PriceRates)>,
    at: Timestamp,
    imported: &mut ImportedPrices,
) -> Result<(), PriceError> {
    let stored = work.prices().list_all().await?.models;
    let mut stored: HashMap<PriceTarget, StoredPrice> =
        stored.into_iter().map(|price| (price.target.clone(), price)).collect();
    for (target, rates) in models {
        let before = stored.remove(&target);
        match before.clone() {
            Some(price) if price.rates == rates => {
                imported.unchanged += 1;
                continue;
            }
            Some(price) => {
                let version = price.version + 1;
                let price = StoredPrice { rates, updated_at: at, version, ..price };
                if !work.prices().save(&price).await? {
                    return Err(PriceError::Changed);
                }
            }
            None => {
                let id = PriceId::mint(&*control.clock, &*control.entropy);
                work.prices().insert(&StoredPrice::create(id, target.clone(), rates, at)).await?;
            }
        }
        imported.changes.push(PriceDifference {
            scope: PriceScope::Provider(target),
            before: before.map(|price| price.rates),
            after: rates,
        });
    }
    Ok(())
}

/// What a list changes, for people.
fn differences(merge: &ListMerge) -> Vec<PriceDifference> {
    let scope = |kind: &str, model: &str| PriceScope::Kind { kind: kind.into(), model: model.into() };
    let added = merge.added.iter().map(|new| PriceDifference {
        scope: scope(&new.kind, &new.model),
        before: None,
        after: new.rates,
    });
    let changed = merge.changed.iter().map(|(before, new)| PriceDifference {
        scope: scope(&new.kind, &new.model),
        before: Some(before.rates),
        after: new.rates,
    });
    added.chain(changed).collect()
}

/// Writes what a list changes; `false` where somebody else did so at the same time.
pub(super) async fn keep_lists(
    work: &mut dyn UnitOfWork,
    merge: ListMerge,
    at: Timestamp,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<bool, promptgate_kernel::RepositoryError> {
    let added = merge.added.into_iter().map(|new| ListPrice::create(PriceId::mint(clock, entropy), new, at));
    let changed = merge.changed.into_iter().map(|(price, new)| price.change(new, at));
    let prices: Vec<ListPrice> = added.chain(changed).collect();
    if prices.is_empty() { Ok(true) } else { work.prices().save_list_prices(&prices).await }
}

/// Prices by what they are for, as the audit log shows them; the first hundred.
fn named(changes: &[PriceDifference], rates: impl Fn(&PriceDifference) -> Option<PriceRates>) -> Shown {
    let name = |scope: &PriceScope| match scope {
        PriceScope::Fallback => "fallback".to_owned(),
        PriceScope::Provider(target) => format!("{}/{}", target.provider, target.model),
        PriceScope::Kind { kind, model } => format!("{kind}:{model}"),
    };
    let shown = changes.iter().take(100).filter_map(|change| {
        Some((name(&change.scope), serde_json::Value::Object(shown::rates(&rates(change)?))))
    });
    shown.collect()
}
