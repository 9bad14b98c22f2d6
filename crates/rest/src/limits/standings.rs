//! How limits stand, on the wire.

use http::StatusCode;
use promptgate_control::limits::{CallsOf, LimitStanding, RequestCap, ShowLimitsError, Standings};
use promptgate_kernel::{Money, Timestamp};
use promptgate_limits::{Measure, Subject};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;
use crate::listing::given;

/// Which limits are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfModel {
    /// Of the limits of single models, only those of this one, by its exact id. Then they are compared with
    /// all others.
    #[param(example = "gpt-4o")]
    model: Option<String>,
}

/// Which calls of a token are meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfCalls {
    /// Those of this AI endpoint, by its id or slug: its limits count too, as far as the token does not say
    /// something else. For tokens alone.
    #[param(example = "summarise")]
    endpoint: Option<String>,
    /// Of the limits of single models, only those of this one, by its exact id. Then they are compared with
    /// all others.
    #[param(example = "gpt-4o")]
    model: Option<String>,
}

impl From<OfModel> for CallsOf {
    fn from(wanted: OfModel) -> Self {
        Self { endpoint: None, model: given(wanted.model) }
    }
}

impl From<OfCalls> for CallsOf {
    fn from(wanted: OfCalls) -> Self {
        Self { endpoint: given(wanted.endpoint), model: given(wanted.model) }
    }
}

/// How limits stand. What has no limit is not listed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LimitStandingsView {
    /// When this was counted.
    #[schema(value_type = String, format = "date-time")]
    synced_at: Timestamp,
    /// Whether calls are for an account that has no subscription plan, while there is no default one: every call
    /// of a model is refused.
    lacks_plan: bool,
    /// Whether limits of the account that the token acts for are left out, because whoever asks may not see
    /// accounts.
    leaves_account_out: bool,
    /// Each limit, those that are closest first, then what one request may have to read, in the same order: a call
    /// must keep to all of them.
    limits: Vec<LimitStandingView>,
}

/// How one limit stands. `spent`, `reserved` and `remaining` are null where nobody can say at the moment, where
/// others use it too whose use is not for whoever asks, and of one request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LimitStandingView {
    /// Whose limit it is: of a `token`, an `endpoint`, a `project`, a `group`, an `owner` (a person or a service
    /// account), or of the owner's subscription `plan`.
    #[schema(example = "project")]
    subject: &'static str,
    #[schema(format = "uuid")]
    subject_id: String,
    #[schema(example = "Support")]
    subject_name: String,
    /// The model that it is about; null for all of them together.
    model: Option<String>,
    /// What is counted: `requests`, `tokens`, or `cost`, which is in US dollars.
    #[schema(example = "cost")]
    measure: &'static str,
    /// Within which time: `minute`, `hour`, `day`, `month`, `5h`, `7d`, or `now`, which is calls under way; or
    /// `request`, which is what one request may give a model to read, by estimate.
    #[schema(example = "month")]
    window: &'static str,
    /// The most there may be.
    #[schema(value_type = f64, example = 50.0)]
    limit: Amount,
    /// What was used.
    #[schema(value_type = Option<f64>, example = 12.5)]
    spent: Option<Amount>,
    /// What calls under way have reserved, or processes hold for their next ones.
    #[schema(value_type = Option<f64>, example = 0.25)]
    reserved: Option<Amount>,
    /// What is neither spent nor reserved.
    #[schema(value_type = Option<f64>, example = 37.25)]
    remaining: Option<Amount>,
    /// When the window turns; of one that slides, when the oldest of what was used stops counting. Null where
    /// nothing will.
    #[schema(value_type = Option<String>, format = "date-time")]
    resets_at: Option<Timestamp>,
    /// Whether it has the least left of all listed limits that count the same: of requests in a time, of calls under
    /// way, of tokens, of dollars, and of what one request may have to read, where what an AI endpoint says of that
    /// is counted in another way. Limits of single models are compared where one model is asked about.
    is_tightest: bool,
}

/// A number of things, or of dollars.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Amount {
    Count(u64),
    Dollars(f64),
}

impl Amount {
    fn of(measure: Measure, amount: u64) -> Self {
        match measure {
            Measure::Requests | Measure::Tokens => Self::Count(amount),
            Measure::Cost => {
                Self::Dollars(Money::from_nanos(i64::try_from(amount).unwrap_or(i64::MAX)).as_dollars())
            }
        }
    }
}

fn id_of(subject: Subject) -> String {
    match subject {
        Subject::Token(id) => id.to_string(),
        Subject::Endpoint(id) => id.to_string(),
        Subject::Project(id) => id.to_string(),
        Subject::Group(id) => id.to_string(),
        Subject::Owner(id) => id.to_string(),
    }
}

impl From<Standings> for LimitStandingsView {
    fn from(standings: Standings) -> Self {
        Self {
            synced_at: standings.at,
            lacks_plan: standings.lacks_plan,
            leaves_account_out: standings.leaves_account_out,
            limits: standings
                .limits
                .into_iter()
                .map(LimitStandingView::from)
                .chain(standings.caps.into_iter().map(LimitStandingView::from))
                .collect(),
        }
    }
}

impl From<RequestCap> for LimitStandingView {
    fn from(cap: RequestCap) -> Self {
        Self {
            subject: cap.subject.kind(),
            subject_id: id_of(cap.subject),
            subject_name: cap.name,
            model: None,
            measure: Measure::Tokens.name(),
            window: "request",
            limit: Amount::Count(cap.tokens),
            spent: None,
            reserved: None,
            remaining: None,
            resets_at: None,
            is_tightest: cap.is_tightest,
        }
    }
}

impl From<LimitStanding> for LimitStandingView {
    fn from(given: LimitStanding) -> Self {
        let (counter, standing) = (given.limit.counter, given.standing);
        let amount = |amount| Amount::of(counter.measure, amount);
        let (subject, subject_id) = match given.plan {
            Some(plan) => ("plan", plan.to_string()),
            None => (counter.subject.kind(), id_of(counter.subject)),
        };
        Self {
            subject,
            subject_id,
            subject_name: given.name,
            model: counter.model.as_deref().map(str::to_owned),
            measure: counter.measure.name(),
            window: counter.window.name(),
            limit: amount(given.limit.cap),
            spent: standing.map(|standing| amount(standing.used)),
            reserved: standing.map(|standing| amount(standing.held)),
            remaining: standing.map(|standing| amount(standing.room())),
            resets_at: given.resets_at,
            is_tightest: given.is_tightest,
        }
    }
}

/// What is answered where limits are not shown; what is not there says `not_found`.
pub(crate) fn not_shown(
    error: ShowLimitsError,
    not_found: impl FnOnce(ShowLimitsError) -> ApiError,
) -> ApiError {
    match error {
        ShowLimitsError::Forbidden(error) => error.into(),
        error @ ShowLimitsError::NoEndpoint(_) => {
            ApiError::not_found("endpoint_not_found").field("endpoint").message(error)
        }
        error @ ShowLimitsError::EndpointNotAllowed(_) => {
            ApiError::new(StatusCode::FORBIDDEN, "endpoint_not_allowed").field("endpoint").message(error)
        }
        ShowLimitsError::Endpoint(error) => error.into(),
        ShowLimitsError::Store(error) => error.into(),
        error @ (ShowLimitsError::NoProject(_)
        | ShowLimitsError::NoGroup(_)
        | ShowLimitsError::NoAccount(_)
        | ShowLimitsError::NoToken(_)) => not_found(error),
    }
}
