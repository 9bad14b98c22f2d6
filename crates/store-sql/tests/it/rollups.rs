//! Sums of a database that was made before they were kept beside the calls.

use std::path::Path;

use promptgate_kernel::Timestamp;
use promptgate_store::Access;
use promptgate_store_sql::{Connected, connect};
use promptgate_testkit::postgres::database;
use promptgate_usage::{Day, Days, Grain, UsageScope};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

use crate::OPTIONS;

const PROJECT: &str = "018f4e6e-0000-7000-8000-000000000001";
const TOKEN: &str = "018f4e6e-0000-7000-8000-000000000002";
const OWNER: &str = "018f4e6e-0000-7000-8000-000000000003";
/// The migration with the sums.
const FIRST: i64 = 48;
const DAY: i64 = 86_400_000_000;
const QUARTER: i64 = 900_000_000;

/// What makes the schema of before, in order.
fn schema(engine: &str) -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(engine);
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut statements = vec![
        "CREATE TABLE schema_migrations (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)".to_owned(),
    ];
    for file in files {
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let (number, name) = stem.split_once('_').unwrap();
        let number: i64 = number.parse().unwrap();
        if number < FIRST {
            statements.push(std::fs::read_to_string(file).unwrap());
            statements
                .push(format!("INSERT INTO schema_migrations (number, name) VALUES ({number}, '{name}')"));
        }
    }
    statements
}

/// A call that took 10 tokens and cost 7, `ago` before the second day.
fn call(id: fn(&str) -> String, number: u32, ago: i64, with: &str) -> String {
    let (call, at) = (format!("018f4e6e-0000-7000-8000-0000000001{number:02}"), 2 * DAY - ago);
    let columns = "id, request_id, at, project_id, token_id, owner_id, operation, model, streamed, input_tokens, \
         cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens, output_tokens, \
         reasoning_tokens, audio_output_tokens, estimated, cost_nanos, price_version, latency_us, outcome, \
         status, attempts, revision, trace, price_basis";
    let (call, project, token, owner) = (id(&call), id(PROJECT), id(TOKEN), id(OWNER));
    format!(
        "INSERT INTO usage_events ({columns}) SELECT {call}, 'r', {at}, {project}, {token}, {owner}, \
         'messages', 'm', FALSE, 1, 2, 0, 0, 0, 3, 4, 0, FALSE, 7, 'v', 2999, 'completed', 200, 1, 1, '[]', {with}"
    )
}

fn rows(id: fn(&str) -> String) -> Vec<String> {
    let (project, token, owner) = (id(PROJECT), id(TOKEN), id(OWNER));
    vec![
        call(id, 1, 1, "'exact'"),
        call(id, 2, QUARTER, "'exact'"),
        call(id, 3, QUARTER + 1, "'fallback'"),
        call(id, 4, 0, "'exact'"),
        call(id, 5, 2, "'none'"),
        "UPDATE usage_events SET cost_nanos = 0 WHERE price_basis = 'none'".to_owned(),
        // So large that two of them have no sum.
        call(id, 6, DAY, "'exact'"),
        call(id, 7, DAY, "'exact'"),
        format!("UPDATE usage_events SET input_tokens = {}, model = 'large' WHERE at = {DAY}", i64::MAX),
        format!(
            "INSERT INTO usage_daily (at, owner_id, project_id, token_id, provider, provider_kind, model, embeds, \
             calls, prompts, tool_calls, input_tokens, cache_read_tokens, cache_write_5m_tokens, \
             cache_write_1h_tokens, audio_input_tokens, output_tokens, reasoning_tokens, audio_output_tokens, \
             cost_nanos, duration_ms) VALUES ({DAY}, {owner}, {project}, {token}, '', '', 'm', FALSE, 5, 4, 3, 10, \
             20, 0, 0, 0, 30, 40, 0, 70, 9)"
        ),
    ]
}

/// Numbers that both tables must have, of one model.
const TOTALS: [(&str, i64); 14] = [
    ("calls", 10),
    ("prompts", 4),
    ("tool_calls", 3),
    ("input_tokens", 15),
    ("cache_read_tokens", 30),
    ("output_tokens", 45),
    ("reasoning_tokens", 60),
    ("tokens", 150),
    ("cost_nanos", 98),
    ("duration_ms", 19),
    ("unpriced_calls", 1),
    ("unpriced_tokens", 10),
    ("guessed_calls", 1),
    ("guessed_nanos", 7),
];

/// What reads each number of each table, and what it must be.
fn totals() -> impl Iterator<Item = (String, i64)> {
    ["usage_quarters", "usage_days", "usage_hours", "usage_token_days"]
        .into_iter()
        .flat_map(|table| {
            TOTALS.into_iter().map(move |(sum, expected)| {
                (format!("SELECT CAST(SUM({sum}) AS BIGINT) FROM {table} WHERE model = 'm'"), expected)
            })
        })
        // The version before goes on reading and writing it, until it is gone.
        .chain([("SELECT CAST(COUNT(*) AS BIGINT) FROM usage_daily".to_owned(), 0)])
}

