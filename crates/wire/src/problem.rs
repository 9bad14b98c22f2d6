//! Saying no, in the shape of a surface.

use std::time::Duration;

use bytes::Bytes;
use promptgate_providers::WireFormat;
use serde::Serialize;
use serde_json::{Map, Value};

/// How a surface speaks to its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// OpenAI's API.
    OpenAi,
    /// Anthropic's API.
    Anthropic,
    /// The public routes that follow no vendor.
    Community,
}

impl From<WireFormat> for Surface {
    fn from(format: WireFormat) -> Self {
        match format {
            WireFormat::OpenAi => Self::OpenAi,
            WireFormat::Anthropic => Self::Anthropic,
        }
    }
}

/// What went wrong, before it has the shape of a surface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiProblem {
    /// The HTTP status.
    pub status: u16,
    /// A stable name for programs, such as `invalid_token`.
    pub code: &'static str,
    /// One sentence for people.
    pub message: String,
    /// The member of the request that is wrong.
    pub param: Option<String>,
    /// When trying again makes sense.
    pub retry_after: Option<Duration>,
    /// What it is called where its surface has a name of its own for it, such as `budget_exhausted`.
    pub kind: Option<&'static str>,
    /// What there is to say besides, at the top of the body: which limit, and how it stands.
    pub details: Map<String, Value>,
}

#[derive(Serialize)]
struct OpenAiProblem<'a> {
    ok: bool,
    error: OpenAiError<'a>,
    r#type: &'static str,
    request_id: &'a str,
    #[serde(flatten)]
    details: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: &'static str,
}

#[derive(Serialize)]
struct AnthropicProblem<'a> {
    r#type: &'static str,
    error: AnthropicError<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(flatten)]
    details: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    r#type: &'static str,
    message: &'a str,
    code: &'static str,
}

#[derive(Serialize)]
struct CommunityProblem<'a> {
    ok: bool,
    error: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(flatten)]
    details: &'a Map<String, Value>,
}

/// The body of a refusal or failure in the shape of a surface.
pub fn render_problem(surface: Surface, problem: &ApiProblem, request_id: &str) -> Bytes {
    match surface {
        Surface::OpenAi => crate::json(&OpenAiProblem {
            ok: false,
            error: openai_error(problem),
            r#type: problem.kind.unwrap_or_else(|| openai_type(problem)),
            request_id,
            details: &problem.details,
        }),
        Surface::Anthropic => crate::json(&anthropic(problem, Some(request_id))),
        Surface::Community => crate::json(&community(problem, Some(request_id))),
    }
}

/// The event that ends a stream which fails after it began.
pub fn problem_event(surface: Surface, problem: &ApiProblem) -> Bytes {
    #[derive(Serialize)]
    struct Event<'a> {
        error: OpenAiError<'a>,
    }
    match surface {
        Surface::OpenAi => event(None, &crate::json(&Event { error: openai_error(problem) })),
        Surface::Anthropic => event(Some("error"), &crate::json(&anthropic(problem, None))),
        Surface::Community => event(Some("error"), &crate::json(&community(problem, None))),
    }
}

/// The event that ends a stream of the responses API which fails after it began; `number` is its
/// place in the stream. The vendor documents its members at the top and sends them inside of `error`.
pub(crate) fn responses_event(problem: &ApiProblem, number: u64) -> Bytes {
    #[derive(Serialize)]
    struct Event<'a> {
        r#type: &'static str,
        code: &'static str,
        message: &'a str,
        param: Option<&'a str>,
        sequence_number: u64,
        error: OpenAiError<'a>,
    }
    let failed = Event {
        r#type: "error",
        code: problem.code,
        message: &problem.message,
        param: problem.param.as_deref(),
        sequence_number: number,
        error: openai_error(problem),
    };
    event(Some("error"), &crate::json(&failed))
}

/// One server-sent event.
pub(crate) fn event(name: Option<&str>, data: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(data.len() + 40);
    if let Some(name) = name {
        event.extend_from_slice(b"event: ");
        event.extend_from_slice(name.as_bytes());
        event.push(b'\n');
    }
    event.extend_from_slice(b"data: ");
    event.extend_from_slice(data);
    event.extend_from_slice(b"\n\n");
    event.into()
}

