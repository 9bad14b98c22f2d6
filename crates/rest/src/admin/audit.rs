//! `/api/v1/admin/audit`: who did what.

mod export;
mod list;
mod view;

use std::str::FromStr;

use promptgate_audit::EventFilter;
use promptgate_control::audit::AuditError;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;
use crate::listing::given;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(export::export))
}

/// Which events are wanted. All that is given must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// A part of the action, the actor, the target, the door or a detail, in any case.
    search: Option<String>,
    /// `info`, `ok`, `warn` or `err`.
    severity: Option<String>,
    /// Exactly this action, such as `token.revoked`.
    action: Option<String>,
    /// By the account, token or admin key with this id.
    actor_id: Option<String>,
    #[param(value_type = Option<String>, format = "uuid")]
    project_id: Option<String>,
    /// At this instant or later.
    #[param(value_type = Option<String>, format = "date-time")]
    since: Option<String>,
    /// Before this instant.
    #[param(value_type = Option<String>, format = "date-time")]
    until: Option<String>,
}

impl TryFrom<Wanted> for EventFilter {
    type Error = ApiError;

    fn try_from(wanted: Wanted) -> Result<Self, ApiError> {
        const INSTANT: &str = "an instant such as 2025-01-31T12:00:00Z";
        Ok(Self {
            search: given(wanted.search),
            severity: parsed("severity", "info, ok, warn or err", wanted.severity)?,
            action: given(wanted.action),
            actor: given(wanted.actor_id),
            project: parsed("projectId", "a UUID", wanted.project_id)?,
            since: parsed("since", INSTANT, wanted.since)?,
            until: parsed("until", INSTANT, wanted.until)?,
        })
    }
}

fn parsed<T: FromStr>(
    field: &'static str,
    expected: &str,
    text: Option<String>,
) -> Result<Option<T>, ApiError> {
    let wrong = || ApiError::bad_request("invalid_filter").field(field);
    let parse =
        |text: String| text.parse().map_err(|_| wrong().message(format!("{field} must be {expected}")));
    given(text).map(parse).transpose()
}

impl From<AuditError> for ApiError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Forbidden(error) => error.into(),
            AuditError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod changes;
#[cfg(test)]
mod tests;
