//! Behaviour of a repository of costs.

use promptgate_auth::{Account, NewService};
use promptgate_kernel::{AccountId, EndpointId, Money, ProjectId, Timestamp, TokenId};
use promptgate_usage::{
    CostDimension, CostEntry, CostFilter, CostSums, PriceBasis, Quarters, Repriced, TokenCounts, UsageEvent,
};

use super::samples::{
    WORKS, at, clock, endpoint, entropy, project, provider, read, token, usage_event, write,
};
use crate::Store;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// So long after a midnight that is also one of the sample instants' times.
fn after(micros: i64) -> Timestamp {
    Timestamp::from_micros(at(0).as_micros() / DAY * DAY + micros)
}

/// A call that cost something and took as many tokens.
fn call(arrived: Timestamp, cost: u32) -> UsageEvent {
    UsageEvent {
        provider: Some("main".into()),
        model: Some("m".into()),
        tokens: TokenCounts { input: u64::from(cost), ..TokenCounts::default() },
        cost: Money::from_nanos(i64::from(cost)),
        price_basis: "exact".into(),
        ..usage_event(arrived)
    }
}

async fn record(store: &dyn Store, events: &[UsageEvent]) {
    let mut work = write(store).await;
    work.usage().record(&events.iter().collect::<Vec<_>>()).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn total(store: &dyn Store, filter: &CostFilter, from: Timestamp, to: Timestamp) -> CostSums {
    read(store).await.costs().total(filter, Quarters::until(from, to)).await.expect(WORKS)
}

async fn between(store: &dyn Store, filter: &CostFilter, instants: &[Timestamp]) -> Vec<i64> {
    let found = read(store).await.costs().between(filter, instants).await.expect(WORKS);
    found.iter().map(|sums| sums.cost.as_nanos()).collect()
}

async fn top(store: &dyn Store, filter: &CostFilter, by: CostDimension, limit: u32) -> Vec<CostEntry> {
    let all = Quarters::until(after(-9 * DAY), after(9 * DAY));
    read(store).await.costs().top(filter, all, by, limit).await.expect(WORKS)
}

/// Only what fits the filter counts, in quarters and in whole days alike, with each class of tokens.
pub async fn calls_are_told_apart_by_everything_that_is_asked_for(store: &dyn Store) {
    let [first, last] = [after(-9 * DAY), after(9 * DAY)];
    let (owner, endpoint) = (AccountId::mint(clock(), entropy()), EndpointId::mint(clock(), entropy()));
    let tokens = TokenCounts {
        input: 1,
        cache_read: 2,
        cache_write_5m: 4,
        cache_write_1h: 8,
        audio_input: 16,
        output: 32,
        reasoning: 64,
        audio_output: 128,
    };
    let one = UsageEvent {
        owner: Some(owner),
        endpoint_id: Some(endpoint),
        tokens,
        provider: Some("only".into()),
        model: Some("this\0".into()),
        ..call(after(HOUR), 7)
    };
    let other = UsageEvent {
        project_id: ProjectId::mint(clock(), entropy()),
        token_id: TokenId::mint(clock(), entropy()),
        ..call(after(2 * DAY), 5)
    };
    record(store, &[one.clone(), other.clone()]).await;
    let expected = CostSums { calls: 1, tokens, cost: Money::from_nanos(7), ..CostSums::default() };
    for filter in [
        CostFilter { project: Some(one.project_id), ..CostFilter::default() },
        CostFilter { owner: Some(owner), ..CostFilter::default() },
        CostFilter { token: Some(one.token_id), ..CostFilter::default() },
        CostFilter { endpoint: Some(endpoint), ..CostFilter::default() },
        CostFilter { provider: Some("only".into()), ..CostFilter::default() },
        CostFilter { model: Some("this\0".into()), ..CostFilter::default() },
    ] {
        assert_eq!(total(store, &filter, first, last).await, expected, "{filter:?}");
        assert_eq!(total(store, &filter, after(HOUR), after(2 * HOUR)).await, expected, "{filter:?}");
        assert_eq!(total(store, &filter, after(2 * HOUR), last).await, CostSums::default(), "{filter:?}");
        if filter.project.is_none() {
            let elsewhere = CostFilter { project: Some(other.project_id), ..filter };
            assert_eq!(total(store, &elsewhere, first, last).await, CostSums::default(), "{elsewhere:?}");
        }
    }
    let all = total(store, &CostFilter::default(), first, last).await;
    assert_eq!((all.calls, all.cost.as_nanos(), all.tokens.input), (2, 12, 6));
    assert_eq!(total(store, &CostFilter::default(), last, first).await, CostSums::default());
}

/// Days that begin at any quarter of an hour add up to the same whole as those of UTC.
pub async fn days_of_a_time_zone_add_up(store: &dyn Store) {
    let half_past = 18 * HOUR + 30 * MINUTE;
    let arrivals = [-1, 0, half_past - 1, half_past, DAY - 1, DAY, DAY + half_past - 1, DAY + half_past];
    let calls: Vec<UsageEvent> =
        arrivals.iter().zip(0..).map(|(arrived, at)| call(after(*arrived), 1 << at)).collect();
    record(store, &calls).await;
    let all = CostFilter::default();
    let utc = [-DAY, 0, DAY, 2 * DAY].map(after);
    assert_eq!(between(store, &all, &utc).await, [1, 2 + 4 + 8 + 16, 32 + 64 + 128]);
    let other = [-DAY + half_past, half_past, DAY + half_past, 2 * DAY + half_past].map(after);
    assert_eq!(between(store, &all, &other).await, [1 + 2 + 4, 8 + 16 + 32 + 64, 128]);
    for (first, last) in [(utc[0], utc[3]), (other[0], other[3]), (utc[0], other[3])] {
        assert_eq!(total(store, &all, first, last).await.cost.as_nanos(), 255);
    }
    assert_eq!(total(store, &all, utc[1], other[2]).await.cost.as_nanos(), 255 - 1 - 128);
    let hourly = [-HOUR, DAY - HOUR, 2 * DAY - HOUR].map(after);
    assert_eq!(between(store, &all, &hourly).await, [1 + 2 + 4 + 8, 16 + 32 + 64 + 128]);
    for (first, last) in [(utc[0], utc[3]), (other[0], other[3]), (hourly[0], hourly[2]), (utc[0], other[3])]
    {
        for by in [
            CostDimension::Project,
            CostDimension::Owner,
            CostDimension::Token,
            CostDimension::Endpoint,
            CostDimension::Provider,
            CostDimension::Model,
        ] {
            let mut work = read(store).await;
            let entries = work.costs().top(&all, Quarters::until(first, last), by, 99).await.expect(WORKS);
            let cost: i64 = entries.iter().map(|entry| entry.sums.cost.as_nanos()).sum();
            assert_eq!(cost, 255, "{by:?}");
        }
    }
    assert_eq!(between(store, &all, &utc[..1]).await, [0_i64; 0]);
    assert_eq!(between(store, &all, &[]).await, [0_i64; 0]);
    let of_a_token = CostFilter { token: Some(calls[3].token_id), ..CostFilter::default() };
    assert_eq!(between(store, &of_a_token, &utc).await, [0, 8, 0]);
}

/// What cost the most comes first, and of equal ones what took the most. Each has the name that it has now.
pub async fn entries_are_sorted_by_what_they_cost_and_have_names(store: &dyn Store) {
    let project = project("P");
    let (token, endpoint) = (token(&project, "key"), endpoint(&project, "slug"));
    let provider = provider("main");
    let new = NewService {
        identifier: "ci".into(),
        name: "CI".into(),
        active: true,
        firewall_override: false,
        ..NewService::default()
    };
    let owner = Account::service(AccountId::mint(clock(), entropy()), &new, at(0)).expect("a valid account");
    let mut work = write(store).await;
    work.projects().insert(&project).await.expect(WORKS);
    work.providers().insert(&provider).await.expect(WORKS);
    work.tokens().insert(&token).await.expect(WORKS);
    work.accounts().insert(&owner).await.expect(WORKS);
    work.endpoints().insert(&endpoint).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    let named = UsageEvent {
        project_id: project.id,
        token_id: token.id,
        owner: Some(owner.id),
        endpoint_id: Some(endpoint.id),
        ..call(after(0), 9)
    };
    let more = UsageEvent { tokens: TokenCounts { output: 99, ..named.tokens }, ..call(after(DAY), 9) };
    let little = UsageEvent { model: None, provider: None, ..call(after(2 * DAY), 1) };
    record(store, &[little, named.clone(), more.clone()]).await;
    let all = CostFilter::default();
    for (by, id, name) in [
        (CostDimension::Project, project.id.as_uuid(), "P"),
        (CostDimension::Token, token.id.as_uuid(), "key"),
        (CostDimension::Owner, owner.id.as_uuid(), "CI"),
        (CostDimension::Endpoint, endpoint.id.as_uuid(), "slug"),
    ] {
        let found = top(store, &all, by, 10).await;
        let known = found.iter().find(|entry| entry.id == Some(id)).expect("it is among them");
        assert_eq!((known.name.as_deref(), known.sums.cost.as_nanos()), (Some(name), 9), "{by:?}");
        assert!(found.iter().all(|entry| entry.id == Some(id) || entry.name.is_none()), "{found:?}");
    }
    let tokens: Vec<_> =
        top(store, &all, CostDimension::Token, 2).await.iter().map(|entry| entry.id).collect();
    assert_eq!(tokens, [Some(more.token_id.as_uuid()), Some(token.id.as_uuid())]);
    let owners: Vec<_> =
        top(store, &all, CostDimension::Owner, 9).await.iter().map(|entry| entry.id).collect();
    assert_eq!(owners, [None, Some(owner.id.as_uuid())], "those of nobody are one entry");
    for by in [CostDimension::Provider, CostDimension::Model] {
        let found = top(store, &all, by, 9).await;
        let found: Vec<_> =
            found.iter().map(|entry| (entry.id, entry.name.as_deref(), entry.sums.calls)).collect();
        let name = if by == CostDimension::Model { "m" } else { "main" };
        assert_eq!(found, [(None, Some(name), 2), (None, None, 1)]);
    }
    let of_project = CostFilter { project: Some(project.id), ..CostFilter::default() };
    assert_eq!(top(store, &of_project, CostDimension::Model, 9).await.len(), 1);
}

/// Whether calls come in order or not, and whether they are still there, the numbers are the same.
pub async fn late_calls_and_removed_ones_change_nothing(store: &dyn Store) {
    let project = ProjectId::mint(clock(), entropy());
    let call = |arrived| UsageEvent { project_id: project, ..call(after(arrived), 3) };
    let calls = [0, HOUR, DAY, -DAY, DAY + HOUR, 20 * MINUTE].map(call);
    let filter = CostFilter { project: Some(project), ..CostFilter::default() };
    for late in calls.iter().rev() {
        record(store, std::slice::from_ref(late)).await;
    }
    record(store, &calls).await;
    let numbers = async || {
        let days = between(store, &filter, &[-DAY, 0, DAY, 2 * DAY].map(after)).await;
        let quarter = total(store, &filter, after(15 * MINUTE), after(30 * MINUTE)).await;
        let entries = top(store, &filter, CostDimension::Model, 9).await;
        (days, quarter, entries, total(store, &filter, after(-DAY), after(2 * DAY)).await)
    };
    let before = numbers().await;
    assert_eq!((&before.0[..], before.1.calls, before.3.calls), (&[3, 9, 6][..], 1, 6));
    for _ in 0..2 {
        let mut work = write(store).await;
        assert_eq!(work.usage().prune(after(9 * DAY), 3).await.expect(WORKS), 3);
        work.commit().await.expect(WORKS);
        assert_eq!(numbers().await, before);
    }
}

/// What calls cost afterwards is what everything says, by the day and by the quarter.
pub async fn other_prices_move_costs(store: &dyn Store) {
    let cheap = UsageEvent { price_basis: "none".into(), cost: Money::ZERO, ..call(after(HOUR), 3) };
    let guessed = UsageEvent { price_basis: "fallback".into(), ..call(after(HOUR), 50) };
    let other = call(after(HOUR), 100);
    record(store, &[cheap.clone(), guessed.clone(), other.clone()]).await;
    let all = CostFilter::default();
    let numbers = async || {
        let hour = total(store, &all, after(HOUR), after(2 * HOUR)).await;
        let day = total(store, &all, after(0), after(DAY)).await;
        let half = total(store, &all, after(HOUR), after(HOUR + 30 * MINUTE)).await;
        let mut work = read(store).await;
        let whole = Quarters::until(after(0), after(DAY));
        let tokens = work.costs().top(&all, whole, CostDimension::Token, 9).await.expect(WORKS);
        let mut of_tokens = CostSums::default();
        for entry in &tokens {
            of_tokens.add(&entry.sums);
        }
        assert_eq!((hour, half, of_tokens), (day, day, day));
        let money = (day.cost.as_nanos(), day.guessed.as_nanos());
        (money, day.unpriced_calls, day.unpriced_tokens, day.guessed_calls)
    };
    assert_eq!(numbers().await, ((150, 50), 1, 3, 1));
    let repriced = |event| Repriced {
        event,
        cost: Money::from_nanos(20),
        price_version: "v".into(),
        price_basis: PriceBasis::Exact,
    };
    let changes = [repriced(&cheap), repriced(&guessed), repriced(&other)];
    for changed in [3, 0] {
        let mut work = write(store).await;
        assert_eq!(work.repricings().apply(&changes).await.expect(WORKS), changed);
        work.commit().await.expect(WORKS);
        assert_eq!(numbers().await, ((60, 0), 0, 0, 0));
    }
    let mut work = write(store).await;
    assert_eq!(work.usage().prune(after(DAY), 9).await.expect(WORKS), 3);
    work.commit().await.expect(WORKS);
    assert_eq!(numbers().await, ((60, 0), 0, 0, 0));
}

/// Tokens without a price are no quiet zero, what the cache answered is none of them, and what it saved is kept.
pub async fn what_has_no_price_is_seen(store: &dyn Store) {
    let free = UsageEvent { cost: Money::ZERO, ..call(after(0), 4) };
    let unpriced = UsageEvent { price_basis: "none".into(), ..free.clone() };
    let unpriced = UsageEvent { id: usage_event(after(0)).id, ..unpriced };
    let guessed = UsageEvent { price_basis: "fallback".into(), ..call(after(0), 6) };
    let hit = UsageEvent {
        tokens: TokenCounts::default(),
        cost: Money::ZERO,
        price_basis: "none".into(),
        cache_hit: true,
        cached_tokens: 11,
        saved: Money::from_nanos(12),
        ..call(after(0), 0)
    };
    record(store, &[free, unpriced, guessed, hit.clone()]).await;
    let found = total(store, &CostFilter::default(), after(0), after(DAY)).await;
    let expected = CostSums {
        calls: 4,
        tokens: TokenCounts { input: 14, ..TokenCounts::default() },
        cost: Money::from_nanos(6),
        cache_hits: 1,
        cached_tokens: 11,
        saved: Money::from_nanos(12),
        unpriced_calls: 1,
        unpriced_tokens: 4,
        guessed_calls: 1,
        guessed: Money::from_nanos(6),
    };
    assert_eq!(found, expected);
    let kept = read(store).await.usage().find(hit.id).await.expect(WORKS).expect("it was recorded");
    assert_eq!(kept.saved, hit.saved);
}
