//! Answers of the vendors, split wherever a network may split them.

use bytes::Bytes;
use promptgate_providers::Operation::{self, ChatCompletions, CountTokens, Embeddings, Messages, Responses};
use promptgate_usage::TokenCounts;
use promptgate_wire::{ApiProblem, Observed, Observer, Surface, observe_whole};
use proptest::prelude::*;

const OPENAI: &str = include_str!("../data/openai_stream.sse");
const OPENAI_TOOLS: &str = include_str!("../data/openai_tools.sse");
const LAST_CHOICE: &str = include_str!("../data/usage_on_last_choice.sse");
const ANTHROPIC: &str = include_str!("../data/anthropic_stream.sse");
const ANTHROPIC_TOOLS: &str = include_str!("../data/anthropic_tools.sse");
const ANTHROPIC_THINKING: &str = include_str!("../data/anthropic_thinking.sse");

const RESPONSES: &str = include_str!("../data/responses_stream.sse");

const STREAMS: [(Operation, &str); 7] = [
    (Responses, RESPONSES),
    (ChatCompletions, OPENAI),
    (ChatCompletions, OPENAI_TOOLS),
    (ChatCompletions, LAST_CHOICE),
    (Messages, ANTHROPIC),
    (Messages, ANTHROPIC_TOOLS),
    (Messages, ANTHROPIC_THINKING),
];

