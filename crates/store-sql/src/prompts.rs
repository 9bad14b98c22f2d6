//! What users wrote, in SQL.

use std::collections::HashMap;

use async_trait::async_trait;
use promptgate_kernel::{AccountId, CallId, Page, PageRequest, RepositoryError, SortDirection, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{ListedPrompt, PromptFilter, PromptRepository, PromptSort};
use sqlx::{FromRow, QueryBuilder};
use tracing::instrument;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::kept::Kept;
use crate::value::containing_letters;
use crate::work::SqlWork;

/// Who called.
const CALLER: &str = " LEFT JOIN accounts a ON a.id = e.owner_id";
/// What was said, which is long: only where it decides.
const SAID: &str = " JOIN call_contents said ON said.call_id = e.id";
/// Calls that ended with words of a user, for as long as these are kept. What was said is removed from the
/// oldest on, so that every one is there behind the first.
const PROMPTED: &str = " WHERE e.prompted AND e.at >= (SELECT MIN(at) FROM call_contents)";

const INPUT: &str = "(e.input_tokens + e.audio_input_tokens)";
const OUTPUT: &str = "(e.output_tokens + e.reasoning_tokens + e.audio_output_tokens)";
const MODEL: &str = "COALESCE(e.model, e.requested_model)";

#[derive(FromRow)]
struct PromptRow {
    id: Uuid,
    at: i64,
    provider_response_id: Option<String>,
    provider: Option<String>,
    provider_kind: Option<String>,
    model: Option<String>,
    input: i64,
    output: i64,
    duration_ms: i64,
    owner_id: Option<Uuid>,
    name: Option<String>,
    username: Option<String>,
    email: Option<String>,
    client_ip: Option<String>,
}

#[derive(FromRow)]
struct TextRow {
    call_id: Uuid,
    prompt: Option<String>,
}

impl From<PromptRow> for ListedPrompt {
    fn from(row: PromptRow) -> Self {
        Self {
            call_id: CallId::from_uuid(row.id),
            at: Timestamp::from_micros(row.at),
            prompt: String::new(),
            provider_response_id: row.provider_response_id.unwrap_or_default(),
            provider: row.provider.unwrap_or_default(),
            provider_kind: row.provider_kind.unwrap_or_default(),
            model: row.model.unwrap_or_default(),
            input_tokens: row.input.unsigned_abs(),
            output_tokens: row.output.unsigned_abs(),
            duration_ms: row.duration_ms.unsigned_abs(),
            owner: row.owner_id.map(AccountId::from_uuid),
            user_name: row.name.unwrap_or_default(),
            username: row.username.unwrap_or_default(),
            user_email: row.email.unwrap_or_default(),
            client_ip: row.client_ip.unwrap_or_default(),
        }
    }
}

fn column<DB: Dialect>(sort: PromptSort) -> &'static str {
    match sort {
        PromptSort::Prompt => DB::PROMPT,
        PromptSort::Provider => "e.provider",
        PromptSort::Model => MODEL,
        PromptSort::CreatedAt => "e.at",
        PromptSort::Duration => "e.latency_us",
        PromptSort::InputTokens => INPUT,
        PromptSort::OutputTokens => OUTPUT,
        PromptSort::TotalTokens => {
            "(e.input_tokens + e.audio_input_tokens + e.output_tokens + e.reasoning_tokens \
             + e.audio_output_tokens)"
        }
        PromptSort::UserName => "a.name_folded",
        PromptSort::UserEmail => "a.email_folded",
        PromptSort::ClientIp => "e.client_ip",
    }
}

#[each_dialect]
impl SqlWork<Db> {
    /// How many of these there are.
    async fn kept_prompts(&mut self, owner: Option<AccountId>) -> Result<u64, RepositoryError> {
        let since: Option<i64> = sqlx::query_scalar("SELECT MIN(at) FROM call_contents")
            .fetch_one(&mut *self.tx)
            .await
            .map_err(|error| self.fail(error))?;
        match since {
            Some(_) => self.kept_calls(Kept { owner, prompted_since: since, ..Kept::default() }).await,
            None => Ok(0),
        }
    }

    /// What was written in these calls. Pages are sorted without it: it may be long.
    async fn texts_of(&mut self, page: &[ListedPrompt]) -> Result<HashMap<CallId, String>, RepositoryError> {
        if page.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::<Db>::new("SELECT said.call_id, ");
        query.push(Db::PROMPT).push(" AS prompt FROM call_contents said WHERE said.call_id IN (");
        let mut ids = query.separated(", ");
        for prompt in page {
            ids.push_bind(prompt.call_id.as_uuid());
        }
        ids.push_unseparated(")");
        let rows: Vec<TextRow> =
            query.build_query_as().fetch_all(&mut *self.tx).await.map_err(|error| self.fail(error))?;
        Ok(rows
            .into_iter()
            .map(|row| (CallId::from_uuid(row.call_id), row.prompt.unwrap_or_default()))
            .collect())
    }
}

#[each_dialect]
#[async_trait]
impl PromptRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.prompts.list", skip_all)]
    async fn list(
        &mut self,
        filter: &PromptFilter,
        page: PageRequest,
    ) -> Result<Page<ListedPrompt>, RepositoryError> {
        let reads = filter.search.is_some();
        let matching = |what: &str, with: &[&'static str]| {
            let mut query = QueryBuilder::<Db>::new("SELECT ");
            query.push(what).push(" FROM usage_events e");
            for with in with {
                query.push(*with);
            }
            query.push(PROMPTED);
            if let Some(owner) = filter.owner {
                query.push(" AND e.owner_id = ").push_bind(owner.as_uuid());
            }
            if let Some(search) = &filter.search {
                query.push(" AND lower(").push(Db::PROMPT).push(") LIKE ");
                query.push_bind(containing_letters(search)).push(" ESCAPE '\\'");
            }
            query
        };
        let columns = format!(
            "e.id, e.at, e.provider_response_id, e.provider, e.provider_kind, {MODEL} AS model, {INPUT} AS input, \
             {OUTPUT} AS output, e.latency_us / 1000 AS duration_ms, e.owner_id, a.name, a.username, a.email, \
             e.client_ip"
        );
        let direction = match filter.direction {
            SortDirection::Ascending => "ASC",
            SortDirection::Descending => "DESC",
        };
        let total = if reads {
            matching("count(*)", &[SAID])
                .build_query_scalar::<i64>()
                .fetch_one(&mut *self.tx)
                .await
                .map_err(|error| self.fail(error))?
                .unsigned_abs()
        } else {
            self.kept_prompts(filter.owner).await?
        };
        let sorts = filter.sort == PromptSort::Prompt;
        let mut rows = matching(&columns, if reads || sorts { &[SAID, CALLER] } else { &[CALLER] });
        rows.push(" ORDER BY ").push(column::<Db>(filter.sort)).push(" ").push(direction);
        // Every call has an instant; saying more would keep the index from being read in its order.
        let behind =
            if filter.sort == PromptSort::CreatedAt { ", e.id ASC" } else { " NULLS LAST, e.id ASC" };
        rows.push(behind);
        let mut page =
            self.read_page_of(total, &mut rows, page, |row: PromptRow| Ok(ListedPrompt::from(row))).await?;
        let mut texts = self.texts_of(&page.items).await?;
        for prompt in &mut page.items {
            prompt.prompt = texts.remove(&prompt.call_id).unwrap_or_default();
        }
        Ok(page)
    }
}