fn openai_error(problem: &ApiProblem) -> OpenAiError<'_> {
    OpenAiError {
        message: &problem.message,
        r#type: openai_type(problem),
        param: problem.param.as_deref(),
        code: problem.code,
    }
}

fn anthropic<'a>(problem: &'a ApiProblem, request_id: Option<&'a str>) -> AnthropicProblem<'a> {
    AnthropicProblem {
        r#type: "error",
        error: AnthropicError {
            r#type: anthropic_type(problem.status),
            message: &problem.message,
            code: problem.code,
        },
        request_id,
        details: &problem.details,
    }
}

fn community<'a>(problem: &'a ApiProblem, request_id: Option<&'a str>) -> CommunityProblem<'a> {
    CommunityProblem {
        ok: false,
        error: &problem.message,
        code: problem.code,
        r#type: problem.kind,
        retry_after: problem.retry_after.map(whole_seconds),
        request_id,
        details: &problem.details,
    }
}

fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

/// The community contract knows some problems by their type.
fn openai_type(problem: &ApiProblem) -> &'static str {
    match problem.status {
        400 if problem.code == "invalid_project_type" => "invalid_project_type",
        401 => "authentication_error",
        402 => "insufficient_quota",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

/// The names of <https://docs.anthropic.com/en/api/errors>.
const fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: u16) -> ApiProblem {
        ApiProblem {
            status,
            code: "unknown_model",
            message: "no provider answers the model `x`".to_owned(),
            param: Some("model".to_owned()),
            retry_after: None,
            kind: None,
            details: Map::new(),
        }
    }

    #[test]
    fn what_there_is_to_say_besides_stands_at_the_top() {
        let mut exhausted = problem(402);
        exhausted.kind = Some("budget_exhausted");
        exhausted.details.insert("limit".to_owned(), 1.into());
        for (surface, names) in [
            (Surface::OpenAi, r#""type":"budget_exhausted","request_id":"r","limit":1}"#),
            (Surface::Anthropic, r#""request_id":"r","limit":1}"#),
            (Surface::Community, r#""type":"budget_exhausted","request_id":"r","limit":1}"#),
        ] {
            let body = render_problem(surface, &exhausted, "r");
            assert!(body.ends_with(names.as_bytes()), "{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn each_surface_has_its_own_shape() {
        assert_eq!(
            render_problem(Surface::OpenAi, &problem(404), "req-1"),
            r#"{"ok":false,"error":{"message":"no provider answers the model `x`","type":"invalid_request_error","param":"model","code":"unknown_model"},"type":"invalid_request_error","request_id":"req-1"}"#
        );
        assert_eq!(
            render_problem(Surface::Anthropic, &problem(404), "req-1"),
            r#"{"type":"error","error":{"type":"not_found_error","message":"no provider answers the model `x`","code":"unknown_model"},"request_id":"req-1"}"#
        );
        let limited = ApiProblem { retry_after: Some(Duration::from_millis(6_001)), ..problem(429) };
        assert_eq!(
            render_problem(Surface::Community, &limited, "req-1"),
            r#"{"ok":false,"error":"no provider answers the model `x`","code":"unknown_model","retry_after":7,"request_id":"req-1"}"#
        );
    }

    #[test]
    fn a_stream_fails_with_its_protocols_event() {
        assert_eq!(
            problem_event(Surface::OpenAi, &problem(502)),
            "data: {\"error\":{\"message\":\"no provider answers the model `x`\",\"type\":\"server_error\",\"param\":\"model\",\"code\":\"unknown_model\"}}\n\n"
        );
        assert_eq!(
            responses_event(&problem(502), 7),
            "event: error\ndata: {\"type\":\"error\",\"code\":\"unknown_model\",\"message\":\"no provider answers the model `x`\",\"param\":\"model\",\"sequence_number\":7,\"error\":{\"message\":\"no provider answers the model `x`\",\"type\":\"server_error\",\"param\":\"model\",\"code\":\"unknown_model\"}}\n\n"
        );
        assert_eq!(
            problem_event(Surface::Anthropic, &problem(504)),
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"timeout_error\",\"message\":\"no provider answers the model `x`\",\"code\":\"unknown_model\"}}\n\n"
        );
    }
}
