//! `/api/v1/admin/pricing/versions`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::{Control, prices};
use promptgate_kernel::Timestamp;
use promptgate_usage::{InvalidPriceVersion, PriceVersion, PriceVersionFilter, PriceVersionId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{RatesView, ScopeView};
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::{ListParams, ListView, given};
use crate::segment::Segment;

/// Which versions are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only of this provider.
    provider_name: Option<String>,
    /// Only of this kind of provider.
    kind: Option<String>,
    /// Only of this model.
    model: Option<String>,
    /// Only what calls with this `priceVersion` may have been priced by: those of version 0.5 and before
    /// name the instant that a price was set at, or the list of the program.
    price_version: Option<String>,
}

impl From<Wanted> for PriceVersionFilter {
    fn from(wanted: Wanted) -> Self {
        let mut filter = Self {
            provider: given(wanted.provider_name),
            kind: given(wanted.kind),
            model: given(wanted.model),
            ..Self::default()
        };
        if let Some(version) = given(wanted.price_version) {
            let instant = version.strip_prefix("stored:").and_then(|instant| instant.parse().ok());
            match (version.parse::<PriceVersionId>(), instant) {
                (Ok(id), _) => filter.price = Some(id.price),
                (Err(_), Some(from)) => filter.from = Some(from),
                (Err(_), None) => filter.edition = Some(version),
            }
        }
        filter
    }
}

/// A price as it was.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PriceVersionView {
    /// What calls name that were priced by it.
    price_version: String,
    #[serde(flatten)]
    scope: ScopeView,
    /// What it was; null from when on there was none any more.
    rates: Option<RatesView>,
    /// What it was before; null of the first version.
    before: Option<RatesView>,
    /// `manual`, `fetched` or `built_in`.
    origin: &'static str,
    /// Which list.
    edition: String,
    /// Since when.
    #[schema(value_type = String, format = "date-time")]
    from: Timestamp,
    /// Until when; null of the version that holds.
    #[schema(value_type = Option<String>, format = "date-time")]
    until: Option<Timestamp>,
}

impl From<PriceVersion> for PriceVersionView {
    fn from(version: PriceVersion) -> Self {
        Self {
            price_version: version.id.to_string(),
            scope: version.scope.into(),
            rates: version.rates.map(RatesView::from),
            before: version.before.map(RatesView::from),
            origin: version.origin.as_str(),
            edition: version.edition,
            from: version.from,
            until: version.until,
        }
    }
}

/// Lists what prices were, and what changed about them, newest first.
#[utoipa::path(get, path = "/api/v1/admin/pricing/versions", tag = "pricing", params(ListParams, Wanted),
    responses((status = OK, body = ListView<PriceVersionView>)))]
pub(super) async fn list_versions(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(params): Params<ListParams>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<ListView<PriceVersionView>>, ApiError> {
    let page = prices::versions(&control, actor, &wanted.into(), params.page()).await?;
    Ok(Json(ListView::of(page, PriceVersionView::from)))
}

/// Shows the price that calls were priced by: the `priceVersion` of a call names it.
#[utoipa::path(get, path = "/api/v1/admin/pricing/versions/{version}", tag = "pricing",
    params(("version" = String, Path, description = "`<price>@<number>`")),
    responses(
        (status = OK, body = PriceVersionView),
        (status = NOT_FOUND, description = "`price_version_not_found`", body = ErrorBody),
    ))]
pub(super) async fn find_version(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(version): Segment,
) -> Result<Json<PriceVersionView>, ApiError> {
    let id = version.parse().map_err(|error: InvalidPriceVersion| {
        ApiError::not_found("price_version_not_found").message(error)
    })?;
    Ok(Json(prices::version(&control, actor, id).await?.into()))
}
