//! How the databases find what pages show: none of them goes through all calls, or through all sums.

use std::fmt::Write;
use std::sync::Mutex;

use promptgate_kernel::{
    AccountId, CallId, EndpointId, OsEntropy, PageRequest, ProjectId, SortDirection, SystemClock, Timestamp,
    TokenId,
};
use promptgate_store::{Access, Store};
use promptgate_usage::{
    CallContent, CallFilter, CostDimension, CostFilter, Cursor, Day, Days, Grain, Outcome, PromptFilter,
    PromptSort, Quarters, TokenCounts, UsageEvent, UsageFilter, UsageScope,
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const DAY: i64 = 86_400_000_000;
const HOUR: i64 = DAY / 24;
const DAYS: i64 = 3;
const CALLS: i64 = 3_000;

/// The statements that were run since the last look, as the driver tells them. Each test has a process of
/// its own.
static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Statement);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Statement;

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "db.statement" && value.contains(" usage_") {
            HEARD.lock().unwrap().push(value.trim().to_owned());
        }
    }
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

fn heard() -> Vec<String> {
    std::mem::take(&mut HEARD.lock().unwrap())
}

/// Whom calls are of. There are many of each, so that an index is worth it for whomever a page is of.
struct Ids {
    project: ProjectId,
    token: TokenId,
    owner: AccountId,
    endpoint: EndpointId,
}

async fn fill(store: &dyn Store) -> Ids {
    let projects: Vec<_> = (0..50).map(|_| ProjectId::mint(&SystemClock, &OsEntropy)).collect();
    let tokens: Vec<_> = (0..200).map(|_| TokenId::mint(&SystemClock, &OsEntropy)).collect();
    let owners: Vec<_> = (0..100).map(|_| AccountId::mint(&SystemClock, &OsEntropy)).collect();
    let endpoints: Vec<_> = (0..50).map(|_| EndpointId::mint(&SystemClock, &OsEntropy)).collect();
    let events: Vec<UsageEvent> = (0..CALLS)
        .zip(0_usize..)
        .map(|(number, at)| {
            let call = CallId::mint(&SystemClock, &OsEntropy);
            let arrived = Timestamp::from_micros(number * (DAYS * DAY / CALLS));
            let (outcome, status) =
                if at % 20 == 7 { (Outcome::Refused, 429) } else { (Outcome::Completed, 200) };
            let (project, token) = (projects[at % 50], tokens[at % 200]);
            UsageEvent {
                request_id: format!("req-{number}"),
                owner: Some(owners[at % 100]),
                endpoint_id: (at % 5 == 2).then(|| endpoints[at % 50]),
                provider: Some(if at % 500 == 3 { "rare" } else { "main" }.into()),
                model: Some(format!("m-{}", at % 60)),
                tokens: TokenCounts { input: 2, ..TokenCounts::default() },
                prompted: true,
                ..UsageEvent::of_call(call, arrived, project, token, "messages", outcome, status)
            }
        })
        .collect();
    let said = CallContent {
        prompt: Some("a".into()),
        ..CallContent::of_call(events[0].id, events[0].at, projects[0])
    };
    let mut work = store.begin(Access::Write).await.unwrap();
    work.usage().record(&events.iter().collect::<Vec<_>>()).await.unwrap();
    work.call_contents().record(&[&said]).await.unwrap();
    work.commit().await.unwrap();
    Ids { project: projects[0], token: tokens[0], owner: owners[0], endpoint: endpoints[2] }
}

