//! Requests.

mod edits;

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use promptgate_providers::Operation;

use crate::members::{self, Member};
use crate::{ApiProblem, PromptSize, prompt};
pub use edits::Edits;

/// The body of a request is not one that the gateway passes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadRequest {
    /// The member that is wrong.
    pub field: Option<String>,
    /// What is wrong, for people.
    pub message: String,
    /// What is wrong, for programs: `invalid_json`, `too_complex`, `ambiguous_body`,
    /// `missing_field`, `invalid_field` or `background_unsupported`.
    pub code: &'static str,
}

impl BadRequest {
    pub(crate) fn json(message: impl Into<String>) -> Self {
        Self { field: None, message: message.into(), code: "invalid_json" }
    }

    pub(crate) fn ambiguous(field: &str) -> Self {
        let message = format!("the body has more than one member that may be meant as `{field}`");
        Self { field: Some(field.to_owned()), message, code: "ambiguous_body" }
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self {
            field: Some(field.to_owned()),
            message: format!("`{field}` is required"),
            code: "missing_field",
        }
    }

    pub(crate) fn invalid(field: &str, expected: &str) -> Self {
        let message = format!("`{field}` must be {expected}");
        Self { field: Some(field.to_owned()), message, code: "invalid_field" }
    }
}

impl BadRequest {
    const BACKGROUND: &str = "background_unsupported";

    fn background() -> Self {
        Self {
            field: Some("background".to_owned()),
            message: "responses in the background are not supported; leave `background` out".to_owned(),
            code: Self::BACKGROUND,
        }
    }

    /// The HTTP status: 400, but for what is right and not there (501).
    pub fn status(&self) -> u16 {
        if self.code == Self::BACKGROUND { 501 } else { 400 }
    }
}

impl From<BadRequest> for ApiProblem {
    fn from(bad: BadRequest) -> Self {
        Self {
            status: bad.status(),
            code: bad.code,
            message: bad.message,
            param: bad.field,
            retry_after: None,
            kind: None,
            details: serde_json::Map::new(),
        }
    }
}

/// A request body, read once: what the gateway needs of it, and the bytes as they came.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// What is asked for.
    pub operation: Operation,
    /// The model, as the client names it.
    pub model: String,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// Whether the client itself wants usage at the end of an OpenAI stream.
    pub asks_usage: bool,
    /// The most tokens that the client wants written, where it says so as a whole number; of two names for
    /// it the larger number.
    pub max_output: Option<u64>,
    /// Whether the client says it, or how many answers it wants, as something else.
    pub has_odd_max_output: bool,
    /// How many answers the client wants.
    pub choices: u64,
    /// Bytes of text that the model will read; for estimates.
    pub prompt_bytes: u64,
    /// All that the model will read; for upper bounds.
    pub prompt: PromptSize,
    body: Bytes,
    model_span: Range<usize>,
    /// What makes the request ask for usage, unless it does or cannot.
    usage_edit: Option<Edit>,
}

/// A span of the body, and what to put there.
#[derive(Debug, Clone)]
struct Edit {
    span: Range<usize>,
    text: Cow<'static, str>,
}

impl Edit {
    fn new(span: Range<usize>, text: impl Into<Cow<'static, str>>) -> Self {
        Self { span, text: text.into() }
    }
}

/// Members whose meaning the gateway relies on: one of each, spelled exactly so.
const RELIED_ON: [&str; 20] = [
    "model",
    "stream",
    "stream_options",
    "messages",
    "system",
    "input",
    "instructions",
    "prompt",
    "previous_response_id",
    "conversation",
    "background",
    "tools",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "dimensions",
    "encoding_format",
    "n",
];

