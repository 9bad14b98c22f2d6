//! Behaviour of a repricing repository.

use futures_util::future::join;
use promptgate_kernel::{Money, PriceId, RepricingId};
use promptgate_usage::{
    CallFilter, Cursor, Day, Days, Grain, PriceBasis, PriceVersionId, Repriced, Repricing, RepricingState,
    TokenCounts, UsageEvent, UsageScope, WantedRepricing,
};

use super::samples::{WORKS, at, clock, entropy, read, usage_event, write};
use crate::Store;

fn repricing(second: i64) -> Repricing {
    let price = PriceVersionId { price: PriceId::mint(clock(), entropy()), version: 7 };
    let wanted = WantedRepricing {
        from: at(0),
        to: at(9),
        provider: Some("main".into()),
        model: Some("m".into()),
        price: Some(price),
        dry_run: true,
    };
    Repricing::begin(RepricingId::mint(clock(), entropy()), wanted, at(second))
}

async fn insert(store: &dyn Store, repricings: &[&Repricing]) {
    let mut work = write(store).await;
    for repricing in repricings {
        work.repricings().insert(repricing).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, repricing: &Repricing) -> bool {
    let mut work = write(store).await;
    let saved = work.repricings().save(repricing).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

/// Every field comes back as it was; they are listed newest first, and those that go on oldest first.
pub async fn everything_round_trips(store: &dyn Store) {
    let first = repricing(1);
    let wanted =
        WantedRepricing { provider: None, model: None, price: None, dry_run: false, ..first.wanted.clone() };
    let [second, third] = [Repricing { wanted, ..repricing(2) }, repricing(3)];
    insert(store, &[&first, &second, &third]).await;
    let event = usage_event(at(4));
    let done = Repricing {
        state: RepricingState::Done,
        cursor: Some(Cursor::behind(&event)),
        examined: 5,
        changed: 4,
        before: Money::from_nanos(3),
        after: Money::from_nanos(-2),
        updated_at: at(8),
        version: 2,
        ..first.clone()
    };
    assert!(save(store, &done).await);
    let mut work = read(store).await;
    assert_eq!(work.repricings().find(first.id).await.expect(WORKS).as_ref(), Some(&done));
    let listed = work.repricings().list(10).await.expect(WORKS);
    assert_eq!(listed, [third.clone(), second.clone(), done]);
    assert_eq!(work.repricings().list(1).await.expect(WORKS), std::slice::from_ref(&third));
    assert_eq!(work.repricings().unfinished().await.expect(WORKS), [second, third]);
    assert_eq!(work.repricings().find(repricing(1).id).await.expect(WORKS), None);
}

/// Of two that go on at the same time, one does.
pub async fn only_the_next_step_is_saved(store: &dyn Store) {
    let begun = repricing(1);
    insert(store, &[&begun]).await;
    let next = Repricing { examined: 1, version: 2, ..begun };
    let other = Repricing { examined: 2, ..next.clone() };
    let (one, two) = join(save(store, &next), save(store, &other)).await;
    assert!(one != two);
    assert!(!save(store, &next).await);
}

fn call(basis: &str, cost: i64) -> UsageEvent {
    UsageEvent {
        provider: Some("main".into()),
        provider_kind: Some("openai".into()),
        model: Some("m".into()),
        tokens: TokenCounts { input: 5, ..TokenCounts::default() },
        cost: Money::from_nanos(cost),
        price_basis: basis.into(),
        trace: vec!["kept".into()],
        ..usage_event(at(0))
    }
}

fn repriced(event: &UsageEvent, cost: i64) -> Repriced<'_> {
    let (price_version, price_basis) = ("new@1".to_owned(), PriceBasis::Exact);
    Repriced { event, cost: Money::from_nanos(cost), price_version, price_basis }
}

async fn record(store: &dyn Store, calls: &[UsageEvent]) {
    let mut work = write(store).await;
    work.usage().record(&calls.iter().collect::<Vec<_>>()).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn apply(store: &dyn Store, changes: &[Repriced<'_>]) -> u64 {
    let mut work = write(store).await;
    let count = work.repricings().apply(changes).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    count
}

/// Only cost and price of a call become others, and only from what they were: again nothing happens.
pub async fn a_call_gets_another_price_once(store: &dyn Store) {
    let [wrong, right, gone] = [call("fallback", 10), call("exact", 10), call("exact", 10)];
    record(store, &[wrong.clone(), right.clone()]).await;
    let changes = [repriced(&wrong, 4), repriced(&gone, 4)];
    assert_eq!(apply(store, &changes).await, 1);
    assert_eq!(apply(store, &changes).await, 0, "it costs something else by now");
    let found_otherwise = UsageEvent { price_basis: "fallback".into(), ..right.clone() };
    assert_eq!(apply(store, &[repriced(&found_otherwise, 4)]).await, 0, "somebody priced it meanwhile");
    let mut work = read(store).await;
    let expected = UsageEvent {
        cost: Money::from_nanos(4),
        price_version: "new@1".into(),
        price_basis: "exact".into(),
        ..wrong.clone()
    };
    assert_eq!(work.usage().find(wrong.id).await.expect(WORKS), Some(expected));
    assert_eq!(work.usage().find(right.id).await.expect(WORKS), Some(right));
    let all = work.usage().page(&CallFilter::default(), None, 10).await.expect(WORKS);
    assert_eq!(all.len(), 2);
}

/// What calls were added up to is what they cost now, and they are not without a price any more.
pub async fn sums_move_with_their_calls(store: &dyn Store) {
    let [dear, cheap, unpriced] = [call("fallback", 10), call("exact", 1), call("none", 0)];
    record(store, &[dear.clone(), cheap.clone(), unpriced.clone()]).await;
    let before = read(store).await.prices().unpriced(at(0)).await.expect(WORKS);
    let counted = before.iter().map(|model| (model.calls, model.tokens, model.estimated_calls));
    assert_eq!(counted.collect::<Vec<_>>(), [(1, 5, 1)]);
    assert_eq!(before[0].estimated_cost, Money::from_nanos(10));
    let changes = [repriced(&dear, 4), repriced(&cheap, 2), repriced(&unpriced, 8)];
    assert_eq!(apply(store, &changes).await, 3);
    assert_eq!(apply(store, &changes).await, 0);
    assert_eq!(read(store).await.prices().unpriced(at(0)).await.expect(WORKS), []);
    assert_eq!(total(store).await, Money::from_nanos(14));
}

/// What everything cost, by the sums.
async fn total(store: &dyn Store) -> Money {
    let day = Day::of(at(0));
    let days = Days { first: day, last: day };
    let mut work = read(store).await;
    let groups = work.statistics().groups(UsageScope::Everybody, days, Grain::Whole).await.expect(WORKS);
    groups.iter().map(|group| group.sums.cost).sum()
}
