//! `GET /api/v1/admin/calls`

use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::calls::{self, CallPage, ListCallsError, MAX_PAGE};
use promptgate_firewall::guardrails::Guardrail;
use promptgate_usage::{CallFilter, Cursor};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::CallView;
use crate::admin::Acting;
use crate::body::Params;
use crate::error::{ApiError, ErrorBody};
use crate::listing::given;

const DEFAULT_LIMIT: u32 = 50;

/// Which calls are wanted. All that is given must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Where the page begins: `nextCursor` of the page before.
    cursor: Option<String>,
    /// How many calls a page has: 1 to 200, 50 unless given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// Only calls that arrived then or later.
    #[param(value_type = Option<String>, format = "date-time")]
    from: Option<String>,
    /// Only calls that arrived before.
    #[param(value_type = Option<String>, format = "date-time")]
    to: Option<String>,
    #[param(value_type = Option<String>, format = "uuid")]
    project_id: Option<String>,
    #[param(value_type = Option<String>, format = "uuid")]
    token_id: Option<String>,
    #[param(value_type = Option<String>, format = "uuid")]
    owner_id: Option<String>,
    #[param(value_type = Option<String>, format = "uuid")]
    endpoint_id: Option<String>,
    /// The model as the provider knows it.
    model: Option<String>,
    /// The provider's name.
    provider: Option<String>,
    /// The HTTP status of the answer.
    #[param(value_type = Option<u16>)]
    status: Option<String>,
    /// `completed`, `refused`, `upstream_failed`, `caller_cancelled` or `gateway_failed`.
    outcome: Option<String>,
    request_id: Option<String>,
    /// Only calls that repeat the one with this request id, or that the gateway made for it.
    parent_request_id: Option<String>,
    /// Only calls in which this guardrail matched, such as `pii_filter`, or this rule of one, such as
    /// `pii_filter.email`.
    guardrail: Option<String>,
    /// Only calls that guardrails decided so about: `blocked`, `changed` or `noted`.
    guardrail_outcome: Option<String>,
}

/// One page of the log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallPageView {
    /// The calls, newest first.
    items: Vec<CallView>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// Pages through the calls of all projects, newest first. What is recorded meanwhile moves no page.
