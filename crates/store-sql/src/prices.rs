//! Prices in SQL.

mod row;

use async_trait::async_trait;
use promptgate_kernel::{Page, PageRequest, PriceId, RepositoryError, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{
    FALLBACK_PRICE, FallbackPrice, ListPrice, PriceRates, PriceRefresh, PriceRepository, PriceVersion,
    PriceVersionFilter, PriceVersionId, StoredPrice, StoredPrices, UnpricedModel,
};
use sqlx::{AssertSqlSafe, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::value::{count, optional_text, text};
use crate::work::SqlWork;
use row::{ListPriceRow, PriceRow, RATES, RefreshRow, UnpricedRow, VERSION, VersionRow, nanos};

/// The row that a migration made.
const FALLBACK: Uuid = FALLBACK_PRICE.as_uuid();
/// How many refreshes are remembered.
const REFRESHES: i64 = 1_000;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

#[each_dialect]
impl SqlWork<Db> {
    async fn save_rates(
        &mut self,
        id: Uuid,
        rates: &PriceRates,
        updated_at: Timestamp,
        version: i64,
    ) -> Result<bool, RepositoryError> {
        // A process of the version before keeps no versions of what it writes.
        self.keep_version(id).await?;
        let mut query = sqlx::query(
            "UPDATE prices SET updated_at = $2, version = $3, input = $4, output = $5, cache_read = $6, \
             cache_write = $7, cache_write_1h = $8, audio_input = $9, audio_output = $10, reasoning = $11, \
             embedding = $12 WHERE id = $1 AND version = $3 - 1",
        )
        .bind(id)
        .bind(updated_at.as_micros())
        .bind(version);
        for rate in nanos(rates) {
            query = query.bind(rate);
        }
        let done = query.execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        self.keep_version(id).await?;
        Ok(true)
    }

    /// Keeps what somebody set as one of the versions of its price.
    async fn keep_version(&mut self, id: Uuid) -> Result<(), RepositoryError> {
        let statement = format!(
            "INSERT INTO price_versions (price_id, version, provider_name, model, {RATES}, origin, edition, \
             from_at) SELECT id, version, provider_name, model, {RATES}, 'manual', '', updated_at FROM prices \
             WHERE id = $1 ON CONFLICT (price_id, version) DO NOTHING"
        );
        let query = sqlx::query(AssertSqlSafe(statement)).bind(id);
        query.execute(&mut *self.tx).await.map(|_| ()).map_err(|error| self.fail(error))
    }

    /// Notes that a price ends, behind its last version.
    async fn end_versions(&mut self, id: Uuid, at: Timestamp) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO price_versions (price_id, version, provider_name, kind, model, origin, edition, from_at) \
             SELECT price_id, version + 1, provider_name, kind, model, origin, edition, $2 FROM price_versions \
             WHERE price_id = $1 ORDER BY version DESC LIMIT 1",
        )
        .bind(id)
        .bind(at.as_micros())
        .execute(&mut *self.tx)
        .await
        .map(|_| ())
        .map_err(|error| self.fail(error))
    }

    /// Writes one that is published; says whether it was there to be written.
    async fn save_list_price(&mut self, price: &ListPrice) -> Result<bool, RepositoryError> {
        let statement = if price.version == 1 {
            format!(
                "INSERT INTO list_prices (id, kind, model, origin, edition, created_at, updated_at, version, \
                 {RATES}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
            )
        } else {
            "UPDATE list_prices SET origin = $4, edition = $5, updated_at = $7, version = $8, input = $9, \
             output = $10, cache_read = $11, cache_write = $12, cache_write_1h = $13, audio_input = $14, \
             audio_output = $15, reasoning = $16, embedding = $17 \
             WHERE id = $1 AND kind = $2 AND model = $3 AND created_at = $6 AND version = $8 - 1"
                .to_owned()
        };
        let mut query = sqlx::query(AssertSqlSafe(statement))
            .bind(price.id.as_uuid())
            .bind(text(&price.kind))
            .bind(text(&price.model))
            .bind(price.origin.as_str())
            .bind(text(&price.edition))
            .bind(price.created_at.as_micros())
            .bind(price.updated_at.as_micros())
            .bind(price.version);
        for rate in nanos(&price.rates) {
            query = query.bind(rate);
        }
        let done = query.execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }
}

