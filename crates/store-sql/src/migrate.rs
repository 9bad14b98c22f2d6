//! The schema: applying it, and refusing what is not known.

use std::fmt;

use async_trait::async_trait;
use promptgate_auth::{OneTimeStore, SessionStore, Throttle};
use promptgate_limits::Counters;
use promptgate_store::{Access, Store};
use promptgate_store_sql_macros::each_dialect;
use tracing::instrument;

use crate::dialect::Dialect;
use crate::work::SqlStore;

/// One step of the schema, for both engines. A released one never changes.
struct Migration {
    number: i64,
    name: &'static str,
    postgres: &'static str,
    sqlite: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "projects",
        postgres: include_str!("../../../migrations/postgres/0001_projects.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0001_projects.sql"),
    },
    Migration {
        number: 2,
        name: "tokens",
        postgres: include_str!("../../../migrations/postgres/0002_tokens.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0002_tokens.sql"),
    },
    Migration {
        number: 3,
        name: "providers",
        postgres: include_str!("../../../migrations/postgres/0003_providers.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0003_providers.sql"),
    },
    Migration {
        number: 4,
        name: "usage_events",
        postgres: include_str!("../../../migrations/postgres/0004_usage_events.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0004_usage_events.sql"),
    },
    Migration {
        number: 5,
        name: "audit_and_changes",
        postgres: include_str!("../../../migrations/postgres/0005_audit_and_changes.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0005_audit_and_changes.sql"),
    },
    Migration {
        number: 6,
        name: "calls",
        postgres: include_str!("../../../migrations/postgres/0006_calls.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0006_calls.sql"),
    },
    Migration {
        number: 7,
        name: "idempotency",
        postgres: include_str!("../../../migrations/postgres/0007_idempotency.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0007_idempotency.sql"),
    },
    Migration {
        number: 8,
        name: "credentials",
        postgres: include_str!("../../../migrations/postgres/0008_credentials.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0008_credentials.sql"),
    },
    Migration {
        number: 9,
        name: "models",
        postgres: include_str!("../../../migrations/postgres/0009_models.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0009_models.sql"),
    },
    Migration {
        number: 10,
        name: "endpoints",
        postgres: include_str!("../../../migrations/postgres/0010_endpoints.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0010_endpoints.sql"),
    },
    Migration {
        number: 11,
        name: "conversations",
        postgres: include_str!("../../../migrations/postgres/0011_conversations.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0011_conversations.sql"),
    },
    Migration {
        number: 12,
        name: "record_bodies",
        postgres: include_str!("../../../migrations/postgres/0012_record_bodies.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0012_record_bodies.sql"),
    },
    Migration {
        number: 13,
        name: "prompt_in_request",
        postgres: include_str!("../../../migrations/postgres/0013_prompt_in_request.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0013_prompt_in_request.sql"),
    },
    Migration {
        number: 20,
        name: "accounts",
        postgres: include_str!("../../../migrations/postgres/0020_accounts.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0020_accounts.sql"),
    },
    Migration {
        number: 21,
        name: "access",
        postgres: include_str!("../../../migrations/postgres/0021_access.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0021_access.sql"),
    },
    Migration {
        number: 22,
        name: "network_rules",
        postgres: include_str!("../../../migrations/postgres/0022_network_rules.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0022_network_rules.sql"),
    },
    Migration {
        number: 23,
        name: "prices",
        postgres: include_str!("../../../migrations/postgres/0023_prices.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0023_prices.sql"),
    },
    Migration {
        number: 24,
        name: "mcp_servers",
        postgres: include_str!("../../../migrations/postgres/0024_mcp_servers.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0024_mcp_servers.sql"),
    },
    Migration {
        number: 25,
        name: "monitored_services",
        postgres: include_str!("../../../migrations/postgres/0025_monitored_services.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0025_monitored_services.sql"),
    },
    Migration {
        number: 26,
        name: "help",
        postgres: include_str!("../../../migrations/postgres/0026_help.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0026_help.sql"),
    },
    Migration {
        number: 27,
        name: "audit",
        postgres: include_str!("../../../migrations/postgres/0027_audit.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0027_audit.sql"),
    },
    Migration {
        number: 28,
        name: "token_trees",
        postgres: include_str!("../../../migrations/postgres/0028_token_trees.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0028_token_trees.sql"),
    },
    Migration {
        number: 29,
        name: "admin_keys",
        postgres: include_str!("../../../migrations/postgres/0029_admin_keys.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0029_admin_keys.sql"),
    },
    Migration {
        number: 30,
        name: "statistics",
        postgres: include_str!("../../../migrations/postgres/0030_statistics.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0030_statistics.sql"),
    },
    Migration {
        number: 31,
        name: "switches",
        postgres: include_str!("../../../migrations/postgres/0031_switches.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0031_switches.sql"),
    },
    Migration {
        number: 32,
        name: "call_details",
        postgres: include_str!("../../../migrations/postgres/0032_call_details.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0032_call_details.sql"),
    },
    Migration {
        number: 33,
        name: "seedings",
        postgres: include_str!("../../../migrations/postgres/0033_seedings.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0033_seedings.sql"),
    },
    Migration {
        number: 34,
        name: "usage_daily",
        postgres: include_str!("../../../migrations/postgres/0034_usage_daily.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0034_usage_daily.sql"),
    },
    Migration {
        number: 35,
        name: "prompted",
        postgres: include_str!("../../../migrations/postgres/0035_prompted.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0035_prompted.sql"),
    },
    Migration {
        number: 36,
        name: "session_renewals",
        postgres: include_str!("../../../migrations/postgres/0036_session_renewals.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0036_session_renewals.sql"),
    },
    Migration {
        number: 37,
        name: "network_rule_defaults",
        postgres: include_str!("../../../migrations/postgres/0037_network_rule_defaults.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0037_network_rule_defaults.sql"),
    },
    Migration {
        number: 38,
        name: "guardrails",
        postgres: include_str!("../../../migrations/postgres/0038_guardrails.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0038_guardrails.sql"),
    },
    Migration {
        number: 45,
        name: "limits",
        postgres: include_str!("../../../migrations/postgres/0045_limits.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0045_limits.sql"),
    },
    Migration {
        number: 48,
        name: "usage_rollups",
        postgres: include_str!("../../../migrations/postgres/0048_usage_rollups.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0048_usage_rollups.sql"),
    },
    Migration {
        number: 51,
        name: "limit_sets",
        postgres: include_str!("../../../migrations/postgres/0051_limit_sets.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0051_limit_sets.sql"),
    },
    Migration {
        number: 54,
        name: "price_versions",
        postgres: include_str!("../../../migrations/postgres/0054_price_versions.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0054_price_versions.sql"),
    },
    Migration {
        number: 55,
        name: "repricings",
        postgres: include_str!("../../../migrations/postgres/0055_repricings.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0055_repricings.sql"),
    },
    Migration {
        number: 57,
        name: "dead_letters",
        postgres: include_str!("../../../migrations/postgres/0057_dead_letters.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0057_dead_letters.sql"),
    },
    Migration {
        number: 59,
        name: "replicas",
        postgres: include_str!("../../../migrations/postgres/0059_replicas.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0059_replicas.sql"),
    },
    Migration {
        number: 61,
        name: "jobs",
        postgres: include_str!("../../../migrations/postgres/0061_jobs.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0061_jobs.sql"),
    },
    Migration {
        number: 65,
        name: "drills",
        postgres: include_str!("../../../migrations/postgres/0065_drills.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0065_drills.sql"),
    },
    Migration {
        number: 66,
        name: "usage_hours",
        postgres: include_str!("../../../migrations/postgres/0066_usage_hours.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0066_usage_hours.sql"),
    },
    Migration {
        number: 67,
        name: "log_indexes",
        postgres: include_str!("../../../migrations/postgres/0067_log_indexes.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0067_log_indexes.sql"),
    },
    Migration {
        number: 70,
        name: "limit_room",
        postgres: include_str!("../../../migrations/postgres/0070_limit_room.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0070_limit_room.sql"),
    },
    Migration {
        number: 72,
        name: "discarded_letters",
        postgres: include_str!("../../../migrations/postgres/0072_discarded_letters.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0072_discarded_letters.sql"),
    },
    Migration {
        number: 73,
        name: "job_pauses",
        postgres: include_str!("../../../migrations/postgres/0073_job_pauses.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0073_job_pauses.sql"),
    },
    Migration {
        number: 74,
        name: "unused_indexes",
        postgres: include_str!("../../../migrations/postgres/0074_unused_indexes.sql"),
        sqlite: include_str!("../../../migrations/sqlite/0074_unused_indexes.sql"),
    },
];

