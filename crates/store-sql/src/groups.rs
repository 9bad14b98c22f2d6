//! Access groups and their members in SQL.

use std::collections::HashMap;

use async_trait::async_trait;
use promptgate_access::{
    Group, GroupFilter, GroupRepository, GroupSort, ListedGroup, Member, OwnNetworkRules, Patterns,
    Providers, Standing,
};
use promptgate_kernel::{
    AccountId, GroupId, LimitSet, Page, PageRequest, PlanId, ProviderId, RepositoryError, Timestamp,
};
use promptgate_store_sql_macros::each_dialect;
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::read_document;
use crate::value::{containing, count, order_by, text, texts, verbatim};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, name, display_name, description, all_providers, allow_patterns, \
     exclude_patterns, for_new_accounts, created_at, updated_at, version, limits FROM access_groups";

const MEMBERS: &str = "SELECT m.group_id, a.id, a.username, a.email, a.name, a.kind, a.role, a.active \
     FROM access_group_members m JOIN accounts a ON a.id = m.account_id WHERE a.deleted_at IS NULL";

const PROVIDER_COUNT: &str = "CASE WHEN all_providers THEN (SELECT count(*) FROM providers) ELSE \
     (SELECT count(*) FROM access_group_providers p WHERE p.group_id = access_groups.id) END";

const MEMBER_COUNT: &str = "(SELECT count(*) FROM access_group_members m JOIN accounts a ON a.id = m.account_id \
     WHERE m.group_id = access_groups.id AND a.deleted_at IS NULL)";

#[derive(FromRow)]
struct GroupRow {
    id: Uuid,
    name: String,
    display_name: String,
    description: String,
    all_providers: bool,
    allow_patterns: Json<Vec<String>>,
    exclude_patterns: Json<Vec<String>>,
    for_new_accounts: bool,
    created_at: i64,
    updated_at: i64,
    version: i64,
    limits: String,
}

#[derive(FromRow)]
struct MemberRow {
    group_id: Uuid,
    id: Uuid,
    username: String,
    email: String,
    name: String,
    kind: String,
    role: String,
    active: bool,
}

#[derive(FromRow)]
struct StandingRow {
    id: Uuid,
    active: bool,
    has_role: bool,
    expires_at: Option<i64>,
    kind: String,
    firewall_override: bool,
    plan_id: Option<Uuid>,
}

impl GroupRow {
    /// The group, without the providers that are kept in a table of their own.
    fn into_group(self) -> Result<Group, RepositoryError> {
        Ok(Group {
            id: GroupId::from_uuid(self.id),
            name: self.name,
            display_name: self.display_name,
            description: self.description,
            providers: if self.all_providers { Providers::All } else { Providers::Some(Vec::new()) },
            allow: Patterns::from_stored(self.allow_patterns.0),
            exclude: Patterns::from_stored(self.exclude_patterns.0),
            for_new_accounts: self.for_new_accounts,
            limits: read_document("access_groups", self.id, &self.limits)?,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
            version: self.version,
        })
    }
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        Self {
            id: AccountId::from_uuid(row.id),
            username: row.username,
            email: row.email,
            name: row.name,
            kind: row.kind,
            role: row.role,
            active: row.active,
        }
    }
}

const fn column(sort: GroupSort) -> &'static str {
    match sort {
        GroupSort::Name => "name",
        GroupSort::DisplayName => "display_name_folded",
        GroupSort::ProviderCount => PROVIDER_COUNT,
        GroupSort::PatternCount => "allow_count",
        GroupSort::MemberCount => MEMBER_COUNT,
        GroupSort::CreatedAt => "created_at",
        GroupSort::UpdatedAt => "updated_at",
    }
}

const fn is_all(group: &Group) -> bool {
    matches!(group.providers, Providers::All)
}

