//! Giving calls of the past other prices.

use std::collections::HashMap;
use std::time::Duration;

use promptgate_auth::{Actor, Permission};
use promptgate_kernel::{Clock, Entropy, RepricingId, Timestamp};
use promptgate_store::{Access, Store, UnitOfWork};
use promptgate_usage::{
    CallFilter, PriceBook, PriceScope, PriceTable, PriceVersion, PriceVersionId, Repriced, Repricing,
    RepricingState, StoredPrices, UsageEvent, WantedRepricing, reprice,
};
use tracing::instrument;

use super::{PriceError, PriceKeeper};
use crate::Control;
use crate::context::Scribe;
use crate::journal::Entry;

/// How many calls one transaction looks at.
const AT_A_TIME: u32 = 500;
/// How long whoever asks waits before it is somebody else's to go on.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many repricings are shown.
const SHOWN: u32 = 100;

/// Begins to give calls of the past other prices, or to look what that would change, and goes on for some
/// seconds. What is left then is done by the scheduler, or by [`resume_repricing`].
#[instrument(name = "control.prices.begin_repricing", skip_all)]
pub async fn begin_repricing(
    control: &Control,
    actor: Actor,
    mut wanted: WantedRepricing,
) -> Result<Repricing, PriceError> {
    actor.require(Permission::ManagePrices)?;
    if wanted.from >= wanted.to {
        return Err(PriceError::Range);
    }
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    if let Some(price) = wanted.price {
        let found = work.prices().find_version(price).await?;
        let found = found.filter(|version| version.rates.is_some());
        let version = found.ok_or(PriceError::UnknownVersion(price))?;
        let providers = work.providers().list_all().await?;
        let kinds =
            providers.iter().map(|provider| (provider.name.as_str(), provider.kind.as_str())).collect();
        wanted = narrowed(wanted, &version, &kinds)?;
    }
    let id = RepricingId::mint(&*control.clock, &*control.entropy);
    let repricing = Repricing::begin(id, wanted, at);
    work.repricings().insert(&repricing).await?;
    if !repricing.wanted.dry_run {
        let entry = described(Entry::of_repricing("price.repricing_started", id), &repricing.wanted);
        control.audit(&mut *work, actor, entry, at).await?;
    }
    work.commit().await?;
    go_on(control, actor, repricing).await
}

/// The calls that a price is for, of those that are wanted: none gets the price of another model.
fn narrowed(
    wanted: WantedRepricing,
    version: &PriceVersion,
    kinds: &HashMap<&str, &str>,
) -> Result<WantedRepricing, PriceError> {
    let other = |field| PriceError::OtherVersion { field, version: version.id };
    let (provider, model) = (wanted.provider.as_deref(), wanted.model.as_deref());
    match &version.scope {
        PriceScope::Fallback if model.is_none() => Err(PriceError::ModelNeeded(version.id)),
        PriceScope::Fallback => Ok(wanted),
        PriceScope::Provider(target) => {
            if provider.is_some_and(|provider| provider != target.provider) {
                return Err(other("providerName"));
            }
            if model.is_some_and(|model| model != target.model) {
                return Err(other("model"));
            }
            let (provider, model) = (Some(target.provider.clone()), Some(target.model.clone()));
            Ok(WantedRepricing { provider, model, ..wanted })
        }
        PriceScope::Kind { kind, model: covered } => {
            // A provider that is gone may have been of any kind; its calls may say.
            let kind = provider.and_then(|provider| kinds.get(provider).copied()).unwrap_or(kind);
            if !version.scope.covers("", kind, covered) {
                return Err(other("providerName"));
            }
            if model.is_some_and(|model| !version.scope.covers("", kind, model)) {
                return Err(other("model"));
            }
            Ok(wanted)
        }
    }
}

/// Goes on with one, for some seconds. One that is done stays as it is.
#[instrument(name = "control.prices.resume_repricing", skip_all, fields(repricing.id = %id))]
pub async fn resume_repricing(
    control: &Control,
    actor: Actor,
    id: RepricingId,
) -> Result<Repricing, PriceError> {
    let found = repricing(control, actor, id).await?;
    go_on(control, actor, found).await
}

