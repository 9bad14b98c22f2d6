//! A database of the version before, with rows in it, brought up to date.

use promptgate_kernel::{CallId, CredentialId, PageRequest, ProjectId, ProviderId, Revision};
use promptgate_providers::{Credential, CredentialFilter};
use promptgate_store::{Access, UnitOfWork};
use promptgate_store_sql::{Connected, connect};
use promptgate_testkit::postgres::database;
use promptgate_usage::{CallFilter, Outcome, UsageEvent};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::OPTIONS;

macro_rules! first_migrations {
    ($engine:literal) => {
        [
            include_str!(concat!("../../../../migrations/", $engine, "/0001_projects.sql")),
            include_str!(concat!("../../../../migrations/", $engine, "/0002_tokens.sql")),
            include_str!(concat!("../../../../migrations/", $engine, "/0003_providers.sql")),
            include_str!(concat!("../../../../migrations/", $engine, "/0004_usage_events.sql")),
            include_str!(concat!("../../../../migrations/", $engine, "/0005_audit_and_changes.sql")),
        ]
    };
}

const NAMES: [&str; 5] = ["projects", "tokens", "providers", "usage_events", "audit_and_changes"];
const PROJECT: &str = "018f4e6e-0000-7000-8000-000000000001";
const TOKEN: &str = "018f4e6e-0000-7000-8000-000000000002";
const PROVIDER: &str = "018f4e6e-0000-7000-8000-000000000003";
const CREDENTIAL: &str = "018f4e6e-0000-7000-8000-000000000004";
const CALL: &str = "018f4e6e-0000-7000-8000-000000000005";
const LATE_CREDENTIAL: &str = "018f4e6e-0000-7000-8000-000000000006";
const LATE_CALL: &str = "018f4e6e-0000-7000-8000-000000000007";

/// Statements as the version before wrote them, with an id as the engine writes one.
struct Before {
    id: fn(&str) -> String,
}

impl Before {
    fn schema(schema: [&str; 5]) -> Vec<String> {
        let mut statements = vec![
            "CREATE TABLE schema_migrations (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)".into(),
        ];
        for ((number, name), text) in (1..).zip(NAMES).zip(schema) {
            statements.push(text.to_owned());
            statements
                .push(format!("INSERT INTO schema_migrations (number, name) VALUES ({number}, '{name}')"));
        }
        statements
    }

    fn project(&self) -> String {
        format!(
            "INSERT INTO projects (id, name, name_folded, kind, env, active, metadata, created_at, updated_at, \
             version) VALUES ({}, 'P', 'p', 'ai_wrapper', 'prod', TRUE, '{{}}', 1, 1, 1)",
            (self.id)(PROJECT)
        )
    }

    fn provider(&self) -> String {
        format!(
            "INSERT INTO providers (id, name, display_name, display_name_folded, kind, base_url, models, config, \
             enabled, created_at, updated_at, version) VALUES ({}, 'main', 'Main', 'main', 'openai', \
             'https://api.openai.com/v1', '[]', '{{}}', TRUE, 1, 1, 1)",
            (self.id)(PROVIDER)
        )
    }

    fn credential(&self, id: &str, created: i64) -> String {
        format!(
            "INSERT INTO credentials (id, provider_id, sealed, created_at) VALUES ({}, {}, 'pg1:a:b', {created})",
            (self.id)(id),
            (self.id)(PROVIDER)
        )
    }

    fn event(&self, id: &str, at: i64) -> String {
        format!(
            "INSERT INTO usage_events (id, request_id, at, project_id, token_id, operation, streamed, \
             input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens, \
             output_tokens, reasoning_tokens, audio_output_tokens, estimated, cost_nanos, price_version, \
             price_basis, latency_us, outcome, status, attempts, revision, trace) VALUES ({}, 'r', {at}, {}, {}, \
             'models', FALSE, 1, 0, 0, 0, 0, 0, 0, 0, FALSE, 0, '2026-01-01', 'exact', 0, 'completed', 200, 2, 3, \
             '[\"why\"]')",
            (self.id)(id),
            (self.id)(PROJECT),
            (self.id)(TOKEN)
        )
    }