/// What [`Connected::migrate`](crate::Connected::migrate) did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MigrationReport {
    /// The migrations that were applied, in order, as `0001_projects`. Empty when there was
    /// nothing to do.
    pub applied: Vec<String>,
}

impl fmt::Display for MigrationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.applied.is_empty() {
            return f.write_str("the schema is up to date");
        }
        write!(f, "applied {}", self.applied.join(", "))
    }
}

/// Why the database's schema cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It is not there, or older than this version needs.
    #[error("the database lacks the migrations {}; run `promptgate migrate`", missing.join(", "))]
    Behind {
        /// What is missing.
        missing: Vec<String>,
    },
    /// It was made by a newer version, or by something else.
    #[error(
        "the database has the migration {migration}, which this version of PromptGate does not know; \
         run the version that made it, or a newer one"
    )]
    Unknown {
        /// The first unknown one.
        migration: String,
    },
    /// A migration failed. Nothing of it, or of those before it in the same run, was kept.
    #[error("the migration {migration} failed, and nothing was changed")]
    Failed {
        /// Which one.
        migration: String,
        /// The database's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database does not answer.
    #[error("the database's schema cannot be read")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn full_name(number: i64, name: &str) -> String {
    format!("{number:04}_{name}")
}

fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SchemaError {
    SchemaError::Unavailable(error.into())
}