#[utoipa::path(get, path = "/api/v1/admin/calls", tag = "calls", params(Wanted), responses(
    (status = OK, body = CallPageView),
    (status = BAD_REQUEST, description = "`invalid_cursor`, or `invalid_filter` with the `field`",
        body = ErrorBody),
))]
pub(super) async fn list(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    Params(wanted): Params<Wanted>,
) -> Result<Json<CallPageView>, ApiError> {
    let limit = limit(wanted.limit.as_deref());
    let after = given(wanted.cursor.clone()).map(|text| text.parse::<Cursor>()).transpose();
    let after =
        after.map_err(|error| ApiError::bad_request("invalid_cursor").field("cursor").message(error))?;
    let CallPage { calls, next } = calls::list(&control, actor, &wanted.try_into()?, after, limit).await?;
    Ok(Json(CallPageView {
        items: calls.into_iter().map(CallView::from).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}

/// What is no positive number becomes the default, as in every list.
fn limit(text: Option<&str>) -> u32 {
    let number = text.and_then(|text| text.trim().parse::<u32>().ok()).filter(|number| *number > 0);
    number.unwrap_or(DEFAULT_LIMIT).min(MAX_PAGE)
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

fn known(
    field: &'static str,
    expected: &str,
    text: Option<String>,
    is_known: impl FnOnce(&str) -> bool,
) -> Result<Option<String>, ApiError> {
    match given(text) {
        Some(text) if !is_known(&text) => {
            let wrong = ApiError::bad_request("invalid_filter").field(field);
            Err(wrong.message(format!("{field} must be {expected}")))
        }
        known => Ok(known),
    }
}

const UUID: &str = "a UUID";
const INSTANT: &str = "an instant such as 2025-01-31T12:00:00Z";
const STATUS: &str = "an HTTP status";
const GUARDRAIL: &str = "the name of a guardrail, such as pii_filter, or the id of one of its rules";
const GUARDED: [&str; 3] = ["blocked", "changed", "noted"];
const OUTCOME: &str = "one of completed, refused, upstream_failed, caller_cancelled, gateway_failed";

impl TryFrom<Wanted> for CallFilter {
    type Error = ApiError;

    fn try_from(wanted: Wanted) -> Result<Self, ApiError> {
        Ok(Self {
            project: parsed("projectId", UUID, wanted.project_id)?,
            token: parsed("tokenId", UUID, wanted.token_id)?,
            owner: parsed("ownerId", UUID, wanted.owner_id)?,
            endpoint: parsed("endpointId", UUID, wanted.endpoint_id)?,
            model: given(wanted.model),
            provider: given(wanted.provider),
            status: parsed("status", STATUS, wanted.status)?,
            outcome: parsed("outcome", OUTCOME, wanted.outcome)?,
            request_id: given(wanted.request_id),
            parent_request_id: given(wanted.parent_request_id),
            guardrail: known("guardrail", GUARDRAIL, wanted.guardrail, |rule| {
                let key = rule.split_once('.').map_or(rule, |(key, _)| key);
                Guardrail::ALL.iter().any(|guardrail| guardrail.key() == key)
            })?,
            guardrail_outcome: known(
                "guardrailOutcome",
                "one of blocked, changed, noted",
                wanted.guardrail_outcome,
                |outcome| GUARDED.contains(&outcome),
            )?,
            from: parsed("from", INSTANT, wanted.from)?,
            to: parsed("to", INSTANT, wanted.to)?,
        })
    }
}

impl From<ListCallsError> for ApiError {
    fn from(error: ListCallsError) -> Self {
        match error {
            ListCallsError::Forbidden(error) => error.into(),
            ListCallsError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Api;
    use promptgate_usage::{GuardMatch, Guarded};
    use serde_json::{Value, json};

    fn ids(page: &Value) -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["requestId"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn a_cursor_leads_on_whatever_arrives_meanwhile() {
        let api = Api::new().await;
        let project = api.create_project("x", "ai_wrapper").await;
        let token = api.issue_token(&project).await;
        for number in 1..=5 {
            api.record_call(&project, &token.id, &format!("req-{number}")).await;
            api.get("/health").await;
        }
        let first = api.get("/api/v1/admin/calls?limit=2").await.ok();
        assert_eq!(ids(&first), ["req-5", "req-4"]);
        api.record_call(&project, &token.id, "req-6").await;
        let next = |page: &Value| {
            let cursor = page["nextCursor"].as_str().unwrap().to_owned();
            let api = &api;
            async move { api.get(&format!("/api/v1/admin/calls?limit=2&cursor={cursor}")).await.ok() }
        };
        let second = next(&first).await;
        assert_eq!(ids(&second), ["req-3", "req-2"]);
        let third = next(&second).await;
        assert_eq!((ids(&third), &third["nextCursor"]), (vec!["req-1".to_owned()], &json!(null)));
        api.get("/api/v1/admin/calls?cursor=x").await.refused(400, "invalid_cursor");
    }

    fn masked() -> Guarded {
        let found = GuardMatch {
            rule: "pii_filter.email".into(),
            mode: "mask".into(),
            certainty: "certain".into(),
            score: None,
            part: "messages[0].content".into(),
            start: 0,
            end: 15,
        };
        Guarded { outcome: "changed".into(), matches: vec![found], ..Guarded::default() }
    }

    #[tokio::test]
    async fn every_filter_narrows() {
        let api = Api::new().await;
        let (own, other) =
            (api.create_project("x", "ai_wrapper").await, api.create_project("y", "ai_wrapper").await);
        let (token, foreign) = (api.issue_token(&own).await, api.issue_token(&other).await);
        api.record_call_with(&own, &token.id, "masked", |event, _| {
            (event.model, event.provider) = (None, None);
            event.guarded = Some(masked());
        })
        .await;
        api.get("/health").await;
        api.record_call(&own, &token.id, "mine").await;
        api.get("/health").await;
        api.record_call(&other, &foreign.id, "theirs").await;
        let at = |page: &Value| page["items"][0]["createdAt"].as_str().unwrap().to_owned();
        let newest = at(&api.get("/api/v1/admin/calls").await.ok());
        for (query, expected) in [
            (format!("projectId={own}"), vec!["mine", "masked"]),
            (format!("tokenId={}", foreign.id), vec!["theirs"]),
            (format!("ownerId={own}"), vec![]),
            (format!("endpointId={own}"), vec![]),
            ("requestId=mine".to_owned(), vec!["mine"]),
            ("parentRequestId=mine".to_owned(), vec![]),
            ("model=echo&provider=echo&status=200&outcome=completed".to_owned(), vec!["theirs", "mine"]),
            ("status=404".to_owned(), vec![]),
            ("outcome=refused".to_owned(), vec![]),
            ("guardrail=pii_filter".to_owned(), vec!["masked"]),
            ("guardrail=pii_filter.email&guardrailOutcome=changed".to_owned(), vec!["masked"]),
            ("guardrail=pii_filter.iban".to_owned(), vec![]),
            ("guardrailOutcome=blocked".to_owned(), vec![]),
            (format!("from={newest}"), vec!["theirs"]),
            (format!("to={newest}"), vec!["mine", "masked"]),
        ] {
            let page = api.get(&format!("/api/v1/admin/calls?{query}")).await.ok();
            assert_eq!(ids(&page), expected, "{query}");
        }
        for (query, field) in [
            ("projectId=x", "projectId"),
            ("status=ok", "status"),
            ("outcome=fine", "outcome"),
            ("guardrail=pii", "guardrail"),
            ("guardrailOutcome=passed", "guardrailOutcome"),
            ("from=yesterday", "from"),
        ] {
            let refused = api.get(&format!("/api/v1/admin/calls?{query}")).await;
            assert_eq!(refused.refused(400, "invalid_filter")["field"], field);
        }
    }
}
