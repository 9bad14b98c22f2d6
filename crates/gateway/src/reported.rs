//! What providers say when they fail: by status, or inside an answer that began well.

use std::time::Duration;

use http::StatusCode;
use promptgate_translate::ProviderError;

use crate::fault::Fault;

const MAX_CHARACTERS: usize = 500;
/// Who has no money left has none in a second either.
const OUT_OF_QUOTA: Duration = Duration::from_mins(1);
/// Who asks for more is taken to mean this.
const LONGEST_DELAY: Duration = Duration::from_hours(24);

/// What an answer means whose status is no success. `error` is what it says, `retry_after` when it wants
/// to be asked again.
pub(crate) fn fault_of(
    status: StatusCode,
    error: Option<&ProviderError>,
    retry_after: Option<Duration>,
) -> Fault {
    if error.is_some_and(is_about_credential) {
        return Fault::AuthFailed { status: status.as_u16() };
    }
    of_status(status.as_u16(), error, retry_after)
}

/// What an error means that came where an answer was expected.
pub(crate) fn fault_of_reported(error: &ProviderError) -> Fault {
    if is_about_credential(error) {
        return Fault::AuthFailed { status: 401 };
    }
    let says = |words: &[&str]| {
        [&error.kind, &error.code].into_iter().flatten().any(|said| words.contains(&said.as_str()))
    };
    // Some services put the status there.
    let number =
        error.code.as_ref().and_then(|code| code.parse().ok()).filter(|code| (400..600).contains(code));
    let status = match number {
        Some(status) => status,
        None if says(&["overloaded_error", "overloaded", "server_overloaded", "UNAVAILABLE"]) => 529,
        None if says(&["rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED"]) => 429,
        None if is_out_of_quota(error) => 429,
        None if says(&["billing_error"]) => 402,
        None if says(&["permission_error", "PERMISSION_DENIED"]) => 403,
        None if says(&["not_found_error", "model_not_found", "NOT_FOUND"]) => 404,
        None if says(&["request_too_large"]) => 413,
        None if says(&[
            "invalid_request_error",
            "invalid_prompt",
            "context_length_exceeded",
            "INVALID_ARGUMENT",
        ]) =>
        {
            400
        }
        None => 500,
    };
    of_status(status, Some(error), None)
}

fn of_status(status: u16, error: Option<&ProviderError>, retry_after: Option<Duration>) -> Fault {
    let message = error
        .map(|error| error.message.trim().chars().take(MAX_CHARACTERS).collect::<String>())
        .filter(|message| !message.is_empty());
    match status {
        // 402: the account behind the credential is empty. To clients it would look like a budget of theirs.
        401..=403 => Fault::AuthFailed { status },
        429 => {
            let out_of_quota = error.is_some_and(is_out_of_quota).then_some(OUT_OF_QUOTA);
            Fault::RateLimited { message, retry_after: retry_after.or(out_of_quota) }
        }
        400..=499 => Fault::Rejected { status, message },
        503 | 529 => Fault::Overloaded { status, message, retry_after },
        500..=599 => Fault::Failed { status, message, retry_after },
        _ => Fault::Broken,
    }
}

/// Whether an error speaks of the credential, which is not the client's. Some do under a status of
/// their own, and show a part of it.
fn is_about_credential(error: &ProviderError) -> bool {
    matches!(error.code.as_deref(), Some("invalid_api_key" | "API_KEY_INVALID"))
        || error.kind.as_deref() == Some("authentication_error")
}

fn is_out_of_quota(error: &ProviderError) -> bool {
    [&error.kind, &error.code].into_iter().flatten().any(|said| said == "insufficient_quota")
}

/// When a provider wants to be asked again, where it says so in the body: Google's `retryDelay`, as `34s`.
pub(crate) fn retry_delay(body: &[u8]) -> Option<Duration> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error").or_else(|| body.get(0)?.get("error"))?;
    let mut details = error.get("details")?.as_array()?.iter();
    let seconds = details.find_map(|detail| detail.get("retryDelay")?.as_str()?.strip_suffix('s'))?;
    let delay = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    Some(delay.min(LONGEST_DELAY))
}

