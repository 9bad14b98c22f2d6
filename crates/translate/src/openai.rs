//! What OpenAI's two chat formats have in common: usage and errors.

use bytes::Bytes;
use promptgate_usage::{TokenCounts, with_reasoning};

use crate::compose::{Object, object};
use crate::counts::{believed, share_of, told};
use crate::members::{Members, Value};
use crate::{Failure, Json, ProviderError};

/// What the members of a usage object are called.
pub(crate) struct UsageNames {
    read: &'static str,
    read_details: &'static str,
    written: &'static str,
    written_details: &'static str,
}

/// Usage of Chat Completions.
pub(crate) const CHAT_USAGE: UsageNames = UsageNames {
    read: "prompt_tokens",
    read_details: "prompt_tokens_details",
    written: "completion_tokens",
    written_details: "completion_tokens_details",
};

/// Usage of Responses.
pub(crate) const RESPONSES_USAGE: UsageNames = UsageNames {
    read: "input_tokens",
    read_details: "input_tokens_details",
    written: "output_tokens",
    written_details: "output_tokens_details",
};

/// Reads usage. Details are shares of the two numbers, so they are taken out of them. `None` when it
/// cannot be true.
pub(crate) fn read_usage(usage: &Members<'_>, names: &UsageNames) -> Option<TokenCounts> {
    let total = believed(usage, "total_tokens").ok().flatten();
    let (read, written) = match (believed(usage, names.read).ok()?, believed(usage, names.written).ok()?) {
        (Some(read), Some(written)) => (read, written),
        (Some(read), None) => (read, total.unwrap_or(read).saturating_sub(read)),
        (None, written) => {
            let written = written.unwrap_or(0);
            (total?.saturating_sub(written), written)
        }
    };
    let of_read = usage.lenient_members(names.read_details);
    let of_written = usage.lenient_members(names.written_details);
    let cache_read = share_of(of_read.as_ref(), "cached_tokens", read);
    let cache_write_5m = share_of(of_read.as_ref(), "cache_write_tokens", read - cache_read);
    let audio_input = share_of(of_read.as_ref(), "audio_tokens", read - cache_read - cache_write_5m);
    let reasoning = told(of_written.as_ref(), "reasoning_tokens");
    let (written, reasoning) = with_reasoning(read, written, reasoning, total);
    let audio_output = share_of(of_written.as_ref(), "audio_tokens", written - reasoning);
    Some(TokenCounts {
        input: read - cache_read - cache_write_5m - audio_input,
        cache_read,
        cache_write_5m,
        cache_write_1h: 0,
        audio_input,
        output: written - reasoning - audio_output,
        reasoning,
        audio_output,
    })
}

/// Writes usage.
pub(crate) fn write_usage(into: &mut Object<'_>, usage: &TokenCounts, names: &UsageNames) {
    into.set(names.read, &usage.total_input());
    into.set(names.written, &usage.total_output());
    into.set("total_tokens", &usage.total());
    into.object(names.read_details, |details| {
        details.set("cached_tokens", &usage.cache_read);
        details.set("cache_write_tokens", &usage.cache_write_5m.saturating_add(usage.cache_write_1h));
        if names.read == CHAT_USAGE.read {
            details.set("audio_tokens", &usage.audio_input);
        }
    });
    into.object(names.written_details, |details| {
        details.set("reasoning_tokens", &usage.reasoning);
        if names.read == CHAT_USAGE.read {
            details.set("audio_tokens", &usage.audio_output);
        }
    });
}

/// Reads an error as OpenAI and its many imitators write it.
pub(crate) fn read_error(body: &[u8]) -> Option<ProviderError> {
    let text = std::str::from_utf8(body).ok()?;
    let body = Members::of(text)?;
    if let Some(error) = body.get("error") {
        return Some(error_of(&error));
    }
    // Mistral has no envelope, vLLM in front of FastAPI a `detail`.
    if let Some(message) = body.get("message")
        && (body.get("type").is_some() || body.get("code").is_some())
    {
        let message = words(&message);
        return Some(ProviderError { message, ..codes(&body) });
    }
    let detail = body.get("detail")?;
    Some(ProviderError { message: words(&detail), ..ProviderError::default() })
}

