//! Behaviour of a price repository.

use futures_util::future::join;
use promptgate_kernel::{PriceId, PricePerMillion};
use promptgate_usage::{FallbackPrice, PriceRates, PriceTarget, StoredPrice};

use super::samples::{WORKS, at, clock, entropy, read, write};
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
    assert!(!work.prices().remove(id).await.expect(WORKS));
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
    assert!(work.prices().remove(az.id).await.expect(WORKS));
    assert!(!work.prices().remove(az.id).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(read(store).await.prices().list_all().await.expect(WORKS).models.len(), 2);
}