impl Envelope {
    /// Reads a body. The one reading decides: what could be read differently elsewhere, such as two
    /// members `model`, is refused.
    pub fn parse(operation: Operation, body: Bytes) -> Result<Self, BadRequest> {
        let text = std::str::from_utf8(&body).map_err(|_| BadRequest::json("the body is not UTF-8"))?;
        let members = members::of_object(text)?;
        members::refuse_ambiguous(&members, &RELIED_ON, "")?;
        let find = |name: &str| members::find(&members, name);

        let model_member = find("model").ok_or_else(|| BadRequest::missing("model"))?;
        let model = serde_json::from_str::<String>(model_member.value.get())
            .ok()
            .filter(|model| !model.trim().is_empty())
            .ok_or_else(|| BadRequest::invalid("model", "a text that names a model"))?;
        let model_span = model_member.span.clone();
        let stream = match find("stream").map(|member| member.value.get()) {
            None | Some("null" | "false") => false,
            Some("true") => !matches!(operation, Operation::Embeddings | Operation::CountTokens),
            Some(_) => return Err(BadRequest::invalid("stream", "true or false")),
        };
        check_content(operation, &members)?;
        if operation == Operation::Responses {
            check_background(find("background"))?;
        }
        let (asks_usage, usage_edit) = if stream && operation == Operation::ChatCompletions {
            usage_option(find("stream_options"), model_span.end)?
        } else {
            (false, None)
        };
        let (max_output, has_odd_max_output) = max_output(operation, &members);
        let choices = find("n").filter(|_| operation == Operation::ChatCompletions);
        let choices = choices.map(|member| member.value.get()).filter(|json| *json != "null").map(whole);
        // A provider may read `"64"` as a number; what was read as one answer would not be a bound.
        let has_odd_max_output = has_odd_max_output || choices == Some(None);
        let choices = choices.flatten().unwrap_or(1).max(1);
        let prompt = prompt::size(operation, &members);
        Ok(Self {
            operation,
            model,
            stream,
            asks_usage,
            max_output,
            has_odd_max_output,
            choices,
            prompt_bytes: prompt.text_bytes,
            prompt,
            body,
            model_span,
            usage_edit,
        })
    }

    /// The body as it came.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }
}

