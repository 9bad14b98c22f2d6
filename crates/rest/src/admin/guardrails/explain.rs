//! `POST /api/v1/admin/firewall/explain`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::guardrails::{self, Asked, Channel, Coming, Form, Heard, Said, Tried, Way};
use promptgate_firewall::{InvalidNetworkRule, client_address};
use promptgate_kernel::Timestamp;
use promptgate_providers::Operation;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::admission::AdmissionView;
use super::body::GuardrailsBody;
use super::trial_failed;
use super::verdict::ExplainedView;
use crate::admin::Acting;
use crate::body::StrictJson;
use crate::error::{ApiError, ErrorBody};

const MOST_LINES: usize = 1_000;

/// Something that guardrails are asked about: one of `text`, `body` and `lines`, or where a call comes
/// from and when, or both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ExplainBody {
    /// A text that stands alone.
    text: Option<String>,
    /// The body of a request, or of an answer.
    #[schema(value_type = Option<Value>)]
    body: Option<Value>,
    /// Several: each a text, an object with nothing but a `text`, or a body.
    #[schema(max_items = 1000)]
    lines: Option<Vec<Value>>,
    /// What bodies are written in: `chat_completions`, `responses`, `messages`, `count_tokens`,
    /// `embeddings`, or `endpoint` for a call of an AI endpoint. Unless given it is `endpoint` with an
    /// `endpointId`, else `chat_completions`.
    operation: Option<String>,
    /// `input`, which it is unless given, for what goes to a model, or `output` for what it answers.
    direction: Option<String>,
    /// Who wrote a text that stands alone: `user`, which it is unless given, `tool`, `document`,
    /// `tool_definition`, `system` or `assistant`.
    channel: Option<String>,
    /// Where the client is, for `ipAllowlist`: an IPv4 or IPv6 address, with or without a port.
    client_ip: Option<String>,
    /// When the call comes, for `timeWindow`.
    #[schema(value_type = Option<String>, format = "date-time")]
    at: Option<String>,
    #[schema(value_type = Option<String>, format = "uuid")]
    project_id: Option<String>,
    #[schema(value_type = Option<String>, format = "uuid")]
    endpoint_id: Option<String>,
    #[schema(value_type = Option<String>, format = "uuid")]
    token_id: Option<String>,
    /// Rules that are tried over those that are stored.
    rules: Option<GuardrailsBody>,
    /// Whether those that are stored do not count.
    rules_only: Option<bool>,
}

/// What guardrails make of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExplanationView {
    /// How many would be refused.
    blocked: usize,
    /// How many would go on with some of their text replaced.
    changed: usize,
    /// How many would go on and be written down.
    noted: usize,
    /// How long it took, in microseconds.
    micros: u64,
    /// What they make of each thing, in its order.
    verdicts: Vec<ExplainedView>,
    /// Whether the call may come from there and then; null where neither was asked.
    access: Option<AdmissionView>,
}

/// Says what guardrails would make of a text, a body or several of them: what is found where, and what
/// would go on; and what of a client's address and of an instant. Nothing is called, stored or logged.
#[utoipa::path(post, path = "/api/v1/admin/firewall/explain", tag = "guardrails",
    request_body = ExplainBody,
    responses(
        (status = OK, body = ExplanationView),
        (status = BAD_REQUEST, description = "`invalid_request_body`, `invalid_guardrails`, \
            `unreadable_body`", body = ErrorBody),
        (status = NOT_FOUND, description = "`project_not_found`, `endpoint_not_found`, \
            `token_not_found`", body = ErrorBody),
        (status = CONFLICT, description = "`guardrails_unreadable`, of the endpoint", body = ErrorBody),
    ))]
pub(super) async fn explain(
    Acting(actor): Acting,
    State(control): State<Arc<Control>>,
    StrictJson(body): StrictJson<ExplainBody>,
) -> Result<Json<ExplanationView>, ApiError> {
    let heard = heard(&body)?;
    let way = Way {
        project: id(body.project_id, "projectId")?,
        endpoint: id(body.endpoint_id, "endpointId")?,
        token: id(body.token_id, "tokenId")?,
    };
    let has_lines = body.lines.is_some();
    let coming = Coming {
        from: body.client_ip.map(|text| client_address(&text)).transpose().map_err(no_address)?,
        at: instant(body.at, "at")?,
    };
    let said = match (&body.text, &body.body, &body.lines) {
        (None, None, None) if coming != Coming::default() => Vec::new(),
        _ => said(heard, body.text, body.body, body.lines)?,
    };
    let tried = tried(body.rules, body.rules_only);
    let explained = guardrails::explain(&control, actor, way, tried, Asked { said, coming }).await;
    let place = |at| if has_lines { format!("lines[{at}]") } else { "body".to_owned() };
    let explained = explained.map_err(|error| trial_failed(error, place))?;
    let access = explained.access.as_ref().map(AdmissionView::from);
    let verdicts: Vec<ExplainedView> = explained.explained.into_iter().map(ExplainedView::from).collect();
    let count = |outcome| verdicts.iter().filter(|view| view.outcome() == outcome).count();
    Ok(Json(ExplanationView {
        blocked: count("blocked"),
        changed: count("changed"),
        noted: count("noted"),
        micros: verdicts.iter().map(ExplainedView::micros).sum(),
        verdicts,
        access,
    }))
}

