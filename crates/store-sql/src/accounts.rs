//! Accounts in SQL.

mod row;

use std::collections::HashMap;

use async_trait::async_trait;
use promptgate_auth::{
    Account, AccountFilter, AccountKind, AccountRepository, AccountSort, AccountUse, ListedAccount,
};
use promptgate_kernel::{AccountId, Page, PageRequest, PlanId, RepositoryError, SortDirection, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use self::row::{AccountRow, recovery};
use crate::facts::{Whose, push_facts};
use crate::value::{containing, text, verbatim};
use crate::work::SqlWork;

const SELECT: &str = "SELECT accounts.id, kind, issuer, subject, username, email, name, role, plan_id, note, \
     active, firewall_override, expires_at, last_login_at, password_hash, must_change_password, \
     well_known_password, totp_secret, totp_confirmed_at, totp_last_step, totp_recovery, deleted_at, \
     created_at, updated_at, version, limits FROM accounts";

/// What accounts used, of calls of whatever comes behind it.
const USE: &str = "SELECT owner_id, CAST(SUM(input) AS BIGINT) AS input, CAST(SUM(output) AS BIGINT) AS output \
     FROM ";

#[derive(FromRow)]
struct UseRow {
    owner_id: Uuid,
    input: i64,
    output: i64,
}

fn order_by(sort: AccountSort, direction: SortDirection) -> String {
    let way = match direction {
        SortDirection::Ascending => "ASC",
        SortDirection::Descending => "DESC",
    };
    let column = match sort {
        AccountSort::Name => "name_folded",
        AccountSort::Email => "email_folded",
        AccountSort::Username => "username_folded",
        AccountSort::Role => {
            "CASE role WHEN 'none' THEN 0 WHEN 'user' THEN 1 WHEN 'manager' THEN 2 ELSE 3 END"
        }
        AccountSort::Active => "active",
        AccountSort::LastLoginAt => "last_login_at",
        AccountSort::CreatedAt => "created_at",
        AccountSort::UpdatedAt => "updated_at",
        AccountSort::InputTokens => "COALESCE(used.input, 0)",
        AccountSort::OutputTokens => "COALESCE(used.output, 0)",
    };
    let then = if sort == AccountSort::LastLoginAt { format!("created_at {way}, ") } else { String::new() };
    format!(" ORDER BY {column} {way} NULLS LAST, {then}accounts.id ASC")
}

#[each_dialect]
impl SqlWork<Db> {
    async fn find_account(
        &mut self,
        query: &mut QueryBuilder<Db>,
    ) -> Result<Option<Account>, RepositoryError> {
        let row: Option<AccountRow> =
            query.build_query_as().fetch_optional(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        row.map(Account::try_from).transpose()
    }

    async fn uses(&mut self, ids: &[AccountId]) -> Result<HashMap<AccountId, AccountUse>, RepositoryError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::<Db>::new(USE);
        push_facts(&mut query, Whose::These(ids), None);
        query.push(" GROUP BY owner_id");
        let rows: Vec<UseRow> =
            query.build_query_as().fetch_all(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        let used = |row: UseRow| {
            let used = AccountUse {
                input_tokens: row.input.unsigned_abs(),
                output_tokens: row.output.unsigned_abs(),
            };
            (AccountId::from_uuid(row.owner_id), used)
        };
        Ok(rows.into_iter().map(used).collect())
    }
}

#[each_dialect]
#[async_trait]
impl AccountRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.accounts.find", skip_all, fields(account.id = %id))]
    async fn find(&mut self, id: AccountId) -> Result<Option<Account>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new(SELECT);
        query.push(" WHERE deleted_at IS NULL AND accounts.id = ").push_bind(id.as_uuid());
        self.find_account(&mut query).await
    }

    #[instrument(level = "debug", name = "db.accounts.find_by_identity", skip_all)]
    async fn find_by_identity(
        &mut self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<Account>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new(SELECT);
        query.push(" WHERE deleted_at IS NULL AND issuer = ").push_bind(text(issuer).into_owned());
        query.push(" AND subject = ").push_bind(text(subject).into_owned());
        self.find_account(&mut query).await
    }

    #[instrument(level = "debug", name = "db.accounts.find_by_username", skip_all)]
    async fn find_by_username(
        &mut self,
        kind: AccountKind,
        username: &str,
    ) -> Result<Option<Account>, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new(SELECT);
        query.push(" WHERE deleted_at IS NULL AND kind = ").push_bind(kind.as_str());
        query.push(" AND username = ").push_bind(text(username).into_owned());
        query.push(" ORDER BY CASE WHEN issuer IS NULL THEN 0 ELSE 1 END, created_at, accounts.id LIMIT 1");
        self.find_account(&mut query).await
    }

    #[instrument(level = "debug", name = "db.accounts.find_by_email", skip_all)]
    async fn find_by_email(&mut self, email: &str) -> Result<Option<Account>, RepositoryError> {
        let folded = text(email).trim().to_lowercase();
        let mut query = QueryBuilder::<Db>::new(SELECT);
        query.push(" WHERE deleted_at IS NULL AND password_hash IS NOT NULL AND email_folded = ");
        query.push_bind(folded);
        self.find_account(&mut query).await
    }

    #[instrument(level = "debug", name = "db.accounts.insert", skip_all, fields(account.id = %account.id))]
    async fn insert(&mut self, account: &Account) -> Result<(), RepositoryError> {
        let totp = account.totp.as_ref();
        sqlx::query(
            "INSERT INTO accounts (id, kind, issuer, subject, username, username_folded, email, \
             email_folded, name, name_folded, role, plan_id, note, active, firewall_override, expires_at, \
             last_login_at, password_hash, must_change_password, well_known_password, totp_secret, \
             totp_confirmed_at, totp_last_step, totp_recovery, deleted_at, created_at, updated_at, version, \
             limits) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
             $20, $21, $22, $23, $24, $25, $26, $27, $28, $29)",
        )
        .bind(account.id.as_uuid())
        .bind(account.kind.as_str())
        .bind(account.issuer.as_deref().map(text))
        .bind(text(&account.subject))
        .bind(text(&account.username))
        .bind(text(&account.username).to_lowercase())
        .bind(text(&account.email))
        .bind(text(&account.email).to_lowercase())
        .bind(text(&account.name))
        .bind(text(&account.name).to_lowercase())
        .bind(account.role.as_str())
        .bind(account.plan_id.map(PlanId::as_uuid))
        .bind(text(&account.note))
        .bind(account.active)
        .bind(account.firewall_override)
        .bind(account.expires_at.map(Timestamp::as_micros))
        .bind(account.last_login_at.map(Timestamp::as_micros))
        .bind(account.password.as_ref().map(|hash| hash.as_text().to_owned()))
        .bind(account.must_change_password)
        .bind(account.well_known_password)
        .bind(totp.map(|totp| totp.secret.as_text().to_owned()))
        .bind(totp.and_then(|totp| totp.confirmed_at).map(Timestamp::as_micros))
        .bind(totp.and_then(|totp| totp.last_step))
        .bind(recovery(totp))
        .bind(account.deleted_at.map(Timestamp::as_micros))
        .bind(account.created_at.as_micros())
        .bind(account.updated_at.as_micros())
        .bind(account.version)
        .bind(verbatim(&account.limits))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.accounts.save", skip_all, fields(account.id = %account.id))]
    async fn save(&mut self, account: &Account) -> Result<bool, RepositoryError> {
        let totp = account.totp.as_ref();
        let done = sqlx::query(
            "UPDATE accounts SET issuer = $2, subject = $3, username = $4, username_folded = $5, email = $6, \
             email_folded = $7, name = $8, name_folded = $9, role = $10, plan_id = $11, note = $12, \
             active = $13, firewall_override = $14, expires_at = $15, last_login_at = $16, \
             password_hash = $17, must_change_password = $18, well_known_password = $19, totp_secret = $20, \
             totp_confirmed_at = $21, totp_last_step = $22, totp_recovery = $23, deleted_at = $24, \
             updated_at = $25, version = $26, limits = $27 WHERE id = $1 AND deleted_at IS NULL AND version = $26 - 1",
        )
        .bind(account.id.as_uuid())
        .bind(account.issuer.as_deref().map(text))
        .bind(text(&account.subject))
        .bind(text(&account.username))
        .bind(text(&account.username).to_lowercase())
        .bind(text(&account.email))
        .bind(text(&account.email).to_lowercase())
        .bind(text(&account.name))
        .bind(text(&account.name).to_lowercase())
        .bind(account.role.as_str())
        .bind(account.plan_id.map(PlanId::as_uuid))
        .bind(text(&account.note))
        .bind(account.active)
        .bind(account.firewall_override)
        .bind(account.expires_at.map(Timestamp::as_micros))
        .bind(account.last_login_at.map(Timestamp::as_micros))
        .bind(account.password.as_ref().map(|hash| hash.as_text().to_owned()))
        .bind(account.must_change_password)
        .bind(account.well_known_password)
        .bind(totp.map(|totp| totp.secret.as_text().to_owned()))
        .bind(totp.and_then(|totp| totp.confirmed_at).map(Timestamp::as_micros))
        .bind(totp.and_then(|totp| totp.last_step))
        .bind(recovery(totp))
        .bind(account.deleted_at.map(Timestamp::as_micros))
        .bind(account.updated_at.as_micros())
        .bind(account.version)
        .bind(verbatim(&account.limits))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.accounts.list", skip_all)]
    async fn list(
        &mut self,
        filter: &AccountFilter,
        page: PageRequest,
    ) -> Result<Page<ListedAccount>, RepositoryError> {
        let matching = |mut query: QueryBuilder<Db>| {
            query.push(" WHERE deleted_at IS NULL AND kind = ").push_bind(filter.kind.as_str());
            if let Some(role) = filter.role {
                query.push(" AND role = ").push_bind(role.as_str());
            }
            if let Some(active) = filter.active {
                query.push(" AND active = ").push_bind(active);
            }
            if let Some(search) = &filter.search {
                let pattern = containing(search);
                query.push(" AND (name_folded LIKE ").push_bind(pattern.clone());
                query.push(" ESCAPE '\\' OR email_folded LIKE ").push_bind(pattern.clone());
                query.push(" ESCAPE '\\' OR username_folded LIKE ").push_bind(pattern).push(" ESCAPE '\\')");
            }
            query
        };
        let mut rows = QueryBuilder::<Db>::new(SELECT);
        if matches!(filter.sort, AccountSort::InputTokens | AccountSort::OutputTokens) {
            rows.push(" LEFT JOIN (").push(USE);
            push_facts(&mut rows, Whose::Somebody, None);
            rows.push(" GROUP BY owner_id) used ON used.owner_id = accounts.id");
        }
        let accounts = self
            .read_page(
                &mut matching(QueryBuilder::new("SELECT count(*) FROM accounts")),
                matching(rows).push(order_by(filter.sort, filter.direction)),
                page,
                |row: AccountRow| row.try_into(),
            )
            .await?;
        let ids: Vec<AccountId> = accounts.items.iter().map(|account: &Account| account.id).collect();
        let uses = self.uses(&ids).await?;
        Ok(accounts.map(|account| {
            let used = uses.get(&account.id).copied().unwrap_or_default();
            ListedAccount { account, used }
        }))
    }

    #[instrument(level = "debug", name = "db.accounts.used_by", skip_all, fields(account.id = %id))]
    async fn used_by(&mut self, id: AccountId) -> Result<AccountUse, RepositoryError> {
        Ok(self.uses(&[id]).await?.remove(&id).unwrap_or_default())
    }

    #[instrument(level = "debug", name = "db.accounts.list_past_expiry", skip_all)]
    async fn list_past_expiry(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Account>, RepositoryError> {
        let rows: Vec<AccountRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE deleted_at IS NULL AND expires_at <= ")
            .push_bind(now.as_micros())
            .push(" ORDER BY id LIMIT ")
            .push_bind(i64::from(limit))
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(Account::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.accounts.count", skip_all)]
    async fn count(&mut self) -> Result<u64, RepositoryError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM accounts WHERE deleted_at IS NULL")
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(count.unsigned_abs())
    }

    #[instrument(level = "debug", name = "db.accounts.count_other_administrators", skip_all)]
    async fn count_other_administrators(
        &mut self,
        except: Option<AccountId>,
        now: Timestamp,
    ) -> Result<u64, RepositoryError> {
        let mut query = QueryBuilder::<Db>::new(
            "SELECT count(*) FROM accounts WHERE deleted_at IS NULL AND kind = 'user' AND role = 'admin' \
             AND active AND NOT well_known_password AND (expires_at IS NULL OR expires_at > ",
        );
        query.push_bind(now.as_micros()).push(")");
        if let Some(except) = except {
            query.push(" AND id <> ").push_bind(except.as_uuid());
        }
        let count: i64 =
            query.build_query_scalar().fetch_one(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        Ok(count.unsigned_abs())
    }

    // The update changes nothing; whoever wants the row after it waits for the end of this transaction.
    #[instrument(level = "debug", name = "db.accounts.lock_administrators", skip_all)]
    async fn lock_administrators(&mut self) -> Result<(), RepositoryError> {
        sqlx::query("UPDATE account_locks SET name = name WHERE name = 'administrators'")
            .execute(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(())
    }
}
