//! What is shown of a golden set and of its runs.

use promptgate_endpoints::{
    EvalItem, EvalRun, EvalSet, Expected, Failure, FailureKind, ItemResult, RunDiff, RunSummary,
};
use promptgate_kernel::{ActorId, CallId, EndpointId, EvalId, EvalRunId, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A golden set of an AI endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EvalView {
    #[schema(value_type = String, format = "uuid")]
    id: EvalId,
    #[schema(value_type = String, format = "uuid")]
    endpoint_id: EndpointId,
    name: String,
    description: Option<String>,
    /// What it asks, in order.
    items: Vec<EvalItemView>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

/// One question of a golden set.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EvalItemView {
    /// Its label, unique in the set.
    #[schema(min_length = 1)]
    name: String,
    /// The body of the request.
    #[schema(value_type = Object)]
    input: Map<String, Value>,
    #[schema(required = false)]
    expected: ExpectedView,
}

/// What is expected of an answer; what is empty or null is not looked at.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExpectedView {
    /// Each is in the text, whatever its case.
    #[schema(required = false)]
    contains: Vec<String>,
    /// None is in the text, whatever its case.
    #[schema(required = false)]
    not_contains: Vec<String>,
    /// The text is JSON that fits this schema.
    #[schema(value_type = Option<Object>)]
    matches_schema: Option<Value>,
    min_total_tokens: Option<u64>,
    max_total_tokens: Option<u64>,
}

/// The totals of a run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunSummaryView {
    #[schema(value_type = String, format = "uuid")]
    id: EvalRunId,
    #[schema(value_type = String, format = "uuid")]
    eval_id: EvalId,
    #[schema(value_type = String, format = "uuid")]
    endpoint_id: EndpointId,
    /// The endpoint's newest version at that time.
    endpoint_version: u32,
    passed: u32,
    failed: u32,
    total: u32,
    duration_ms: f64,
    total_tokens: u64,
    /// Who started it; null for the admin API key.
    #[schema(value_type = Option<String>, format = "uuid")]
    author_id: Option<ActorId>,
    #[schema(value_type = String, format = "date-time")]
    started_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    finished_at: Timestamp,
}

/// A run, item by item.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunView {
    #[serde(flatten)]
    summary: RunSummaryView,
    items: Vec<ItemResultView>,
    /// What changed since the run before; null for the first one.
    diff: Option<RunDiffView>,
}

/// What came out for one item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ItemResultView {
    name: String,
    passed: bool,
    failures: Vec<FailureView>,
    /// The answer's text, shortened; null when there was none.
    answer: Option<String>,
    duration_ms: f64,
    total_tokens: u64,
    /// The call in the log.
    #[schema(value_type = Option<String>, format = "uuid")]
    call_id: Option<CallId>,
}

/// One thing that is wrong with an answer.
#[derive(Debug, Serialize, ToSchema)]
struct FailureView {
    /// `missing`, `forbidden`, `schema`, `tokens_low`, `tokens_high` or `exec_error`.
    #[schema(value_type = String)]
    kind: FailureKind,
    /// The text that is missing or forbidden, the numbers, or the error.
    detail: String,
}

/// What changed since the run before.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RunDiffView {
    #[schema(value_type = String, format = "uuid")]
    previous_run_id: EvalRunId,
    newly_failing: Vec<String>,
    newly_passing: Vec<String>,
    /// How many more passed than then.
    delta: i64,
}

impl From<EvalSet> for EvalView {
    fn from(set: EvalSet) -> Self {
        Self {
            id: set.id,
            endpoint_id: set.endpoint_id,
            name: set.name,
            description: set.description,
            items: set.items.into_iter().map(EvalItemView::from).collect(),
            created_at: set.created_at,
            updated_at: set.updated_at,
        }
    }
}

impl From<EvalItem> for EvalItemView {
    fn from(item: EvalItem) -> Self {
        let Expected { contains, not_contains, matches_schema, min_total_tokens, max_total_tokens } =
            item.expected;
        Self {
            name: item.name,
            input: item.input,
            expected: ExpectedView {
                contains,
                not_contains,
                matches_schema,
                min_total_tokens,
                max_total_tokens,
            },
        }
    }
}

impl From<RunSummary> for RunSummaryView {
    fn from(summary: RunSummary) -> Self {
        Self {
            total: summary.total(),
            id: summary.id,
            eval_id: summary.eval_id,
            endpoint_id: summary.endpoint_id,
            endpoint_version: summary.endpoint_version,
            passed: summary.passed,
            failed: summary.failed,
            duration_ms: millis(summary.duration_us),
            total_tokens: summary.total_tokens,
            author_id: summary.author,
            started_at: summary.started_at,
            finished_at: summary.finished_at,
        }
    }
}

impl From<EvalRun> for RunView {
    fn from(run: EvalRun) -> Self {
        Self {
            summary: run.summary.into(),
            items: run.items.into_iter().map(ItemResultView::from).collect(),
            diff: run.diff.map(RunDiffView::from),
        }
    }
}

impl From<ItemResult> for ItemResultView {
    fn from(item: ItemResult) -> Self {
        let failure = |Failure { kind, detail }| FailureView { kind, detail };
        Self {
            name: item.name,
            passed: item.passed,
            failures: item.failures.into_iter().map(failure).collect(),
            answer: item.answer,
            duration_ms: millis(item.duration_us),
            total_tokens: item.total_tokens,
            call_id: item.call_id,
        }
    }
}

impl From<RunDiff> for RunDiffView {
    fn from(diff: RunDiff) -> Self {
        Self {
            previous_run_id: diff.previous,
            newly_failing: diff.newly_failing,
            newly_passing: diff.newly_passing,
            delta: diff.delta,
        }
    }
}

fn millis(micros: u64) -> f64 {
    crate::admin::usage::millis(micros.try_into().unwrap_or(i64::MAX))
}
