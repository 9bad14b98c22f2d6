//! `/api/v1/admin/pricing/repricings`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, prices};
use promptgate_kernel::{Money, RepricingId, Timestamp};
use promptgate_usage::{PriceVersionId, Repricing, WantedRepricing};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ItemsView, given};
use crate::segment::Segment;

/// Which calls get other prices.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RepricingBody {
    /// Calls that arrived then or later.
    #[schema(value_type = String, format = "date-time")]
    from: Timestamp,
    /// Calls that arrived before.
    #[schema(value_type = String, format = "date-time")]
    to: Timestamp,
    /// Only of this provider.
    provider_name: Option<String>,
    /// Only of this model, as the provider knows it.
    model: Option<String>,
    /// The price that they get, of those of the provider and model that it is for; unless given, what each
    /// model costs now. The price of models without one needs a `model`.
    price_version: Option<String>,
    /// Whether it is only looked what would change.
    #[serde(default)]
    dry_run: bool,
}

impl TryFrom<RepricingBody> for WantedRepricing {
    type Error = ApiError;

    fn try_from(body: RepricingBody) -> Result<Self, ApiError> {
        let price = given(body.price_version).map(|text| text.parse::<PriceVersionId>()).transpose();
        Ok(Self {
            from: body.from,
            to: body.to,
            provider: given(body.provider_name),
            model: given(body.model),
            price: price.map_err(|error| {
                ApiError::not_found("price_version_not_found").field("priceVersion").message(error)
            })?,
            dry_run: body.dry_run,
        })
    }
}

/// Calls of the past that get other prices, or would.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RepricingView {
    #[schema(value_type = String, format = "uuid")]
    id: RepricingId,
    #[schema(value_type = String, format = "date-time")]
    from: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    to: Timestamp,
    provider_name: Option<String>,
    model: Option<String>,
    price_version: Option<String>,
    dry_run: bool,
    /// `running`, and then somebody goes on with it, `done`, or `cancelled`.
    state: &'static str,
    /// How many calls were looked at so far.
    examined: u64,
    /// How many of them have, or would have, another price.
    changed: u64,
    /// What those had cost.
    cost_before_usd: f64,
    /// What they cost now, or would.
    cost_after_usd: f64,
    /// What is between the two.
    difference_usd: f64,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<Repricing> for RepricingView {
    fn from(repricing: Repricing) -> Self {
        let Repricing { wanted, before, after, .. } = repricing;
        let difference = Money::from_nanos(after.as_nanos().saturating_sub(before.as_nanos()));
        Self {
            id: repricing.id,
            from: wanted.from,
            to: wanted.to,
            provider_name: wanted.provider,
            model: wanted.model,
            price_version: wanted.price.map(|price| price.to_string()),
            dry_run: wanted.dry_run,
            state: repricing.state.as_str(),
            examined: repricing.examined,
            changed: repricing.changed,
            cost_before_usd: before.as_dollars(),
            cost_after_usd: after.as_dollars(),
            difference_usd: difference.as_dollars(),
            created_at: repricing.created_at,
            updated_at: repricing.updated_at,
        }
    }
}

/// Gives calls of the past what models cost now, or one price, and moves everything that they were added up
/// to with them: for when a price was wrong. It answers when that is done or ten seconds have passed; the
/// scheduler goes on with what is left, or `POST …/resume` does. Doing it twice changes nothing the second
/// time.
#[utoipa::path(post, path = "/api/v1/admin/pricing/repricings", tag = "pricing",
    request_body = RepricingBody,
    responses(
        (status = CREATED, body = RepricingView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_range`, `price_version_mismatch`", body = ErrorBody),
        (status = NOT_FOUND, description = "`price_version_not_found`", body = ErrorBody),
    ))]
pub(super) async fn begin_repricing(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<RepricingBody>,
) -> Result<(StatusCode, Json<RepricingView>), ApiError> {
    let begun = prices::begin_repricing(&control, actor, body.try_into()?).await?;
    Ok((StatusCode::CREATED, Json(begun.into())))
}

/// Lists the last hundred, newest first.
#[utoipa::path(get, path = "/api/v1/admin/pricing/repricings", tag = "pricing",
    responses((status = OK, body = ItemsView<RepricingView>)))]
pub(super) async fn list_repricings(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
) -> Result<Json<ItemsView<RepricingView>>, ApiError> {
    let repricings = prices::repricings(&control, actor).await?;
    Ok(Json(ItemsView { items: repricings.into_iter().map(RepricingView::from).collect() }))
}

/// Shows how far one is.
#[utoipa::path(get, path = "/api/v1/admin/pricing/repricings/{id}", tag = "pricing",
    params(("id" = String, Path, description = "The repricing")),
    responses(
        (status = OK, body = RepricingView),
        (status = NOT_FOUND, description = "`repricing_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find_repricing(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<RepricingView>, ApiError> {
    Ok(Json(prices::repricing(&control, actor, parse_id(&id)?).await?.into()))
}

/// Ends one where it is; one that is over stays as it is. Calls that got another price by then keep it.
#[utoipa::path(post, path = "/api/v1/admin/pricing/repricings/{id}/cancel", tag = "pricing",
    params(("id" = String, Path, description = "The repricing")),
    responses(
        (status = OK, body = RepricingView),
        (status = NOT_FOUND, description = "`repricing_not_found`", body = ErrorBody),
    ))]
pub(super) async fn cancel_repricing(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<RepricingView>, ApiError> {
    Ok(Json(prices::cancel_repricing(&control, actor, parse_id(&id)?).await?.into()))
}

/// Goes on with one until it is done or ten seconds have passed.
#[utoipa::path(post, path = "/api/v1/admin/pricing/repricings/{id}/resume", tag = "pricing",
    params(("id" = String, Path, description = "The repricing")),
    responses(
        (status = OK, body = RepricingView),
        (status = NOT_FOUND, description = "`repricing_not_found`", body = ErrorBody),
    ))]
pub(super) async fn resume_repricing(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<Json<RepricingView>, ApiError> {
    Ok(Json(prices::resume_repricing(&control, actor, parse_id(&id)?).await?.into()))
}

fn parse_id(text: &str) -> Result<RepricingId, ApiError> {
    text.parse().map_err(|error| ApiError::not_found("repricing_not_found").message(error))
}