/// A page, the statements that it took, and the index that must find its calls; none for what is not of calls.
type Page = (String, Vec<String>, Option<&'static str>);

/// Pages of the log by each thing that they are filtered by.
async fn log_pages(store: &dyn Store, ids: &Ids) -> Vec<Page> {
    let any = CallFilter::default;
    let mut pages = Vec::new();
    for (index, filter) in [
        ("usage_events_at_idx", any()),
        ("usage_events_at_idx", CallFilter { from: Some(Timestamp::from_micros(DAY)), ..any() }),
        ("usage_events_project_id_at_idx", CallFilter { project: Some(ids.project), ..any() }),
        ("usage_events_token_id_at_idx", CallFilter { token: Some(ids.token), ..any() }),
        ("usage_events_owner_id_at_idx", CallFilter { owner: Some(ids.owner), ..any() }),
        ("usage_events_endpoint_id_at_idx", CallFilter { endpoint: Some(ids.endpoint), ..any() }),
        ("usage_events_model_at_idx", CallFilter { model: Some("m-1".into()), ..any() }),
        ("usage_events_provider_at_idx", CallFilter { provider: Some("rare".into()), ..any() }),
        ("usage_events_status_at_idx", CallFilter { status: Some(429), ..any() }),
        ("usage_events_outcome_at_idx", CallFilter { outcome: Some(Outcome::Refused), ..any() }),
        (
            "usage_events_project_id_outcome_at_idx",
            CallFilter { project: Some(ids.project), outcome: Some(Outcome::GatewayFailed), ..any() },
        ),
        ("usage_events_request_id_idx", CallFilter { request_id: Some("req-1".into()), ..any() }),
        (
            "usage_events_parent_request_id_idx",
            CallFilter { parent_request_id: Some("req-1".into()), ..any() },
        ),
        (
            "usage_events_guard_outcome_at_idx",
            CallFilter { guardrail_outcome: Some("blocked".into()), ..any() },
        ),
        ("usage_events_guarded_at_idx", CallFilter { guardrail: Some("pii_filter".into()), ..any() }),
    ] {
        let behind =
            Cursor { at: Timestamp::from_micros(2 * DAY), id: CallId::mint(&SystemClock, &OsEntropy) };
        for after in [None, Some(behind)] {
            let mut work = store.begin(Access::Read).await.unwrap();
            work.usage().page(&filter, after, 51).await.unwrap();
            pages.push((format!("{filter:?} {after:?}"), heard(), Some(index)));
        }
    }
    let mut work = store.begin(Access::Read).await.unwrap();
    for (index, token_id) in
        [("usage_events_project_id_at_idx", None), ("usage_events_token_id_at_idx", Some(ids.token))]
    {
        let filter = UsageFilter { project_id: Some(ids.project), token_id, request_id: None };
        work.usage().list(&filter, PageRequest::clamped(1, 10)).await.unwrap();
        pages.push((format!("{filter:?}"), heard(), Some(index)));
    }
    for (index, owner) in
        [("usage_events_prompted_at_idx", None), ("usage_events_owner_id_at_idx", Some(ids.owner))]
    {
        let filter = PromptFilter {
            owner,
            sort: PromptSort::CreatedAt,
            direction: SortDirection::Descending,
            ..PromptFilter::default()
        };
        let page = work.prompts().list(&filter, PageRequest::clamped(1, 10)).await.unwrap();
        assert_eq!(page.total, if owner.is_some() { 30 } else { 3_000 });
        pages.push((format!("{filter:?}"), heard(), Some(index)));
    }
    pages
}

/// Everything that is read from sums.
async fn sums(store: &dyn Store, ids: &Ids) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut work = store.begin(Access::Read).await.unwrap();
    let days = Days { first: Day::from_number(0), last: Day::from_number(1) };
    for scope in [UsageScope::Everybody, UsageScope::Owner(ids.owner)] {
        work.statistics().earliest_day(scope).await.unwrap();
        for grain in [Grain::Daily, Grain::Whole] {
            work.statistics().groups(scope, days, grain).await.unwrap();
        }
        pages.push((format!("statistics of {scope:?}"), heard(), None));
    }
    work.statistics().top_identities(days, 5).await.unwrap();
    work.statistics().adoption(days, Timestamp::from_micros(DAY)).await.unwrap();
    pages.push(("people".to_owned(), heard(), None));
    let any = CostFilter::default;
    for filter in [
        any(),
        CostFilter { project: Some(ids.project), ..any() },
        CostFilter { owner: Some(ids.owner), ..any() },
        CostFilter { token: Some(ids.token), ..any() },
        CostFilter { endpoint: Some(ids.endpoint), ..any() },
        CostFilter { model: Some("m-1".into()), ..any() },
    ] {
        // Days as those of UTC, of Berlin and of India.
        for ahead in [0, 2 * HOUR, 5 * HOUR + HOUR / 2] {
            let midnights: Vec<_> =
                (0..=2).map(|day| Timestamp::from_micros(day * DAY + HOUR * 6 - ahead)).collect();
            let quarters = Quarters::until(midnights[0], midnights[2]);
            work.costs().total(&filter, quarters).await.unwrap();
            work.costs().between(&filter, &midnights).await.unwrap();
            for by in
                [CostDimension::Project, CostDimension::Owner, CostDimension::Token, CostDimension::Model]
            {
                work.costs().top(&filter, quarters, by, 10).await.unwrap();
            }
            pages.push((format!("costs of {filter:?}, {ahead} ahead"), heard(), None));
        }
    }
    pages
}