/// The error of a body that no format explains. All kinds say it in `error.message`; some in `error`
/// or `message`.
pub(crate) fn plain_error(body: &[u8]) -> Option<ProviderError> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error");
    let message = error
        .and_then(|error| error.get("message"))
        .or(error)
        .filter(|text| text.is_string())
        .or_else(|| body.get("message"))?
        .as_str()?
        .to_owned();
    let member = |name: &str| error?.get(name)?.as_str().map(str::to_owned);
    Some(ProviderError { message, kind: member("type"), code: member("code"), param: member("param") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: &str, code: &str) -> ProviderError {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ProviderError { message: "no".into(), kind: text(kind), code: text(code), param: None }
    }

    #[test]
    fn errors_are_understood_in_the_vendors_shapes() {
        let message = |body: &str| plain_error(body.as_bytes()).map(|error| error.message);
        assert_eq!(message(r#"{"error":{"message":"no"}}"#).unwrap(), "no");
        assert_eq!(message(r#"{"type":"error","error":{"type":"x","message":"no"}}"#).unwrap(), "no");
        assert_eq!(message(r#"{"error":"no"}"#).unwrap(), "no");
        assert_eq!(message(r#"{"message":"no"}"#).unwrap(), "no");
        assert_eq!(message("<html>"), None);
    }

    #[test]
    fn an_error_inside_an_answer_has_the_status_that_it_should_have_had() {
        let status = |kind, code| {
            let fault = fault_of_reported(&error(kind, code));
            (fault.status(), fault.answered().unwrap())
        };
        assert_eq!(status("overloaded_error", ""), (503, 529));
        assert_eq!(status("rate_limit_error", ""), (429, 429));
        assert_eq!(status("", "insufficient_quota"), (429, 429));
        assert_eq!(status("authentication_error", ""), (502, 401));
        assert_eq!(status("invalid_request_error", ""), (400, 400));
        assert_eq!(status("", "502"), (502, 502));
        assert_eq!(status("api_error", ""), (502, 500));
        assert_eq!(status("", ""), (502, 500));
    }

    #[test]
    fn what_is_wrong_with_the_credential_is_not_the_clients() {
        for (status, error) in [
            (400, error("INVALID_ARGUMENT", "API_KEY_INVALID")),
            (400, error("invalid_request_error", "invalid_api_key")),
            (402, error("insufficient_credits", "")),
        ] {
            let fault = fault_of(StatusCode::from_u16(status).unwrap(), Some(&error), None);
            assert_eq!((fault.status(), fault.code()), (502, "upstream_auth_failed"), "{error:?}");
            assert!(fault.may_move());
        }
        assert_eq!(fault_of_reported(&error("billing_error", "")), Fault::AuthFailed { status: 402 });
    }

    #[test]
    fn google_says_in_the_body_when_to_come_again() {
        let delay = |delay: &str| {
            let detail =
                format!(r#"{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":{delay}}}"#);
            let body = format!(r#"{{"error":{{"code":429,"details":[{{"reason":"x"}},{detail}]}}}}"#);
            assert_eq!(retry_delay(body.as_bytes()), retry_delay(format!("[{body}]").as_bytes()));
            retry_delay(body.as_bytes())
        };
        assert_eq!(delay("\"34s\""), Some(Duration::from_secs(34)));
        assert_eq!(delay("\"0.5s\""), Some(Duration::from_millis(500)));
        assert_eq!(delay("\"99999999s\""), Some(LONGEST_DELAY));
        for wrong in ["\"-1s\"", "\"soon\"", "\"NaNs\"", "34", "null"] {
            assert_eq!(delay(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn messages_are_bounded() {
        let long = ProviderError { message: "ä".repeat(2_000), ..error("", "") };
        let fault = of_status(500, Some(&long), None);
        assert_eq!(fault, Fault::Failed { status: 500, message: Some("ä".repeat(500)), retry_after: None });
    }

    #[test]
    fn who_is_out_of_quota_rests_for_a_while() {
        let broke = error("insufficient_quota", "insufficient_quota");
        assert_eq!(of_status(429, Some(&broke), None).retry_after(), Some(OUT_OF_QUOTA));
        let short = Some(Duration::from_secs(2));
        assert_eq!(of_status(429, Some(&broke), short).retry_after(), short);
        assert_eq!(of_status(429, Some(&error("rate_limit_error", "")), None).retry_after(), None);
    }
}
