//! Calls of the past at other prices.

use std::str::FromStr;

use async_trait::async_trait;
use promptgate_kernel::{Money, RepositoryError, RepricingId, Timestamp};

use crate::{Cursor, PriceBasis, PriceBook, PriceTable, PriceVersionId, Sale, UsageEvent};

/// Which calls are to be priced anew, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRepricing {
    /// Calls that arrived then or later.
    pub from: Timestamp,
    /// Calls that arrived before.
    pub to: Timestamp,
    /// Only of the provider of this name.
    pub provider: Option<String>,
    /// Only of this model, as the provider knows it.
    pub model: Option<String>,
    /// The price that those of its model get; `None` for what each model costs now.
    pub price: Option<PriceVersionId>,
    /// Whether it is only looked what would change.
    pub dry_run: bool,
}

/// How far a repricing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepricingState {
    /// Some calls are still to be looked at.
    Running,
    /// All have been looked at.
    Done,
    /// Somebody ended it before that. What was changed by then stays changed.
    Cancelled,
}

impl RepricingState {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for RepricingState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found =
            [Self::Running, Self::Done, Self::Cancelled].into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("unknown state of a repricing `{text}`"))
    }
}

/// Calls of the past get other prices, some at a time. Whoever finds it unfinished goes on where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repricing {
    /// Its identity.
    pub id: RepricingId,
    /// What is to be done.
    pub wanted: WantedRepricing,
    /// How far it is.
    pub state: RepricingState,
    /// Behind which call it goes on; newest first.
    pub cursor: Option<Cursor>,
    /// How many calls were looked at.
    pub examined: u64,
    /// How many got another price.
    pub changed: u64,
    /// What those had cost.
    pub before: Money,
    /// What they cost now.
    pub after: Money,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last went on.
    pub updated_at: Timestamp,
    /// Grows with every step.
    pub version: i64,
}

impl Repricing {
    /// Begins one.
    pub const fn begin(id: RepricingId, wanted: WantedRepricing, at: Timestamp) -> Self {
        Self {
            id,
            wanted,
            state: RepricingState::Running,
            cursor: None,
            examined: 0,
            changed: 0,
            before: Money::ZERO,
            after: Money::ZERO,
            created_at: at,
            updated_at: at,
            version: 1,
        }
    }

    /// What comes after `events`, the next ones of up to `at_a_time`, of which `changes` get other prices.
    #[must_use]
    pub fn step(
        mut self,
        events: &[UsageEvent],
        at_a_time: u32,
        changes: &[Repriced<'_>],
        at: Timestamp,
    ) -> Self {
        let looked_at = events.len() as u64;
        self.cursor = events.last().map(Cursor::behind).or(self.cursor);
        self.examined += looked_at;
        self.changed += changes.len() as u64;
        for change in changes {
            self.before = self.before.plus(change.event.cost);
            self.after = self.after.plus(change.cost);
        }
        if looked_at < u64::from(at_a_time) {
            self.state = RepricingState::Done;
        }
        self.updated_at = at;
        self.version += 1;
        self
    }

    /// Ends it where it is.
    #[must_use]
    pub const fn cancel(mut self, at: Timestamp) -> Self {
        self.state = RepricingState::Cancelled;
        self.updated_at = at;
        self.version += 1;
        self
    }
}

/// A call that gets another price.
#[derive(Debug, Clone, PartialEq)]
pub struct Repriced<'a> {
    /// The call, as it is.
    pub event: &'a UsageEvent,
    /// What it costs now.
    pub cost: Money,
    /// The price that this comes from.
    pub price_version: String,
    /// How the price was found.
    pub price_basis: PriceBasis,
}

impl Repriced<'_> {
    /// How much more it costs; less than zero where it costs less.
    pub const fn difference(&self) -> i64 {
        self.cost.as_nanos().saturating_sub(self.event.cost.as_nanos())
    }

    /// The call as it is then.
    pub fn priced(&self) -> UsageEvent {
        UsageEvent {
            cost: self.cost,
            price_version: self.price_version.clone(),
            price_basis: self.price_basis.as_str().to_owned(),
            ..self.event.clone()
        }
    }
}

/// The other price of a call by what is in `book`, and only if that is `version` where one is named; `kind` is
/// that of its provider where it was not written down. `None` where nothing was priced, or where it costs the
/// same by a price that was found in the same way, or where there is only the fallback for what an endpoint
/// said.
pub fn reprice<'a>(
    event: &'a UsageEvent,
    kind: Option<&str>,
    book: &PriceBook,
    bundled: &PriceTable,
    version: Option<PriceVersionId>,
) -> Option<Repriced<'a>> {
    let (Some(provider), Some(model)) = (event.provider.as_deref(), event.model.as_deref()) else {
        return None;
    };
    if event.cache_hit || event.tokens.total() == 0 {
        return None;
    }
    let embedding = event.operation == "embeddings";
    let kind = event.provider_kind.as_deref().or(kind).unwrap_or_default();
    let sale = Sale { provider, kind, model, embedding, per_thousand: None };
    let charge = book.charge(bundled, sale, &event.tokens);
    // What its endpoint said is a better estimate than the fallback, and not known any more.
    let was_said = event.price_basis == PriceBasis::Endpoint.as_str();
    if was_said && charge.basis == PriceBasis::Fallback {
        return None;
    }
    // What somebody set for the provider, or what is published of this very model, goes before.
    if version.is_some_and(|version| charge.version != version.to_string()) {
        return None;
    }
    let (cost, price_basis) = (charge.cost, charge.basis);
    let repriced = Repriced { event, cost, price_version: charge.version.to_owned(), price_basis };
    let is_same = repriced.cost == event.cost && repriced.price_basis.as_str() == event.price_basis;
    (!is_same).then_some(repriced)
}