/// Reads what stands under `error`.
pub(crate) fn error_of(error: &Value<'_>) -> ProviderError {
    let Ok(members) = error.members() else {
        return ProviderError { message: words(error), ..ProviderError::default() };
    };
    let message = members.get("message").map(|message| words(&message));
    ProviderError { message: message.unwrap_or_else(|| error.json().as_str().to_owned()), ..codes(&members) }
}

fn codes(members: &Members<'_>) -> ProviderError {
    // Some services write the code as a number.
    let code = members.get("code").map(|code| words(&code));
    ProviderError {
        message: String::new(),
        kind: members.lenient_text("type"),
        code,
        param: members.lenient_text("param"),
    }
}

fn words(value: &Value<'_>) -> String {
    value.text().unwrap_or_else(|_| Json::as_str(&value.json()).to_owned())
}

/// Writes an error in OpenAI's shape. Like every refusal of the gateway on these routes it says
/// `ok: false`, its type at the top and the request's id besides the vendor's members.
pub(crate) fn write_error(status: u16, error: &ProviderError, request_id: &str) -> Bytes {
    let mut out = Vec::new();
    object(&mut out, |body| {
        body.set("ok", &false);
        body.object("error", |inner| error_members(inner, status, error));
        body.set("type", error_type(status));
        body.set("request_id", request_id);
    });
    out.into()
}

/// Writes the members of an error.
pub(crate) fn error_members(into: &mut Object<'_>, status: u16, error: &ProviderError) {
    into.set("message", &error.message);
    into.set("type", error_type(status));
    into.set("param", &error.param);
    into.set("code", &error.code.as_deref().or(error.kind.as_deref()));
}

/// A failure of the gateway itself as an error.
pub(crate) fn of_failure(failure: &Failure<'_>) -> ProviderError {
    ProviderError {
        message: failure.message.to_owned(),
        kind: None,
        code: Some(failure.code.to_owned()),
        param: None,
    }
}

/// The status that an error inside a stream would have had. The code says more than the class:
/// OpenAI's class of a rate limit is what ran out, `tokens` or `requests`.
pub(crate) fn status_of(error: &ProviderError) -> u16 {
    let words = [error.code.as_deref(), error.kind.as_deref()];
    words.into_iter().flatten().find_map(status_of_word).unwrap_or(502)
}

fn status_of_word(word: &str) -> Option<u16> {
    Some(match word {
        "overloaded_error" | "server_is_overloaded" | "UNAVAILABLE" => 529,
        "rate_limit_error" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" => 429,
        "insufficient_quota" | "billing_error" => 402,
        "authentication_error" | "invalid_api_key" | "UNAUTHENTICATED" => 401,
        "permission_error" | "PERMISSION_DENIED" => 403,
        "not_found_error" | "model_not_found" | "NOT_FOUND" => 404,
        "request_too_large" => 413,
        "timeout_error" | "DEADLINE_EXCEEDED" => 504,
        "invalid_request_error" | "context_length_exceeded" | "INVALID_ARGUMENT" | "FAILED_PRECONDITION" => {
            400
        }
        _ => return None,
    })
}

