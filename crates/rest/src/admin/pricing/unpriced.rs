//! `GET /api/v1/admin/pricing/unpriced`

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, prices};
use promptgate_kernel::Timestamp;
use promptgate_usage::{Day, UnpricedModel};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::given;

/// How far it is looked back unless somebody says.
const UNLESS_GIVEN: Duration = Duration::from_hours(30 * 24);

/// Since when.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Since the day, in UTC, of this instant; of 30 days ago unless given.
    #[param(value_type = Option<String>, format = "date-time")]
    since: Option<String>,
}

/// The models that calls took tokens of without a price.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UnpricedView {
    #[schema(value_type = String, format = "date-time")]
    since: Timestamp,
    /// How many calls took tokens and cost nothing, though nobody said that they are free.
    calls: u64,
    /// How many tokens those took.
    tokens: u64,
    /// How many calls cost what is an estimate by the fallback price.
    estimated_calls: u64,
    estimated_cost_usd: f64,
    /// By model, those with the most tokens without a cost first; at most a thousand.
    models: Vec<UnpricedModelView>,
}

/// A model that calls took tokens of without a price.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UnpricedModelView {
    provider_name: String,
    kind: String,
    model: String,
    /// How many calls took tokens and cost nothing.
    calls: u64,
    tokens: u64,
    /// How many calls cost what is an estimate.
    estimated_calls: u64,
    estimated_cost_usd: f64,
    /// The day of the last one, in UTC.
    #[schema(value_type = String, format = "date-time")]
    last_on: Timestamp,
}

impl From<UnpricedModel> for UnpricedModelView {
    fn from(model: UnpricedModel) -> Self {
        Self {
            provider_name: model.provider,
            kind: model.kind,
            model: model.model,
            calls: model.calls,
            tokens: model.tokens,
            estimated_calls: model.estimated_calls,
            estimated_cost_usd: model.estimated_cost.as_dollars(),
            last_on: model.last_on,
        }
    }
}

/// Names the models that calls used without a price: tokens without a cost, which are never just free, and
/// costs that are an estimate by the fallback price.
#[utoipa::path(get, path = "/api/v1/admin/pricing/unpriced", tag = "pricing", params(Wanted),
    responses(
        (status = OK, body = UnpricedView),
        (status = BAD_REQUEST, description = "`invalid_filter`", body = ErrorBody),
    ))]
pub(super) async fn unpriced(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<UnpricedView>, ApiError> {
    let since = match given(wanted.since) {
        Some(text) => text.parse().map_err(|_| {
            ApiError::bad_request("invalid_filter")
                .field("since")
                .message("since must be an instant such as 2025-01-31T12:00:00Z")
        })?,
        None => control.clock.now().minus(UNLESS_GIVEN),
    };
    let models = prices::unpriced(&control, actor, since).await?;
    let sum = |of: fn(&UnpricedModel) -> u64| models.iter().map(of).fold(0, u64::saturating_add);
    Ok(Json(UnpricedView {
        since: Day::of(since).starts_at(),
        calls: sum(|model| model.calls),
        tokens: sum(|model| model.tokens),
        estimated_calls: sum(|model| model.estimated_calls),
        estimated_cost_usd: models
            .iter()
            .map(|model| model.estimated_cost)
            .sum::<promptgate_kernel::Money>()
            .as_dollars(),
        models: models.into_iter().map(UnpricedModelView::from).collect(),
    }))
}
