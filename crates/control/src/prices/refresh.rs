//! Looking for newer prices: in the program, and in a public list.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use promptgate_auth::Actor;
use promptgate_kernel::{Clock, Entropy, PriceRefreshId, RepositoryError, Revision};
use promptgate_providers::ProviderKind;
use promptgate_store::{Access, Bus, Change, Store, UnitOfWork};
use promptgate_usage::{
    NewListPrice, PriceFile, PriceOrigin, PriceRefresh, PriceTable, RefreshStatus, merge_lists,
};
use tracing::instrument;

use super::import::keep_lists;
use crate::context::Scribe;
use crate::journal::Entry;

/// Which version of the program looks.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// A public list of prices.
#[async_trait]
pub trait PriceSource: Send + Sync {
    /// What it is called, without anything secret.
    fn name(&self) -> &str;

    /// Reads it, unless it is still what it called so; or says why it cannot.
    async fn fetch(&self, etag: Option<&str>) -> Result<FetchedPrices, String>;
}

/// What a source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchedPrices {
    /// It is what it was.
    Unchanged,
    /// This is the list.
    List {
        /// A file of prices, of PromptGate's own shape or of the public one.
        json: Vec<u8>,
        /// What the source calls this state of it.
        etag: Option<String>,
    },
}

/// Keeps prices new, and goes on with repricings that were begun. Several may do so at the same time.
#[derive(Clone)]
pub struct PriceKeeper {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Who hears of commits.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for ids.
    pub entropy: Arc<dyn Entropy>,
    /// A list that is looked at besides the one of the program.
    pub source: ListInUse,
}

/// The list that is looked at, which can be another one from one moment to the next. Clones are the same.
#[derive(Clone, Default)]
pub struct ListInUse(Arc<RwLock<Option<Arc<dyn PriceSource>>>>);

impl ListInUse {
    /// This one, or none.
    pub fn new(source: Option<Arc<dyn PriceSource>>) -> Self {
        Self(Arc::new(RwLock::new(source)))
    }

    /// Has this one looked at from now on, or none.
    pub fn replace(&self, source: Option<Arc<dyn PriceSource>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = source;
    }

    /// What it is called, if there is one.
    pub fn name(&self) -> Option<String> {
        self.current().map(|source| source.name().to_owned())
    }

    fn current(&self) -> Option<Arc<dyn PriceSource>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for ListInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ListInUse").field(&self.name()).finish()
    }
}

impl fmt::Debug for PriceKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriceKeeper").finish_non_exhaustive()
    }
}

impl PriceKeeper {
    /// Looks at the table of the program and at the source, if there is one, and keeps what is new in them.
    /// What somebody set stays. What became of each list.
    #[instrument(name = "control.prices.refresh", skip_all)]
    pub async fn refresh(&self) -> Result<Vec<PriceRefresh>, RepositoryError> {
        let mut done = Vec::new();
        let (built_in, revision) = read_built_in(&*self.store, &*self.clock, &*self.entropy).await?;
        done.extend(built_in);
        self.announce(revision).await;
        if let Some(source) = self.source.current() {
            done.extend(self.read_source(&*source).await?);
        }
        Ok(done)
    }

    /// What became of a list; nothing, where another one took its place while it was read.
    async fn read_source(&self, source: &dyn PriceSource) -> Result<Option<PriceRefresh>, RepositoryError> {
        let started_at = self.clock.now();
        let known = self.store.begin(Access::Read).await?.prices().last_etag(source.name(), PROGRAM).await?;
        let begun = PriceRefresh {
            id: PriceRefreshId::mint(&*self.clock, &*self.entropy),
            source: source.name().to_owned(),
            status: RefreshStatus::Failed,
            seen: 0,
            added: 0,
            updated: 0,
            skipped: 0,
            error: None,
            etag: None,
            started_at,
            finished_at: started_at,
            program: PROGRAM.to_owned(),
        };
        let read = match source.fetch(known.as_deref()).await {
            Ok(FetchedPrices::Unchanged) => {
                let refresh = PriceRefresh { status: RefreshStatus::Unchanged, etag: known, ..begun };
                return self.keep(source, refresh).await;
            }
            Ok(FetchedPrices::List { json, etag }) => {
                PriceFile::parse_fetched(&json).map(|file| (file, etag)).map_err(|error| error.to_string())
            }
            Err(error) => Err(error),
        };
        match read {
            Ok((file, etag)) => {
                let edition = etag.clone().unwrap_or_else(|| started_at.to_string());
                let is_known =
                    |new: &NewListPrice| ProviderKind::ALL.iter().any(|kind| kind.as_str() == new.kind);
                let rows = file.lists.len();
                let lists: Vec<NewListPrice> = file
                    .lists
                    .into_iter()
                    .filter(is_known)
                    .map(|new| NewListPrice { origin: PriceOrigin::Fetched, edition: edition.clone(), ..new })
                    .collect();
                // What is of single providers is for administrators to say.
                let skipped = file.skipped + (rows - lists.len() + file.models.len()) as u64;
                let begun = PriceRefresh { skipped, etag, ..begun };
                let Some(mut work) = self.begin_for(source).await? else { return Ok(None) };
                let refresh = merge(&mut *work, begun, lists, &*self.clock, &*self.entropy).await?;
                let revision = end(&mut *work, &refresh, &*self.clock, &*self.entropy).await?;
                work.commit().await?;
                self.announce(revision).await;
                Ok(Some(refresh))
            }
            Err(error) => {
                tracing::warn!(
                    source = begun.source,
                    error,
                    "the list of prices {} cannot be read",
                    begun.source
                );
                let error = error.chars().take(1_000).collect();
                self.keep(source, PriceRefresh { error: Some(error), ..begun }).await
            }
        }
    }