/// Ends one where it is; one that is over stays as it is. What it changed stays changed.
#[instrument(name = "control.prices.cancel_repricing", skip_all, fields(repricing.id = %id))]
pub async fn cancel_repricing(
    control: &Control,
    actor: Actor,
    id: RepricingId,
) -> Result<Repricing, PriceError> {
    actor.require(Permission::ManagePrices)?;
    loop {
        let at = control.clock.now();
        let mut work = control.store.begin(Access::Write).await?;
        let found = work.repricings().find(id).await?.ok_or(PriceError::UnknownRepricing(id))?;
        if found.state != RepricingState::Running {
            return Ok(found);
        }
        let cancelled = found.cancel(at);
        // Whoever goes on with it made a step meanwhile.
        if !work.repricings().save(&cancelled).await? {
            continue;
        }
        // One that only looked changed nothing, so there is nothing to write down.
        if !cancelled.wanted.dry_run {
            let entry = Entry::of_repricing("price.repricing_cancelled", id);
            let entry = outcome(described(entry, &cancelled.wanted), &cancelled);
            control.audit(&mut *work, actor, entry, at).await?;
        }
        work.commit().await?;
        return Ok(cancelled);
    }
}

/// How far one is.
#[instrument(name = "control.prices.repricing", skip_all, fields(repricing.id = %id))]
pub async fn repricing(control: &Control, actor: Actor, id: RepricingId) -> Result<Repricing, PriceError> {
    actor.require(Permission::ManagePrices)?;
    let found = control.store.begin(Access::Read).await?.repricings().find(id).await?;
    found.ok_or(PriceError::UnknownRepricing(id))
}

/// The last ones, newest first.
#[instrument(name = "control.prices.repricings", skip_all)]
pub async fn repricings(control: &Control, actor: Actor) -> Result<Vec<Repricing>, PriceError> {
    actor.require(Permission::ManagePrices)?;
    Ok(control.store.begin(Access::Read).await?.repricings().list(SHOWN).await?)
}

async fn go_on(control: &Control, actor: Actor, repricing: Repricing) -> Result<Repricing, PriceError> {
    let worker = Worker { store: &*control.store, clock: &*control.clock, entropy: &*control.entropy };
    worker.work(actor, repricing, PATIENCE).await
}

impl PriceKeeper {
    /// Goes on with every repricing that somebody began, each for as long as `patience`; says how many calls
    /// were looked at. One that fails holds up none of the others.
    #[instrument(name = "control.prices.resume_repricings", skip_all)]
    pub async fn resume_repricings(&self, patience: Duration) -> Result<u64, PriceError> {
        let unfinished = self.store.begin(Access::Read).await?.repricings().unfinished().await?;
        let worker = Worker { store: &*self.store, clock: &*self.clock, entropy: &*self.entropy };
        let (mut looked_at, mut failed) = (0, None);
        for repricing in unfinished {
            let before = repricing.examined;
            match worker.work(Actor::system(), repricing, patience).await {
                Ok(after) => looked_at += after.examined.saturating_sub(before),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(looked_at), Err)
    }
}

/// Whoever goes on with a repricing.
#[derive(Clone, Copy)]
struct Worker<'a> {
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    entropy: &'a dyn Entropy,
}

