//! `GET /api/{uuid}/tokens/self/limits`

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use promptgate_control::Control;
use promptgate_control::introspection;
use promptgate_control::limits::{CallsOf, Standings, of_caller};
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::Answer;
use super::bearer::Bearer;
use super::error::{Problem, ProjectError};
use crate::body::Params;
use crate::casing::{rename, snake};
use crate::error::ApiError;
use crate::limits::{LimitStandingsView, OfCalls, not_shown};
use crate::segment::Segment;

/// How limits stand: the members of the JSON API's, with the names of the public contract.
#[derive(Debug, Serialize)]
pub(super) struct OwnLimits(Value);

/// The document copies the schema from the JSON API's, with other names.
const SCHEMA: &str = "ManagedLimitStandingsView";

impl PartialSchema for OwnLimits {
    fn schema() -> RefOr<Schema> {
        Ref::from_schema_name(SCHEMA).into()
    }
}

impl ToSchema for OwnLimits {
    fn name() -> Cow<'static, str> {
        SCHEMA.into()
    }
}

impl From<Standings> for OwnLimits {
    fn from(standings: Standings) -> Self {
        let view = serde_json::to_value(LimitStandingsView::from(standings)).unwrap_or_default();
        let mut view = rename(view, snake);
        if let Some(limits) = view.get_mut("limits") {
            *limits = rename(limits.take(), snake);
        }
        Self(view)
    }
}

/// Shows how each limit stands that counts for calls of the token that asks: its own, those of the tokens that it
/// was minted under, of the endpoint that is named, of its project, and of the account that it acts for. Every
/// token may ask. What others use too is told in figures only to one with the scope `admin`, and so is to a minted
/// token what the account uses. Only such a one is shown endpoints that it may not call.
#[utoipa::path(get, path = "/api/{uuid}/tokens/self/limits", tag = "introspection",
    params(("uuid" = String, Path, description = "The project"), OfCalls),
    responses(
        (status = OK, body = Answer<OwnLimits>),
        (status = BAD_REQUEST, description = "A parameter of the query is given twice", body = Problem),
        (status = FORBIDDEN, description = "The token may not call the endpoint, the project is another one, or it is \
            inactive", body = Problem),
        (status = NOT_FOUND, description = "The project has no such endpoint that is on", body = Problem),
    ))]
pub(super) async fn limits_of_token(
    State(control): State<Arc<Control>>,
    Segment(uuid): Segment,
    bearer: Bearer,
    wanted: Result<Params<OfCalls>, ApiError>,
) -> Result<Json<Answer<OwnLimits>>, ProjectError> {
    let Ok(Params(wanted)) = wanted else {
        return Err(ProjectError::new(StatusCode::BAD_REQUEST, "a parameter of the query is given twice"));
    };
    let caller = introspection::authenticate_any(&control, bearer.presented(), uuid.parse().ok()).await?;
    let shown = of_caller(&control, &caller, &CallsOf::from(wanted)).await;
    let gone = |error| ApiError::new(StatusCode::NOT_FOUND, "not_found").message(error);
    Ok(Json(Answer::of(shown.map_err(|error| not_shown(error, gone))?.into())))
}