/// What is missing; an error when something unknown is there.
fn pending(applied: &[(i64, String)]) -> Result<Vec<&'static Migration>, SchemaError> {
    for (number, name) in applied {
        if !MIGRATIONS.iter().any(|known| known.number == *number && known.name == name) {
            return Err(SchemaError::Unknown { migration: full_name(*number, name) });
        }
    }
    Ok(MIGRATIONS.iter().filter(|known| applied.iter().all(|(number, _)| *number != known.number)).collect())
}

/// A store together with its schema.
#[async_trait]
pub(crate) trait Engine: Store + SessionStore + Throttle + OneTimeStore + Counters {
    async fn migrate(&self) -> Result<MigrationReport, SchemaError>;
    async fn check_schema(&self) -> Result<(), SchemaError>;
    async fn close(&self);
}

#[each_dialect]
#[async_trait]
impl Engine for SqlStore<Db> {
    // One transaction for everything: the lock, what is there, and what is applied.
    #[instrument(name = "db.schema.migrate", skip_all)]
    async fn migrate(&self) -> Result<MigrationReport, SchemaError> {
        let mut tx =
            self.writers.begin_with(self.begin.transaction(Access::Write)).await.map_err(unavailable)?;
        sqlx::raw_sql(Db::LOCK_SCHEMA).execute(&mut *tx).await.map_err(unavailable)?;
        sqlx::raw_sql(Db::CREATE_SCHEMA_TABLE).execute(&mut *tx).await.map_err(unavailable)?;
        let applied: Vec<(i64, String)> =
            sqlx::query_as("SELECT number, name FROM schema_migrations ORDER BY number")
                .fetch_all(&mut *tx)
                .await
                .map_err(unavailable)?;
        let mut report = MigrationReport::default();
        for migration in pending(&applied)? {
            let name = full_name(migration.number, migration.name);
            let failed =
                |error: sqlx::Error| SchemaError::Failed { migration: name.clone(), source: error.into() };
            let statements = Db::pick(migration.postgres, migration.sqlite);
            sqlx::raw_sql(statements).execute(&mut *tx).await.map_err(failed)?;
            sqlx::query("INSERT INTO schema_migrations (number, name) VALUES ($1, $2)")
                .bind(migration.number)
                .bind(migration.name)
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
            report.applied.push(name);
        }
        tx.commit().await.map_err(unavailable)?;
        Ok(report)
    }

    #[instrument(name = "db.schema.check", skip_all)]
    async fn check_schema(&self) -> Result<(), SchemaError> {
        let mut tx =
            self.readers.begin_with(self.begin.transaction(Access::Read)).await.map_err(unavailable)?;
        let tables: i64 =
            sqlx::query_scalar(Db::HAS_SCHEMA).fetch_one(&mut *tx).await.map_err(unavailable)?;
        let applied: Vec<(i64, String)> = if tables == 0 {
            Vec::new()
        } else {
            sqlx::query_as("SELECT number, name FROM schema_migrations ORDER BY number")
                .fetch_all(&mut *tx)
                .await
                .map_err(unavailable)?
        };
        let pending = pending(&applied)?;
        if pending.is_empty() {
            return Ok(());
        }
        let missing = pending.into_iter().map(|lacking| full_name(lacking.number, lacking.name)).collect();
        Err(SchemaError::Behind { missing })
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed_for_both_engines() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        let listed: Vec<String> = MIGRATIONS
            .iter()
            .map(|migration| format!("{}.sql", full_name(migration.number, migration.name)))
            .collect();
        for engine in ["postgres", "sqlite"] {
            let mut files: Vec<String> = std::fs::read_dir(root.join(engine))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            assert_eq!(files, listed, "{engine}");
        }
    }

    #[test]
    fn what_is_unknown_is_refused_by_number_and_by_name() {
        let known: Vec<(i64, String)> =
            MIGRATIONS.iter().map(|migration| (migration.number, migration.name.to_owned())).collect();
        assert!(pending(&known).unwrap().is_empty());
        assert_eq!(pending(&known[..3]).unwrap().len(), MIGRATIONS.len() - 3);
        for (number, name) in [(9_999, "later"), (1, "other")] {
            let error = pending(&[(number, name.to_owned())]).err().unwrap().to_string();
            assert!(error.contains(&full_name(number, name)), "{error}");
        }
    }
}
