//! Network rules in SQL.

use async_trait::async_trait;
use promptgate_firewall::{
    Action, Namespace, NetworkRule, NetworkRuleFilter, NetworkRuleRepository, NetworkRuleSort, Priority,
    RuleAddress,
};
use promptgate_kernel::{
    AccountId, NetworkRuleId, Page, PageRequest, ProjectId, RepositoryError, Timestamp, TokenId,
};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::value::{order_by, text};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, address, description, priority, action, enabled, created_at, updated_at, \
     version FROM network_rules";

/// A row of a namespace that is known already.
#[derive(FromRow)]
struct NetworkRuleRow {
    id: Uuid,
    address: String,
    description: String,
    priority: i64,
    action: String,
    enabled: bool,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl NetworkRuleRow {
    fn of(self, namespace: Namespace) -> Result<NetworkRule, RepositoryError> {
        let wrong = |error| corrupt("network_rules", self.id, error);
        Ok(NetworkRule {
            id: NetworkRuleId::from_uuid(self.id),
            namespace,
            address: RuleAddress::parse(&self.address).map_err(wrong)?,
            description: self.description,
            priority: Priority::new(self.priority).map_err(wrong)?,
            action: Action::parse(&self.action).map_err(wrong)?,
            enabled: self.enabled,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
            version: self.version,
        })
    }
}

/// A row of any namespace.
#[derive(FromRow)]
struct AnyNetworkRuleRow {
    namespace: String,
    subject_id: Option<Uuid>,
    #[sqlx(flatten)]
    rule: NetworkRuleRow,
}

/// A default that was set.
#[derive(FromRow)]
struct DefaultRow {
    namespace: String,
    subject_id: Uuid,
    action: String,
}

/// The namespace of a kind and a subject.
fn namespace(kind: &str, subject: Option<Uuid>) -> Option<Namespace> {
    match (kind, subject) {
        ("global", _) => Some(Namespace::Global),
        ("person", Some(id)) => Some(Namespace::Person(AccountId::from_uuid(id))),
        ("service", Some(id)) => Some(Namespace::Service(AccountId::from_uuid(id))),
        ("project", Some(id)) => Some(Namespace::Project(ProjectId::from_uuid(id))),
        ("token", Some(id)) => Some(Namespace::Token(TokenId::from_uuid(id))),
        _ => None,
    }
}

fn unknown_namespace(kind: &str) -> String {
    format!("there is no namespace `{kind}`")
}

const fn column(sort: NetworkRuleSort) -> &'static str {
    match sort {
        NetworkRuleSort::Priority => "priority",
        NetworkRuleSort::Address => "address",
        NetworkRuleSort::Description => "lower(description)",
        NetworkRuleSort::Action => "action",
        NetworkRuleSort::Enabled => "enabled",
        NetworkRuleSort::CreatedAt => "created_at",
        NetworkRuleSort::UpdatedAt => "updated_at",
    }
}

fn subject(namespace: Namespace) -> Option<Uuid> {
    match namespace {
        Namespace::Global => None,
        Namespace::Person(id) | Namespace::Service(id) => Some(id.as_uuid()),
        Namespace::Project(id) => Some(id.as_uuid()),
        Namespace::Token(id) => Some(id.as_uuid()),
    }
}

#[each_dialect]
impl SqlWork<Db> {
    /// A query for rules of a namespace, to be narrowed further.
    fn rules_of(select: &str, namespace: Namespace) -> QueryBuilder<Db> {
        let mut query = QueryBuilder::new(select);
        query.push(" WHERE namespace = ").push_bind(namespace.kind());
        match subject(namespace) {
            Some(subject) => query.push(" AND subject_id = ").push_bind(subject),
            None => query.push(" AND subject_id IS NULL"),
        };
        query
    }
}

