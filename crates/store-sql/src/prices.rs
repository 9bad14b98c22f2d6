//! Prices in SQL.

use async_trait::async_trait;
use promptgate_kernel::{Money, PriceId, PricePerMillion, RepositoryError, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{
    FallbackPrice, InvalidPrice, PriceRates, PriceRepository, PriceTarget, StoredPrice, StoredPrices,
};
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::corrupt;
use crate::value::text;
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, provider_name, model, input, output, cache_read, cache_write, embedding, \
     created_at, updated_at, version FROM prices";

/// The row that a migration made.
const FALLBACK: Uuid = Uuid::from_u128(1);

#[derive(FromRow)]
struct PriceRow {
    id: Uuid,
    provider_name: Option<String>,
    model: Option<String>,
    input: i64,
    output: i64,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
    embedding: Option<i64>,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl PriceRow {
    fn rates(&self) -> PriceRates {
        PriceRates {
            input: price(self.input),
            output: price(self.output),
            cache_read: self.cache_read.map(price),
            cache_write: self.cache_write.map(price),
            embedding: self.embedding.map(price),
        }
    }

    fn fallback(&self) -> FallbackPrice {
        FallbackPrice {
            rates: self.rates(),
            updated_at: Timestamp::from_micros(self.updated_at),
            version: self.version,
        }
    }
}

impl TryFrom<PriceRow> for StoredPrice {
    type Error = RepositoryError;

    fn try_from(row: PriceRow) -> Result<Self, RepositoryError> {
        let wrong = |error: InvalidPrice| corrupt("prices", row.id, error);
        let rates = row.rates();
        let (provider, model) = (row.provider_name.unwrap_or_default(), row.model.unwrap_or_default());
        Ok(Self {
            id: PriceId::from_uuid(row.id),
            target: PriceTarget::new(&provider, &model).map_err(wrong)?,
            rates,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

const fn price(nanos: i64) -> PricePerMillion {
    PricePerMillion::from_money(Money::from_nanos(nanos))
}

const fn nanos(price: PricePerMillion) -> i64 {
    price.as_money().as_nanos()
}

#[each_dialect]
impl SqlWork<Db> {
    async fn save_rates(
        &mut self,
        id: Uuid,
        rates: &PriceRates,
        updated_at: Timestamp,
        version: i64,
    ) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE prices SET input = $2, output = $3, cache_read = $4, cache_write = $5, embedding = $6, \
             updated_at = $7, version = $8 WHERE id = $1 AND version = $8 - 1",
        )
        .bind(id)
        .bind(nanos(rates.input))
        .bind(nanos(rates.output))
        .bind(rates.cache_read.map(nanos))
        .bind(rates.cache_write.map(nanos))
        .bind(rates.embedding.map(nanos))
        .bind(updated_at.as_micros())
        .bind(version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }
}

#[each_dialect]
#[async_trait]
impl PriceRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.prices.find", skip_all, fields(price.id = %id))]
    async fn find(&mut self, id: PriceId) -> Result<Option<StoredPrice>, RepositoryError> {
        let row: Option<PriceRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE provider_name IS NOT NULL AND id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(StoredPrice::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.prices.fallback", skip_all)]
    async fn fallback(&mut self) -> Result<FallbackPrice, RepositoryError> {
        let row: PriceRow = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id = ")
            .push_bind(FALLBACK)
            .build_query_as()
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        Ok(row.fallback())
    }

    #[instrument(level = "debug", name = "db.prices.insert", skip_all, fields(price.id = %price.id))]
    async fn insert(&mut self, price: &StoredPrice) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO prices (id, provider_name, model, input, output, cache_read, cache_write, embedding, \
             created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(price.id.as_uuid())
        .bind(text(&price.target.provider))
        .bind(text(&price.target.model))
        .bind(nanos(price.rates.input))
        .bind(nanos(price.rates.output))
        .bind(price.rates.cache_read.map(nanos))
        .bind(price.rates.cache_write.map(nanos))
        .bind(price.rates.embedding.map(nanos))
        .bind(price.created_at.as_micros())
        .bind(price.updated_at.as_micros())
        .bind(price.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
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
    async fn remove(&mut self, id: PriceId) -> Result<bool, RepositoryError> {
        let statement = "DELETE FROM prices WHERE id = $1 AND provider_name IS NOT NULL";
        Ok(self.execute_for(statement, id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.prices.list_all", skip_all)]
    async fn list_all(&mut self) -> Result<StoredPrices, RepositoryError> {
        let rows: Vec<PriceRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" ORDER BY provider_name, model, id")
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
}
