//! Rules of guardrails that another version wrote.

use promptgate_firewall::guardrails::{AllRules, Holder, Rules};
use promptgate_kernel::{ProjectId, Timestamp};
use promptgate_store::{Access, Store};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::Fixture;

const PROJECT: &str = "018f4e6e-0000-7000-8000-000000000001";
const OF_TOMORROW: &str =
    r#"{"pii_filter":{"enabled":true,"colour":"blue"},"shiny_filter":{"enabled":true}}"#;
const UNREADABLE: &str = r#"{"pii_filter":{"enabled":"perhaps"}}"#;

/// Rows as only another version writes them, with an id as the engine writes one.
fn rows(id: &str) -> [String; 3] {
    let row = |level: &str, project: &str, rules: &str| {
        format!(
            "INSERT INTO guardrails (level, project_id, token_id, rules, updated_at, version) \
             VALUES ('{level}', {project}, NULL, '{rules}', 1, 1)"
        )
    };
    [
        format!(
            "INSERT INTO projects (id, name, name_folded, kind, env, active, metadata, created_at, updated_at, \
             version) VALUES ({id}, 'P', 'p', 'ai_wrapper', 'prod', TRUE, '{{}}', 1, 1, 1)"
        ),
        row("global", "NULL", OF_TOMORROW),
        row("project", id, UNREADABLE),
    ]
}

async fn on_sqlite() -> Fixture {
    let fixture = crate::sqlite_file().await;
    let directory = fixture.directory.as_ref().unwrap().path();
    let url = format!("sqlite:{}/promptgate.db", directory.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    for row in rows(&format!("X'{}'", PROJECT.replace('-', ""))) {
        connection.execute(AssertSqlSafe(row)).await.unwrap();
    }
    fixture
}

async fn on_postgresql() -> Fixture {
    let fixture = crate::postgres().await;
    let mut connection = PgConnection::connect(fixture.database.as_ref().unwrap().url()).await.unwrap();
    for row in rows(&format!("'{PROJECT}'")) {
        connection.execute(AssertSqlSafe(row)).await.unwrap();
    }
    fixture
}

async fn all(store: &dyn Store) -> AllRules {
    store.begin(Access::Read).await.unwrap().guardrails().list_all().await.unwrap()
}

fn rules(json: &str) -> Rules {
    serde_json::from_str(json).unwrap()
}

/// Changes what a holder says, as it was read.
async fn change(store: &dyn Store, holder: Holder, to: &Rules) {
    let mut work = store.begin(Access::Write).await.unwrap();
    let read = work.guardrails().find(holder).await.unwrap();
    assert!(work.guardrails().save(holder, &read, to, Timestamp::from_micros(2)).await.unwrap());
    work.commit().await.unwrap();
}

async fn what_another_version_wrote_hinders_nobody(store: &dyn Store) {
    let project = Holder::Project(PROJECT.parse::<ProjectId>().unwrap());
    let AllRules { rules: read, faults } = all(store).await;
    assert_eq!(read, [(Holder::Global, rules(r#"{"pii_filter":{"enabled":true}}"#))]);
    let mut unknown = faults.unknown.clone();
    unknown.sort_unstable();
    let expected = ["pii_filter.colour", "shiny_filter"].map(|field| (Holder::Global, field.to_owned()));
    assert_eq!(unknown, expected);
    let [(holder, wrong)] = &faults.unreadable[..] else { panic!("{faults:?}") };
    assert_eq!((*holder, wrong.field.as_str()), (project, "pii_filter.enabled"));

    // What a change here has not seen stays; what nobody can read is replaced.
    let off = rules(r#"{"pii_filter":{"enabled":false}}"#);
    change(store, Holder::Global, &off).await;
    change(store, project, &off).await;
    let mut after = all(store).await;
    after.rules.sort_by_key(|(holder, _)| *holder);
    after.faults.unknown.sort_unstable();
    assert_eq!(after.rules, [(Holder::Global, off.clone()), (project, off)]);
    assert_eq!((&after.faults.unknown[..], &after.faults.unreadable[..]), (&expected[..], &[][..]));
}

#[tokio::test]
async fn what_another_version_wrote_hinders_nobody_on_sqlite() {
    what_another_version_wrote_hinders_nobody(on_sqlite().await.store()).await;
}

#[tokio::test]
async fn what_another_version_wrote_hinders_nobody_on_postgresql() {
    what_another_version_wrote_hinders_nobody(on_postgresql().await.store()).await;
}