/// The most tokens that may be written, and whether that is said in a way that nobody is sure to understand.
fn max_output(operation: Operation, members: &[Member<'_>]) -> (Option<u64>, bool) {
    let names: &[&str] = match operation {
        Operation::ChatCompletions => &["max_completion_tokens", "max_tokens"],
        Operation::Responses => &["max_output_tokens"],
        Operation::Messages => &["max_tokens"],
        Operation::Embeddings | Operation::CountTokens => &[],
    };
    let given = names.iter().filter_map(|name| members::find(members, name)).map(|member| member.value.get());
    let given: Vec<_> = given.filter(|json| *json != "null").map(whole).collect();
    (given.iter().copied().flatten().max(), given.iter().any(Option::is_none))
}

/// A whole number, also where it is written as `1e3` or `1.0`.
pub(crate) fn whole(json: &str) -> Option<u64> {
    if let Ok(number) = json.parse() {
        return Some(number);
    }
    let number: f64 = json.parse().ok()?;
    // Up to here every whole number has a `f64` of its own.
    let is_whole = number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    is_whole.then_some(number as u64)
}

/// Whether what the model is to read is there at all; the provider judges the rest.
fn check_content(operation: Operation, members: &[Member<'_>]) -> Result<(), BadRequest> {
    let (name, openings, expected) = match operation {
        Operation::ChatCompletions | Operation::Messages | Operation::CountTokens => {
            ("messages", "[", "an array of messages")
        }
        Operation::Responses => ("input", "[\"", "a text or an array of items"),
        Operation::Embeddings => ("input", "[\"", "a text, an array of texts or an array of tokens"),
    };
    // A stored prompt, response or conversation may be all that there is to read.
    let elsewhere = || {
        let names = ["prompt", "previous_response_id", "conversation"];
        let given =
            |name: &&str| members::find(members, name).is_some_and(|member| member.value.get() != "null");
        operation == Operation::Responses && names.iter().any(given)
    };
    match members::find(members, name) {
        None if elsewhere() => Ok(()),
        Some(member) if member.value.get() == "null" && elsewhere() => Ok(()),
        None => Err(BadRequest::missing(name)),
        Some(member) if member.value.get().starts_with(|first| openings.contains(first)) => Ok(()),
        Some(_) => Err(BadRequest::invalid(name, expected)),
    }
}

fn check_background(background: Option<&Member<'_>>) -> Result<(), BadRequest> {
    match background.map(|member| member.value.get()) {
        None | Some("null" | "false") => Ok(()),
        Some("true") => Err(BadRequest::background()),
        Some(_) => Err(BadRequest::invalid("background", "true or false")),
    }
}

/// Whether the client asks for usage, and if not, what makes the request ask.
fn usage_option(
    options: Option<&Member<'_>>,
    after_model: usize,
) -> Result<(bool, Option<Edit>), BadRequest> {
    const FIELD: &str = "stream_options";
    let Some(options) = options else {
        let text = ",\"stream_options\":{\"include_usage\":true}";
        return Ok((false, Some(Edit::new(after_model..after_model, text))));
    };
    let json = options.value.get();
    if json == "null" {
        return Ok((false, Some(Edit::new(options.span.clone(), "{\"include_usage\":true}"))));
    }
    if !json.starts_with('{') {
        return Err(BadRequest::invalid(FIELD, "an object"));
    }
    let members = members::of_object(json)?;
    members::refuse_ambiguous(&members, &["include_usage"], "stream_options.")?;
    let Some(member) = members::find(&members, "include_usage") else {
        let inside = options.span.start + 1;
        let text = if members.is_empty() { "\"include_usage\":true" } else { "\"include_usage\":true," };
        return Ok((false, Some(Edit::new(inside..inside, text))));
    };
    match member.value.get() {
        "true" => Ok((true, None)),
        "false" | "null" => {
            let start = options.span.start;
            let span = start + member.span.start..start + member.span.end;
            Ok((false, Some(Edit::new(span, "true"))))
        }
        _ => Err(BadRequest::invalid("stream_options.include_usage", "true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(body: &str) -> Result<Envelope, BadRequest> {
        Envelope::parse(Operation::ChatCompletions, Bytes::copy_from_slice(body.as_bytes()))
    }

    fn refused(body: &str) -> (Option<String>, &'static str) {
        let bad = chat(body).unwrap_err();
        (bad.field, bad.code)
    }

    fn asked(options: &str) -> String {
        let body = format!(r#"{{"model":"m","messages":[],"stream":true{options} }}"#);
        String::from_utf8(
            chat(&body).unwrap().outgoing(&Edits { ask_usage: true, ..Edits::model("m") }).to_vec(),
        )
        .unwrap()
    }

    #[test]
    fn what_a_request_asks_is_read() {
        let envelope = chat(
            r#"{"model":"main:gpt-4o","messages":[{"role":"user","content":"hello"}],"stream":true,
                "stream_options":{"include_usage":true},"max_tokens":10,"max_completion_tokens":20}"#,
        )
        .unwrap();
        assert_eq!(envelope.model, "main:gpt-4o");
        assert!(envelope.stream && envelope.asks_usage);
        assert_eq!((envelope.max_output, envelope.prompt_bytes), (Some(20), 5));
    }

    #[test]
    fn how_much_may_be_written_is_read_however_it_is_said() {
        let read = |members: &str| {
            let envelope = chat(&format!(r#"{{"model":"m","messages":[]{members}}}"#)).unwrap();
            (envelope.max_output, envelope.has_odd_max_output, envelope.choices)
        };
        assert_eq!(read(""), (None, false, 1));
        assert_eq!(read(r#","max_tokens":null,"n":null"#), (None, false, 1));
        assert_eq!(read(r#","max_tokens":30,"max_completion_tokens":20,"n":3"#), (Some(30), false, 3));
        assert_eq!(read(r#","max_tokens":1e3"#), (Some(1_000), false, 1));
        assert_eq!(read(r#","max_tokens":"7""#), (None, true, 1));
        assert_eq!(read(r#","max_tokens":7,"n":"64""#), (Some(7), true, 1));
        assert_eq!(read(r#","max_tokens":7,"n":-2"#), (Some(7), true, 1));
        assert_eq!(read(r#","max_completion_tokens":5,"max_tokens":-1"#), (Some(5), true, 1));
    }

    #[test]
    fn nothing_to_change_is_the_same_bytes() {
        let envelope = chat(r#" {"model":"m" , "messages":[ ] } "#).unwrap();
        let outgoing = envelope.outgoing(&Edits { ask_usage: true, ..Edits::model("m") });
        assert_eq!(outgoing.as_ptr(), envelope.body().as_ptr(), "not even a copy");
    }

    #[test]
    fn only_the_model_changes() {
        let body = r#"{ "messages" : [],"x":1.50e+3, "model" : "a\u0062", "y":{"model":"a"},"seed":12345678901234567890123 }"#;
        let envelope = chat(body).unwrap();
        assert_eq!(envelope.model, "ab");
        assert_eq!(envelope.outgoing(&Edits::model("q\"q")), body.replace(r#""a\u0062""#, r#""q\"q""#));
    }

    #[test]
    fn usage_is_asked_for_wherever_the_option_is() {
        assert_eq!(
            asked(""),
            r#"{"model":"m","stream_options":{"include_usage":true},"messages":[],"stream":true }"#
        );
        let rest = r#"{"model":"m","messages":[],"stream":true,"stream_options":"#;
        for (given, sent) in [
            ("null", r#"{"include_usage":true}"#),
            ("{ }", r#"{"include_usage":true }"#),
            (r#"{"x":[1]}"#, r#"{"include_usage":true,"x":[1]}"#),
            (r#"{"x":1,"include_usage": false}"#, r#"{"x":1,"include_usage": true}"#),
            (r#"{"include_usage" :null}"#, r#"{"include_usage" :true}"#),
            (r#"{"include_usage":true}"#, r#"{"include_usage":true}"#),
        ] {
            assert_eq!(
                asked(&format!(r#","stream_options":{given}"#)),
                format!("{rest}{sent} }}"),
                "{given}"
            );
        }
    }

    #[test]
    fn usage_is_not_asked_for_where_it_has_no_place() {
        let whole = chat(r#"{"model":"m","messages":[],"stream_options":7}"#).unwrap();
        assert_eq!(whole.outgoing(&Edits { ask_usage: true, ..Edits::model("m") }), whole.body());
        let body = Bytes::from(r#"{"model":"m","messages":[],"stream":true}"#);
        let messages = Envelope::parse(Operation::Messages, body.clone()).unwrap();
        assert_eq!(messages.outgoing(&Edits { ask_usage: true, ..Edits::model("m") }), body);
    }

    #[test]
    fn an_ambiguous_body_is_refused() {
        for (body, field) in [
            (r#"{"model":"a","model":"b","messages":[]}"#, "model"),
            (r#"{"model":"a","Model":"b","messages":[]}"#, "model"),
            (r#"{"model":"a","mod\u0065l":"b","messages":[]}"#, "model"),
            (r#"{"MODEL":"b","messages":[]}"#, "model"),
            (r#"{"model":"a","me\u017f\u017fages":[],"messages":[]}"#, "messages"),
            (r#"{"model":"a","stream":false,"messages":[],"STREAM":true}"#, "stream"),
        ] {
            assert_eq!(refused(body), (Some(field.to_owned()), "ambiguous_body"), "{body}");
        }
        let options = r#"{"model":"a","messages":[],"stream":true,"stream_options":{"include_usage":false,"include_usage":true}}"#;
        assert_eq!(refused(options), (Some("stream_options.include_usage".to_owned()), "ambiguous_body"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, field, code) in [
            ("", None, "invalid_json"),
            ("[]", None, "invalid_json"),
            (r#"{"model":"a","messages":[]"#, None, "invalid_json"),
            (r#"{"model":"a","messages":[]} x"#, None, "invalid_json"),
            (r#"{"model":"a","messages":[01]}"#, None, "invalid_json"),
            (r#"{"messages":[]}"#, Some("model"), "missing_field"),
            (r#"{"model":7,"messages":[]}"#, Some("model"), "invalid_field"),
            (r#"{"model":" ","messages":[]}"#, Some("model"), "invalid_field"),
            (r#"{"model":"\ud800","messages":[]}"#, Some("model"), "invalid_field"),
            (r#"{"model":"m"}"#, Some("messages"), "missing_field"),
            (r#"{"model":"m","messages":"hi"}"#, Some("messages"), "invalid_field"),
            (r#"{"model":"m","messages":[],"stream":"true"}"#, Some("stream"), "invalid_field"),
            (
                r#"{"model":"m","messages":[],"stream":true,"stream_options":[]}"#,
                Some("stream_options"),
                "invalid_field",
            ),
        ] {
            assert_eq!(refused(body), (field.map(str::to_owned), code), "{body}");
        }
        let not_text = Envelope::parse(Operation::Messages, Bytes::from_static(b"{\"model\":\"\xff\"}"));
        assert_eq!(not_text.unwrap_err().code, "invalid_json");
    }

    #[test]
    fn responses_may_have_their_input_elsewhere() {
        let parse = |members: &str| {
            let body = format!(r#"{{"model":"m",{members}}}"#);
            Envelope::parse(Operation::Responses, body.into())
                .map_err(|bad| (bad.field.clone(), bad.code, bad.status()))
        };
        for right in [
            r#""input":"x""#,
            r#""input":[]"#,
            r#""previous_response_id":"resp_1""#,
            r#""prompt":{"id":"pmpt_1"},"input":null"#,
            r#""conversation":"conv_1","background":false"#,
        ] {
            assert!(parse(right).is_ok(), "{right}");
        }
        let read =
            parse(r#""input":"four","instructions":"12","max_output_tokens":7,"stream":true"#).unwrap();
        assert_eq!((read.prompt_bytes, read.max_output, read.stream), (6, Some(7), true));
        for (wrong, field, code, status) in [
            (r#""x":1"#, "input", "missing_field", 400),
            (r#""previous_response_id":null"#, "input", "missing_field", 400),
            (r#""input":{}"#, "input", "invalid_field", 400),
            (r#""input":"x","background":true"#, "background", "background_unsupported", 501),
            (r#""input":"x","background":1"#, "background", "invalid_field", 400),
            (r#""input":"x","Instructions":"y""#, "instructions", "ambiguous_body", 400),
            (r#""input":"x","conversation":"a","conversation":"b""#, "conversation", "ambiguous_body", 400),
        ] {
            assert_eq!(parse(wrong).unwrap_err(), (Some(field.to_owned()), code, status), "{wrong}");
        }
    }

    #[test]
    fn a_count_of_tokens_is_never_a_stream() {
        let body =
            r#"{"model":"m","messages":[{"role":"user","content":"four"}],"system":"12","stream":true}"#;
        let counted = Envelope::parse(Operation::CountTokens, body.into()).unwrap();
        assert_eq!((counted.stream, counted.prompt_bytes), (false, 6));
    }

    #[test]
    fn an_unusable_maximum_is_the_providers_matter() {
        for given in ["-1", "1.5", "null", "\"9\"", "99999999999999999999999"] {
            let body = format!(r#"{{"model":"m","messages":[],"max_tokens":{given}}}"#);
            assert_eq!(chat(&body).unwrap().max_output, None, "{given}");
        }
    }
}
