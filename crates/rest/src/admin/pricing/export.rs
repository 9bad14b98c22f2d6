//! `GET /api/v1/admin/pricing/export`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, prices};
use promptgate_usage::PriceFile;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::flag;

/// What is wanted of prices.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Whether prices that nobody set are in it too: those of the program and of public lists.
    #[param(value_type = Option<bool>)]
    all: Option<String>,
}

/// Writes a file of prices, which `POST /api/v1/admin/pricing/import` reads.
#[utoipa::path(get, path = "/api/v1/admin/pricing/export", tag = "pricing", params(Wanted),
    responses(
        (status = OK, description = "`fallback`, `models` and `lists`", body = Object),
        (status = BAD_REQUEST, description = "`invalid_filter`", body = ErrorBody),
    ))]
pub(super) async fn export(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let everything = flag("all", wanted.all.as_deref())?.unwrap_or_default();
    let stored = prices::all_with_lists(&control, actor).await?;
    Ok(Json(PriceFile::export(&stored, everything)))
}
