//! Dashboards over many calls: none of them looks at a call.

use promptgate_auth::{AccountFilter, AccountKind, AccountSort};
use promptgate_kernel::{
    AccountId, CallId, Money, OsEntropy, PageRequest, ProjectId, SortDirection, SystemClock, Timestamp,
    TokenId,
};
use promptgate_store::{Access, Store};
use promptgate_usage::{
    CostDimension, CostFilter, Day, Days, Grain, Outcome, Quarters, TokenCounts, UsageEvent, UsageScope,
};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

const DAY: i64 = 86_400_000_000;
const GONE: &str = "ALTER TABLE usage_events RENAME TO gone";

async fn record(store: &dyn Store) -> (AccountId, ProjectId) {
    let owner = AccountId::mint(&SystemClock, &OsEntropy);
    let project = ProjectId::mint(&SystemClock, &OsEntropy);
    let token = TokenId::mint(&SystemClock, &OsEntropy);
    let events: Vec<UsageEvent> = (0..300)
        .map(|number| {
            let call = CallId::mint(&SystemClock, &OsEntropy);
            let at = Timestamp::from_micros(number * DAY / 100);
            UsageEvent {
                owner: Some(owner),
                provider: Some("main".into()),
                model: Some(format!("m-{}", number % 7)),
                tokens: TokenCounts { input: 2, ..TokenCounts::default() },
                cost: Money::from_nanos(3),
                price_basis: "exact".into(),
                ..UsageEvent::of_call(call, at, project, token, "messages", Outcome::Completed, 200)
            }
        })
        .collect();
    let mut work = store.begin(Access::Write).await.unwrap();
    work.usage().record(&events.iter().collect::<Vec<_>>()).await.unwrap();
    work.commit().await.unwrap();
    (owner, project)
}

/// Asks everything that dashboards show, with the calls out of reach.
async fn everything_is_known(store: &dyn Store, (owner, project): (AccountId, ProjectId)) {
    let mut work = store.begin(Access::Read).await.unwrap();
    let days = Days { first: Day::from_number(0), last: Day::from_number(2) };
    for scope in [UsageScope::Everybody, UsageScope::Owner(owner)] {
        assert_eq!(work.statistics().earliest_day(scope).await.unwrap(), Some(days.first));
        for (grain, groups) in [(Grain::Daily, 21), (Grain::Whole, 7)] {
            let found = work.statistics().groups(scope, days, grain).await.unwrap();
            let calls: u64 = found.iter().map(|group| group.sums.requests).sum();
            assert_eq!((found.len(), calls), (groups, 300));
        }
    }
    assert_eq!(work.statistics().top_identities(days, 5).await.unwrap().len(), 7);
    work.statistics().adoption(days, Timestamp::from_micros(0)).await.unwrap();
    assert_eq!(work.accounts().used_by(owner).await.unwrap().input_tokens, 600);
    let filter = AccountFilter {
        kind: AccountKind::Person,
        search: None,
        role: None,
        active: None,
        sort: AccountSort::InputTokens,
        direction: SortDirection::Descending,
    };
    work.accounts().list(&filter, PageRequest::clamped(1, 10)).await.unwrap();
    let filter = CostFilter { project: Some(project), ..CostFilter::default() };
    let quarters = Quarters::until(Timestamp::from_micros(DAY / 2), Timestamp::from_micros(3 * DAY));
    assert_eq!(work.costs().total(&filter, quarters).await.unwrap().cost, Money::from_nanos(750));
    let midnights = [0, DAY, 2 * DAY, 3 * DAY].map(Timestamp::from_micros);
    let found = work.costs().between(&filter, &midnights).await.unwrap();
    assert_eq!(found.iter().map(|sums| sums.calls).collect::<Vec<_>>(), [100, 100, 100]);
    for by in [
        CostDimension::Project,
        CostDimension::Owner,
        CostDimension::Token,
        CostDimension::Endpoint,
        CostDimension::Provider,
        CostDimension::Model,
    ] {
        let entries = work.costs().top(&filter, quarters, by, 10).await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.sums.calls).sum::<u64>(), 250, "{by:?}");
    }
}

#[tokio::test]
async fn no_dashboard_looks_at_a_call_on_sqlite() {
    let fixture = crate::sqlite_file().await;
    let recorded = record(fixture.store()).await;
    let path = fixture.directory.as_ref().unwrap().path().join("promptgate.db");
    let mut operator = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    operator.execute(GONE).await.unwrap();
    everything_is_known(fixture.store(), recorded).await;
}

#[tokio::test]
async fn no_dashboard_looks_at_a_call_on_postgresql() {
    let fixture = crate::postgres().await;
    let recorded = record(fixture.store()).await;
    let mut operator = PgConnection::connect(fixture.database.as_ref().unwrap().url()).await.unwrap();
    operator.execute(GONE).await.unwrap();
    everything_is_known(fixture.store(), recorded).await;
}