impl Worker<'_> {
    /// Does step after step until it is done or time is up. Somebody else may do so too: each step is made
    /// once.
    async fn work(
        self,
        actor: Actor,
        mut repricing: Repricing,
        patience: Duration,
    ) -> Result<Repricing, PriceError> {
        let begun = self.clock.now();
        while repricing.state == RepricingState::Running && self.clock.now().since(begun) < patience {
            repricing = self.step(actor, repricing).await?;
        }
        Ok(repricing)
    }

    async fn step(self, actor: Actor, repricing: Repricing) -> Result<Repricing, PriceError> {
        let (id, at) = (repricing.id, self.clock.now());
        let access = if repricing.wanted.dry_run { Access::Read } else { Access::Write };
        let mut work = self.store.begin(access).await?;
        let prices = Prices::read(&mut *work, &repricing.wanted).await?;
        let events = page(&mut *work, &repricing).await?;
        let changes: Vec<Repriced<'_>> = events.iter().filter_map(|event| prices.reprice(event)).collect();
        let after = repricing.clone().step(&events, AT_A_TIME, &changes, at);
        if repricing.wanted.dry_run {
            drop(work);
            work = self.store.begin(Access::Write).await?;
        } else {
            let count = work.repricings().apply(&changes).await?;
            // Some are gone, or somebody else gave them another price meanwhile: this page is read again.
            if count != changes.len() as u64 {
                return Ok(repricing);
            }
        }
        if !work.repricings().save(&after).await? {
            drop(work);
            let found = self.store.begin(Access::Read).await?.repricings().find(id).await?;
            return found.ok_or(PriceError::UnknownRepricing(id));
        }
        if after.state == RepricingState::Done && !after.wanted.dry_run {
            let entry = outcome(described(Entry::of_repricing("price.repriced", id), &after.wanted), &after);
            Scribe { clock: self.clock, entropy: self.entropy }.audit(&mut *work, actor, entry, at).await?;
        }
        work.commit().await?;
        Ok(after)
    }
}

/// The next calls.
async fn page(work: &mut dyn UnitOfWork, repricing: &Repricing) -> Result<Vec<UsageEvent>, PriceError> {
    let wanted = &repricing.wanted;
    let filter = CallFilter {
        provider: wanted.provider.clone(),
        model: wanted.model.clone(),
        from: Some(wanted.from),
        to: Some(wanted.to),
        ..CallFilter::default()
    };
    Ok(work.usage().page(&filter, repricing.cursor, AT_A_TIME).await?)
}

/// What calls are to cost.
struct Prices {
    book: PriceBook,
    bundled: PriceTable,
    /// The one that is wanted, and nothing else.
    version: Option<PriceVersionId>,
    /// The kinds of providers, for calls of a time when those were not written down.
    kinds: HashMap<String, &'static str>,
}

impl Prices {
    async fn read(work: &mut dyn UnitOfWork, wanted: &WantedRepricing) -> Result<Self, PriceError> {
        let version = match wanted.price {
            Some(price) => {
                let found = work.prices().find_version(price).await?;
                Some(found.ok_or(PriceError::UnknownVersion(price))?)
            }
            None => None,
        };
        let stored = work.prices().list_all().await?;
        let lists = work.prices().list_prices().await?;
        let providers = work.providers().list_all().await?.into_iter();
        let book = PriceBook::new(StoredPrices { lists, ..stored });
        Ok(Self {
            book: match &version {
                Some(version) => book.holding(version),
                None => book,
            },
            bundled: PriceTable::bundled(),
            version: wanted.price,
            kinds: providers
                .map(|provider| (provider.name.as_str().to_owned(), provider.kind.as_str()))
                .collect(),
        })
    }

    fn reprice<'a>(&self, event: &'a UsageEvent) -> Option<Repriced<'a>> {
        let kind = event.provider.as_deref().and_then(|provider| self.kinds.get(provider)).copied();
        reprice(event, kind, &self.book, &self.bundled, self.version)
    }
}

/// What came of it.
fn outcome(entry: Entry, repricing: &Repricing) -> Entry {
    entry
        .detail("calls", repricing.examined.to_string())
        .detail("changed", repricing.changed.to_string())
        .detail("costBefore", repricing.before.to_string())
        .detail("costAfter", repricing.after.to_string())
}

fn described(entry: Entry, wanted: &WantedRepricing) -> Entry {
    let instant = |at: Timestamp| at.to_string();
    let mut entry = entry.detail("from", instant(wanted.from)).detail("to", instant(wanted.to));
    for (name, value) in [("providerName", &wanted.provider), ("model", &wanted.model)] {
        if let Some(value) = value {
            entry = entry.detail(name, value.clone());
        }
    }
    match wanted.price {
        Some(price) => entry.detail("priceVersion", price.to_string()),
        None => entry,
    }
}
