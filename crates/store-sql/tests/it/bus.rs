//! What a bus over PostgreSQL does when its database goes away and comes back.

use std::time::{Duration, Instant};

use promptgate_kernel::Revision;
use promptgate_store::{Announcement, Bus, Signal};
use promptgate_store_sql::PgBus;
use promptgate_testkit::postgres::database;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_lost_connection_comes_back_and_says_so() {
    let database = database().await.unwrap();
    let bus = PgBus::open(database.url(), &TaskTracker::new(), &CancellationToken::new()).unwrap();
    let mut subscription = bus.subscribe().await;
    assert_eq!(timeout(DEADLINE, subscription.next()).await.unwrap(), Signal::Missed);
    assert!(bus.is_up());
    let mut operator = PgConnection::connect(database.url()).await.unwrap();
    operator
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
    assert_eq!(timeout(DEADLINE, subscription.next()).await.unwrap(), Signal::Missed);
    let announcement = Announcement { revision: Revision::from_number(7) };
    bus.announce(announcement).await.unwrap();
    let heard = timeout(DEADLINE, subscription.next()).await.unwrap();
    assert_eq!(heard, Signal::Announced(announcement));
}

#[tokio::test]
async fn without_a_database_it_starts_and_refuses_within_its_deadline() {
    let bus = PgBus::open(
        "postgres://gate:canary@127.0.0.1:9/promptgate",
        &TaskTracker::new(),
        &CancellationToken::new(),
    )
    .unwrap();
    let mut subscription = bus.subscribe().await;
    let started = Instant::now();
    let announcement = Announcement { revision: Revision::from_number(1) };
    bus.announce(announcement).await.unwrap_err();
    assert!(!bus.is_up());
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(timeout(Duration::from_millis(50), subscription.next()).await.is_err());
}

#[tokio::test]
async fn its_task_ends_with_it() {
    let tasks = TaskTracker::new();
    let bus =
        PgBus::open("postgres://gate@127.0.0.1:9/promptgate", &tasks, &CancellationToken::new()).unwrap();
    tasks.close();
    drop(bus);
    timeout(DEADLINE, tasks.wait()).await.unwrap();
}

#[tokio::test]
async fn its_task_ends_when_told_to_although_somebody_holds_it() {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let _bus = PgBus::open("postgres://gate@127.0.0.1:9/promptgate", &tasks, &stop).unwrap();
    tasks.close();
    stop.cancel();
    timeout(DEADLINE, tasks.wait()).await.unwrap();
}