/// The names of <https://platform.openai.com/docs/guides/error-codes>.
pub(crate) const fn error_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "insufficient_quota",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(json: &str) -> Option<TokenCounts> {
        read_usage(&Members::of(json).unwrap(), &CHAT_USAGE)
    }

    #[test]
    fn classes_do_not_overlap() {
        let counts = usage(
            r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,
                "prompt_tokens_details":{"cached_tokens":60,"audio_tokens":10},
                "completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":5}}"#,
        );
        let expected = TokenCounts {
            input: 30,
            cache_read: 60,
            audio_input: 10,
            output: 15,
            reasoning: 30,
            audio_output: 5,
            ..TokenCounts::default()
        };
        assert_eq!(counts, Some(expected));
        let mut out = Vec::new();
        object(&mut out, |into| write_usage(into, &expected, &CHAT_USAGE));
        assert_eq!(usage(std::str::from_utf8(&out).unwrap()), Some(expected));
    }

    #[test]
    fn reasoning_beside_the_completion_is_counted() {
        let counts = |details: &str| {
            let json = format!(r#"{{"prompt_tokens":32,"completion_tokens":9,"total_tokens":274{details}}}"#);
            usage(&json).map(|counts| (counts.input, counts.output, counts.reasoning))
        };
        let told = r#","completion_tokens_details":{"reasoning_tokens":233}"#;
        assert_eq!(counts(told), Some((32, 9, 233)));
        assert_eq!(counts(""), Some((32, 9, 233)));
    }

    #[test]
    fn what_cannot_be_true_is_not_believed() {
        for json in [
            r#"{"prompt_tokens":-1,"completion_tokens":1}"#,
            r#"{"prompt_tokens":1.5,"completion_tokens":1}"#,
            r#"{"prompt_tokens":"1","completion_tokens":1}"#,
            r#"{"prompt_tokens":1,"completion_tokens":2000000000}"#,
            "{}",
        ] {
            assert_eq!(usage(json), None, "{json}");
        }
        let shares =
            r#"{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":9}}"#;
        assert_eq!(usage(shares).map(|counts| (counts.input, counts.cache_read)), Some((0, 5)));
    }

    #[test]
    fn errors_of_the_imitators_are_read() {
        let read = |json: &str| read_error(json.as_bytes()).unwrap();
        let error =
            read(r#"{"error":{"message":"no","type":"invalid_request_error","param":"x","code":"y"}}"#);
        assert_eq!(error.message, "no");
        assert_eq!((error.param.as_deref(), error.code.as_deref()), (Some("x"), Some("y")));
        assert_eq!(read(r#"{"error":"down"}"#).message, "down");
        assert_eq!(read(r#"{"error":{"message":"no","code":429}}"#).code.as_deref(), Some("429"));
        let mistral =
            read(r#"{"object":"error","message":"bad","type":"invalid_request_error","code":null}"#);
        assert_eq!(
            (mistral.message.as_str(), mistral.kind.as_deref()),
            ("bad", Some("invalid_request_error"))
        );
        assert_eq!(read(r#"{"detail":[{"msg":"field required"}]}"#).message, r#"[{"msg":"field required"}]"#);
        assert_eq!(read_error(b"{\"id\":\"x\"}"), None);
        assert_eq!(read_error(b"<html>"), None);
    }

    #[test]
    fn the_code_of_an_error_in_a_stream_comes_before_its_class() {
        let status = |kind: &str, code: Option<&str>| {
            let (kind, code) = (Some(kind.to_owned()), code.map(str::to_owned));
            status_of(&ProviderError { kind, code, ..ProviderError::default() })
        };
        assert_eq!(status("tokens", Some("rate_limit_exceeded")), 429);
        assert_eq!(status("invalid_request_error", Some("model_not_found")), 404);
        assert_eq!(status("overloaded_error", None), 529);
        assert_eq!(status("INTERNAL", Some("500")), 502);
    }

    #[test]
    fn errors_have_the_type_of_their_status() {
        let error = ProviderError {
            message: "slow down".to_owned(),
            kind: Some("overloaded_error".to_owned()),
            ..ProviderError::default()
        };
        assert_eq!(
            write_error(429, &error, "req-1"),
            r#"{"ok":false,"error":{"message":"slow down","type":"rate_limit_error","param":null,"code":"overloaded_error"},"type":"rate_limit_error","request_id":"req-1"}"#
        );
    }
}
