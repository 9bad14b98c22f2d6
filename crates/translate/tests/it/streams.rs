//! What a stream tells the gateway about itself.

use promptgate_providers::Shape;
use promptgate_translate::{Failure, Stop, StreamTranslator, summary};
use promptgate_usage::TokenCounts;

use crate::support::context;

const START: &str =
    r#"{"id":"c","model":"real","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
const WORD: &str = r#"{"id":"c","model":"real","choices":[{"index":0,"delta":{"content":"Grüß"}}]}"#;
const CALL: &str = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]}}]}"#;
const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
const ERROR: &str = r#"{"error":{"message":"overloaded","code":"503"}}"#;

fn event(data: &str) -> Vec<u8> {
    format!("data: {data}\n\n").into_bytes()
}

fn translator(to: Shape) -> StreamTranslator {
    StreamTranslator::new(Shape::ChatCompletions, to, context())
}

#[test]
fn content_begins_with_the_first_word() {
    for to in [Shape::Responses, Shape::Messages] {
        let mut stream = translator(to);
        stream.push(&event(START));
        assert!(!stream.has_content());
        stream.push(&event(WORD)[..70]);
        assert!(!stream.has_content(), "half an event says nothing");
        stream.push(&event(WORD)[70..]);
        assert!(stream.has_content());
        let mut calls = translator(to);
        calls.push(&event(CALL));
        assert!(calls.has_content());
    }
}

#[test]
fn what_was_seen_is_told() {
    let mut stream = translator(Shape::Messages);
    for data in [START, WORD, CALL, STOP] {
        stream.push(&event(data));
    }
    assert!(!stream.has_ended(), "the end mark is missing");
    stream.end();
    assert!(stream.has_ended());
    let seen = stream.seen();
    assert_eq!(seen.usage, Some(TokenCounts { input: 3, output: 2, ..TokenCounts::default() }));
    assert_eq!(seen.output_bytes, "Grüß".len() as u64 + 5);
    assert_eq!((seen.model.as_deref(), seen.response_id.as_deref()), (Some("real"), Some("c")));
}

#[test]
fn a_stream_that_breaks_off_has_not_ended() {
    let mut stream = translator(Shape::Responses);
    stream.push(&event(WORD));
    assert!(stream.end().is_empty());
    assert!(!stream.has_ended());
    let failure = Failure { status: 502, code: "upstream_broken", message: "the provider went away" };
    let last = stream.fail(&failure);
    let last = std::str::from_utf8(&last).unwrap();
    assert!(last.starts_with("event: response.failed\n"), "{last}");
    assert!(last.contains(r#""error":{"code":"upstream_broken","message":"the provider went away"}"#));
    assert!(stream.fail(&failure).is_empty(), "a stream fails once");
    assert!(stream.push(&event(WORD)).is_empty(), "and says nothing after that");
}

#[test]
fn an_answer_that_the_model_breaks_off_has_not_ended_well() {
    let stop = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"error"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    for (to, mark) in [
        (Shape::ChatCompletions, "data: {\"error\""),
        (Shape::Responses, "event: response.failed"),
        (Shape::Messages, "event: error"),
    ] {
        let mut stream = translator(to);
        let mut out = Vec::new();
        for piece in [event(START), event(WORD), event(stop), event("[DONE]")] {
            out.extend_from_slice(&stream.push(&piece));
        }
        out.extend_from_slice(&stream.end());
        assert!(!stream.has_ended() && stream.is_broken_off(), "{to}");
        assert!(stream.reported().is_some(), "{to}");
        assert_eq!(stream.seen().usage.map(|usage| usage.total()), Some(5), "it took something: {to}");
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.matches(mark).count(), 1, "{out}");
        let failure = Failure { status: 502, code: "upstream_broken", message: "it broke off" };
        assert!(stream.fail(&failure).is_empty(), "it is told once: {to}");
    }
    let mut stream = StreamTranslator::new(Shape::GenerateContent, Shape::ChatCompletions, context());
    stream.push(&event(
        r#"{"candidates":[{"content":{"parts":[]},"finishReason":"MALFORMED_FUNCTION_CALL"}]}"#,
    ));
    stream.end();
    assert!(stream.reported().is_some() && !stream.has_ended() && !stream.has_content());
}

#[test]
fn an_error_inside_the_stream_is_reported_and_told_once() {
    for (to, mark) in [
        (Shape::ChatCompletions, "data: {\"error\""),
        (Shape::Responses, "event: error"),
        (Shape::Messages, "event: error"),
    ] {
        let mut stream = translator(to);
        let out = stream.push(&event(ERROR));
        assert_eq!(stream.reported().map(|error| error.message.as_str()), Some("overloaded"));
        assert!(out.starts_with(mark.as_bytes()), "{to}");
        assert!(!stream.has_content());
        assert!(stream.push(&event(WORD)).is_empty());
        assert!(stream.end().is_empty());
        assert!(!stream.has_ended());
    }
}

#[test]
fn a_shape_without_chats_is_an_error() {
    let mut stream = StreamTranslator::new(Shape::Embeddings, Shape::Responses, context());
    stream.push(&event("{}"));
    assert!(stream.reported().is_some());
}

#[test]
fn a_summary_says_what_was_kept() {
    let stream: Vec<u8> = [START, WORD, CALL, STOP].iter().flat_map(|data| event(data)).collect();
    let whole = summary::of(Shape::ChatCompletions, true, &[&stream[..], &event("[DONE]")].concat());
    assert_eq!(whole.text, "Grüß");
    assert_eq!(whole.stop, Some(Stop::ToolUse));
    let calls: Vec<_> =
        whole.tool_calls.iter().map(|call| (call.name.as_str(), call.arguments.as_str())).collect();
    assert_eq!(calls, [("f", "{\"x\":")]);
    let cut =
        summary::of(Shape::ChatCompletions, true, &stream[..event(START).len() + event(WORD).len() + 9]);
    assert_eq!((cut.text.as_str(), cut.stop), ("Grüß", None));
}

#[test]
fn a_summary_reads_an_answer_that_was_cut_off() {
    let answer = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hello"},
        {"type":"tool_use","id":"t","name":"f","input":{"path":"/tmp/x"}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}"#;
    assert_eq!(summary::of(Shape::Messages, false, answer.as_bytes()).tool_calls.len(), 1);
    let cut = answer.find("lo\"}").unwrap();
    assert_eq!(summary::of(Shape::Messages, false, &answer.as_bytes()[..cut]).text, "Hel");
    let cut = answer.find("/x\"").unwrap();
    let summary = summary::of(Shape::Messages, false, &answer.as_bytes()[..cut]);
    assert_eq!(summary.tool_calls[0].arguments, r#"{"path":"/tmp"}"#);
    assert_eq!(summary::of(Shape::Messages, false, b"<html>"), summary::Summary::default());
}