    async fn keep(
        &self,
        source: &dyn PriceSource,
        refresh: PriceRefresh,
    ) -> Result<Option<PriceRefresh>, RepositoryError> {
        let Some(mut work) = self.begin_for(source).await? else { return Ok(None) };
        let refresh = PriceRefresh { finished_at: self.clock.now(), ..refresh };
        work.prices().insert_refresh(&refresh).await?;
        work.commit().await?;
        Ok(Some(refresh))
    }

    /// Begins to keep what a list says, if it is still the one that is looked at: what one that was replaced
    /// says must not come after what its successor says.
    async fn begin_for(
        &self,
        source: &dyn PriceSource,
    ) -> Result<Option<Box<dyn UnitOfWork>>, RepositoryError> {
        let mut work = self.store.begin(Access::Write).await?;
        // From here on the successor waits.
        work.audit().hold().await?;
        if self.source.name().as_deref() == Some(source.name()) {
            return Ok(Some(work));
        }
        let name = source.name();
        tracing::info!(source = name, "the list of prices {name} is not in use any more and leaves no trace");
        Ok(None)
    }

    async fn announce(&self, revision: Option<Revision>) {
        let Some(revision) = revision else { return };
        if let Err(error) = self.bus.announce(promptgate_store::Announcement { revision }).await {
            tracing::warn!(
                revision = revision.number(),
                error = %error,
                "revision {revision} could not be announced; processes learn of it when they next poll"
            );
        }
    }
}

/// Keeps what is new in the table of the program, and says what that was; nothing where nothing is. It is
/// part of making the schema, and several processes may do it at once.
#[instrument(name = "control.prices.load_built_in", skip_all)]
pub async fn load_built_in(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Option<PriceRefresh>, RepositoryError> {
    Ok(read_built_in(store, clock, entropy).await?.0)
}

async fn read_built_in(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(Option<PriceRefresh>, Option<Revision>), RepositoryError> {
    let started_at = clock.now();
    let lists = NewListPrice::of_table(&PriceTable::bundled());
    let stored = store.begin(Access::Read).await?.prices().list_prices().await?;
    let news = merge_lists(&stored, lists.clone());
    if news.added.is_empty() && news.changed.is_empty() {
        return Ok((None, None));
    }
    let begun = PriceRefresh {
        id: PriceRefreshId::mint(clock, entropy),
        source: PriceRefresh::BUILT_IN.to_owned(),
        status: RefreshStatus::Succeeded,
        seen: 0,
        added: 0,
        updated: 0,
        skipped: 0,
        error: None,
        etag: Some(PriceTable::bundled().version().to_owned()),
        started_at,
        finished_at: started_at,
        program: PROGRAM.to_owned(),
    };
    let mut work = store.begin(Access::Write).await?;
    work.audit().hold().await?;
    let refresh = merge(&mut *work, begun, lists, clock, entropy).await?;
    let revision = end(&mut *work, &refresh, clock, entropy).await?;
    work.commit().await?;
    Ok((Some(refresh), revision))
}

/// Keeps what is new in a list. One at a time, as with every change of prices, in a unit that holds them: what
/// is compared stays until it is written.
async fn merge(
    work: &mut dyn UnitOfWork,
    begun: PriceRefresh,
    lists: Vec<NewListPrice>,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<PriceRefresh, RepositoryError> {
    let seen = lists.len() as u64;
    let merge = merge_lists(&work.prices().list_prices().await?, lists);
    let (added, updated) = (merge.added.len() as u64, merge.changed.len() as u64);
    let skipped = begun.skipped + merge.kept;
    let at = clock.now();
    let saved = keep_lists(work, merge, at, clock, entropy).await?;
    debug_assert!(saved, "nobody else writes prices meanwhile");
    let status = RefreshStatus::Succeeded;
    Ok(PriceRefresh { status, seen, added, updated, skipped, finished_at: at, ..begun })
}

/// Puts it on record; the revision, where it changed a price.
async fn end(
    work: &mut dyn UnitOfWork,
    refresh: &PriceRefresh,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Option<Revision>, RepositoryError> {
    work.prices().insert_refresh(refresh).await?;
    if refresh.added + refresh.updated == 0 {
        return Ok(None);
    }
    let entry = Entry::of_prices("price.refreshed", refresh.source.clone())
        .detail("added", refresh.added.to_string())
        .detail("updated", refresh.updated.to_string());
    Scribe { clock, entropy }.audit(work, Actor::system(), entry, refresh.finished_at).await?;
    Ok(Some(work.changes().record(Change::Prices, refresh.finished_at).await?))
}