/// The stream with its usage-only event taken out by hand.
fn without_usage(stream: &str) -> String {
    stream.split_inclusive("\n\n").filter(|event| !event.contains(r#""choices":[]"#)).collect()
}

/// Passes a stream piece by piece; returns what the client got of each piece, and what was seen.
fn pass(operation: Operation, hide: bool, pieces: &[&[u8]]) -> (Vec<Bytes>, Observed) {
    let mut observer = Observer::new(operation, true, hide);
    let mut passed: Vec<_> =
        pieces.iter().map(|piece| observer.observe(Bytes::copy_from_slice(piece))).collect();
    passed.push(observer.end());
    (passed, observer.finish())
}

fn cut(stream: &[u8], mut points: Vec<usize>) -> Vec<&[u8]> {
    for point in &mut points {
        *point %= stream.len() + 1;
    }
    points.extend([0, stream.len()]);
    points.sort_unstable();
    points.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect()
}

#[test]
fn openais_usage_is_found() {
    let seen = pass(ChatCompletions, false, &[OPENAI.as_bytes()]).1;
    let tokens = TokenCounts { input: 15, cache_read: 4, output: 7, reasoning: 3, ..TokenCounts::default() };
    assert_eq!((seen.tokens, seen.partial, seen.ended, seen.error_event), (Some(tokens), false, true, false));
    assert_eq!(seen.model.as_deref(), Some("gpt-4o-mini"));
    assert_eq!(seen.response_id.as_deref(), Some("chatcmpl-123"));
    assert_eq!(seen.output_bytes, "Hello – wörld 🌍!\n".len() as u64);
}

#[test]
fn arguments_of_tools_are_text_that_was_written() {
    let seen = pass(ChatCompletions, true, &[OPENAI_TOOLS.as_bytes()]).1;
    assert_eq!(seen.output_bytes, r#"{"location":"Paris," France"}"#.len() as u64);
}

#[test]
fn usage_on_a_choice_counts_and_is_never_withheld() {
    let (passed, seen) = pass(ChatCompletions, true, &[LAST_CHOICE.as_bytes()]);
    assert_eq!(passed.concat(), LAST_CHOICE.as_bytes());
    assert_eq!(seen.tokens, Some(TokenCounts { input: 5, output: 1, ..TokenCounts::default() }));
}

#[test]
fn anthropics_last_usage_stands() {
    let seen = pass(Messages, true, &[ANTHROPIC.as_bytes()]).1;
    assert_eq!(seen.tokens, Some(TokenCounts { input: 25, output: 15, ..TokenCounts::default() }));
    assert_eq!((seen.partial, seen.ended, seen.output_bytes), (false, true, 6));
    assert_eq!(seen.model.as_deref(), Some("claude-sonnet-4-20250514"));
    assert_eq!(seen.response_id.as_deref(), Some("msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyS"));

    let tokens = TokenCounts {
        input: 472,
        cache_read: 1200,
        cache_write_5m: 100,
        cache_write_1h: 200,
        output: 89,
        ..TokenCounts::default()
    };
    assert_eq!(pass(Messages, false, &[ANTHROPIC_TOOLS.as_bytes()]).1.tokens, Some(tokens));
    let thought = pass(Messages, false, &[ANTHROPIC_THINKING.as_bytes()]).1;
    assert_eq!(thought.tokens, Some(TokenCounts { input: 40, output: 62, ..TokenCounts::default() }));
}

#[test]
fn a_responses_last_event_tells_its_usage() {
    let seen = pass(Responses, true, &[RESPONSES.as_bytes()]).1;
    let tokens =
        TokenCounts { input: 11, cache_read: 64, output: 25, reasoning: 16, ..TokenCounts::default() };
    assert_eq!((seen.tokens, seen.partial, seen.ended, seen.error_event), (Some(tokens), false, true, false));
    assert_eq!(seen.model.as_deref(), Some("gpt-5-2025-08-07"));
    assert_eq!(seen.response_id.as_deref(), Some("resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654"));
    let written = ["Looking it up", "Grüße 🌍", r#"{"location":"Paris"}"#].concat();
    assert_eq!(seen.output_bytes, written.len() as u64, "what later events repeat counts once");
    let whole = observe_whole(Responses, include_bytes!("../data/responses_whole.json"));
    assert_eq!(whole, seen);
}

#[test]
fn a_response_that_breaks_off_or_fails_is_no_whole_one() {
    let at = RESPONSES.find("event: response.completed").unwrap();
    let seen = pass(Responses, false, &[&RESPONSES.as_bytes()[..at]]).1;
    assert!(!seen.ended && seen.tokens.is_none() && seen.output_bytes > 0);

    let (before, last) = RESPONSES.split_at(at);
    let incomplete = [before, &last.replace("response.completed", "response.incomplete")].concat();
    let seen = pass(Responses, false, &[incomplete.as_bytes()]).1;
    assert!(seen.ended && !seen.error_event && seen.tokens.is_some());

    let failed = last
        .replace("response.completed", "response.failed")
        .replace(r#""error": null"#, r#""error": {"code": "server_error", "message": "boom"}"#);
    let seen = pass(Responses, false, &[before.as_bytes(), failed.as_bytes()]).1;
    assert!(seen.ended && seen.error_event);

    let error =
        "event: error\ndata: {\"type\":\"error\",\"code\":\"x\",\"message\":\"boom\",\"param\":null}\n\n";
    assert!(pass(Responses, false, &[error.as_bytes()]).1.error_event);
    assert!(
        observe_whole(Responses, br#"{"object":"response","status":"failed","error":{"code":"x"}}"#)
            .error_event
    );
}

#[test]
fn counting_tokens_takes_none() {
    let counted = observe_whole(CountTokens, br#"{"input_tokens":2095}"#);
    assert_eq!((counted.tokens, counted.ended), (Some(TokenCounts::default()), true));
}

#[test]
fn content_begins_where_a_client_would_miss_something() {
    // How many events are seen before the first one that has content.
    let before = |operation, stream: &str| {
        let mut observer = Observer::new(operation, true, true);
        stream
            .split_inclusive("\n\n")
            .take_while(|event| {
                observer.observe(Bytes::copy_from_slice(event.as_bytes()));
                !observer.has_content()
            })
            .count()
    };
    let first = |stream: &str, sign: &str| {
        stream.split_inclusive("\n\n").position(|event| event.contains(sign)).unwrap()
    };
    assert_eq!(before(ChatCompletions, OPENAI), first(OPENAI, r#""content":"Hello"#));
    assert_eq!(before(ChatCompletions, OPENAI_TOOLS), first(OPENAI_TOOLS, "tool_calls"));
    for stream in [ANTHROPIC, ANTHROPIC_TOOLS, ANTHROPIC_THINKING] {
        assert_eq!(before(Messages, stream), first(stream, "content_block_start"));
    }
    assert_eq!(before(Responses, RESPONSES), first(RESPONSES, "response.output_item.added"));

    let empty = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n: ping\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    assert_eq!(before(ChatCompletions, empty), 2, "the end of an empty answer is all there will be");
    for (operation, stream) in [
        (
            Messages,
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[]}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n",
        ),
        (
            ChatCompletions,
            "data: {\"error\":{\"message\":\"boom\"},\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
        ),
        (
            Responses,
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{}}\n\nevent: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":{}}}\n\n",
        ),
    ] {
        assert_eq!(
            before(operation, stream),
            stream.matches("data:").count(),
            "{operation:?}: an error is no content"
        );
    }
}

#[test]
fn a_response_fails_in_its_own_words() {
    let problem = ApiProblem {
        status: 502,
        code: "upstream_broken",
        message: "gone".to_owned(),
        param: None,
        retry_after: None,
        kind: None,
        details: serde_json::Map::new(),
    };
    let mut observer = Observer::new(Responses, true, false);
    let two: String = RESPONSES.split_inclusive("\n\n").take(2).collect();
    observer.observe(Bytes::from(two));
    observer.observe(Bytes::from("event: response.out"));
    let event = observer.fail(Surface::OpenAi, &problem);
    let event = std::str::from_utf8(&event).unwrap();
    assert!(
        event.starts_with("event: error\ndata: {\"type\":\"error\",\"code\":\"upstream_broken\""),
        "{event}"
    );
    assert!(event.contains("\"sequence_number\":2,"), "{event}");
}

#[test]
fn an_answer_that_breaks_off_is_estimated_from_its_text() {
    let at = ANTHROPIC_THINKING.find("event: message_delta").unwrap();
    let seen = pass(Messages, false, &[&ANTHROPIC_THINKING.as_bytes()[..at]]).1;
    let tokens = seen.tokens.unwrap();
    assert!(seen.partial && !seen.ended);
    assert_eq!((tokens.input, tokens.output), (40, seen.output_bytes.div_ceil(4)));

    let at = OPENAI.find(r#"data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[]"#).unwrap();
    let seen = pass(ChatCompletions, true, &[&OPENAI.as_bytes()[..at + 200]]).1;
    assert_eq!((seen.tokens, seen.ended), (None, false));
    assert!(seen.output_bytes > 0);
}

#[test]
fn whole_answers_are_read() {
    let chat = observe_whole(ChatCompletions, include_bytes!("../data/openai_whole.json"));
    assert_eq!(chat.tokens, Some(TokenCounts { input: 19, output: 10, ..TokenCounts::default() }));
    assert_eq!(chat.model.as_deref(), Some("gpt-4.1-2025-04-14"));
    assert_eq!(chat.output_bytes, "Hello! How can I assist you today?".len() as u64);
    assert!(chat.ended && !chat.partial);

    let embedded = observe_whole(Embeddings, include_bytes!("../data/openai_embeddings.json"));
    assert_eq!(embedded.tokens, Some(TokenCounts { input: 8, ..TokenCounts::default() }));

    let message = observe_whole(Messages, include_bytes!("../data/anthropic_whole.json"));
    let tokens = TokenCounts {
        input: 2095,
        cache_read: 2051,
        cache_write_5m: 2051,
        output: 503,
        ..TokenCounts::default()
    };
    assert_eq!((message.tokens, message.partial), (Some(tokens), false));
}

#[test]
fn a_whole_answer_in_pieces_or_cut_short_is_safe() {
    let whole = include_str!("../data/openai_whole.json");
    for at in 0..whole.len() {
        let mut observer = Observer::new(ChatCompletions, false, true);
        observer.observe(Bytes::from(&whole[..at]));
        let short = observer.observed();
        assert!(short.tokens.is_none() || short.ended, "{at}");
        observer.observe(Bytes::from(&whole[at..]));
        assert_eq!(observer.finish(), observe_whole(ChatCompletions, whole.as_bytes()), "{at}");
    }
}

#[test]
fn lies_about_usage_become_no_usage() {
    for usage in [
        r#"{"prompt_tokens":-5,"completion_tokens":2}"#,
        r#"{"prompt_tokens":"5","completion_tokens":2}"#,
        r#"{"prompt_tokens":5.5,"completion_tokens":2}"#,
        r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#,
        "[]",
        "\"none\"",
    ] {
        let body = format!(r#"{{"choices":[{{"message":{{"content":"hello"}}}}],"usage":{usage}}}"#);
        let seen = observe_whole(ChatCompletions, body.as_bytes());
        assert_eq!((seen.tokens, seen.output_bytes, seen.ended), (None, 5, true), "{usage}");
    }
    let body =
        br#"{"choices":[{"message":{"content":"hello"}}],"usage":{"prompt_tokens":5,"completion_tokens":0}}"#;
    let seen = observe_whole(ChatCompletions, body);
    assert_eq!((seen.tokens.unwrap().output, seen.partial), (2, true), "a text is not nothing");
}

#[test]
fn errors_inside_an_answer_are_seen() {
    let overloaded = "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", \"message\": \"Overloaded\"}}\n\n";
    assert!(pass(Messages, false, &[overloaded.as_bytes()]).1.error_event);
    let failed = "data: {\"error\":{\"message\":\"boom\",\"type\":\"server_error\"}}\n\n";
    let (passed, seen) = pass(ChatCompletions, true, &[failed.as_bytes()]);
    assert!(seen.error_event && !seen.ended);
    assert_eq!(passed.concat(), failed.as_bytes());
    assert!(observe_whole(ChatCompletions, br#"{"error":{"message":"boom"}}"#).error_event);
}

#[test]
fn events_that_come_whole_go_out_at_once() {
    let events: Vec<&[u8]> = OPENAI.split_inclusive("\n\n").map(str::as_bytes).collect();
    let (passed, _) = pass(ChatCompletions, true, &events);
    for (event, passed) in events.iter().zip(&passed) {
        let usage_only = std::str::from_utf8(event).unwrap().contains(r#""choices":[]"#);
        assert_eq!(passed, if usage_only { &b""[..] } else { event });
    }
}

#[test]
fn what_is_no_stream_of_events_is_not_held_back() {
    let mut observer = Observer::new(ChatCompletions, true, true);
    for piece in ["{\"done\":fal", "se}\n", "{\"done\":true}\n", "<html>"] {
        assert_eq!(observer.observe(Bytes::from(piece)), piece);
    }
}

#[test]
fn comments_are_not_held_back() {
    let mut observer = Observer::new(ChatCompletions, true, true);
    for piece in [": pi", "ng\n", "\n", "\n", ":\n"] {
        assert_eq!(observer.observe(Bytes::from(piece)), piece);
    }
    assert_eq!(observer.observe(Bytes::from("data: {\"choices\":[1]}\n")), "");
    assert_eq!(observer.observe(Bytes::from("\n")), "data: {\"choices\":[1]}\n\n");
}

#[test]
fn an_event_too_large_to_judge_goes_out_as_it_comes() {
    let mut observer = Observer::new(ChatCompletions, true, true);
    let piece = Bytes::from(vec![b'x'; 10_000]);
    let mut sent = b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1},\"x\":\"".to_vec();
    let mut passed = observer.observe(Bytes::from(sent.clone())).to_vec();
    for _ in 0..100 {
        sent.extend_from_slice(&piece);
        passed.extend_from_slice(&observer.observe(piece.clone()));
        assert!(sent.len() - passed.len() < 80_000, "what is held back is bounded");
    }
    let rest = Bytes::from("\"}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n");
    passed.extend_from_slice(&observer.observe(rest));
    sent.extend_from_slice(b"\"}\n\n");
    assert_eq!(passed, sent, "and the next one is judged again");
}

#[test]
fn a_failure_stands_alone_behind_half_an_event() {
    let problem = ApiProblem {
        status: 502,
        code: "upstream_broken",
        message: "the connection to the provider broke".to_owned(),
        param: None,
        retry_after: None,
        kind: None,
        details: serde_json::Map::new(),
    };
    let fail = |hide, before: &str| {
        let mut observer = Observer::new(ChatCompletions, true, hide);
        observer.observe(Bytes::copy_from_slice(before.as_bytes()));
        let event = observer.fail(Surface::OpenAi, &problem);
        assert_eq!(observer.end(), "", "nothing comes behind the failure");
        String::from_utf8(event.to_vec()).unwrap()
    };
    let event = r#"data: {"error":{"message":"the connection to the provider broke","type":"server_error","param":null,"code":"upstream_broken"}}"#;
    assert_eq!(fail(false, "data: 1\n\n"), format!("{event}\n\n"));
    for hide in [false, true] {
        assert_eq!(fail(hide, "data: {\"ch"), format!("{event}\n\n"), "the client got nothing of it");
        assert_eq!(fail(hide, ": comm"), format!("\n\n{event}\n\n"));
        let large = format!("data: {}", "x".repeat(100_000));
        assert_eq!(fail(hide, &large), format!("\n\n{event}\n\n"));
    }
    // What is no event at all goes out as it comes, and ends somewhere.
    let mut observer = Observer::new(ChatCompletions, true, true);
    assert_eq!(observer.observe(Bytes::from("<html>")), "<html>");
    assert_eq!(observer.end(), "");
    assert_eq!(observer.fail(Surface::OpenAi, &problem), format!("\n\n{event}\n\n"));
}

#[test]
fn the_withheld_event_is_withheld_wherever_it_is_split() {
    for line_end in ["\n", "\r\n", "\r"] {
        let tail: String = OPENAI.split_inclusive("\n\n").skip(4).collect();
        let commented = tail.replace("data: [DONE]", ": comment\n\ndata: [DONE]");
        let expected = without_usage(&commented).replace('\n', line_end);
        let stream = commented.replace('\n', line_end);
        for at in 0..=stream.len() {
            let (before, behind) = stream.as_bytes().split_at(at);
            for next in 0..=behind.len().min(4) {
                let (middle, behind) = behind.split_at(next);
                let (passed, _) = pass(ChatCompletions, true, &[before, middle, b"", behind]);
                assert_eq!(String::from_utf8(passed.concat()).unwrap(), expected, "{line_end:?} {at} {next}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splits_change_nothing(
        which in 0..STREAMS.len(),
        points in prop::collection::vec(any::<usize>(), 0..40),
        hide: bool,
        line_end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        final_blank: bool,
    ) {
        let (operation, stream) = STREAMS[which];
        let expected = if hide { without_usage(stream) } else { stream.to_owned() };
        let spell = |stream: &str| {
            let stream = if final_blank { stream } else { stream.trim_end() };
            stream.replace('\n', line_end)
        };
        let (stream, expected) = (spell(stream), spell(&expected));
        let (passed, seen) = pass(operation, hide, &cut(stream.as_bytes(), points));
        prop_assert_eq!(String::from_utf8(passed.concat()).unwrap(), expected);
        let (_, whole) = pass(operation, false, &[STREAMS[which].1.as_bytes()]);
        prop_assert_eq!(seen, whole);
    }

    #[test]
    fn every_byte_alone_changes_nothing(which in 0..STREAMS.len(), hide: bool) {
        let (operation, stream) = STREAMS[which];
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        let (passed, seen) = pass(operation, hide, &bytes);
        let expected = if hide { without_usage(stream) } else { stream.to_owned() };
        prop_assert_eq!(passed.concat(), expected.as_bytes());
        prop_assert_eq!(seen, pass(operation, false, &[stream.as_bytes()]).1);
    }

    #[test]
    fn usage_in_any_spelling_is_withheld(
        points in prop::collection::vec(any::<usize>(), 0..12),
        before in "(: [a-z]{0,5}\n|\n|id: 7\n\n|data: \\{\"choices\":\\[1\\]\\}\n\n){0,3}",
        fields in "(event: x\n|id: 1\n){0,2}",
    ) {
        let usage = "data:{\"usage\": {\"prompt_tokens\" : 3,\ndata: \"completion_tokens\":4}\n: inside\ndata: ,\"choices\" : [ ] }\n\n";
        let after = "data: {\"choices\":[{}]}\n\ndata: [DONE]\n\n";
        let stream = format!("{before}{fields}{usage}{after}");
        let (passed, seen) = pass(ChatCompletions, true, &cut(stream.as_bytes(), points));
        prop_assert_eq!(seen.tokens.map(|tokens| (tokens.input, tokens.output)), Some((3, 4)));
        prop_assert!(seen.ended);
        prop_assert_eq!(String::from_utf8(passed.concat()).unwrap(), format!("{before}{after}"));
    }

    #[test]
    fn any_bytes_pass(pieces: Vec<Vec<u8>>, hide: bool) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let (passed, _) = pass(ChatCompletions, hide, &pieces);
        prop_assert_eq!(passed.concat(), pieces.concat());
    }

    #[test]
    fn nothing_is_held_back_beyond_its_own_event(
        points in prop::collection::vec(any::<usize>(), 0..40),
        hide: bool,
    ) {
        let mut observer = Observer::new(ChatCompletions, true, hide);
        let (mut came, mut went) = (Vec::new(), Vec::new());
        for piece in cut(OPENAI.as_bytes(), points) {
            came.extend_from_slice(piece);
            went.extend_from_slice(&observer.observe(Bytes::copy_from_slice(piece)));
            let text = String::from_utf8_lossy(&came).into_owned();
            let complete = text.rfind("\n\n").map_or("", |end| &text[..end + 2]);
            let expected = if hide { without_usage(complete) } else { complete.to_owned() };
            prop_assert_eq!(String::from_utf8_lossy(&went), expected);
        }
    }
}