#[each_dialect]
#[async_trait]
impl PriceRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.prices.find", skip_all, fields(price.id = %id))]
    async fn find(&mut self, id: PriceId) -> Result<Option<StoredPrice>, RepositoryError> {
        let row: Option<PriceRow> = QueryBuilder::<Db>::new("SELECT id, provider_name, model, ")
            .push(RATES)
            .push(", created_at, updated_at, version FROM prices WHERE provider_name IS NOT NULL AND id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(StoredPrice::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.prices.fallback", skip_all)]
    async fn fallback(&mut self) -> Result<FallbackPrice, RepositoryError> {
        let row: PriceRow = QueryBuilder::<Db>::new("SELECT id, provider_name, model, ")
            .push(RATES)
            .push(", created_at, updated_at, version FROM prices WHERE id = ")
            .push_bind(FALLBACK)
            .build_query_as()
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(row.fallback())
    }

    #[instrument(level = "debug", name = "db.prices.insert", skip_all, fields(price.id = %price.id))]
    async fn insert(&mut self, price: &StoredPrice) -> Result<(), RepositoryError> {
        let statement = format!(
            "INSERT INTO prices (id, provider_name, model, created_at, updated_at, version, {RATES}) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        );
        let mut query = sqlx::query(AssertSqlSafe(statement))
            .bind(price.id.as_uuid())
            .bind(text(&price.target.provider))
            .bind(text(&price.target.model))
            .bind(price.created_at.as_micros())
            .bind(price.updated_at.as_micros())
            .bind(price.version);
        for rate in nanos(&price.rates) {
            query = query.bind(rate);
        }
        query.execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        self.keep_version(price.id.as_uuid()).await
    }

    #[instrument(level = "debug", name = "db.prices.save", skip_all, fields(price.id = %price.id))]
    async fn save(&mut self, price: &StoredPrice) -> Result<bool, RepositoryError> {
        self.save_rates(price.id.as_uuid(), &price.rates, price.updated_at, price.version).await
    }

    #[instrument(level = "debug", name = "db.prices.save_fallback", skip_all)]
    async fn save_fallback(&mut self, price: &FallbackPrice) -> Result<bool, RepositoryError> {
        self.save_rates(FALLBACK, &price.rates, price.updated_at, price.version).await
    }

    #[instrument(level = "debug", name = "db.prices.remove", skip_all, fields(price.id = %id))]
    async fn remove(&mut self, id: PriceId, at: Timestamp) -> Result<bool, RepositoryError> {
        let id = id.as_uuid();
        self.keep_version(id).await?;
        let statement = "DELETE FROM prices WHERE id = $1 AND provider_name IS NOT NULL";
        let is_gone = self.execute_for(statement, id).await? == 1;
        if is_gone {
            self.end_versions(id, at).await?;
        }
        Ok(is_gone)
    }

    #[instrument(level = "debug", name = "db.prices.list_all", skip_all)]
    async fn list_all(&mut self) -> Result<StoredPrices, RepositoryError> {
        let rows: Vec<PriceRow> = QueryBuilder::<Db>::new("SELECT id, provider_name, model, ")
            .push(RATES)
            .push(", created_at, updated_at, version FROM prices ORDER BY provider_name, model, id")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        let mut all = StoredPrices::default();
        for row in rows {
            if row.id == FALLBACK {
                all.fallback = Some(row.fallback());
            } else {
                all.models.push(row.try_into()?);
            }
        }
        Ok(all)
    }

    #[instrument(level = "debug", name = "db.list_prices.list", skip_all)]
    async fn list_prices(&mut self) -> Result<Vec<ListPrice>, RepositoryError> {
        let rows: Vec<ListPriceRow> = QueryBuilder::<Db>::new("SELECT id, kind, model, ")
            .push(RATES)
            .push(", origin, edition, created_at, updated_at, version FROM list_prices ORDER BY kind, model")
            .build_query_as()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        rows.into_iter().map(ListPrice::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.list_prices.save", skip_all, fields(count = prices.len()))]
    async fn save_list_prices(&mut self, prices: &[ListPrice]) -> Result<bool, RepositoryError> {
        // In one order, so that two writers never wait for each other in a circle.
        let mut sorted: Vec<&ListPrice> = prices.iter().collect();
        sorted.sort_by(|one, other| (&one.kind, &one.model).cmp(&(&other.kind, &other.model)));
        for price in sorted {
            if !self.save_list_price(price).await? {
                return Ok(false);
            }
        }
        let statement = format!(
            "INSERT INTO price_versions (price_id, version, kind, model, {RATES}, origin, edition, from_at) \
             SELECT id, version, kind, model, {RATES}, origin, edition, updated_at FROM list_prices \
             WHERE NOT EXISTS (SELECT 1 FROM price_versions kept WHERE kept.price_id = list_prices.id \
             AND kept.version = list_prices.version)"
        );
        let query = sqlx::query(AssertSqlSafe(statement));
        query.execute(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        Ok(true)
    }

    #[instrument(level = "debug", name = "db.list_prices.remove", skip_all, fields(price.id = %id))]
    async fn remove_list_price(&mut self, id: PriceId, at: Timestamp) -> Result<bool, RepositoryError> {
        let id = id.as_uuid();
        let is_gone = self.execute_for("DELETE FROM list_prices WHERE id = $1", id).await? == 1;
        if is_gone {
            self.end_versions(id, at).await?;
        }
        Ok(is_gone)
    }

    #[instrument(level = "debug", name = "db.price_versions.find", skip_all, fields(price.version = %id))]
    async fn find_version(&mut self, id: PriceVersionId) -> Result<Option<PriceVersion>, RepositoryError> {
        let row: Option<VersionRow> = QueryBuilder::<Db>::new("SELECT ")
            .push(VERSION)
            .push(" AND this.price_id = ")
            .push_bind(id.price.as_uuid())
            .push(" AND this.version = ")
            .push_bind(id.version)
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(PriceVersion::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.price_versions.list", skip_all)]
    async fn versions(
        &mut self,
        filter: &PriceVersionFilter,
        page: PageRequest,
    ) -> Result<Page<PriceVersion>, RepositoryError> {
        let matching = |begin: &str| {
            let mut query = QueryBuilder::<Db>::new(begin);
            for (column, value) in [
                ("provider_name", &filter.provider),
                ("kind", &filter.kind),
                ("model", &filter.model),
                ("edition", &filter.edition),
            ] {
                if let Some(value) = value {
                    query.push(" AND this.").push(column).push(" = ").push_bind(text(value).into_owned());
                }
            }
            if let Some(price) = filter.price {
                query.push(" AND this.price_id = ").push_bind(price.as_uuid());
            }
            if let Some(from) = filter.from {
                query.push(" AND this.from_at = ").push_bind(from.as_micros());
            }
            query
        };
        self.read_page(
            &mut matching("SELECT count(*) FROM price_versions this WHERE 1 = 1"),
            matching(&format!("SELECT {VERSION}"))
                .push(" ORDER BY this.from_at DESC, this.model, this.price_id, this.version DESC"),
            page,
            |row: VersionRow| row.try_into(),
        )
        .await
    }

    #[instrument(level = "debug", name = "db.price_refreshes.insert", skip_all)]
    async fn insert_refresh(&mut self, refresh: &PriceRefresh) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO price_refreshes (id, source, status, seen, added, updated, skipped, error, etag, \
             started_at, finished_at, program) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(refresh.id.as_uuid())
        .bind(text(&refresh.source))
        .bind(refresh.status.as_str())
        .bind(count(refresh.seen))
        .bind(count(refresh.added))
        .bind(count(refresh.updated))
        .bind(count(refresh.skipped))
        .bind(optional_text(refresh.error.as_ref()))
        .bind(optional_text(refresh.etag.as_ref()))
        .bind(refresh.started_at.as_micros())
        .bind(refresh.finished_at.as_micros())
        .bind(text(&refresh.program))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        sqlx::query(
            "DELETE FROM price_refreshes WHERE id NOT IN \
             (SELECT id FROM price_refreshes ORDER BY finished_at DESC, id DESC LIMIT $1)",
        )
        .bind(REFRESHES)
        .execute(&mut *self.tx)
        .await
        .map(|_| ())
        .map_err(|error| self.fail(error))
    }

    #[instrument(level = "debug", name = "db.price_refreshes.list", skip_all)]
    async fn refreshes(&mut self, limit: u32) -> Result<Vec<PriceRefresh>, RepositoryError> {
        let rows: Vec<RefreshRow> = sqlx::query_as(
            "SELECT id, source, status, seen, added, updated, skipped, error, etag, started_at, finished_at, \
             program FROM price_refreshes ORDER BY finished_at DESC, id DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        rows.into_iter().map(PriceRefresh::try_from).collect()
    }

    #[instrument(level = "debug", name = "db.price_refreshes.last_etag", skip_all)]
    async fn last_etag(&mut self, source: &str, program: &str) -> Result<Option<String>, RepositoryError> {
        let etag: Option<Option<String>> = sqlx::query_scalar(
            "SELECT CASE WHEN program = $2 AND NOT EXISTS (SELECT 1 FROM price_versions WHERE kind IS NOT NULL \
             AND input IS NULL AND from_at >= this.started_at) AND NOT EXISTS (SELECT 1 FROM price_refreshes other \
             WHERE other.source NOT IN ($1, $3) AND other.status <> 'failed' \
             AND other.finished_at >= this.finished_at) THEN etag END \
             FROM price_refreshes this WHERE source = $1 AND status <> 'failed' \
             ORDER BY finished_at DESC, id DESC LIMIT 1",
        )
        .bind(text(source))
        .bind(text(program))
        .bind(PriceRefresh::BUILT_IN)
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(etag.flatten())
    }

    #[instrument(level = "debug", name = "db.usage_days.unpriced", skip_all)]
    async fn unpriced(&mut self, since: Timestamp) -> Result<Vec<UnpricedModel>, RepositoryError> {
        let since = since.as_micros();
        let statement = format!(
            "SELECT provider, provider_kind, model, {} AS all_calls, {} AS all_tokens, {} AS guessed, \
             {} AS guessed_cost, MAX(at) AS last_at FROM usage_days \
             WHERE at >= $1 AND (unpriced_calls > 0 OR guessed_calls > 0) GROUP BY provider, provider_kind, model \
             ORDER BY all_tokens DESC, guessed_cost DESC, provider, model, provider_kind LIMIT 1000",
            Db::sum("unpriced_calls"),
            Db::sum("unpriced_tokens"),
            Db::sum("guessed_calls"),
            Db::sum("guessed_nanos"),
        );
        let rows: Vec<UnpricedRow> = sqlx::query_as(AssertSqlSafe(statement))
            .bind(since.saturating_sub(since.rem_euclid(DAY)))
            .fetch_all(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(rows.into_iter().map(UnpricedModel::from).collect())
    }
}