/// Where repricings live, and what they do to calls. Behaviour every adapter must show:
/// `store::contract::repricings`.
#[async_trait]
pub trait RepricingRepository: Send {
    /// Keeps a new one.
    async fn insert(&mut self, repricing: &Repricing) -> Result<(), RepositoryError>;

    /// The one with this id.
    async fn find(&mut self, id: RepricingId) -> Result<Option<Repricing>, RepositoryError>;

    /// The last ones, newest first.
    async fn list(&mut self, limit: u32) -> Result<Vec<Repricing>, RepositoryError>;

    /// The ones that are still running, oldest first.
    async fn unfinished(&mut self) -> Result<Vec<Repricing>, RepositoryError>;

    /// Writes how far it is if the stored version is the one before its own; `false` when it is not.
    async fn save(&mut self, repricing: &Repricing) -> Result<bool, RepositoryError>;

    /// Gives calls other prices, in the calls themselves and in everything that they were added up to. A
    /// call that is gone, or costs something else than it did or by a price that was found in another way,
    /// keeps what it has; says how many changed.
    async fn apply(&mut self, changes: &[Repriced<'_>]) -> Result<u64, RepositoryError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ListPrice, NewListPrice, Outcome, PriceOrigin, PriceRates, PriceScope, PriceTarget, PriceVersion,
        RateChanges, StoredPrice, StoredPrices, TokenCounts,
    };

    fn rates(dollars: f64) -> PriceRates {
        RateChanges { input: Some(dollars), output: Some(dollars), ..RateChanges::default() }
            .into_rates()
            .unwrap()
    }

    /// A published price; each has an identity of its own.
    fn list(model: &str, dollars: f64) -> ListPrice {
        let id = format!("018f4e6e-0000-7000-8000-0000000001{:02}", model.len()).parse().unwrap();
        let new = NewListPrice::new("openai", model, rates(dollars), PriceOrigin::Fetched, "e").unwrap();
        ListPrice::create(id, new, Timestamp::default())
    }

    fn event(basis: &str, cost: i64) -> UsageEvent {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        let (call, project, token) = (id.parse().unwrap(), id.parse().unwrap(), id.parse().unwrap());
        UsageEvent {
            provider: Some("main".into()),
            provider_kind: Some("openai".into()),
            model: Some("gpt-4o".into()),
            tokens: TokenCounts { input: 1_000_000, ..TokenCounts::default() },
            cost: Money::from_nanos(cost),
            price_basis: basis.into(),
            ..UsageEvent::of_call(
                call,
                Timestamp::default(),
                project,
                token,
                "messages",
                Outcome::Completed,
                200,
            )
        }
    }

    #[test]
    fn a_call_that_costs_the_same_stays_and_doing_it_again_changes_nothing() {
        let (book, bundled) = (PriceBook::new(StoredPrices::default()), PriceTable::bundled());
        let wrong = event("exact", 0);
        let repriced = reprice(&wrong, None, &book, &bundled, None).unwrap();
        assert_eq!((repriced.cost.to_string().as_str(), repriced.difference()), ("2.50", 2_500_000_000));
        assert_eq!(reprice(&repriced.priced(), None, &book, &bundled, None), None);
        let unknown = UsageEvent { provider_kind: None, ..event("exact", 0) };
        let basis = |kind| reprice(&unknown, kind, &book, &bundled, None).unwrap().price_basis;
        assert_eq!((basis(Some("openai")), basis(None)), (PriceBasis::Exact, PriceBasis::Fallback));
        // An estimate that turns out right is none any more.
        let guessed = event("fallback", 2_500_000_000);
        assert_eq!(reprice(&guessed, None, &book, &bundled, None).unwrap().price_basis, PriceBasis::Exact);
        // What an endpoint said gives way to a price, not to another estimate.
        let said = event("endpoint", 9);
        assert_eq!(reprice(&said, None, &book, &bundled, None).unwrap().price_basis, PriceBasis::Exact);
        for untouched in [
            UsageEvent { model: Some("mystery".into()), ..said },
            UsageEvent { cache_hit: true, ..event("exact", 0) },
            UsageEvent { tokens: TokenCounts::default(), ..event("none", 0) },
            UsageEvent { provider: None, ..event("none", 0) },
        ] {
            assert_eq!(reprice(&untouched, None, &book, &bundled, None), None);
        }
    }

    #[test]
    fn no_call_gets_the_price_of_another_model() {
        let bundled = PriceTable::bundled();
        let (own, dear) = (list("gpt-4o-2024-05-13", 5.0), list("gpt-4o", 2.5));
        let set = StoredPrice::create(
            "018f4e6e-0000-7000-8000-000000000009".parse().unwrap(),
            PriceTarget::new("special", "gpt-4o").unwrap(),
            PriceRates::default(),
            Timestamp::default(),
        );
        let stored = StoredPrices {
            lists: vec![own, dear.clone(), list("*", 9.0)],
            models: vec![set],
            fallback: None,
        };
        let version = |price: &ListPrice, version| PriceVersion {
            id: PriceVersionId { price: price.id, version },
            scope: PriceScope::Kind { kind: price.kind.clone(), model: price.model.clone() },
            rates: Some(rates(1.0)),
            origin: PriceOrigin::Fetched,
            edition: String::new(),
            from: Timestamp::default(),
            before: None,
            until: None,
        };
        let by = |version: &PriceVersion, provider: &str, model: &str| {
            let book = PriceBook::new(stored.clone()).holding(version);
            let event = UsageEvent {
                provider: Some(provider.into()),
                model: Some(model.into()),
                ..event("exact", 7)
            };
            reprice(&event, None, &book, &bundled, Some(version.id))
                .map(|repriced| (repriced.cost.to_string(), repriced.price_version, repriced.price_basis))
        };
        let earlier = version(&dear, 1);
        let found = |basis| Some(("1.00".to_owned(), earlier.id.to_string(), basis));
        assert_eq!(by(&earlier, "main", "gpt-4o"), found(PriceBasis::Exact));
        assert_eq!(by(&earlier, "main", "gpt-4o-2024-08-06"), found(PriceBasis::Prefix));
        assert_eq!(by(&earlier, "main", "gpt-4o-2024-05-13"), None, "it has a row of its own");
        assert_eq!(by(&earlier, "special", "gpt-4o"), None, "somebody set its price");
        assert_eq!(by(&earlier, "main", "gpt-4"), None);
        let whole = version(&list("*", 9.0), 2);
        assert_eq!(by(&whole, "main", "gpt-4o"), None);
        assert_eq!(by(&whole, "main", "gpt-4").unwrap().2, PriceBasis::Prefix);
        // A price that is gone from the book still has its calls.
        let gone = PriceVersion {
            id: "018f4e6e-0000-7000-8000-00000000000a@1".parse().unwrap(),
            scope: PriceScope::Provider(PriceTarget::new("main", "gpt-4o").unwrap()),
            ..version(&dear, 1)
        };
        assert_eq!(by(&gone, "main", "gpt-4o").unwrap().1, gone.id.to_string());
        assert_eq!(by(&gone, "special", "gpt-4o"), None);
    }

    #[test]
    fn the_fallback_never_takes_the_place_of_what_an_endpoint_said() {
        let bundled = PriceTable::bundled();
        let version = PriceVersion {
            id: "018f4e6e-0000-7000-8000-000000000009@1".parse().unwrap(),
            scope: PriceScope::Fallback,
            rates: Some(rates(1.0)),
            origin: PriceOrigin::Manual,
            edition: String::new(),
            from: Timestamp::default(),
            before: None,
            until: None,
        };
        let book = PriceBook::default().holding(&version);
        for (basis, found) in [("endpoint", None), ("fallback", Some("1.00"))] {
            let call = UsageEvent { model: Some("mystery".into()), ..event(basis, 9) };
            let repriced = reprice(&call, None, &book, &bundled, Some(version.id));
            assert_eq!(repriced.map(|call| call.cost.to_string()).as_deref(), found, "{basis}");
        }
    }

    #[test]
    fn a_repricing_ends_with_the_calls() {
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        let (from, to) = (Timestamp::default(), Timestamp::from_micros(1));
        let wanted = WantedRepricing { from, to, provider: None, model: None, price: None, dry_run: false };
        let begun = Repricing::begin(id, wanted, from);
        let (book, bundled) = (PriceBook::default(), PriceTable::bundled());
        let events = [event("exact", 500_000_000)];
        let changes: Vec<Repriced<'_>> =
            events.iter().filter_map(|event| reprice(event, None, &book, &bundled, None)).collect();
        let on_its_way = begun.step(&events, 1, &changes, to);
        assert_eq!(on_its_way.state, RepricingState::Running);
        assert_eq!(on_its_way.cursor, Some(Cursor::behind(&events[0])));
        assert_eq!(
            (on_its_way.before.to_string(), on_its_way.after.to_string()),
            ("0.50".into(), "2.50".into())
        );
        let done = on_its_way.step(&[], 1, &[], to);
        assert_eq!((done.state, done.examined, done.changed, done.version), (RepricingState::Done, 1, 1, 3));
        let Ok(cancelled) = "cancelled".parse() else { panic!("it is no state") };
        assert_eq!((done.cancel(to).state, RepricingState::Cancelled.as_str()), (cancelled, "cancelled"));
    }
}
