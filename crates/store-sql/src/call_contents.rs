//! What was said in calls, in SQL.

use std::borrow::Cow;
use std::ops::Range;

use async_trait::async_trait;
use memchr::memmem;
use promptgate_kernel::{CallId, ProjectId, RepositoryError, Timestamp};
use promptgate_store_sql_macros::each_dialect;
use promptgate_usage::{CallContent, CallContentRepository, ToolCallRecord};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;
use tracing::instrument;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::insert::Insertions;
use crate::rows::Rows;
use crate::value::{count, optional_text, text};
use crate::work::SqlWork;

const COLUMNS: &str = "call_id, at, project_id, prompt, request, response, tool_calls, truncated, \
     prompt_start, prompt_end";

#[derive(FromRow)]
struct ContentRow {
    call_id: Uuid,
    at: i64,
    project_id: Uuid,
    prompt: Option<String>,
    request: Option<String>,
    response: Option<String>,
    tool_calls: Json<Vec<StoredToolCall>>,
    truncated: bool,
    prompt_start: Option<i64>,
    prompt_end: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct StoredToolCall {
    id: String,
    name: String,
    arguments: String,
    injected: bool,
}

impl From<&ToolCallRecord> for StoredToolCall {
    fn from(call: &ToolCallRecord) -> Self {
        Self {
            id: text(&call.id).into_owned(),
            name: text(&call.name).into_owned(),
            arguments: text(&call.arguments).into_owned(),
            injected: call.injected,
        }
    }
}

impl From<StoredToolCall> for ToolCallRecord {
    fn from(call: StoredToolCall) -> Self {
        Self { id: call.id, name: call.name, arguments: call.arguments, injected: call.injected }
    }
}

impl From<ContentRow> for CallContent {
    fn from(row: ContentRow) -> Self {
        let bound = |bound: Option<i64>| usize::try_from(bound?).ok();
        let range = bound(row.prompt_start).zip(bound(row.prompt_end));
        let mut content = Self {
            call_id: CallId::from_uuid(row.call_id),
            at: Timestamp::from_micros(row.at),
            project_id: ProjectId::from_uuid(row.project_id),
            prompt: row.prompt,
            prompt_in_request: range.map(|(start, end)| start..end),
            request: row.request,
            response: row.response,
            tool_calls: row.tool_calls.0.into_iter().map(ToolCallRecord::from).collect(),
            truncated: row.truncated,
        };
        content.detach_prompt();
        content.prompt = optional_text(content.prompt.as_ref()).map(String::from);
        content
    }
}

/// Whether the prompt cannot stay in the request: because that is changed on its way, or because an
/// engine could not read it there.
fn must_move(content: &CallContent) -> bool {
    let (Some(range), Some(request)) = (&content.prompt_in_request, &content.request) else {
        return content.prompt_in_request.is_some();
    };
    if matches!(text(request), Cow::Owned(_)) {
        return true;
    }
    let escapes = |json: &str| memmem::find(json.as_bytes(), b"\\u").is_some();
    match request.get(range.clone()) {
        // What is written plainly was read by the gateway; a number of a character may be one of none.
        Some(json) if !escapes(json) => false,
        Some(_) => content.prompt().is_none_or(|prompt| matches!(text(&prompt), Cow::Owned(_))),
        None => true,
    }
}

#[each_dialect]
#[async_trait]
impl CallContentRepository for SqlWork<Db> {
    #[instrument(level = "debug", name = "db.call_contents.record", skip_all, fields(count = contents.len()))]
    async fn record(&mut self, contents: &[&CallContent]) -> Result<(), RepositoryError> {
        static INSERTIONS: Insertions = Insertions::new("call_contents", COLUMNS, "call_id");
        // In the order of their ids, as usage events are, for the same reason.
        let mut sorted = contents.to_vec();
        sorted.sort_by_key(|content| content.call_id);
        let mut trimmed;
        for run in <Db as Dialect>::Rows::runs(&sorted) {
            let mut rows = INSERTIONS.rows::<Db>();
            for mut content in run.iter().copied() {
                let moves = must_move(content);
                if moves || !content.fits() {
                    trimmed = content.clone();
                    if moves {
                        trimmed.detach_prompt();
                    }
                    trimmed.trim();
                    content = &trimmed;
                }
                let bound = |bound: fn(&Range<usize>) -> usize| {
                    content.prompt_in_request.as_ref().map(|range| count(bound(range) as u64))
                };
                rows.id(content.call_id.as_uuid())
                    .number(content.at.as_micros())
                    .id(content.project_id.as_uuid())
                    .text(content.prompt.as_deref())
                    .text(content.request.as_deref())
                    .text(content.response.as_deref())
                    .document(&content.tool_calls.iter().map(StoredToolCall::from).collect::<Vec<_>>())
                    .flag(content.truncated)
                    .number(bound(|range| range.start))
                    .number(bound(|range| range.end));
            }
            self.insert(&INSERTIONS, run.len(), rows).await?;
        }
        Ok(())
    }

    #[instrument(level = "debug", name = "db.call_contents.find", skip_all, fields(call.id = %call))]
    async fn find(&mut self, call: CallId) -> Result<Option<CallContent>, RepositoryError> {
        let row: Option<ContentRow> = sqlx::query_as(
            "SELECT call_id, at, project_id, prompt, request, response, tool_calls, truncated, \
             prompt_start, prompt_end FROM call_contents WHERE call_id = $1",
        )
        .bind(call.as_uuid())
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(row.map(CallContent::from))
    }

    #[instrument(level = "debug", name = "db.call_contents.prune", skip_all)]
    async fn prune(&mut self, before: Timestamp, limit: u32) -> Result<u64, RepositoryError> {
        let done = sqlx::query(
            "DELETE FROM call_contents WHERE call_id IN \
             (SELECT call_id FROM call_contents WHERE at < $1 ORDER BY at, call_id LIMIT $2)",
        )
        .bind(before.as_micros())
        .bind(i64::from(limit))
        .execute(&mut *self.tx)
        .await
        .map_err(|error| self.fail(error))?;
        Ok(done.rows_affected())
    }
}