/// What is wrong with the plans of pages.
fn judge(pages: &[Page], plans: &[Vec<String>], scans: &[&str]) -> String {
    let mut wrong = String::new();
    for ((page, statements, index), plans) in pages.iter().zip(plans) {
        // A page of all that an index has begins at one of its ends.
        let is_whole = page.contains("project: None") && *index == Some("usage_events_at_idx")
            || *index == Some("usage_events_guarded_at_idx");
        let scanned = !is_whole && plans.iter().any(|plan| scans.iter().any(|scan| plan.contains(scan)));
        let found = index.is_none_or(|index| plans.iter().any(|plan| plan.contains(index)));
        let looks_at_calls = index.is_none() && plans.iter().any(|plan| plan.contains("usage_events"));
        let counts_late = statements.iter().any(|statement| statement.contains("NOT rolled_up"));
        let found = found && (!counts_late || plans.iter().any(|plan| plan.contains("rolled_up_at_idx")));
        if statements.is_empty() || scanned || !found || looks_at_calls {
            let _ = writeln!(wrong, "{page} by {index:?}:\n{}\n{}", statements.join("\n"), plans.join("\n"));
        }
    }
    wrong
}

#[tokio::test]
async fn no_page_goes_through_everything_on_sqlite() {
    let fixture = crate::sqlite_file().await;
    tracing::subscriber::set_global_default(Listener).unwrap();
    let ids = fill(fixture.store()).await;
    heard();
    let mut pages = log_pages(fixture.store(), &ids).await;
    pages.extend(sums(fixture.store(), &ids).await);
    let path = fixture.directory.as_ref().unwrap().path().join("promptgate.db");
    let mut operator = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    let mut plans = Vec::new();
    for (_, statements, _) in &pages {
        let mut lines = Vec::new();
        for statement in statements {
            let explain = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
            let rows = operator.fetch_all(explain).await.unwrap();
            lines.extend(rows.iter().map(|row| row.get::<String, _>("detail")));
        }
        plans.push(lines);
    }
    let wrong = judge(&pages, &plans, &["SCAN usage_", "SCAN e"]);
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn no_page_goes_through_everything_on_postgresql() {
    let fixture = crate::postgres().await;
    tracing::subscriber::set_global_default(Listener).unwrap();
    let ids = fill(fixture.store()).await;
    heard();
    let mut pages = log_pages(fixture.store(), &ids).await;
    pages.extend(sums(fixture.store(), &ids).await);
    let mut operator = PgConnection::connect(fixture.database.as_ref().unwrap().url()).await.unwrap();
    // The tables are small, and no value is known: what is left is what indexes are there for.
    operator
        .execute("ANALYZE; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
        .await
        .unwrap();
    let mut plans = Vec::new();
    for (_, statements, _) in &pages {
        let mut lines = Vec::new();
        for statement in statements {
            let values = (1..100).take_while(|number| statement.contains(&format!("${number}"))).count();
            let nulls = vec!["NULL"; values].join(", ");
            let given = if values > 0 { format!("({nulls})") } else { String::new() };
            operator.execute(AssertSqlSafe(format!("PREPARE page AS {statement}"))).await.unwrap();
            let explain = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN EXECUTE page{given}")));
            let rows = operator.fetch_all(explain).await.unwrap();
            lines.extend(rows.iter().map(|row| row.get::<String, _>(0)));
            operator.execute("DEALLOCATE page").await.unwrap();
        }
        plans.push(lines);
    }
    let wrong = judge(&pages, &plans, &["Seq Scan on usage_"]);
    assert!(wrong.is_empty(), "{wrong}");
}
