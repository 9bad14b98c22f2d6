//! What prompts look like in lists.

use promptgate_control::prompts::ListPromptsError;
use promptgate_kernel::{CallId, SortDirection, Timestamp};
use promptgate_usage::{ListedPrompt, PromptFilter, PromptSort};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;
use crate::listing::{ListParams, given};

/// What everybody can sort prompts by.
pub(crate) const SORTS: [(&str, PromptSort); 8] = [
    ("prompt", PromptSort::Prompt),
    ("provider", PromptSort::Provider),
    ("model", PromptSort::Model),
    ("createdAt", PromptSort::CreatedAt),
    ("durationMs", PromptSort::Duration),
    ("inputTokens", PromptSort::InputTokens),
    ("outputTokens", PromptSort::OutputTokens),
    ("totalTokens", PromptSort::TotalTokens),
];

/// Which prompts are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PromptSearch {
    /// Only prompts that contain this text. The case of the letters A to Z does not matter.
    search: Option<String>,
}

impl PromptSearch {
    /// The filter that this and the parameters of a list make.
    pub(crate) fn filter(
        self,
        params: &ListParams,
        sorts: &[(&str, PromptSort)],
    ) -> Result<PromptFilter, ApiError> {
        let (sort, direction) = params.sort(sorts, (PromptSort::CreatedAt, SortDirection::Descending))?;
        Ok(PromptFilter { owner: None, search: given(self.search), sort, direction })
    }
}

/// What a user wrote last in a call, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PromptView {
    #[schema(value_type = String, format = "uuid")]
    id: CallId,
    /// The call; the same as `id`.
    #[schema(value_type = String, format = "uuid")]
    interception_id: CallId,
    /// The provider's id of its answer; blank if it gave none.
    provider_response_id: String,
    /// The provider's name at that time.
    provider: String,
    provider_type: String,
    model: String,
    prompt: String,
    /// Without prompt caches.
    input_tokens: u64,
    output_tokens: u64,
    /// Both.
    total_tokens: u64,
    duration_ms: u64,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
}

impl From<ListedPrompt> for PromptView {
    fn from(listed: ListedPrompt) -> Self {
        Self {
            id: listed.call_id,
            interception_id: listed.call_id,
            provider_response_id: listed.provider_response_id,
            provider: listed.provider,
            provider_type: listed.provider_kind,
            model: listed.model,
            prompt: listed.prompt,
            input_tokens: listed.input_tokens,
            output_tokens: listed.output_tokens,
            total_tokens: listed.input_tokens.saturating_add(listed.output_tokens),
            duration_ms: listed.duration_ms,
            created_at: listed.at,
        }
    }
}

impl From<ListPromptsError> for ApiError {
    fn from(error: ListPromptsError) -> Self {
        match error {
            ListPromptsError::Forbidden(error) => error.into(),
            ListPromptsError::Store(error) => error.into(),
        }
    }
}
