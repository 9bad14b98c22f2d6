//! `POST /api/v1/admin/pricing/import`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::prices::{ImportedPrices, PriceDifference, Rehearsal};
use promptgate_control::{Control, prices};
use promptgate_usage::InvalidPriceFile;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::{PriceBody, RatesBody, RatesView, ScopeView};
use crate::admin::Acting;
use crate::body::{Params, StrictJson};
use crate::error::{ApiError, ErrorBody};
use crate::listing::flag;

/// How a file is read.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Whether it is only said what would change.
    #[param(value_type = Option<bool>)]
    dry_run: Option<String>,
}

/// A file of prices. A public list is taken too, which is an object of other objects by model.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is for the document; the file is read as a whole")]
pub(super) struct PriceFileBody {
    /// What models cost that have no price.
    fallback: Option<RatesBody>,
    /// What models of single providers cost.
    models: Option<Vec<PriceBody>>,
    /// What models of all providers of a kind cost.
    lists: Option<Vec<ListBody>>,
}

/// The price of a model of all providers of a kind.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is for the document; the file is read as a whole")]
struct ListBody {
    /// The kind, such as `openai`.
    kind: String,
    /// The model, in each of its editions; `*` covers the whole kind.
    model: String,
    #[schema(minimum = 0)]
    input: f64,
    #[schema(minimum = 0)]
    output: f64,
    #[schema(minimum = 0)]
    cache_read: Option<f64>,
    #[schema(minimum = 0)]
    cache_write: Option<f64>,
    #[schema(minimum = 0)]
    cache_write1h: Option<f64>,
    #[schema(minimum = 0)]
    audio_input: Option<f64>,
    #[schema(minimum = 0)]
    audio_output: Option<f64>,
    #[schema(minimum = 0)]
    reasoning: Option<f64>,
    #[schema(minimum = 0)]
    embedding: Option<f64>,
}

/// What a file changed, or would change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImportView {
    dry_run: bool,
    /// Each price that is another one.
    changes: Vec<ChangeView>,
    /// How many are what they were.
    unchanged: u64,
    /// How many somebody has set, which a public list does not change.
    kept: u64,
    /// How many rows of a public list are of no use here.
    skipped: u64,
}

/// A price that is another one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChangeView {
    #[serde(flatten)]
    scope: ScopeView,
    /// What it was; null where there was none.
    before: Option<RatesView>,
    after: RatesView,
}

impl From<PriceDifference> for ChangeView {
    fn from(change: PriceDifference) -> Self {
        let before = change.before.map(RatesView::from);
        Self { scope: change.scope.into(), before, after: change.after.into() }
    }
}

/// Reads a file of prices and sets what it says, all of it or nothing; other prices stay. The file is one
/// that `GET /api/v1/admin/pricing/export` writes: `fallback`, `models` of providers by `providerName`,
/// `lists` by `kind`, each if it is there, in dollars per million tokens. Or it is a public list in the shape
/// that LiteLLM keeps, an object by model in dollars per token, which changes nothing that somebody set.
/// What is larger than a body may be is read by `promptgate prices import`.
#[utoipa::path(post, path = "/api/v1/admin/pricing/import", tag = "pricing", params(Wanted),
    request_body = PriceFileBody,
    responses(
        (status = OK, body = ImportView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_filter`, `invalid_price_file` with \
            the rows and fields in `errors`", body = ErrorBody),
        (status = CONFLICT, description = "`concurrent_change`", body = ErrorBody),
    ))]
pub(super) async fn import(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(wanted): Params<Wanted>,
    StrictJson(body): StrictJson<Map<String, Value>>,
) -> Result<Json<ImportView>, ApiError> {
    let dry_run = flag("dryRun", wanted.dry_run.as_deref())?.unwrap_or_default();
    let rehearsal = if dry_run { Rehearsal::Yes } else { Rehearsal::No };
    let json = Value::Object(body).to_string();
    let imported = prices::import(&control, actor, json.as_bytes(), rehearsal).await?;
    let ImportedPrices { changes, unchanged, kept, skipped } = imported;
    let changes = changes.into_iter().map(ChangeView::from).collect();
    Ok(Json(ImportView { dry_run, changes, unchanged, kept, skipped }))
}

/// Says which rows are not in order, and what is wrong with which field of them.
pub(super) fn refused(error: &InvalidPriceFile) -> ApiError {
    let said = ApiError::bad_request("invalid_price_file");
    match error {
        InvalidPriceFile::Unreadable(_) => said.message(error),
        InvalidPriceFile::Rows(rows) => {
            let mut errors: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for bad in rows {
                errors.entry(bad.row.clone()).or_default().push(format!("{}: {}", bad.field, bad.message));
            }
            let message =
                format!("{} rows of the file are not in order, and nothing was changed", errors.len());
            said.message(message).errors(errors)
        }
    }
}