/// Which rules are tried.
pub(super) fn tried(rules: Option<GuardrailsBody>, only: Option<bool>) -> Tried {
    let document = rules.map(GuardrailsBody::whole);
    match (document, only.unwrap_or_default()) {
        (document, true) => Tried::Alone(document.unwrap_or_default()),
        (Some(document), false) => Tried::Over(document),
        (None, false) => Tried::Stored,
    }
}

/// Reads an id that may be left out.
pub(super) fn id<T: std::str::FromStr>(
    text: Option<String>,
    field: &'static str,
) -> Result<Option<T>, ApiError> {
    text.map(|text| text.parse().map_err(|_| wrong(field, "must be a UUID"))).transpose()
}

/// Reads an instant that may be left out.
pub(super) fn instant(text: Option<String>, field: &'static str) -> Result<Option<Timestamp>, ApiError> {
    let must = "must be an instant such as 2025-01-31T12:00:00Z";
    text.map(|text| text.parse().map_err(|_| wrong(field, must))).transpose()
}

fn no_address(error: InvalidNetworkRule) -> ApiError {
    wrong("clientIp", &error.to_string())
}

pub(super) fn wrong(field: &str, must: &str) -> ApiError {
    ApiError::bad_request("invalid_request_body").field(field).message(format!("{field} {must}"))
}

fn heard(body: &ExplainBody) -> Result<Heard, ApiError> {
    let operation = match body.operation.as_deref() {
        None if body.endpoint_id.is_some() => None,
        None => Some(Operation::ChatCompletions),
        Some("endpoint") => None,
        Some(name) => {
            let known = Operation::ALL.into_iter().find(|operation| operation.as_str() == name);
            let names = Operation::ALL.map(Operation::as_str).join(", ");
            Some(known.ok_or_else(|| wrong("operation", &format!("must be one of {names}, endpoint")))?)
        }
    };
    let channel = match body.channel.as_deref().unwrap_or("user") {
        "user" => Channel::User,
        "tool" => Channel::Tool,
        "document" => Channel::Document,
        "tool_definition" => Channel::ToolDefinition,
        "system" => Channel::System,
        "assistant" => Channel::Assistant,
        _ => {
            let must = "must be one of user, tool, document, tool_definition, system, assistant";
            return Err(wrong("channel", must));
        }
    };
    match body.direction.as_deref().unwrap_or("input") {
        "input" => Ok(Heard::Asked(operation.map_or(Form::Call, Form::Request), channel)),
        // What an endpoint answers is no vendor's answer; its text can be asked about.
        "output" if operation.is_none() && body.text.is_none() => {
            Err(wrong("operation", "must be that of a provider where an answer is given as a body"))
        }
        "output" => Ok(Heard::Answered(operation.unwrap_or(Operation::ChatCompletions))),
        _ => Err(wrong("direction", "must be input or output")),
    }
}

fn said(
    heard: Heard,
    text: Option<String>,
    body: Option<Value>,
    lines: Option<Vec<Value>>,
) -> Result<Vec<Said>, ApiError> {
    match (text, body, lines) {
        (Some(text), None, None) => Ok(vec![heard.text(text)]),
        (None, Some(body @ Value::Object(_)), None) => Ok(vec![heard.body(body.to_string().into())]),
        (None, Some(_), None) => Err(wrong("body", "must be an object")),
        (None, None, Some(lines)) if lines.len() > MOST_LINES => {
            Err(wrong("lines", &format!("must have at most {MOST_LINES} entries")))
        }
        (None, None, Some(lines)) => {
            let line = |(at, line): (usize, Value)| {
                let must = "must be a text or an object";
                heard.line(line).ok_or_else(|| wrong(&format!("lines[{at}]"), must))
            };
            lines.into_iter().enumerate().map(line).collect()
        }
        _ => Err(wrong("text", "or `body` or `lines` must be given, and one of them alone")),
    }
}
