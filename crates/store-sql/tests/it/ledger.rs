//! Budgets where the time zone changes, and where it takes long to add up what was used.

use std::time::Duration;

use chrono_tz::Tz;
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{CallId, ProjectId, Timestamp, TokenId};
use promptgate_limits::{Counter, CountersError, Demand, Holder, Limit, Measure, Subject, Taken, Window};
use promptgate_store::Access;
use promptgate_store_sql::{Connected, SqlOptions, connect};
use promptgate_testkit::postgres::database;
use promptgate_usage::{Outcome, TokenCounts, UsageEvent};
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{sleep, timeout};

use crate::OPTIONS;

async fn connected(url: &str, zone: Tz) -> Connected {
    let connected = connect(url, SqlOptions { zone, ..OPTIONS }).await.unwrap();
    connected.migrate().await.unwrap();
    connected
}

/// What was used in the month of a zone that an instant is in, as whoever takes of it is told.
async fn used(connected: &Connected, limit: &Limit, at: Timestamp, zone: Tz) -> u64 {
    let span = limit.counter.window.span(at, zone);
    let counters = connected.counters();
    let shown = counters.standing(&[(limit.clone(), span)], at).await.unwrap()[0];
    let demand = Demand { limit: limit.clone(), span, least: 0, most: 0 };
    let taken = counters.take(Holder(1), &[demand], at, at).await.unwrap();
    let Taken::All(grants) = taken else { panic!("nothing was wanted") };
    assert_eq!(grants[0].standing.used, shown.used);
    shown.used
}

async fn a_month_is_counted_anew_in_another_zone(url: &str) {
    let (clock, entropy) = (TestClock::at_millis(1_600_000_000_000), SeededEntropy::new(1));
    let token = TokenId::mint(&clock, &entropy);
    let project = ProjectId::mint(&clock, &entropy);
    let call = |at: &str, input| UsageEvent {
        tokens: TokenCounts { input, ..TokenCounts::default() },
        ..UsageEvent::of_call(
            CallId::mint(&clock, &entropy),
            at.parse().unwrap(),
            project,
            token,
            "chat_completions",
            Outcome::Completed,
            200,
        )
    };
    let counter = Counter {
        subject: Subject::Token(token),
        model: None,
        measure: Measure::Tokens,
        window: Window::Month,
    };
    let limit = Limit { counter, cap: 100 };
    let at = "2026-11-22T12:00:00Z".parse().unwrap();
    let (berlin, new_york) = (Tz::Europe__Berlin, Tz::America__New_York);
    let here = connected(url, berlin).await;
    assert_eq!(used(&here, &limit, at, berlin).await, 0);
    let there = connected(url, new_york).await;
    for (end, call) in [
        (&here, call("2026-10-31T23:30:00Z", 1)),
        (&there, call("2026-11-01T03:59:59Z", 2)),
        // New York begins November four hours after UTC.
        (&here, call("2026-11-01T04:00:00Z", 4)),
        (&there, call("2026-11-30T23:30:00Z", 8)),
    ] {
        let mut work = end.store().begin(Access::Write).await.unwrap();
        work.usage().record(&[&call]).await.unwrap();
        work.commit().await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(used(&there, &limit, at, new_york).await, 12);
        assert_eq!(used(&here, &limit, at, berlin).await, 7);
    }
}

#[tokio::test]
async fn a_month_is_counted_anew_in_another_zone_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/promptgate.db", directory.path().display());
    a_month_is_counted_anew_in_another_zone(&url).await;
}

#[tokio::test]
async fn a_month_is_counted_anew_in_another_zone_on_postgresql() {
    let database = database().await.unwrap();
    a_month_is_counted_anew_in_another_zone(database.url()).await;
}

/// Whoever has no time to wait until a counter is made finds it made later; others do not wait for it.
#[tokio::test]
async fn a_counter_is_made_though_nobody_waits_for_it_on_postgresql() {
    const MADE: &str = "SELECT count(*) FROM limit_counters WHERE complete_since IS NOT NULL";
    let database = database().await.unwrap();
    let patient = connected(database.url(), Tz::UTC).await;
    let options = SqlOptions { fill_patience: Duration::from_millis(50), ..OPTIONS };
    let hasty = connect(database.url(), options).await.unwrap();
    let (clock, entropy) = (TestClock::at_millis(1_600_000_000_000), SeededEntropy::new(1));
    let at = "2026-11-22T12:00:00Z".parse().unwrap();
    let demand = || {
        let subject = Subject::Token(TokenId::mint(&clock, &entropy));
        let counter = Counter { subject, model: None, measure: Measure::Tokens, window: Window::Month };
        let span = counter.window.span(at, Tz::UTC);
        Demand { limit: Limit { counter, cap: 100 }, span, least: 1, most: 1 }
    };
    let (made, new) = (demand(), demand());
    patient.counters().take(Holder(1), std::slice::from_ref(&made), at, at).await.unwrap();
    let mut recording = PgConnection::connect(database.url()).await.unwrap();
    recording.execute("SELECT pg_advisory_lock_shared(2302606023)").await.unwrap();
    let both = [made.clone(), new.clone()];
    for _ in 0..3 {
        let taken = hasty.counters().take(Holder(2), &both, at, at).await;
        assert!(matches!(taken, Err(CountersError::Filling)), "{taken:?}");
        let taken = hasty.counters().take(Holder(2), std::slice::from_ref(&made), at, at).await.unwrap();
        assert!(matches!(taken, Taken::All(_)), "{taken:?}");
    }
    recording.execute("SELECT pg_advisory_unlock_shared(2302606023)").await.unwrap();
    let all_made = async {
        while sqlx::query_scalar::<_, i64>(MADE).fetch_one(&mut recording).await.unwrap() < 2 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), all_made).await.expect("it is made");
    let Taken::All(grants) = hasty.counters().take(Holder(2), &both, at, at).await.unwrap() else {
        panic!("there is room")
    };
    assert_eq!((grants[0].standing.held, grants[1].standing.held), (5, 1));
}
