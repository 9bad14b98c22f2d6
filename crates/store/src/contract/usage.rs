//! Behaviour of a usage repository.

use futures_util::future::join_all;
use promptgate_kernel::{Money, OwnerId, PageRequest, ProviderId, Revision};
use promptgate_usage::{Outcome, TokenCounts, UsageEvent, UsageFilter};

use super::samples::{WORKS, at, clock, entropy, read, usage_event, write};
use crate::Store;

async fn record(store: &dyn Store, events: &[UsageEvent]) {
    let mut work = write(store).await;
    work.usage().record(&events.iter().collect::<Vec<_>>()).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn find(store: &dyn Store, event: &UsageEvent) -> Option<UsageEvent> {
    read(store).await.usage().find(event.id).await.expect(WORKS)
}

async fn list(store: &dyn Store, filter: &UsageFilter, size: u32) -> (Vec<UsageEvent>, u64) {
    let page = PageRequest::clamped(1, size);
    let page = read(store).await.usage().list(filter, page).await.expect(WORKS);
    (page.items, page.total)
}

/// Every field comes back as it was, extremes too.
pub async fn everything_round_trips(store: &dyn Store) {
    let largest = i64::MAX.unsigned_abs();
    let full = UsageEvent {
        owner: Some(OwnerId::mint(clock(), entropy())),
        requested_model: Some("日本 \"x\" 🦀".repeat(10)),
        provider_id: Some(ProviderId::mint(clock(), entropy())),
        provider: Some("main".into()),
        model: Some(String::new()),
        streamed: true,
        tokens: TokenCounts {
            input: 1,
            cache_read: 2,
            cache_write_5m: 3,
            cache_write_1h: 4,
            audio_input: 5,
            output: 6,
            reasoning: 7,
            audio_output: largest,
        },
        estimated: true,
        cost: Money::from_nanos(i64::MIN),
        latency_us: i64::MAX,
        time_to_first_byte_us: Some(0),
        outcome: Outcome::CallerCancelled,
        status: u16::MAX,
        error_code: Some("client_closed".into()),
        attempts: u32::MAX,
        client_ip: Some("2001:db8::1".into()),
        revision: Revision::from_number(i64::MAX),
        trace: vec!["rule: a\nb".into(), String::new()],
        ..usage_event(at(0))
    };
    let plain: Vec<UsageEvent> =
        Outcome::ALL.into_iter().map(|outcome| UsageEvent { outcome, ..usage_event(at(1)) }).collect();
    record(store, std::slice::from_ref(&full)).await;
    record(store, &plain).await;
    record(store, &[]).await;
    for event in plain.iter().chain([&full]) {
        assert_eq!(find(store, event).await.as_ref(), Some(event));
    }
}

/// What a client or an upstream makes up never stops a batch: U+0000 becomes U+FFFD, a count that
/// no column takes the largest one.
pub async fn what_one_engine_cannot_keep_is_replaced_on_all(store: &dyn Store) {
    let event = UsageEvent {
        requested_model: Some("x\0y".into()),
        trace: vec!["\0".into()],
        tokens: TokenCounts { input: u64::MAX, ..TokenCounts::default() },
        ..usage_event(at(0))
    };
    record(store, std::slice::from_ref(&event)).await;
    let found = find(store, &event).await.expect("it is there");
    assert_eq!(found.requested_model.as_deref(), Some("x\u{fffd}y"));
    assert_eq!(found.trace, ["\u{fffd}"]);
    assert_eq!(found.tokens.input, i64::MAX.unsigned_abs());
}

/// An event that comes again, in the same call, in the same unit of work or later, is ignored.
pub async fn recording_again_changes_nothing(store: &dyn Store) {
    let event = usage_event(at(0));
    let again = UsageEvent { status: 500, ..event.clone() };
    let mut work = write(store).await;
    work.usage().record(&[&event, &event]).await.expect(WORKS);
    work.usage().record(&[&again]).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    record(store, &[again, usage_event(at(1))]).await;
    assert_eq!(find(store, &event).await, Some(event));
    assert_eq!(list(store, &UsageFilter::default(), 10).await.1, 2);
}

/// A batch may be larger than what a database takes in one statement.
pub async fn many_are_recorded_at_once(store: &dyn Store) {
    let events: Vec<UsageEvent> = (0..1_500).map(|micros| usage_event(at(micros))).collect();
    record(store, &events).await;
    let (page, total) = list(store, &UsageFilter::default(), 1).await;
    assert_eq!((page.as_slice(), total), (&events[1_499..], 1_500));
}

/// Two that ingest the same events in different orders both succeed.
pub async fn the_same_events_are_recorded_by_many_at_once(store: &dyn Store) {
    let events: Vec<UsageEvent> = (0..600).map(|micros| usage_event(at(micros))).collect();
    join_all((0..6).map(|writer| {
        let mut events = events.clone();
        if writer % 2 == 0 {
            events.reverse();
        }
        async move { record(store, &events).await }
    }))
    .await;
    assert_eq!(list(store, &UsageFilter::default(), 1).await.1, 600);
}

/// Each filter alone, all together, and none.
pub async fn filters_combine_and_the_newest_come_first(store: &dyn Store) {
    let first = usage_event(at(1));
    let of_project = UsageEvent { project_id: first.project_id, ..usage_event(at(3)) };
    let of_token = UsageEvent {
        project_id: first.project_id,
        token_id: first.token_id,
        request_id: "other".into(),
        ..usage_event(at(2))
    };
    record(store, &[first.clone(), of_project.clone(), of_token.clone(), usage_event(at(4))]).await;
    let by_project = UsageFilter { project_id: Some(first.project_id), ..Default::default() };
    let expected = vec![of_project, of_token.clone(), first.clone()];
    assert_eq!(list(store, &by_project, 10).await, (expected, 3));
    let by_token = UsageFilter { token_id: Some(first.token_id), ..Default::default() };
    assert_eq!(list(store, &by_token, 10).await, (vec![of_token.clone(), first], 2));
    let by_request = UsageFilter { request_id: Some("other".into()), ..by_token };
    assert_eq!(list(store, &by_request, 10).await, (vec![of_token], 1));
    let nowhere = UsageFilter { request_id: Some("\0".into()), ..by_project };
    assert_eq!(list(store, &nowhere, 10).await, (vec![], 0));
    assert_eq!(list(store, &UsageFilter::default(), 10).await.1, 4);
}

/// Each call takes at most as many as allowed, the oldest first, and none that is young enough.
pub async fn pruning_takes_the_oldest_in_batches(store: &dyn Store) {
    let events = [5, 1, 3, 2, 4].map(|micros| usage_event(at(micros)));
    record(store, &events).await;
    for (removed, left) in [(2, vec![5, 4, 3]), (1, vec![5, 4]), (0, vec![5, 4])] {
        let mut work = write(store).await;
        assert_eq!(work.usage().prune(at(4), 2).await.expect(WORKS), removed);
        work.commit().await.expect(WORKS);
        let instants: Vec<_> =
            list(store, &UsageFilter::default(), 10).await.0.iter().map(|event| event.at).collect();
        assert_eq!(instants, left.into_iter().map(at).collect::<Vec<_>>());
    }
}
