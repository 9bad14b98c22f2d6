//! `GET /api/v1/me/usage`

use axum::Json;
use axum::extract::State;
use promptgate_control::prompts;
use promptgate_control::statistics::{self, Subject};
use promptgate_kernel::{PageRequest, SortDirection, Timestamp};
use promptgate_usage::{Dimension, Grain, PromptFilter, TOP, Window};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ApiState;
use crate::body::Params;
use crate::dashboard::{DailyView, EntryView, TotalsView};
use crate::error::{ApiError, ErrorBody};
use crate::prompts::PromptView;
use crate::session::SignedIn;

/// How far back is looked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct DaysParams {
    /// `7` or `30` (the default).
    days: Option<String>,
}

/// What one used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnUsageView {
    days: i64,
    #[schema(value_type = String, format = "date-time")]
    starts_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    ends_at: Timestamp,
    totals: TotalsView,
    /// Every day, in order.
    daily: Vec<DailyView>,
    /// Up to five.
    top_models: Vec<EntryView>,
    /// Up to five, by name.
    top_providers: Vec<EntryView>,
    /// The five newest, as long as they are kept.
    recent_prompts: Vec<PromptView>,
}

/// Shows what one's own calls add up to, and the latest prompts.
#[utoipa::path(get, path = "/api/v1/me/usage", tag = "me", params(DaysParams), responses(
    (status = OK, body = OwnUsageView),
    (status = BAD_REQUEST, description = "`invalid_usage_window`", body = ErrorBody),
))]
pub(super) async fn usage(
    SignedIn { account, actor, .. }: SignedIn,
    State(state): State<ApiState>,
    Params(params): Params<DaysParams>,
) -> Result<Json<OwnUsageView>, ApiError> {
    let window = Window::asked_in_days(params.days.as_deref())?;
    let subject = Subject::Oneself(account.id);
    let found = statistics::read(&state.control, actor, subject, window, Grain::Daily, state.costs).await?;
    let newest = PromptFilter { direction: SortDirection::Descending, ..PromptFilter::default() };
    let page = PageRequest::clamped(1, u32::try_from(TOP).unwrap_or(u32::MAX));
    let prompts = prompts::mine(&state.control, actor, account.id, newest, page).await?;
    Ok(Json(OwnUsageView {
        days: window.days().unwrap_or_default(),
        starts_at: found.period.starts_at,
        ends_at: found.period.ends_at,
        totals: TotalsView::of(&found),
        daily: DailyView::all(&found),
        top_models: EntryView::top(&found, Dimension::Model),
        top_providers: EntryView::top(&found, Dimension::Provider),
        recent_prompts: prompts.items.into_iter().map(PromptView::from).collect(),
    }))
}
