//! `GET /api/v1/admin/audit/export`

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, Response};
use promptgate_audit::EventFilter;
use promptgate_auth::Actor;
use promptgate_control::audit::{AuditError, ListedEvent};
use promptgate_control::{Control, audit};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Wanted;
use super::view::{AuditEventView, COLUMNS};
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody, chain};
use crate::listing::given;

/// How many events are in memory at once.
const PART: u32 = 500;

/// How an export looks.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportParams {
    /// `csv` (default) or `jsonl`: one JSON object a line.
    #[param(example = "csv")]
    format: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
}

impl Format {
    fn parse(text: Option<String>) -> Result<Self, ApiError> {
        match given(text).as_deref() {
            None | Some("csv") => Ok(Self::Csv),
            Some("jsonl") => Ok(Self::JsonLines),
            Some(_) => Err(ApiError::bad_request("invalid_format")
                .field("format")
                .message("format must be csv or jsonl")),
        }
    }

    const fn content_type(self) -> HeaderValue {
        match self {
            Self::Csv => HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
            Self::JsonLines => HeaderValue::from_static("application/jsonl; charset=utf-8"),
        }
    }

    const fn disposition(self) -> HeaderValue {
        match self {
            Self::Csv => HeaderValue::from_static("attachment; filename=\"audit.csv\""),
            Self::JsonLines => HeaderValue::from_static("attachment; filename=\"audit.jsonl\""),
        }
    }

    fn head(self) -> String {
        match self {
            Self::Csv => format!("{}\r\n", COLUMNS.join(",")),
            Self::JsonLines => String::new(),
        }
    }

    fn write(self, rows: Vec<ListedEvent>) -> String {
        let views = rows.into_iter().map(AuditEventView::from);
        match self {
            Self::Csv => views.map(|view| view.to_csv()).collect(),
            Self::JsonLines => views
                .map(|view| {
                    let mut line = serde_json::to_string(&view).unwrap_or_default();
                    line.push('\n');
                    line
                })
                .collect(),
        }
    }
}

/// Writes all wanted events, the oldest first, with every column. Cells of the CSV that a spreadsheet
/// would take for a formula begin with an apostrophe.
#[utoipa::path(get, path = "/api/v1/admin/audit/export", tag = "audit", params(ExportParams, Wanted),
    responses(
        (status = OK, content((String = "text/csv"), (String = "application/jsonl"))),
        (status = BAD_REQUEST, description = "`invalid_format`, or `invalid_filter` with the `field`",
            body = ErrorBody),
    ))]
pub(super) async fn export(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(form): Params<ExportParams>,
    Params(wanted): Params<Wanted>,
) -> Result<Response<Body>, ApiError> {
    let format = Format::parse(form.format)?;
    let walk = Walk { control, actor, filter: wanted.try_into()?, position: 0 };
    // What is not allowed is said before the first byte.
    let (first, walk) = walk.next().await?;
    let head = format!("{}{}", format.head(), format.write(first));
    let rest = stream::try_unfold(walk, move |walk| async move {
        let Some(walk) = walk else { return Ok::<_, AuditError>(None) };
        let (rows, walk) = walk.next().await.inspect_err(|error| {
            // The head of the answer is out: the client only sees that the file is cut.
            tracing::error!(cause = chain(error), "an export of the audit log breaks off: {error}");
        })?;
        Ok(Some((Bytes::from(format.write(rows)), walk)))
    });
    let whole = futures_util::StreamExt::chain(
        stream::once(async move { Ok::<_, AuditError>(Bytes::from(head)) }),
        rest,
    );
    let mut response = Response::new(Body::from_stream(whole));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, format.content_type());
    headers.insert(CONTENT_DISPOSITION, format.disposition());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A walk along the log, part by part.
struct Walk {
    control: Arc<Control>,
    actor: Actor,
    filter: EventFilter,
    position: i64,
}

impl Walk {
    /// The next part, and what comes after it.
    async fn next(mut self) -> Result<(Vec<ListedEvent>, Option<Self>), AuditError> {
        let rows = audit::list_after(&self.control, self.actor, &self.filter, self.position, PART).await?;
        let is_full = rows.len() == PART as usize;
        let Some(last) = rows.last().filter(|_| is_full) else { return Ok((rows, None)) };
        self.position = last.row.position;
        Ok((rows, Some(self)))
    }
}
