//! Definitions of MCP servers in SQL.

use async_trait::async_trait;
use promptgate_kernel::{McpServerId, Page, PageRequest, RepositoryError, Sealed, Timestamp};
use promptgate_mcp::{Header, HeaderValue, McpServer, McpServerFilter, McpServerRepository, McpServerSort};
use promptgate_store_sql_macros::each_dialect;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::error::read_document;
use crate::value::{count, order_by, text, verbatim};
use crate::work::SqlWork;

const SELECT: &str = "SELECT id, name, display_name, url, headers, allow_pattern, deny_pattern, enabled, \
     created_at, updated_at, version FROM mcp_servers";

#[derive(FromRow)]
struct McpServerRow {
    id: Uuid,
    name: String,
    display_name: String,
    url: String,
    headers: String,
    allow_pattern: String,
    deny_pattern: String,
    enabled: bool,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

/// A header as the column keeps it.
#[derive(Serialize, Deserialize)]
struct HeaderDocument {
    name: String,
    sensitive: bool,
    /// The value, or the sealed value of a sensitive one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

impl From<&Header> for HeaderDocument {
    fn from(header: &Header) -> Self {
        let value = match &header.value {
            HeaderValue::Plain(text) => Some(text.clone()),
            HeaderValue::Sensitive(sealed) => sealed.as_ref().map(|sealed| sealed.as_text().to_owned()),
        };
        Self { name: header.name.clone(), sensitive: header.is_sensitive(), value }
    }
}

impl From<HeaderDocument> for Header {
    fn from(document: HeaderDocument) -> Self {
        let value = if document.sensitive {
            HeaderValue::Sensitive(document.value.map(Sealed::from_text))
        } else {
            HeaderValue::Plain(document.value.unwrap_or_default())
        };
        Self { name: document.name, value }
    }
}

impl TryFrom<McpServerRow> for McpServer {
    type Error = RepositoryError;

    fn try_from(row: McpServerRow) -> Result<Self, RepositoryError> {
        let headers: Vec<HeaderDocument> = read_document("mcp_servers", row.id, &row.headers)?;
        Ok(Self {
            id: McpServerId::from_uuid(row.id),
            name: row.name,
            display_name: row.display_name,
            url: row.url,
            headers: headers.into_iter().map(Header::from).collect(),
            allow_pattern: row.allow_pattern,
            deny_pattern: row.deny_pattern,
            enabled: row.enabled,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            version: row.version,
        })
    }
}

fn documents(headers: &[Header]) -> String {
    verbatim(&headers.iter().map(HeaderDocument::from).collect::<Vec<_>>())
}

const fn column(sort: McpServerSort) -> &'static str {
    match sort {
        McpServerSort::Name => "name",
        McpServerSort::DisplayName => "display_name_folded",
        McpServerSort::Url => "url",
        McpServerSort::Headers => "header_count",
        McpServerSort::Filters => "(allow_pattern || deny_pattern)",
        McpServerSort::Enabled => "enabled",
        McpServerSort::CreatedAt => "created_at",
        McpServerSort::UpdatedAt => "updated_at",
    }
}

#[each_dialect]
#[async_trait]
impl McpServerRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.mcp_servers.find", skip_all, fields(mcp_server.id = %id))]
    async fn find(&mut self, id: McpServerId) -> Result<Option<McpServer>, RepositoryError> {
        let row: Option<McpServerRow> = QueryBuilder::<Db>::new(SELECT)
            .push(" WHERE id = ")
            .push_bind(id.as_uuid())
            .build_query_as()
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        row.map(McpServer::try_from).transpose()
    }

    #[instrument(level = "debug", name = "db.mcp_servers.insert", skip_all, fields(mcp_server.id = %server.id))]
    async fn insert(&mut self, server: &McpServer) -> Result<(), RepositoryError> {
        sqlx::query(
            "INSERT INTO mcp_servers (id, name, display_name, display_name_folded, url, headers, header_count, \
             allow_pattern, deny_pattern, enabled, created_at, updated_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(server.id.as_uuid())
        .bind(text(&server.name))
        .bind(text(&server.display_name))
        .bind(text(&server.display_name.to_lowercase()))
        .bind(text(&server.url))
        .bind(documents(&server.headers))
        .bind(count(server.headers.len() as u64))
        .bind(text(&server.allow_pattern))
        .bind(text(&server.deny_pattern))
        .bind(server.enabled)
        .bind(server.created_at.as_micros())
        .bind(server.updated_at.as_micros())
        .bind(server.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(())
    }

    #[instrument(level = "debug", name = "db.mcp_servers.save", skip_all, fields(mcp_server.id = %server.id))]
    async fn save(&mut self, server: &McpServer) -> Result<bool, RepositoryError> {
        let done = sqlx::query(
            "UPDATE mcp_servers SET name = $2, display_name = $3, display_name_folded = $4, url = $5, \
             headers = $6, header_count = $7, allow_pattern = $8, deny_pattern = $9, enabled = $10, \
             updated_at = $11, version = $12 WHERE id = $1 AND version = $12 - 1",
        )
        .bind(server.id.as_uuid())
        .bind(text(&server.name))
        .bind(text(&server.display_name))
        .bind(text(&server.display_name.to_lowercase()))
        .bind(text(&server.url))
        .bind(documents(&server.headers))
        .bind(count(server.headers.len() as u64))
        .bind(text(&server.allow_pattern))
        .bind(text(&server.deny_pattern))
        .bind(server.enabled)
        .bind(server.updated_at.as_micros())
        .bind(server.version)
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected() == 1)
    }

    #[instrument(level = "debug", name = "db.mcp_servers.remove", skip_all, fields(mcp_server.id = %id))]
    async fn remove(&mut self, id: McpServerId) -> Result<bool, RepositoryError> {
        Ok(self.execute_for("DELETE FROM mcp_servers WHERE id = $1", id.as_uuid()).await? == 1)
    }

    #[instrument(level = "debug", name = "db.mcp_servers.list", skip_all)]
    async fn list(
        &mut self,
        filter: &McpServerFilter,
        page: PageRequest,
    ) -> Result<Page<McpServer>, RepositoryError> {
        self.read_page(
            &mut QueryBuilder::new("SELECT count(*) FROM mcp_servers"),
            QueryBuilder::new(SELECT).push(order_by(column(filter.sort), filter.direction)),
            page,
            |row: McpServerRow| row.try_into(),
        )
        .await
    }
}