#[each_dialect]
#[async_trait]
impl NetworkRuleRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.network_rules.find", skip_all, fields(network_rule.id = %id))]
    async fn find(
        &mut self,
        namespace: Namespace,
        id: NetworkRuleId,
    ) -> Result<Option<NetworkRule>, RepositoryError> {
        let row: Option<NetworkRuleRow> = Self::rules_of(SELECT, namespace)
            .push(" AND id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(|row| row.of(namespace)).transpose()
    }

    #[instrument(level = "debug", name = "db.network_rules.find_at", skip_all)]
    async fn find_at(
        &mut self,
        namespace: Namespace,
        priority: Priority,
    ) -> Result<Option<NetworkRule>, RepositoryError> {
        let row: Option<NetworkRuleRow> = Self::rules_of(SELECT, namespace)
            .push(" AND priority = ")
            .push_bind(i64::from(priority.number()))
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(|row| row.of(namespace)).transpose()
    }

    #[instrument(level = "debug", name = "db.network_rules.insert", skip_all, fields(network_rule.id = %rule.id))]
    async fn insert(&mut self, rule: &NetworkRule) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO network_rules (id, namespace, subject_id, address, description, priority, action, \
             enabled, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(rule.id.as_uuid())
        .bind(rule.namespace.kind())
        .bind(subject(rule.namespace))
        .bind(rule.address.as_str())
        .bind(text(&rule.description))
        .bind(i64::from(rule.priority.number()))
        .bind(rule.action.as_str())
        .bind(rule.enabled)
        .bind(rule.created_at.as_micros())
        .bind(rule.updated_at.as_micros())
        .bind(rule.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.network_rules.save", skip_all, fields(network_rule.id = %rule.id))]
    async fn save(&mut self, rule: &NetworkRule) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE network_rules SET address = $2, description = $3, priority = $4, action = $5, \
             enabled = $6, updated_at = $7, version = $8 WHERE id = $1 AND version = $8 - 1",
        )
        .bind(rule.id.as_uuid())
        .bind(rule.address.as_str())
        .bind(text(&rule.description))
        .bind(i64::from(rule.priority.number()))
        .bind(rule.action.as_str())
        .bind(rule.enabled)
        .bind(rule.updated_at.as_micros())
        .bind(rule.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.network_rules.swap", skip_all, fields(network_rule.id = %moved.id))]
    async fn swap(&mut self, moved: &NetworkRule, displaced: &NetworkRule) -> Result<bool, RepositoryError> {
        // No two rules of a namespace may have one priority, not even between two statements: the one
        // that is moved waits where no rule ever is.
        let park = "UPDATE network_rules SET priority = -priority WHERE id = $1";
        let parked = self.execute_for(park, moved.id.as_uuid()).await? == 1;
        Ok(parked
            && NetworkRuleRepository::save(self, displaced).await?
            && NetworkRuleRepository::save(self, moved).await?)
    }

    #[instrument(level = "debug", name = "db.network_rules.remove", skip_all, fields(network_rule.id = %id))]
    async fn remove(&mut self, namespace: Namespace, id: NetworkRuleId) -> Result<bool, RepositoryError> {
        let done = Self::rules_of("DELETE FROM network_rules", namespace)
            .push(" AND id = ")
            .push_bind(id.as_uuid())
            .build()
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.network_rules.remove_all", skip_all)]
    async fn remove_all(&mut self, namespace: Namespace) -> Result<Vec<NetworkRule>, RepositoryError> {
        let rows: Vec<NetworkRuleRow> = Self::rules_of("DELETE FROM network_rules", namespace)
            .push(" RETURNING id, address, description, priority, action, enabled, created_at, updated_at, version")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        sqlx::query("DELETE FROM network_rule_defaults WHERE namespace = $1 AND subject_id = $2")
            .bind(namespace.kind())
            .bind(subject(namespace).unwrap_or_default())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let removed: Result<Vec<NetworkRule>, RepositoryError> =
            rows.into_iter().map(|row| row.of(namespace)).collect();
        removed.map(|mut rules| {
            rules.sort_by_key(|rule| rule.priority);
            rules
        })
    }

    #[instrument(level = "debug", name = "db.network_rules.list", skip_all)]
    async fn list(
        &mut self,
        namespace: Namespace,
        filter: &NetworkRuleFilter,
        page: PageRequest,
    ) -> Result<Page<NetworkRule>, RepositoryError> {
        self.read_page(
            &mut Self::rules_of("SELECT count(*) FROM network_rules", namespace),
            Self::rules_of(SELECT, namespace).push(order_by(column(filter.sort), filter.direction)),
            page,
            |row: NetworkRuleRow| row.of(namespace),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.network_rules.list_all", skip_all)]
    async fn list_all(&mut self, namespace: Namespace) -> Result<Vec<NetworkRule>, RepositoryError> {
        let rows: Vec<NetworkRuleRow> = Self::rules_of(SELECT, namespace)
            .push(" ORDER BY priority")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(|row| row.of(namespace)).collect()
    }

    #[instrument(level = "debug", name = "db.network_rules.list_in_force", skip_all)]
    async fn list_in_force(&mut self) -> Result<Vec<NetworkRule>, RepositoryError> {
        let rows: Vec<AnyNetworkRuleRow> = sqlx::query_as(
            "SELECT namespace, subject_id, id, address, description, priority, action, enabled, created_at, \
             updated_at, version FROM network_rules WHERE enabled AND (namespace <> 'token' OR EXISTS ( \
                 SELECT 1 FROM tokens WHERE tokens.id = subject_id AND state <> 'revoked')) \
             ORDER BY namespace, subject_id, priority",
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let rule = |row: AnyNetworkRuleRow| match namespace(&row.namespace, row.subject_id) {
            Some(namespace) => row.rule.of(namespace),
            None => Err(corrupt("network_rules", row.rule.id, unknown_namespace(&row.namespace))),
        };
        rows.into_iter().map(rule).collect()
    }

    #[instrument(level = "debug", name = "db.network_rules.find_default", skip_all)]
    async fn find_default(&mut self, namespace: Namespace) -> Result<Option<Action>, RepositoryError> {
        let subject = subject(namespace).unwrap_or_default();
        let action: Option<String> = sqlx::query_scalar(
            "SELECT action FROM network_rule_defaults WHERE namespace = $1 AND subject_id = $2",
        )
        .bind(namespace.kind())
        .bind(subject)
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let wrong = |error| corrupt("network_rule_defaults", subject, error);
        action.map(|action| Action::parse(&action).map_err(wrong)).transpose()
    }

    #[instrument(level = "debug", name = "db.network_rules.set_default", skip_all)]
    async fn set_default(&mut self, namespace: Namespace, action: Action) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO network_rule_defaults (namespace, subject_id, action) VALUES ($1, $2, $3) \
             ON CONFLICT (namespace, subject_id) DO UPDATE SET action = excluded.action",
        )
        .bind(namespace.kind())
        .bind(subject(namespace).unwrap_or_default())
        .bind(action.as_str())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.network_rules.list_defaults", skip_all)]
    async fn list_defaults(&mut self) -> Result<Vec<(Namespace, Action)>, RepositoryError> {
        let rows: Vec<DefaultRow> = sqlx::query_as(
            "SELECT namespace, subject_id, action FROM network_rule_defaults ORDER BY namespace, subject_id",
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let pair = |row: DefaultRow| {
            let wrong = |error: String| corrupt("network_rule_defaults", row.subject_id, error);
            let whose = namespace(&row.namespace, Some(row.subject_id));
            let whose = whose.ok_or_else(|| wrong(unknown_namespace(&row.namespace)))?;
            let action = Action::parse(&row.action).map_err(|error| wrong(error.to_string()))?;
            Ok((whose, action))
        };
        rows.into_iter().map(pair).collect()
    }
}
