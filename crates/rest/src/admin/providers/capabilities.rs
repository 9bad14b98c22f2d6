//! `GET /api/v1/admin/providers/{id}/capabilities`

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::providers::{self, Capable};
use promptgate_kernel::ProviderId;
use promptgate_providers::{Capabilities, Feature, Modality, Shape};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::parse_id;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::segment::Segment;

/// Which model is meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The model as the provider knows it; without it, the defaults of the kind.
    model: Option<String>,
}

/// What a model of a provider can do, and who says so.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CapabilitiesView {
    #[schema(value_type = String, format = "uuid")]
    provider_id: ProviderId,
    /// The provider's kind.
    r#type: &'static str,
    model: String,
    /// The beginning of the model's name that decided; empty for the defaults of the kind.
    entry: String,
    /// Where that was read.
    source: String,
    /// When, such as `2026-11-22`.
    date: String,
    /// Whether the provider's own `config` changes what the table says.
    overridden: bool,
    /// The request formats that it answers, the preferred one for translation first.
    #[schema(value_type = Vec<String>, example = json!(["chat_completions", "embeddings"]))]
    shapes: Vec<Shape>,
    /// The parameters it knows, with their names on its wire.
    parameters: BTreeMap<String, String>,
    /// The largest value of a parameter, where it takes less than others.
    maximums: BTreeMap<String, u64>,
    /// What may be in a message besides text.
    #[schema(value_type = Vec<String>)]
    modalities: BTreeSet<Modality>,
    /// What else it can do.
    #[schema(value_type = Vec<String>)]
    features: BTreeSet<Feature>,
    /// The most tokens that are asked for where the client does not say and the format demands it.
    default_max_output: Option<u64>,
    /// Patterns of `anthropic-beta` values that are passed on.
    betas: Vec<String>,
}

/// Shows what the capability table says of a model, with its source and date.
#[utoipa::path(get, path = "/api/v1/admin/providers/{id}/capabilities", tag = "providers",
    params(("id" = String, Path, description = "The provider"), Wanted),
    responses(
        (status = OK, body = CapabilitiesView),
        (status = NOT_FOUND, description = "`provider_not_found`", body = ErrorBody),
    ))]
pub(super) async fn capabilities(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Segment(id): Segment,
    Params(wanted): Params<Wanted>,
) -> Result<Json<CapabilitiesView>, ApiError> {
    let model = wanted.model.unwrap_or_default();
    let capable = providers::capabilities(&control, actor, parse_id(&id)?, &model).await?;
    Ok(Json(CapabilitiesView::of(model, capable)))
}

impl CapabilitiesView {
    fn of(model: String, capable: Capable) -> Self {
        let Capabilities { shapes, parameters, modalities, maximums, features, default_max_output, betas } =
            (*capable.capabilities).clone();
        Self {
            provider_id: capable.provider.id,
            r#type: capable.provider.kind.as_str(),
            model,
            entry: capable.entry,
            source: capable.origin.source,
            date: capable.origin.date,
            overridden: capable.overridden,
            shapes,
            parameters,
            maximums,
            modalities,
            features,
            default_max_output,
            betas,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use serde_json::json;

    #[tokio::test]
    async fn what_the_table_says_is_shown_with_its_source_and_what_the_provider_changes() {
        let api = Api::new().await;
        let path = format!("/api/v1/admin/providers/{}", api.create_provider("main", "openai").await);
        let shown = api.get(&format!("{path}/capabilities?model=gpt-4o")).await.ok();
        assert_eq!((&shown["type"], &shown["model"]), (&json!("openai"), &json!("gpt-4o")));
        assert_eq!(shown["shapes"][0], "chat_completions");
        assert!(shown["source"].as_str().unwrap().starts_with("https://"));
        assert_eq!((shown["date"].as_str().unwrap().len(), &shown["overridden"]), (10, &json!(false)));
        api.patch(&path, &json!({"config": {"shapes": ["responses"]}})).await.ok();
        let shown = api.get(&format!("{path}/capabilities")).await.ok();
        assert_eq!((&shown["shapes"], &shown["overridden"]), (&json!(["responses"]), &json!(true)));
        assert_eq!((&shown["model"], &shown["entry"]), (&json!(""), &json!("")));
        api.get("/api/v1/admin/providers/x/capabilities").await.refused(404, "provider_not_found");
    }
}
