//! What dashboards are made of, for everybody's calls and one's own alike.

mod view;

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use http::request::Parts;
use promptgate_auth::Actor;
use promptgate_control::Control;
use promptgate_control::statistics::{self, StatisticsError, Subject};
use promptgate_usage::{Costs, Dimension, Grain, InvalidWindow, Statistics, Window};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::ApiState;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::ApiError;
use crate::session::SignedIn;

pub(crate) use view::{
    ActivityView, AdoptionView, BreakdownView, DailyView, DurationView, EntryView, MessagesView,
    StatisticsView, TokensView, TotalsView,
};

/// How far back is looked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowParams {
    /// `7d`, `30d` (the default) or `all`.
    window: Option<String>,
    /// The older way: `7` or `30`. Counts only without `window`.
    days: Option<String>,
}

impl WindowParams {
    pub(crate) fn window(&self) -> Result<Window, ApiError> {
        Ok(Window::asked(self.window.as_deref(), self.days.as_deref())?)
    }
}

/// Who asks for which numbers.
pub(crate) struct Asked {
    pub(crate) control: Arc<Control>,
    pub(crate) costs: Costs,
    pub(crate) actor: Actor,
    pub(crate) window: Window,
    subject: Subject,
}

/// Somebody who signed in and asks for numbers about themselves.
pub(crate) struct Own(pub(crate) Asked);

/// An administrator who asks for numbers about everybody.
pub(crate) struct Global(pub(crate) Asked);

impl Asked {
    fn new(state: &ApiState, actor: Actor, subject: Subject, window: Window) -> Self {
        Self { control: Arc::clone(&state.control), costs: state.costs, actor, window, subject }
    }

    async fn read(&self, grain: Grain, costs: Costs) -> Result<Statistics, ApiError> {
        Ok(statistics::read(&self.control, self.actor, self.subject, self.window, grain, costs).await?)
    }

    pub(crate) async fn tokens(&self) -> Result<Json<TokensView>, ApiError> {
        Ok(Json((&self.read(Grain::Whole, self.costs).await?).into()))
    }

    pub(crate) async fn messages(&self) -> Result<Json<MessagesView>, ApiError> {
        Ok(Json((&self.read(Grain::Whole, Costs::Hidden).await?).into()))
    }

    pub(crate) async fn duration(&self) -> Result<Json<DurationView>, ApiError> {
        Ok(Json((&self.read(Grain::Whole, Costs::Hidden).await?).into()))
    }

    pub(crate) async fn activity(&self) -> Result<Json<ActivityView>, ApiError> {
        Ok(Json((&self.read(Grain::Daily, self.costs).await?).into()))
    }

    pub(crate) async fn top(&self, dimension: Dimension) -> Result<Json<BreakdownView>, ApiError> {
        let statistics = self.read(Grain::Whole, self.costs).await?;
        Ok(Json(BreakdownView::of(statistics.period, statistics.top(dimension))))
    }
}

impl FromRequestParts<ApiState> for Own {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let SignedIn { account, actor, .. } = SignedIn::from_request_parts(parts, state).await?;
        let Params(params) = Params::<WindowParams>::from_request_parts(parts, state).await?;
        Ok(Self(Asked::new(state, actor, Subject::Oneself(account.id), params.window()?)))
    }
}

impl FromRequestParts<ApiState> for Global {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Acting(actor) = Acting::from_request_parts(parts, state).await?;
        let Params(params) = Params::<WindowParams>::from_request_parts(parts, state).await?;
        Ok(Self(Asked::new(state, actor, Subject::Everybody, params.window()?)))
    }
}

impl From<InvalidWindow> for ApiError {
    fn from(error: InvalidWindow) -> Self {
        Self::bad_request("invalid_usage_window").field("window").message(error)
    }
}

impl From<StatisticsError> for ApiError {
    fn from(error: StatisticsError) -> Self {
        match error {
            StatisticsError::Forbidden(error) => error.into(),
            error @ StatisticsError::UnknownPerson(_) => Self::not_found("user_not_found").message(error),
            StatisticsError::Store(error) => error.into(),
        }
    }
}
