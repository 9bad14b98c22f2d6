//! `/api/v1/admin/pricing/list-prices`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::{Control, prices};
use promptgate_kernel::{PriceId, Timestamp};
use promptgate_usage::ListPrice;
use serde::Serialize;
use utoipa::ToSchema;

use super::{RatesView, parse_id};
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};
use crate::listing::ItemsView;
use crate::segment::Segment;

/// What is published of a model of all providers of a kind.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListPriceView {
    #[schema(value_type = String, format = "uuid")]
    id: PriceId,
    kind: String,
    /// In each of its editions; `*` covers the whole kind.
    model: String,
    #[serde(flatten)]
    rates: RatesView,
    /// `manual`, which nothing but somebody changes, `fetched` of a public list, or `built_in`.
    origin: &'static str,
    /// Which list.
    edition: String,
    /// What calls name that are priced by it.
    price_version: String,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<ListPrice> for ListPriceView {
    fn from(price: ListPrice) -> Self {
        Self {
            price_version: price.version_id().to_string(),
            id: price.id,
            kind: price.kind,
            model: price.model,
            rates: price.rates.into(),
            origin: price.origin.as_str(),
            edition: price.edition,
            created_at: price.created_at,
            updated_at: price.updated_at,
        }
    }
}

/// Lists what is published of models: what they cost with every provider of a kind that has no price of its
/// own for them.
#[utoipa::path(get, path = "/api/v1/admin/pricing/list-prices", tag = "pricing",
    responses((status = OK, body = ItemsView<ListPriceView>)))]
pub(super) async fn list_prices(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
) -> Result<Json<ItemsView<ListPriceView>>, ApiError> {
    let stored = prices::all_with_lists(&control, actor).await?;
    Ok(Json(ItemsView { items: stored.lists.into_iter().map(ListPriceView::from).collect() }))
}

/// Removes what is published of a model. The next refresh brings back what is in a list.
#[utoipa::path(delete, path = "/api/v1/admin/pricing/list-prices/{id}", tag = "pricing",
    params(("id" = String, Path, description = "The price")),
    responses(
        (status = NO_CONTENT, description = "It is gone"),
        (status = NOT_FOUND, description = "`pricing_not_found`", body = ErrorBody),
    ))]
pub(super) async fn delete_list_price(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    prices::delete_list_price(&control, actor, parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