/// The calls by day: what was known of the first is there, and nothing counts twice.
async fn the_days_are_there(connected: &Connected) {
    let mut work = connected.store().begin(Access::Read).await.unwrap();
    let days = Days { first: Day::from_number(0), last: Day::from_number(9) };
    let scope = UsageScope::Owner(OWNER.parse().unwrap());
    let groups = work.statistics().groups(scope, days, Grain::Daily).await.unwrap();
    let found: Vec<_> = groups
        .iter()
        .map(|group| {
            (group.day.unwrap().number(), &*group.model, group.sums.requests, group.sums.cost.as_nanos())
        })
        .collect();
    assert_eq!(found, [(1, "large", 2, 14), (1, "m", 9, 91), (2, "m", 1, 7)]);
    assert!(groups[0].sums.input >= 1 << 44);
}

/// How many calls there are, by the sums of both models.
async fn counted(connected: &Connected) -> Vec<u64> {
    let mut work = connected.store().begin(Access::Read).await.unwrap();
    let days = Days { first: Day::from_number(0), last: Day::from_number(9) };
    let groups = work.statistics().groups(UsageScope::Everybody, days, Grain::Whole).await.unwrap();
    groups.iter().map(|group| group.sums.requests).collect()
}

/// What a process of the version before records while this one runs.
fn late_calls(id: fn(&str) -> String) -> impl Iterator<Item = String> {
    (8..14).map(move |number| call(id, number, number.into(), "'exact'"))
}

/// They are added up in parts, once, and before they are removed.
async fn late_calls_are_added(connected: &Connected) {
    assert_eq!(counted(connected).await, [2, 10]);
    for (caught_up, total) in [(2, 12), (2, 14)] {
        let mut work = connected.store().begin(Access::Write).await.unwrap();
        assert_eq!(work.usage().catch_up(2).await.unwrap(), caught_up);
        work.commit().await.unwrap();
        assert_eq!(counted(connected).await, [2, total]);
    }
    let all = Timestamp::from_micros(9 * DAY);
    for (removed, total) in [(1, 15), (12, 16), (0, 16)] {
        let mut work = connected.store().begin(Access::Write).await.unwrap();
        let limit = if removed == 1 { 1 } else { 100 };
        assert_eq!(work.usage().prune(all, limit).await.unwrap(), removed);
        work.commit().await.unwrap();
        assert_eq!(counted(connected).await, [2, total]);
    }
    let mut work = connected.store().begin(Access::Write).await.unwrap();
    assert_eq!(work.usage().catch_up(2).await.unwrap(), 0);
}

#[tokio::test]
async fn what_was_counted_before_is_kept_on_postgresql() {
    let database = database().await.unwrap();
    let mut operator = PgConnection::connect(database.url()).await.unwrap();
    let id: fn(&str) -> String = |id| format!("CAST('{id}' AS UUID)");
    let json = |statement: String| statement.replace("1, 1, '[]'", "1, 1, CAST('[]' AS JSONB)");
    for statement in schema("postgres").into_iter().chain(rows(id)) {
        sqlx::raw_sql(AssertSqlSafe(json(statement))).execute(&mut operator).await.unwrap();
    }
    let connected = connect(database.url(), OPTIONS).await.unwrap();
    connected.migrate().await.unwrap();
    for (total, expected) in totals() {
        let row = operator.fetch_one(AssertSqlSafe(total.clone())).await.unwrap();
        assert_eq!(row.get::<i64, _>(0), expected, "{total}");
    }
    the_days_are_there(&connected).await;
    for statement in late_calls(id) {
        operator.execute(AssertSqlSafe(json(statement))).await.unwrap();
    }
    late_calls_are_added(&connected).await;
}

#[tokio::test]
async fn what_was_counted_before_is_kept_on_sqlite() {
    let id: fn(&str) -> String = |id| format!("X'{}'", id.replace('-', ""));
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/promptgate.db", directory.path().display());
    let connected = connect(&url, OPTIONS).await.unwrap();
    let mut operator = SqliteConnection::connect(&url).await.unwrap();
    for statement in schema("sqlite").into_iter().chain(rows(id)) {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut operator).await.unwrap();
    }
    connected.migrate().await.unwrap();
    for (total, expected) in totals() {
        let row = operator.fetch_one(AssertSqlSafe(total.clone())).await.unwrap();
        assert_eq!(row.get::<i64, _>(0), expected, "{total}");
    }
    the_days_are_there(&connected).await;
    for statement in late_calls(id) {
        operator.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    late_calls_are_added(&connected).await;
}
