//! Behaviour of a price repository.

use futures_util::future::join;
use promptgate_kernel::{Money, PageRequest, PriceId, PricePerMillion, PriceRefreshId};
use promptgate_usage::{
    FallbackPrice, ListPrice, NewListPrice, PriceOrigin, PriceRates, PriceRefresh, PriceScope, PriceTarget,
    PriceVersion, PriceVersionFilter, PriceVersionId, RefreshStatus, StoredPrice, TokenCounts, UnpricedModel,
    UsageEvent,
};

use super::samples::{WORKS, at, clock, entropy, read, usage_event, write};
use crate::Store;

fn dollars(amount: f64) -> PricePerMillion {
    PricePerMillion::from_dollars(amount).expect("a price")
}

fn price(provider: &str, model: &str) -> StoredPrice {
    let rates = PriceRates { input: dollars(1.0), output: dollars(2.0), ..PriceRates::default() };
    let target = PriceTarget::new(provider, model).expect("a target");
    StoredPrice::create(PriceId::mint(clock(), entropy()), target, rates, at(0))
}

async fn insert(store: &dyn Store, prices: &[&StoredPrice]) {
    let mut work = write(store).await;
    for price in prices {
        work.prices().insert(price).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, price: &StoredPrice) -> bool {
    let mut work = write(store).await;
    let saved = work.prices().save(price).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn find(store: &dyn Store, price: &StoredPrice) -> Option<StoredPrice> {
    read(store).await.prices().find(price.id).await.expect(WORKS)
}

/// Rates to the nano-dollar, some of them there and some not.
fn other_rates() -> PriceRates {
    PriceRates {
        input: dollars(0.000_000_001),
        output: dollars(9_000_000_000.0),
        cache_read: Some(dollars(0.0)),
        cache_write: Some(dollars(1.25)),
        cache_write_1h: Some(dollars(2.0)),
        audio_input: Some(dollars(40.0)),
        audio_output: Some(dollars(80.0)),
        reasoning: None,
        embedding: Some(dollars(0.02)),
    }
}

fn next(price: &StoredPrice, rates: PriceRates) -> StoredPrice {
    StoredPrice { rates, updated_at: at(5), version: price.version + 1, ..price.clone() }
}

/// Every field comes back as it was, after insertion and after a save.
pub async fn everything_round_trips(store: &dyn Store) {
    let plain = price("main", "Ünï 日本/🦀:7b");
    insert(store, &[&plain]).await;
    assert_eq!(find(store, &plain).await.as_ref(), Some(&plain));
    let after = next(&plain, other_rates());
    assert!(save(store, &after).await);
    assert_eq!(find(store, &after).await, Some(after));
}

/// A model of a provider has one price; names are told apart by case.
pub async fn a_second_one_of_the_same_model_is_a_conflict(store: &dyn Store) {
    insert(store, &[&price("main", "m"), &price("main", "M"), &price("other", "m")]).await;
    let error = write(store).await.prices().insert(&price("main", "m")).await.expect_err("it is taken");
    assert!(error.is_conflict("prices_provider_name_model_key"), "{error}");
}

/// A save of a version that is not the next one changes nothing; of two at once one is made.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let price = price("main", "m");
    insert(store, &[&price]).await;
    let one = next(&price, other_rates());
    let other = next(&price, PriceRates::default());
    let (first, second) = join(save(store, &one), save(store, &other)).await;
    assert!(first != second);
    assert!(!save(store, &next(&price, other_rates())).await);
    assert_eq!(find(store, &price).await, Some(if first { one } else { other }));
}

/// What models without a price cost is there from the start, is changed, and is no price of a model.
pub async fn the_fallback_is_there_and_is_changed(store: &dyn Store) {
    let seeded = read(store).await.prices().fallback().await.expect(WORKS);
    assert_eq!((seeded.rates.input, seeded.rates.output), (dollars(5.0), dollars(30.0)));
    let changed = FallbackPrice { rates: other_rates(), updated_at: at(3), version: seeded.version + 1 };
    let mut work = write(store).await;
    assert!(work.prices().save_fallback(&changed).await.expect(WORKS));
    assert!(!work.prices().save_fallback(&changed).await.expect(WORKS), "a lost update");
    let id: PriceId = "00000000-0000-0000-0000-000000000001".parse().expect("a UUID");
    assert_eq!(work.prices().find(id).await.expect(WORKS), None);
    assert!(!work.prices().remove(id, at(9)).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(read(store).await.prices().fallback().await.expect(WORKS), changed);
}

/// They are listed by provider and model, and stay when a provider of their name comes and goes.
pub async fn they_are_listed_by_provider_and_model(store: &dyn Store) {
    let prices = [price("b", "m"), price("a", "z"), price("a", "b")];
    insert(store, &prices.each_ref()).await;
    let provider = super::samples::stored_provider(store, "b").await;
    let mut work = write(store).await;
    assert!(work.providers().remove(provider.id).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    let all = read(store).await.prices().list_all().await.expect(WORKS);
    let [bm, az, ab] = prices;
    assert_eq!(all.models, [ab, az.clone(), bm.clone()]);
    assert!(all.fallback.is_some());
    let mut work = write(store).await;
    assert!(work.prices().remove(az.id, at(9)).await.expect(WORKS));
    assert!(!work.prices().remove(az.id, at(9)).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(read(store).await.prices().list_all().await.expect(WORKS).models.len(), 2);
}

async fn versions(store: &dyn Store, filter: &PriceVersionFilter) -> Vec<PriceVersion> {
    let page = PageRequest::clamped(1, 100);
    read(store).await.prices().versions(filter, page).await.expect(WORKS).items
}

async fn version(store: &dyn Store, price: PriceId, version: i64) -> Option<PriceVersion> {
    read(store).await.prices().find_version(PriceVersionId { price, version }).await.expect(WORKS)
}

/// What a price was stays, whatever becomes of it, with the instants between which it held.
pub async fn every_version_stays(store: &dyn Store) {
    let first = price("main", "m");
    insert(store, &[&first, &price("other", "m")]).await;
    let second = next(&first, other_rates());
    assert!(save(store, &second).await);
    assert!(!save(store, &second).await, "and a lost update leaves no version");
    let mut work = write(store).await;
    assert!(work.prices().remove(first.id, at(9)).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    let scope = PriceScope::Provider(first.target.clone());
    let was = |version, rates, before, from, until| PriceVersion {
        id: PriceVersionId { price: first.id, version },
        scope: scope.clone(),
        rates,
        origin: PriceOrigin::Manual,
        edition: String::new(),
        from,
        before,
        until,
    };
    let expected = [
        was(3, None, Some(second.rates), at(9), None),
        was(2, Some(second.rates), Some(first.rates), at(5), Some(at(9))),
        was(1, Some(first.rates), None, at(0), Some(at(5))),
    ];
    let filter = PriceVersionFilter { price: Some(first.id), ..PriceVersionFilter::default() };
    assert_eq!(versions(store, &filter).await, expected);
    for wanted in &expected {
        assert_eq!(version(store, first.id, wanted.id.version).await.as_ref(), Some(wanted));
    }
    assert_eq!(version(store, first.id, 4).await, None);
    let of = |provider: &str| PriceVersionFilter {
        provider: Some(provider.into()),
        model: Some("m".into()),
        ..PriceVersionFilter::default()
    };
    assert_eq!((versions(store, &of("main")).await.len(), versions(store, &of("other")).await.len()), (3, 1));
    let then = PriceVersionFilter { from: Some(at(5)), ..PriceVersionFilter::default() };
    assert_eq!(versions(store, &then).await, expected[1..2]);
}

/// A change that is rolled back leaves no version; the fallback has versions too.
pub async fn a_version_is_kept_with_its_price_or_not_at_all(store: &dyn Store) {
    let price = price("main", "m");
    let mut work = write(store).await;
    work.prices().insert(&price).await.expect(WORKS);
    drop(work);
    assert_eq!(version(store, price.id, 1).await, None);
    let seeded = read(store).await.prices().fallback().await.expect(WORKS);
    let changed = FallbackPrice { rates: other_rates(), updated_at: at(3), version: seeded.version + 1 };
    let mut work = write(store).await;
    assert!(work.prices().save_fallback(&changed).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    let id = changed.version_id();
    let kept = version(store, id.price, id.version).await.expect("it is kept");
    assert_eq!(
        (kept.scope, kept.rates, kept.before),
        (PriceScope::Fallback, Some(changed.rates), Some(seeded.rates))
    );
    assert_eq!(version(store, id.price, seeded.version).await.and_then(|was| was.until), Some(at(3)));
}

fn list_price(kind: &str, model: &str) -> ListPrice {
    let new = NewListPrice::new(kind, model, other_rates(), PriceOrigin::BuiltIn, "2026-01-01");
    ListPrice::create(PriceId::mint(clock(), entropy()), new.expect("a price"), at(0))
}

async fn save_lists(store: &dyn Store, prices: &[ListPrice]) -> bool {
    let mut work = write(store).await;
    let saved = work.prices().save_list_prices(prices).await.expect(WORKS);
    if saved {
        work.commit().await.expect(WORKS);
    }
    saved
}

/// What is published is kept apart, with versions of its own, and one price for a model of a kind.
pub async fn what_is_published_is_kept_apart(store: &dyn Store) {
    let [z, a] = [list_price("openai", "z"), list_price("openai", "*")];
    assert!(save_lists(store, &[z.clone(), a.clone()]).await);
    let listed = async || read(store).await.prices().list_prices().await.expect(WORKS);
    assert_eq!(listed().await, [a.clone(), z.clone()]);
    assert_eq!(read(store).await.prices().list_all().await.expect(WORKS).models, []);
    let new = NewListPrice::new("openai", "z", PriceRates::default(), PriceOrigin::Manual, "");
    let other = z.clone().change(new.expect("a price"), at(4));
    assert!(save_lists(store, std::slice::from_ref(&other)).await);
    assert!(!save_lists(store, std::slice::from_ref(&other)).await, "a lost update");
    assert_eq!(listed().await, [a.clone(), other]);
    let mut work = write(store).await;
    let error = work.prices().save_list_prices(&[list_price("openai", "z")]).await.expect_err("it is taken");
    assert!(error.is_conflict("list_prices_kind_model_key"), "{error}");
    drop(work);
    let mut work = write(store).await;
    assert!(work.prices().remove_list_price(z.id, at(9)).await.expect(WORKS));
    assert!(!work.prices().remove_list_price(z.id, at(9)).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(listed().await, [a]);
    let filter = PriceVersionFilter { price: Some(z.id), ..PriceVersionFilter::default() };
    let kept: Vec<_> =
        versions(store, &filter).await.into_iter().map(|was| (was.origin, was.rates, was.until)).collect();
    let expected = [
        (PriceOrigin::Manual, None, None),
        (PriceOrigin::Manual, Some(PriceRates::default()), Some(at(9))),
        (PriceOrigin::BuiltIn, Some(z.rates), Some(at(4))),
    ];
    assert_eq!(kept, expected);
    let edition = PriceVersionFilter { edition: Some("2026-01-01".into()), ..PriceVersionFilter::default() };
    assert_eq!(versions(store, &edition).await.len(), 2);
}

/// What became of refreshes is kept, and what a source called its list when it was read last.
pub async fn refreshes_are_remembered(store: &dyn Store) {
    let refresh = |source: &str, status, etag: Option<&str>, second| PriceRefresh {
        id: PriceRefreshId::mint(clock(), entropy()),
        source: source.into(),
        status,
        seen: 4,
        added: 3,
        updated: 2,
        skipped: 1,
        error: (status == RefreshStatus::Failed).then(|| "no".to_owned()),
        etag: etag.map(str::to_owned),
        started_at: at(second),
        finished_at: at(second + 1),
        program: "1.0".into(),
    };
    let all = [
        refresh("a", RefreshStatus::Failed, None, 4),
        refresh("a", RefreshStatus::Unchanged, Some("two"), 3),
        refresh("b", RefreshStatus::Succeeded, Some("other"), 2),
        refresh("a", RefreshStatus::Succeeded, Some("one"), 1),
    ];
    let mut work = write(store).await;
    for refresh in &all {
        work.prices().insert_refresh(refresh).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
    let mut work = read(store).await;
    assert_eq!(work.prices().refreshes(10).await.expect(WORKS), all);
    assert_eq!(work.prices().refreshes(1).await.expect(WORKS), all[..1]);
    assert_eq!(work.prices().last_etag("a", "1.0").await.expect(WORKS).as_deref(), Some("two"));
    assert_eq!(work.prices().last_etag("a", "1.1").await.expect(WORKS), None, "it may read more of it");
    assert_eq!(work.prices().last_etag("c", "1.0").await.expect(WORKS), None);
    drop(work);
    // What was removed is to come back, though the list is what it was.
    let new =
        NewListPrice::new("openai", "m", PriceRates::default(), PriceOrigin::Fetched, "e").expect(WORKS);
    let price = ListPrice::create(PriceId::mint(clock(), entropy()), new, at(0));
    for (second, expected) in [(2, Some("two")), (3, None)] {
        let mut work = write(store).await;
        let price = ListPrice { id: PriceId::mint(clock(), entropy()), ..price.clone() };
        assert!(work.prices().save_list_prices(std::slice::from_ref(&price)).await.expect(WORKS));
        assert!(work.prices().remove_list_price(price.id, at(second)).await.expect(WORKS));
        assert_eq!(work.prices().last_etag("a", "1.0").await.expect(WORKS).as_deref(), expected);
        work.commit().await.expect(WORKS);
    }
}

/// A list is to be read again after another one was, but not after the one of the program.
pub async fn a_list_that_another_one_came_after_is_read_again(store: &dyn Store) {
    let kept = async |source: &str, status, second| {
        let refresh = PriceRefresh {
            id: PriceRefreshId::mint(clock(), entropy()),
            source: source.into(),
            status,
            seen: 1,
            added: 1,
            updated: 0,
            skipped: 0,
            error: None,
            etag: Some(format!("{source} {second}")),
            started_at: at(second),
            finished_at: at(second),
            program: "1.0".into(),
        };
        let mut work = write(store).await;
        work.prices().insert_refresh(&refresh).await.expect(WORKS);
        work.commit().await.expect(WORKS);
    };
    let etag = async |source: &str| read(store).await.prices().last_etag(source, "1.0").await.expect(WORKS);
    kept("a", RefreshStatus::Succeeded, 1).await;
    kept(PriceRefresh::BUILT_IN, RefreshStatus::Succeeded, 2).await;
    kept("b", RefreshStatus::Failed, 2).await;
    assert_eq!(etag("a").await.as_deref(), Some("a 1"), "nothing of it was replaced");
    kept("b", RefreshStatus::Succeeded, 2).await;
    assert_eq!((etag("a").await, etag("b").await), (None, Some("b 2".into())));
    kept("a", RefreshStatus::Succeeded, 3).await;
    assert_eq!((etag("a").await, etag("b").await), (Some("a 3".into()), None));
    // Nobody knows which of them was the last one.
    kept("b", RefreshStatus::Unchanged, 3).await;
    assert_eq!((etag("a").await, etag("b").await), (None, None));
}

/// Tokens that nobody knew a price of are counted by model, apart from what was estimated.
pub async fn calls_without_a_price_are_counted_by_model(store: &dyn Store) {
    let call = |model: &str, basis: &str, cost| UsageEvent {
        provider: Some("main".into()),
        provider_kind: Some("openai".into()),
        model: Some(model.into()),
        price_basis: basis.into(),
        cost: Money::from_nanos(cost),
        tokens: TokenCounts { input: 3, reasoning: 4, ..TokenCounts::default() },
        ..usage_event(at(0))
    };
    let large = |call| UsageEvent {
        tokens: TokenCounts { input: i64::MAX.unsigned_abs(), ..TokenCounts::default() },
        ..call
    };
    let calls = [
        call("priced", "exact", 0),
        call("zero", "fallback", 0),
        call("zero", "none", 0),
        call("guessed", "fallback", 9),
        UsageEvent { cache_hit: true, ..call("hit", "none", 0) },
        UsageEvent { tokens: TokenCounts::default(), ..call("nothing", "none", 0) },
        large(call("large", "none", 0)),
        large(call("large", "none", 0)),
        call("dear", "fallback", i64::MAX),
        call("dear", "fallback", i64::MAX),
    ];
    let mut work = write(store).await;
    work.usage().record(&calls.iter().collect::<Vec<_>>()).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    let day = promptgate_usage::Day::of(at(0)).starts_at();
    let model = |model: &str, calls, tokens, estimated_calls, nanos| UnpricedModel {
        provider: "main".into(),
        kind: "openai".into(),
        model: model.into(),
        calls,
        tokens,
        estimated_calls,
        estimated_cost: Money::from_nanos(nanos),
        last_on: day,
    };
    let expected = [
        model("large", 2, i64::MAX.unsigned_abs(), 0, 0),
        model("zero", 2, 14, 0, 0),
        model("dear", 0, 0, 2, i64::MAX),
        model("guessed", 0, 0, 1, 9),
    ];
    assert_eq!(read(store).await.prices().unpriced(at(0)).await.expect(WORKS), expected);
    let later = at(0).plus(std::time::Duration::from_hours(24));
    assert_eq!(read(store).await.prices().unpriced(later).await.expect(WORKS), []);
}