    fn rows(&self) -> Vec<String> {
        vec![self.project(), self.provider(), self.credential(CREDENTIAL, 7), self.event(CALL, 5)]
    }

    /// What a process of that version writes while the new one runs already.
    fn late_rows(&self) -> Vec<String> {
        vec![self.credential(LATE_CREDENTIAL, 9), self.event(LATE_CALL, 6)]
    }
}

async fn migrated(connected: &Connected) -> Box<dyn UnitOfWork> {
    let applied = connected.migrate().await.unwrap().applied;
    assert_eq!(applied.first().map(String::as_str), Some("0006_calls"));
    connected.check_schema().await.unwrap();
    connected.store().begin(Access::Read).await.unwrap()
}

async fn old_rows_have_sensible_values(work: &mut dyn UnitOfWork) {
    let project: ProjectId = PROJECT.parse().unwrap();
    assert_eq!(work.projects().find(project).await.unwrap().unwrap().name.as_str(), "P");
    let id: CredentialId = CREDENTIAL.parse().unwrap();
    let credential = work.credentials().find(id).await.unwrap().unwrap();
    assert_eq!((credential.name.as_str(), credential.preview.as_str()), (Credential::DEFAULT_NAME, "…"));
    assert_eq!((credential.weight, credential.active, credential.previous.as_ref()), (1, true, None));
    assert_eq!((credential.updated_at, credential.version), (credential.created_at, 1));
    let provider: ProviderId = PROVIDER.parse().unwrap();
    assert_eq!(work.providers().credentials(provider).await.unwrap(), [credential]);
    let call: CallId = CALL.parse().unwrap();
    let found = work.usage().find(call).await.unwrap().unwrap();
    let (token, tokens) = (TOKEN.parse().unwrap(), found.tokens);
    let expected = UsageEvent::of_call(call, found.at, project, token, "models", Outcome::Completed, 200);
    let (price_version, price_basis) = ("2026-01-01".into(), "exact".into());
    let (request_id, trace, revision) = ("r".into(), vec!["why".into()], Revision::from_number(3));
    let attempts = 2;
    assert_eq!(
        found,
        UsageEvent { request_id, tokens, price_version, price_basis, attempts, revision, trace, ..expected }
    );
}

async fn late_rows_are_understood(connected: &Connected) {
    let mut work = connected.store().begin(Access::Read).await.unwrap();
    let all = CredentialFilter::default();
    let page = work.credentials().list(&all, PageRequest::clamped(1, 10)).await.unwrap();
    assert_eq!(page.total, 2);
    assert!(page.items.iter().all(|listed| listed.credential.version == 1));
    let calls = work.usage().page(&CallFilter::default(), None, 10).await.unwrap();
    assert_eq!(calls.iter().map(|call| call.id.to_string()).collect::<Vec<_>>(), [LATE_CALL, CALL]);
    assert!(calls.iter().all(|call| call.trace == ["why"] && call.attempts == 2));
}

#[tokio::test]
async fn a_database_of_the_version_before_is_brought_up_to_date_on_postgresql() {
    let before = Before { id: |id| format!("'{id}'") };
    let database = database().await.unwrap();
    let mut operator = PgConnection::connect(database.url()).await.unwrap();
    for statement in Before::schema(first_migrations!("postgres")).into_iter().chain(before.rows()) {
        operator.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    let connected = connect(database.url(), OPTIONS).await.unwrap();
    old_rows_have_sensible_values(&mut *migrated(&connected).await).await;
    for statement in before.late_rows() {
        operator.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    late_rows_are_understood(&connected).await;
}

#[tokio::test]
async fn a_database_of_the_version_before_is_brought_up_to_date_on_sqlite() {
    let before = Before { id: |id| format!("X'{}'", id.replace('-', "")) };
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/promptgate.db", directory.path().display());
    let connected = connect(&url, OPTIONS).await.unwrap();
    let mut operator = SqliteConnection::connect(&url).await.unwrap();
    for statement in Before::schema(first_migrations!("sqlite")).into_iter().chain(before.rows()) {
        operator.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    old_rows_have_sensible_values(&mut *migrated(&connected).await).await;
    for statement in before.late_rows() {
        operator.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    late_rows_are_understood(&connected).await;
}
