//! What people send of a guide.

use promptgate_help::{InvalidSetupGuide, NewSetupGuide, SetupGuideChanges};
use serde::Deserialize;
use utoipa::ToSchema;

use super::invalid;
use crate::error::ApiError;

/// A set-up guide as somebody wants it. In a change, what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GuideBody {
    #[schema(max_length = 120, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    identifier: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    title: Option<String>,
    #[schema(max_length = 300)]
    subtitle: Option<String>,
    #[schema(max_length = 120, pattern = "^mdi-[a-z0-9-]+$")]
    icon: Option<String>,
    /// `openai`, `anthropic` or `both`.
    compatibility: Option<String>,
    /// `single`, `all` or `none`.
    model_mode: Option<String>,
    #[schema(max_items = 20)]
    file_paths: Option<Vec<String>>,
    /// A text with tags; `validate` says whether it can be filled in.
    #[schema(max_length = 65536)]
    template: Option<String>,
    /// Whether everybody sees it. A new one: yes unless said otherwise.
    enabled: Option<bool>,
    /// Its place. A new one: behind all others unless said otherwise.
    #[schema(minimum = 0)]
    position: Option<i64>,
}

impl TryFrom<GuideBody> for SetupGuideChanges {
    type Error = ApiError;

    fn try_from(body: GuideBody) -> Result<Self, ApiError> {
        let compatibility = body.compatibility.as_deref().map(str::parse).transpose();
        let model_mode = body.model_mode.as_deref().map(str::parse).transpose();
        Ok(Self {
            identifier: body.identifier,
            title: body.title,
            subtitle: body.subtitle,
            icon: body.icon,
            compatibility: compatibility.map_err(|_| invalid(&InvalidSetupGuide::Compatibility))?,
            model_mode: model_mode.map_err(|_| invalid(&InvalidSetupGuide::ModelMode))?,
            file_paths: body.file_paths,
            template: body.template,
            enabled: body.enabled,
            position: body.position,
        })
    }
}

impl TryFrom<GuideBody> for NewSetupGuide {
    type Error = ApiError;

    fn try_from(body: GuideBody) -> Result<Self, ApiError> {
        let given = SetupGuideChanges::try_from(body)?;
        Ok(Self {
            identifier: given.identifier.unwrap_or_default(),
            title: given.title.unwrap_or_default(),
            subtitle: given.subtitle.unwrap_or_default(),
            icon: given.icon.unwrap_or_default(),
            compatibility: given.compatibility.ok_or_else(|| invalid(&InvalidSetupGuide::Compatibility))?,
            model_mode: given.model_mode.ok_or_else(|| invalid(&InvalidSetupGuide::ModelMode))?,
            file_paths: given.file_paths.unwrap_or_default(),
            template: given.template.unwrap_or_default(),
            enabled: given.enabled.unwrap_or(true),
            position: given.position,
        })
    }
}
