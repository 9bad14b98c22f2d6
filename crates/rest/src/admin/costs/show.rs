//! `GET …/costs`

use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono_tz::Tz;
use promptgate_control::Control;
use promptgate_control::costs::{self, CostsOf, MAX_DAYS, MAX_ENTRIES, ShowCosts, ShowCostsError};
use promptgate_usage::{CostFilter, Costs};
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::CostOverviewView;
use crate::admin::{Acting, projects};
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::given;
use crate::segment::Segment;

const DEFAULT_DAYS: u32 = 30;
const DEFAULT_ENTRIES: u32 = 10;

/// Which calls are wanted, and how much of them. All that is given must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// How many days, today among them: 1 to 366, 30 unless given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 366)]
    days: Option<String>,
    /// How many entries of each breakdown: 1 to 100, 10 unless given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// In which time zone days and months begin, such as `Europe/Berlin`; `PROMPTGATE_TIMEZONE` unless given.
    timezone: Option<String>,
    #[param(value_type = Option<String>, format = "uuid")]
    token_id: Option<String>,
    #[param(value_type = Option<String>, format = "uuid")]
    owner_id: Option<String>,
    #[param(value_type = Option<String>, format = "uuid")]
    endpoint_id: Option<String>,
    /// The provider's name.
    provider: Option<String>,
    /// The model as the provider knows it.
    model: Option<String>,
}

/// Shows what everybody's calls cost: the last 24 hours, this month and the one before, by day, and by
/// project, endpoint, provider, model, token and owner.
///
/// The numbers are kept for ever, also when the calls are not. Days and months begin at midnight in the
/// time zone.
#[utoipa::path(get, path = "/api/v1/admin/costs", tag = "costs", params(Wanted),
    responses(
        (status = OK, body = CostOverviewView),
        (status = BAD_REQUEST, description = "`invalid_filter` with the `field`", body = ErrorBody),
        (status = NOT_FOUND, description = "`costs_disabled`", body = ErrorBody),
    ))]
pub(super) async fn of_everybody(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    State(costs): State<Costs>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<CostOverviewView>, ApiError> {
    let query = wanted.of(CostsOf::Everybody, costs)?;
    Ok(Json(costs::show(&control, actor, query).await?.into()))
}

/// Shows what a project's calls cost, in the same way.
#[utoipa::path(get, path = "/api/v1/admin/projects/{uuid}/costs", tag = "costs",
    params(("uuid" = String, Path, description = "The project"), Wanted),
    responses(
        (status = OK, body = CostOverviewView),
        (status = BAD_REQUEST, description = "`invalid_filter` with the `field`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `costs_disabled`", body = ErrorBody),
    ))]
pub(super) async fn of_project(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    State(costs): State<Costs>,
    Segment(uuid): Segment,
    Params(wanted): Params<Wanted>,
) -> Result<Json<CostOverviewView>, ApiError> {
    let query = wanted.of(CostsOf::Project(projects::parse_id(&uuid)?), costs)?;
    Ok(Json(costs::show(&control, actor, query).await?.into()))
}

impl Wanted {
    fn of(self, of: CostsOf, costs: Costs) -> Result<ShowCosts, ApiError> {
        if costs == Costs::Hidden {
            return Err(
                ApiError::not_found("costs_disabled").message("costs are not shown by this installation")
            );
        }
        Ok(ShowCosts {
            of,
            filter: CostFilter {
                project: None,
                owner: parsed("ownerId", "a UUID", self.owner_id)?,
                token: parsed("tokenId", "a UUID", self.token_id)?,
                endpoint: parsed("endpointId", "a UUID", self.endpoint_id)?,
                provider: given(self.provider),
                model: given(self.model),
            },
            days: number("days", self.days, DEFAULT_DAYS, MAX_DAYS)?,
            entries: number("limit", self.limit, DEFAULT_ENTRIES, MAX_ENTRIES)?,
            zone: parsed::<Tz>("timezone", "a time zone such as Europe/Berlin", self.timezone)?,
        })
    }
}

fn number(field: &'static str, text: Option<String>, default: u32, most: u32) -> Result<u32, ApiError> {
    let expected = format!("a number from 1 to {most}");
    match parsed(field, &expected, text)? {
        None => Ok(default),
        Some(number) if (1..=most).contains(&number) => Ok(number),
        Some(_) => Err(wrong(field, &expected)),
    }
}

fn parsed<T: FromStr>(
    field: &'static str,
    expected: &str,
    text: Option<String>,
) -> Result<Option<T>, ApiError> {
    given(text).map(|text| text.trim().parse().map_err(|_| wrong(field, expected))).transpose()
}

fn wrong(field: &'static str, expected: &str) -> ApiError {
    ApiError::bad_request("invalid_filter").field(field).message(format!("{field} must be {expected}"))
}

impl From<ShowCostsError> for ApiError {
    fn from(error: ShowCostsError) -> Self {
        match error {
            ShowCostsError::Forbidden(error) => error.into(),
            error @ ShowCostsError::UnknownProject(_) => projects::not_found(error),
            ShowCostsError::Store(error) => error.into(),
        }
    }
}