#[each_dialect]
impl SqlWork<Db> {
    async fn write_providers(&mut self, group: &Group) -> Result<(), RepositoryError> {
        let forget = "DELETE FROM access_group_providers WHERE group_id = $1";
        self.execute_for(forget, group.id.as_uuid()).await?;
        let Providers::Some(providers) = &group.providers else { return Ok(()) };
        for provider in providers {
            sqlx::query("INSERT INTO access_group_providers (group_id, provider_id) VALUES ($1, $2)")
                .bind(group.id.as_uuid())
                .bind(provider.as_uuid())
                .execute(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
        }
        Ok(())
    }

    /// The groups of these rows, with the providers that they name.
    async fn with_providers(&mut self, rows: Vec<GroupRow>) -> Result<Vec<Group>, RepositoryError> {
        let mut groups = rows.into_iter().map(GroupRow::into_group).collect::<Result<Vec<_>, _>>()?;
        if groups.is_empty() {
            return Ok(groups);
        }
        let mut query = QueryBuilder::<Db>::new(
            "SELECT group_id, provider_id FROM access_group_providers WHERE group_id IN (",
        );
        let mut ids = query.separated(", ");
        for group in &groups {
            ids.push_bind(group.id.as_uuid());
        }
        let rows: Vec<(Uuid, Uuid)> = query
            .push(") ORDER BY provider_id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let mut named: HashMap<Uuid, Vec<ProviderId>> = HashMap::new();
        for (group, provider) in rows {
            named.entry(group).or_default().push(ProviderId::from_uuid(provider));
        }
        for group in &mut groups {
            let found = named.remove(&group.id.as_uuid()).unwrap_or_default();
            if let Providers::Some(providers) = &mut group.providers {
                *providers = found;
            }
        }
        Ok(groups)
    }

    /// The groups, with everybody who is in them.
    async fn with_members(&mut self, groups: Vec<Group>) -> Result<Vec<ListedGroup>, RepositoryError> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Db>::new(MEMBERS);
        query.push(" AND m.group_id IN (");
        let mut ids = query.separated(", ");
        for group in &groups {
            ids.push_bind(group.id.as_uuid());
        }
        let rows: Vec<MemberRow> = query
            .push(") ORDER BY a.id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let mut members: HashMap<Uuid, Vec<Member>> = HashMap::new();
        for row in rows {
            members.entry(row.group_id).or_default().push(row.into());
        }
        let listed = |group: Group| {
            let members = members.remove(&group.id.as_uuid()).unwrap_or_default();
            ListedGroup { group, members }
        };
        Ok(groups.into_iter().map(listed).collect())
    }
}

#[each_dialect]
#[async_trait]
impl GroupRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.access_groups.find", skip_all, fields(group.id = %id))]
    async fn find(&mut self, id: GroupId) -> Result<Option<Group>, RepositoryError> {
        let row: Option<GroupRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(self.with_providers(row.into_iter().collect()).await?.pop())
    }

    #[instrument(level = "debug", name = "db.access_groups.find_listed", skip_all, fields(group.id = %id))]
    async fn find_listed(&mut self, id: GroupId) -> Result<Option<ListedGroup>, RepositoryError> {
        let found = GroupRepository::find(self, id).await?;
        Ok(self.with_members(found.into_iter().collect()).await?.pop())
    }

    #[instrument(level = "debug", name = "db.access_groups.insert", skip_all, fields(group.id = %group.id))]
    async fn insert(&mut self, group: &Group) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO access_groups (id, name, display_name, display_name_folded, description, \
             description_folded, all_providers, allow_patterns, allow_count, exclude_patterns, \
             for_new_accounts, created_at, updated_at, version, limits) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        )
        .bind(group.id.as_uuid())
        .bind(text(&group.name))
        .bind(text(&group.display_name))
        .bind(text(&group.display_name.to_lowercase()))
        .bind(text(&group.description))
        .bind(text(&group.description.to_lowercase()))
        .bind(is_all(group))
        .bind(texts(group.allow.as_slice()))
        .bind(count(group.allow.as_slice().len() as u64))
        .bind(texts(group.exclude.as_slice()))
        .bind(group.for_new_accounts)
        .bind(group.created_at.as_micros())
        .bind(group.updated_at.as_micros())
        .bind(group.version)
        .bind(verbatim(&group.limits))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        self.write_providers(group).await
    }

    #[instrument(level = "debug", name = "db.access_groups.save", skip_all, fields(group.id = %group.id))]
    async fn save(&mut self, group: &Group) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE access_groups SET display_name = $2, display_name_folded = $3, description = $4, \
             description_folded = $5, all_providers = $6, allow_patterns = $7, allow_count = $8, \
             exclude_patterns = $9, for_new_accounts = $10, updated_at = $11, version = $12, \
             limits = $13 \
             WHERE id = $1 AND version = $12 - 1",
        )
        .bind(group.id.as_uuid())
        .bind(text(&group.display_name))
        .bind(text(&group.display_name.to_lowercase()))
        .bind(text(&group.description))
        .bind(text(&group.description.to_lowercase()))
        .bind(is_all(group))
        .bind(texts(group.allow.as_slice()))
        .bind(count(group.allow.as_slice().len() as u64))
        .bind(texts(group.exclude.as_slice()))
        .bind(group.for_new_accounts)
        .bind(group.updated_at.as_micros())
        .bind(group.version)
        .bind(verbatim(&group.limits))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let saved = done.rows_affected() == 1;
        if saved {
            self.write_providers(group).await?;
        }
        Ok(saved)
    }

    #[instrument(level = "debug", name = "db.access_groups.remove", skip_all, fields(group.id = %id))]
    async fn remove(&mut self, id: GroupId) -> Result<bool, RepositoryError> {
        Ok(self.execute_for("DELETE FROM access_groups WHERE id = $1", id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.access_groups.list", skip_all)]
    async fn list(
        &mut self,
        filter: &GroupFilter,
        page: PageRequest,
    ) -> Result<Page<ListedGroup>, RepositoryError> {
        let matching = |mut query: QueryBuilder<Db>| {
            if let Some(search) = &filter.search {
                let pattern = containing(search);
                query.push(" WHERE (name LIKE ").push_bind(pattern.clone()).push(" ESCAPE '\\'");
                query.push(" OR display_name_folded LIKE ").push_bind(pattern.clone()).push(" ESCAPE '\\'");
                query.push(" OR description_folded LIKE ").push_bind(pattern).push(" ESCAPE '\\')");
            }
            query
        };
        let rows = self
            .read_page(
                &mut matching(QueryBuilder::new("SELECT count(*) FROM access_groups")),
                matching(QueryBuilder::new(SELECT)).push(order_by(column(filter.sort), filter.direction)),
                page,
                |row: GroupRow| Ok(row),
            )
            .await?;
        let groups = self.with_providers(rows.items).await?;
        let items = self.with_members(groups).await?;
        Ok(Page { items, request: rows.request, total: rows.total })
    }

    #[instrument(level = "debug", name = "db.access_groups.list_all", skip_all)]
    async fn list_all(&mut self) -> Result<Vec<Group>, RepositoryError> {
        let rows: Vec<GroupRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" ORDER BY name")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        self.with_providers(rows).await
    }

    #[instrument(level = "debug", name = "db.access_groups.has_account", skip_all)]
    async fn has_account(&mut self, account: AccountId) -> Result<bool, RepositoryError> {
        let found: i64 =
            sqlx::query_scalar("SELECT count(*) FROM accounts WHERE id = $1 AND deleted_at IS NULL")
                .bind(account.as_uuid())
                .fetch_one(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?;
        Ok(found == 1)
    }

    #[instrument(level = "debug", name = "db.access_groups.standings", skip_all)]
    async fn standings(&mut self) -> Result<Vec<Standing>, RepositoryError> {
        let rows: Vec<StandingRow> = sqlx::query_as(
            "SELECT id, active, role <> 'none' AS has_role, expires_at, kind, firewall_override, plan_id \
             FROM accounts WHERE deleted_at IS NULL ORDER BY id",
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let standing = |row: StandingRow| Standing {
            account: AccountId::from_uuid(row.id),
            active: row.active,
            has_role: row.has_role,
            expires_at: row.expires_at.map(Timestamp::from_micros),
            network_rules: match (row.firewall_override, row.kind.as_str()) {
                (false, _) => OwnNetworkRules::None,
                (true, "service") => OwnNetworkRules::Services,
                (true, _) => OwnNetworkRules::Persons,
            },
            plan: row.plan_id.map(PlanId::from_uuid),
        };
        Ok(rows.into_iter().map(standing).collect())
    }

    #[instrument(level = "debug", name = "db.access_groups.account_limits", skip_all)]
    async fn account_limits(&mut self) -> Result<Vec<(AccountId, LimitSet)>, RepositoryError> {
        let rows: Vec<(Uuid, String)> = sqlx::query_as(
            "SELECT id, limits FROM accounts WHERE deleted_at IS NULL AND limits <> '{}' ORDER BY id",
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let limits = |(id, limits): (Uuid, String)| {
            Ok((AccountId::from_uuid(id), read_document("accounts", id, &limits)?))
        };
        rows.into_iter().map(limits).collect()
    }

    #[instrument(level = "debug", name = "db.access_groups.all_members", skip_all)]
    async fn all_members(&mut self) -> Result<Vec<(AccountId, GroupId)>, RepositoryError> {
        let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "SELECT account_id, group_id FROM access_group_members ORDER BY account_id, group_id",
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        let pair = |(account, group)| (AccountId::from_uuid(account), GroupId::from_uuid(group));
        Ok(rows.into_iter().map(pair).collect())
    }

    #[instrument(level = "debug", name = "db.access_groups.add_member", skip_all, fields(group.id = %id))]
    async fn add_member(&mut self, id: GroupId, account: AccountId) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "INSERT INTO access_group_members (account_id, group_id) VALUES ($1, $2) \
             ON CONFLICT (account_id, group_id) DO NOTHING",
        )
        .bind(account.as_uuid())
        .bind(id.as_uuid())
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.access_groups.remove_member", skip_all, fields(group.id = %id))]
    async fn remove_member(&mut self, id: GroupId, account: AccountId) -> Result<bool, RepositoryError> {
        let done = sqlx::query("DELETE FROM access_group_members WHERE account_id = $1 AND group_id = $2")
            .bind(account.as_uuid())
            .bind(id.as_uuid())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.access_groups.groups_of", skip_all, fields(account.id = %account))]
    async fn groups_of(&mut self, account: AccountId) -> Result<Vec<ListedGroup>, RepositoryError> {
        let rows: Vec<GroupRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id IN (SELECT group_id FROM access_group_members WHERE account_id = ")
            .push_bind(account.as_uuid())
            .push(") ORDER BY name")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let groups = self.with_providers(rows).await?;
        self.with_members(groups).await
    }

    #[instrument(level = "debug", name = "db.access_groups.set_groups_of", skip_all, fields(account.id = %account))]
    async fn set_groups_of(&mut self, account: AccountId, groups: &[GroupId]) -> Result<(), RepositoryError> {
        let leave = "DELETE FROM access_group_members WHERE account_id = $1";
        self.execute_for(leave, account.as_uuid()).await?;
        for group in groups {
            self.add_member(*group, account).await?;
        }
        Ok(())
    }

    #[instrument(level = "debug", name = "db.access_groups.welcome", skip_all, fields(account.id = %account))]
    async fn welcome(&mut self, account: AccountId) -> Result<(), RepositoryError> {
        let join = "INSERT INTO access_group_members (account_id, group_id) \
             SELECT $1, id FROM access_groups WHERE for_new_accounts \
             ON CONFLICT (account_id, group_id) DO NOTHING";
        self.execute_for(join, account.as_uuid()).await?;
        Ok(())
    }
}
