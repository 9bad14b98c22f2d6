//! Behaviour of a repository of monitored services.

use futures_util::future::join;
use promptgate_kernel::{MonitoredServiceId, PageRequest, SortDirection};
use promptgate_monitoring::{
    Condition, Finding, Health, MonitoredService, NewMonitoredService, Seen, ServiceFilter, ServiceSort,
};

use super::samples::{WORKS, at, clock, entropy, read, write};
use crate::Store;

fn service(name: &str) -> MonitoredService {
    let new = NewMonitoredService {
        name: name.into(),
        url: format!("https://{name}.example/x"),
        enabled: true,
        ..NewMonitoredService::default()
    };
    MonitoredService::create(MonitoredServiceId::mint(clock(), entropy()), new, at(0)).expect("a valid one")
}

fn finding(of: &MonitoredService, status: Option<u16>, micros: i64) -> Finding {
    of.finding(Seen { status_code: status, error: "refused".into(), latency_ms: 7 }, at(micros))
}

async fn insert(store: &dyn Store, services: &[&MonitoredService]) {
    let mut work = write(store).await;
    for service in services {
        work.monitored_services().insert(service).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, service: &MonitoredService) -> bool {
    let mut work = write(store).await;
    let saved = work.monitored_services().save(service).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn record(store: &dyn Store, service: &MonitoredService, finding: &Finding) -> bool {
    let mut work = write(store).await;
    let recorded = work.monitored_services().record(service, finding).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    recorded
}

async fn claim(store: &dyn Store, service: &MonitoredService, micros: i64) -> bool {
    let mut work = write(store).await;
    let claimed = work.monitored_services().claim(service, at(micros)).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    claimed
}

async fn find(store: &dyn Store, service: &MonitoredService) -> MonitoredService {
    let found = read(store).await.monitored_services().find(service.id).await.expect(WORKS);
    found.expect("it is there")
}

/// Every field comes back as it was, after insertion and after a save; what is removed is gone.
pub async fn everything_round_trips(store: &dyn Store) {
    let condition = Condition {
        health: Health::Degraded,
        checked_at: Some(at(3)),
        status_code: Some(502),
        error: "é".into(),
        latency_ms: 12,
        consecutive_failures: 4,
    };
    let first = MonitoredService { condition, ..service("search") };
    insert(store, &[&first]).await;
    assert_eq!(find(store, &first).await, first);
    let after = MonitoredService {
        name: "other".into(),
        display_name: "Ünï".into(),
        url: "http://h".into(),
        expected_status_code: 204,
        interval_seconds: 30,
        enabled: false,
        updated_at: at(9),
        version: 2,
        ..first
    };
    assert!(save(store, &after).await);
    assert_eq!(find(store, &after).await, after);
    let mut work = write(store).await;
    assert!(work.monitored_services().remove(after.id).await.expect(WORKS));
    assert!(!work.monitored_services().remove(after.id).await.expect(WORKS));
    work.monitored_services().insert(&after).await.expect("its name is free again");
}

/// A name belongs to one service; a save of a version that is not the next one changes nothing.
pub async fn conflicts_and_lost_updates_are_noticed(store: &dyn Store) {
    let (one, other) = (service("one"), service("other"));
    insert(store, &[&one, &other]).await;
    let error = write(store).await.monitored_services().insert(&service("one")).await.expect_err("taken");
    assert!(error.is_conflict("monitored_services_name_key"), "{error}");
    let renamed = MonitoredService { name: "one".into(), version: 2, ..other };
    let error = write(store).await.monitored_services().save(&renamed).await.expect_err("taken");
    assert!(error.is_conflict("monitored_services_name_key"), "{error}");
    assert!(save(store, &MonitoredService { version: 2, ..one.clone() }).await);
    assert!(!save(store, &MonitoredService { version: 2, enabled: false, ..one }).await);
}

/// A result and a change that cross each other are both kept, and failures in a row are all counted.
pub async fn a_result_and_a_change_do_not_overwrite_each_other(store: &dyn Store) {
    let read_before = service("one");
    insert(store, &[&read_before]).await;
    let renamed = MonitoredService { display_name: "New".into(), version: 2, ..read_before.clone() };
    assert!(save(store, &renamed).await);
    let failed = finding(&read_before, None, 5);
    let (one, other) = join(record(store, &read_before, &failed), record(store, &read_before, &failed)).await;
    assert!(one && other);
    let edited_before = MonitoredService { enabled: false, version: 3, ..renamed };
    assert!(save(store, &edited_before).await);
    let now = find(store, &read_before).await;
    assert_eq!((&*now.display_name, now.enabled, now.condition.consecutive_failures), ("New", false, 2));
    assert_eq!((now.condition.health, &*now.condition.error), (Health::Degraded, "refused"));
    assert!(record(store, &read_before, &finding(&read_before, Some(200), 6)).await);
    let now = find(store, &read_before).await.condition;
    assert_eq!((now.health, now.consecutive_failures, now.status_code), (Health::Ok, 0, Some(200)));
    assert_eq!((now.checked_at, now.latency_ms, &*now.error), (Some(at(6)), 7, ""));
}

/// What was found at an address that is not asked any more, or measured by another status, is dropped.
pub async fn a_result_of_another_definition_is_dropped(store: &dyn Store) {
    let before = service("one");
    insert(store, &[&before]).await;
    assert!(save(store, &MonitoredService { url: "http://h".into(), version: 2, ..before.clone() }).await);
    assert!(!record(store, &before, &finding(&before, None, 5)).await);
    assert_eq!(find(store, &before).await.condition, Condition::default());
    let gone = service("gone");
    assert!(!record(store, &gone, &finding(&gone, None, 5)).await);
}

/// A look is begun by one of those that want to begin it.
pub async fn a_look_is_claimed_once(store: &dyn Store) {
    let never = service("one");
    insert(store, &[&never]).await;
    let (first, second) = join(claim(store, &never, 5), claim(store, &never, 6)).await;
    assert!(first != second);
    let once = find(store, &never).await;
    assert!(!claim(store, &never, 7).await);
    assert!(claim(store, &once, 8).await);
    assert!(!claim(store, &once, 9).await);
    assert!(!claim(store, &service("gone"), 9).await);
}

/// Whose turn it is follows from the interval; what is switched off has none.
pub async fn those_whose_turn_it_is_are_found(store: &dyn Store) {
    const MINUTE: i64 = 60_000_000;
    let looked = |name: &str, micros, seconds| {
        let condition = Condition { checked_at: Some(at(micros)), ..Condition::default() };
        MonitoredService { condition, interval_seconds: seconds, ..service(name) }
    };
    let (never, early, late) = (service("never"), looked("early", 0, 60), looked("late", 2, 60));
    let (rare, off) = (looked("rare", 1, 90), MonitoredService { enabled: false, ..service("off") });
    insert(store, &[&never, &early, &late, &rare, &off]).await;
    let due = async |micros, limit| {
        let due = read(store).await.monitored_services().due(at(micros), limit).await.expect(WORKS);
        due.into_iter().map(|service| service.name).collect::<Vec<_>>()
    };
    assert_eq!(due(MINUTE - 1, 9).await, ["never"]);
    assert_eq!(due(MINUTE, 9).await, ["never", "early"]);
    assert_eq!(due(MINUTE * 2, 3).await, ["never", "early", "rare"]);
    assert_eq!(due(MINUTE * 2, 9).await.len(), 4);
}

/// The list is sorted by every key; degraded ones are those that are looked at.
pub async fn they_are_sorted_and_degraded_ones_are_found(store: &dyn Store) {
    let bad = |number: u64| Condition {
        health: Health::Degraded,
        checked_at: Some(at(1)),
        status_code: Some(500),
        error: "x".into(),
        latency_ms: 9,
        consecutive_failures: number,
    };
    let one = MonitoredService { condition: bad(3), ..service("b") };
    let two = MonitoredService { condition: bad(2), enabled: false, ..service("a") };
    let three = service("c");
    insert(store, &[&one, &two, &three]).await;
    for (sort, first) in [
        (ServiceSort::Name, "a"),
        (ServiceSort::DisplayName, "a"),
        (ServiceSort::Url, "a"),
        (ServiceSort::ExpectedStatusCode, "b"),
        (ServiceSort::IntervalSeconds, "b"),
        (ServiceSort::Enabled, "a"),
        (ServiceSort::Status, "b"),
        (ServiceSort::LastCheckedAt, "b"),
        (ServiceSort::LastStatusCode, "b"),
        (ServiceSort::LastLatencyMs, "c"),
        (ServiceSort::ConsecutiveFailures, "c"),
        (ServiceSort::CreatedAt, "b"),
        (ServiceSort::UpdatedAt, "b"),
    ] {
        let filter = ServiceFilter { sort, direction: SortDirection::Ascending };
        let mut work = read(store).await;
        let page = work.monitored_services().list(&filter, PageRequest::default()).await.expect(WORKS);
        assert_eq!((page.items[0].name.as_str(), page.total), (first, 3), "{sort:?}");
    }
    assert_eq!(read(store).await.monitored_services().degraded().await.expect(WORKS), [one]);
}
