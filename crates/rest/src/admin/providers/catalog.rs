//! `GET /api/v1/admin/providers/model-catalog`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use promptgate_control::Control;
use promptgate_control::catalog::{self, CatalogError, Offer};
use promptgate_kernel::ProviderId;
use serde::Serialize;
use utoipa::ToSchema;

use super::not_found;
use crate::admin::Acting;
use crate::error::{ApiError, ErrorBody};

/// A provider, and the models that it has.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfferView {
    #[schema(value_type = String, format = "uuid")]
    id: ProviderId,
    name: String,
    display_name: String,
    /// What it says it has, then what it is configured to have besides.
    models: Vec<String>,
    /// Why it could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    models_error: Option<String>,
}

/// Asks providers for their models, all at once and for at most three seconds. Answers are remembered
/// for a minute.
#[utoipa::path(get, path = "/api/v1/admin/providers/model-catalog", tag = "providers",
    params(
        ("providerId" = Option<Vec<String>>, Query, description = "A provider; may be given several times"),
        ("providerIds" = Option<String>, Query, description = "Providers, separated by commas; all enabled \
            ones where none is given"),
    ),
    responses(
        (status = OK, body = Vec<OfferView>),
        (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
    ))]
pub(super) async fn catalog(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<OfferView>>, ApiError> {
    let wanted = wanted(query.as_deref().unwrap_or_default())?;
    let offers = catalog::list(&control, actor, &wanted).await?;
    Ok(Json(offers.into_iter().map(OfferView::from).collect()))
}

/// The ids of the parameters `providerId` and `providerIds`, in order.
fn wanted(query: &str) -> Result<Vec<ProviderId>, ApiError> {
    let mut wanted = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let ids: Vec<&str> = match &*name {
            "providerId" => vec![&*value],
            "providerIds" => value.split(',').collect(),
            _ => continue,
        };
        for id in ids.into_iter().map(str::trim).filter(|id| !id.is_empty()) {
            wanted.push(id.parse().map_err(|error| not_found(error).field(name.clone()))?);
        }
    }
    Ok(wanted)
}

impl From<Offer> for OfferView {
    fn from(offer: Offer) -> Self {
        Self {
            id: offer.provider.id,
            name: offer.provider.name.as_str().to_owned(),
            display_name: offer.provider.display_name,
            models: offer.models,
            models_error: offer.error,
        }
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Forbidden(error) => error.into(),
            error @ CatalogError::NotFound(_) => not_found(error),
            CatalogError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    const PATH: &str = "/api/v1/admin/providers/model-catalog";

    #[tokio::test]
    async fn enabled_providers_are_asked_and_named_ones_come_in_order() {
        let api = Api::new().await;
        let main = api.create_provider("main", "openai").await;
        let extra = json!({"name": "alpha", "type": "groq", "models": ["mine", "listed-1"]});
        let alpha =
            api.post("/api/v1/admin/providers", &extra).await.created()["id"].as_str().unwrap().to_owned();
        let off = api.create_provider("off", "openai").await;
        api.patch(&format!("/api/v1/admin/providers/{off}"), &json!({"enabled": false})).await.ok();

        let all = api.get(PATH).await.ok();
        assert_eq!(
            all[0],
            json!({"id": alpha, "name": "alpha", "displayName": "alpha", "models": ["listed-1", "listed-2", "mine"]})
        );
        assert_eq!((&all[1]["id"], all.as_array().unwrap().len()), (&json!(main), 2));

        let named =
            api.get(&format!("{PATH}?providerId={off}&providerIds={main},{off},%20{alpha}")).await.ok();
        let ids: Vec<_> = named.as_array().unwrap().iter().map(|offer| &offer["id"]).collect();
        assert_eq!(ids, [&off, &main, &alpha]);
        assert_eq!(
            (&named[0]["modelsError"], &named[0]["models"]),
            (&json!("provider is disabled"), &json!([]))
        );
        api.get(&format!("{PATH}?providerId=x")).await.refused(404, "provider_not_found");
        let nobody = "018f4e6e-0000-7000-8000-00000000dead";
        api.get(&format!("{PATH}?providerIds={main},{nobody}")).await.refused(404, "provider_not_found");
    }
}
