use proptest::prelude::*;
use serde_json::{Value, json};

use super::testing::{Keeps, Listens, escaped};
use super::*;

mod wholes;

const OPENAI: &str = include_str!("../../../tests/data/openai_stream.sse");
const OPENAI_TOOLS: &str = include_str!("../../../tests/data/openai_tools.sse");
const RESPONSES: &str = include_str!("../../../tests/data/responses_stream.sse");
const ANTHROPIC: &str = include_str!("../../../tests/data/anthropic_stream.sse");
const ANTHROPIC_TOOLS: &str = include_str!("../../../tests/data/anthropic_tools.sse");
const ANTHROPIC_THINKING: &str = include_str!("../../../tests/data/anthropic_thinking.sse");

const RECORDED: [(Operation, &str); 6] = [
    (Operation::ChatCompletions, OPENAI),
    (Operation::ChatCompletions, OPENAI_TOOLS),
    (Operation::Responses, RESPONSES),
    (Operation::Messages, ANTHROPIC),
    (Operation::Messages, ANTHROPIC_TOOLS),
    (Operation::Messages, ANTHROPIC_THINKING),
];

const SHAPES: [Operation; 3] = [Operation::ChatCompletions, Operation::Responses, Operation::Messages];

/// Passes a stream in pieces of a size.
fn passed(operation: Operation, stream: &str, size: usize, filter: &mut dyn TextFilter) -> String {
    let mut texts = StreamTexts::new(operation);
    let mut out = Vec::new();
    for piece in stream.as_bytes().chunks(size) {
        out.extend_from_slice(&texts.push(piece, filter).unwrap());
    }
    out.extend_from_slice(&texts.end(filter).unwrap());
    String::from_utf8(out).unwrap()
}

/// The data of all events.
fn events(stream: &str) -> Vec<Value> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// All texts under a pointer, put together.
fn put_together(events: &[Value], pointer: &str) -> String {
    events.iter().filter_map(|event| event.pointer(pointer)?.as_str()).collect()
}

/// A stream as its vendor sends it, with a text and the arguments of a call, both in pieces.
fn stream(operation: Operation, text: &[&str], arguments: &[&str]) -> String {
    let (whole, whole_arguments) = (text.concat(), arguments.concat());
    let mut out: Vec<Value> = Vec::new();
    match operation {
        Operation::Responses => {
            let message = |text: Option<&str>| {
                let content: Vec<_> = text
                    .iter()
                    .map(|text| json!({"type": "output_text", "text": text, "annotations": []}))
                    .collect();
                json!({"id": "msg_1", "type": "message", "role": "assistant", "content": content})
            };
            let call = |arguments: &str| json!({"id": "fc_1", "type": "function_call", "name": "f", "arguments": arguments});
            let at = json!({"output_index": 0, "content_index": 0, "item_id": "msg_1"});
            let with = |kind: &str, more: Value| {
                let mut event = more;
                event["type"] = json!(format!("response.{kind}"));
                event
            };
            let about = |kind: &str, name: &str, value: Value| {
                let mut event = with(kind, at.clone());
                event[name] = value;
                event
            };
            out.push(with(
                "created",
                json!({"response": {"id": "resp_1", "status": "in_progress", "output": []}}),
            ));
            out.push(with("output_item.added", json!({"output_index": 0, "item": message(None)})));
            out.push(about("content_part.added", "part", json!({"type": "output_text", "text": ""})));
            out.extend(text.iter().map(|text| about("output_text.delta", "delta", json!(text))));
            out.push(about("output_text.done", "text", json!(whole)));
            out.push(about("content_part.done", "part", json!({"type": "output_text", "text": whole})));
            out.push(with("output_item.done", json!({"output_index": 0, "item": message(Some(&whole))})));
            out.push(with("output_item.added", json!({"output_index": 1, "item": call("")})));
            for piece in arguments {
                out.push(with(
                    "function_call_arguments.delta",
                    json!({"item_id": "fc_1", "output_index": 1, "delta": piece}),
                ));
            }
            out.push(with(
                "function_call_arguments.done",
                json!({"output_index": 1, "arguments": whole_arguments}),
            ));
            out.push(with("output_item.done", json!({"output_index": 1, "item": call(&whole_arguments)})));
            let output = json!([message(Some(&whole)), call(&whole_arguments)]);
            out.push(with("completed", json!({"response": {"id": "resp_1", "output": output}})));
            for (number, event) in out.iter_mut().enumerate() {
                event["sequence_number"] = json!(number);
            }
        }
        Operation::Messages => {
            let delta = |index: u64, kind: &str, name: &str, text: &str| json!({"type": "content_block_delta", "index": index, "delta": {"type": kind, name: text}});
            out.push(json!({"type": "message_start", "message": {"id": "m", "content": []}}));
            out.push(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}));
            out.extend(text.iter().map(|text| delta(0, "text_delta", "text", text)));
            out.push(json!({"type": "content_block_stop", "index": 0}));
            out.push(json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "input": {}}}));
            out.extend(arguments.iter().map(|piece| delta(1, "input_json_delta", "partial_json", piece)));
            out.push(json!({"type": "content_block_stop", "index": 1}));
            out.push(json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}));
            out.push(json!({"type": "message_stop"}));
        }
        _ => {
            let chunk = |delta: Value, reason: Value| json!({"id": "c", "created": 1, "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
            out.extend(text.iter().map(|text| chunk(json!({"content": text}), Value::Null)));
            for piece in arguments {
                let call = json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]});
                out.push(chunk(call, Value::Null));
            }
            out.push(chunk(json!({}), json!("tool_calls")));
        }
    }
    let end = (operation == Operation::ChatCompletions).then(|| "data: [DONE]\n\n".to_owned());
    let events = out.iter().map(|event| format!("data: {event}\n\n"));
    events.chain(end).collect::<Vec<_>>().concat()
}

/// The text and the arguments that a client puts together.
fn said(operation: Operation, stream: &str) -> (String, String) {
    let events = events(stream);
    match operation {
        Operation::Responses => {
            let of =
                |kind: &str| events.iter().filter(|event| event["type"] == kind).cloned().collect::<Vec<_>>();
            (
                put_together(&of("response.output_text.delta"), "/delta"),
                put_together(&of("response.function_call_arguments.delta"), "/delta"),
            )
        }
        Operation::Messages => {
            (put_together(&events, "/delta/text"), put_together(&events, "/delta/partial_json"))
        }
        _ => (
            put_together(&events, "/choices/0/delta/content"),
            put_together(&events, "/choices/0/delta/tool_calls/0/function/arguments"),
        ),
    }
}

/// Whatever a stream of responses says again is what it said, and its events are counted.
fn check_repetitions(stream: &str) {
    let (text, arguments) = said(Operation::Responses, stream);
    let events = events(stream);
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], json!(number), "{stream}");
        let is = |kind: &str| event["type"] == format!("response.{kind}");
        for (kind, pointer, expected) in [
            ("output_text.done", "/text", &text),
            ("content_part.done", "/part/text", &text),
            ("function_call_arguments.done", "/arguments", &arguments),
            ("completed", "/response/output/0/content/0/text", &text),
            ("completed", "/response/output/1/arguments", &arguments),
        ] {
            if is(kind) {
                assert_eq!(event.pointer(pointer), Some(&json!(expected)), "{stream}");
            }
        }
        if is("output_item.done") {
            let repeated = &event["item"];
            let found = repeated.pointer("/content/0/text").or_else(|| repeated.get("arguments")).unwrap();
            assert!(*found == json!(text) || *found == json!(arguments), "{stream}");
        }
    }
}

#[test]
fn what_a_filter_leaves_is_the_same() {
    for (operation, recorded) in RECORDED {
        for size in [1, 7, 1000, 100_000] {
            let same = passed(operation, recorded, size, &mut Listens::default());
            let changed = same.lines().zip(recorded.lines()).find(|(one, other)| one != other);
            // Names and numbers of arguments are not cut any more.
            let is_cut = [OPENAI_TOOLS, RESPONSES].contains(&recorded);
            assert!(is_cut || same == recorded, "{changed:?}");
            assert_eq!(said(operation, &same), said(operation, recorded));
        }
        let lines = recorded.replace('\n', "\r\n");
        let same = passed(operation, &lines, 3, &mut Listens::default());
        assert_eq!(said(operation, &same), said(operation, recorded));
    }
}

#[test]
fn texts_are_heard_where_they_are() {
    let heard = |operation, stream| {
        let mut filter = Listens::default();
        passed(operation, stream, 64, &mut filter);
        let all_end = filter.heard.iter().all(|(track, _)| filter.ended.contains(&track.id));
        assert!(all_end, "{filter:?}");
        let told = |(track, text): &(Track, String)| format!("{} {:?} {text}", track.path, track.channel);
        filter.heard.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(
        heard(Operation::ChatCompletions, OPENAI_TOOLS),
        [
            "choices[0].message.tool_calls[0].function.arguments.$.location ToolArguments Paris,",
            // The vendor's example is no JSON.
            "choices[0].message.tool_calls[0].function.arguments ToolArguments France\"}",
        ]
    );
    let anthropic = heard(Operation::Messages, ANTHROPIC_TOOLS);
    assert!(
        anthropic.contains(&"content[1].input.location ToolArguments San Francisco, CA".to_owned()),
        "{anthropic:?}"
    );
    assert!(
        anthropic.contains(&"content[1].input.unit ToolArguments fahrenheit".to_owned()),
        "{anthropic:?}"
    );
    let responses = heard(Operation::Responses, RESPONSES);
    for expected in [
        "response.instructions System You are a helpful assistant.",
        "output[0].summary[0].text Reasoning Looking it up",
        "output[1].content[0].text Assistant Grüße 🌍",
        "output[2].arguments.$.location ToolArguments Paris",
    ] {
        assert!(responses.contains(&expected.to_owned()), "{responses:#?}");
    }
}

#[test]
fn what_is_kept_goes_out_before_the_end_of_its_text() {
    let mut filter = Keeps::replacing("abc", "#");
    let given = stream(Operation::ChatCompletions, &["x ab", "c y", " ab"], &["{\"q\":\"a", "b", "c\"}"]);
    assert_eq!(
        passed(Operation::ChatCompletions, &given, 9, &mut filter),
        concat!(
            r#"data: {"choices":[{"delta":{"content":"x "},"finish_reason":null,"index":0}],"created":1,"id":"c","model":"m"}"#,
            "\n\n",
            r##"data: {"choices":[{"delta":{"content":"# y"},"finish_reason":null,"index":0}],"created":1,"id":"c","model":"m"}"##,
            "\n\n",
            r#"data: {"choices":[{"delta":{"content":" "},"finish_reason":null,"index":0}],"created":1,"id":"c","model":"m"}"#,
            "\n\n",
            r#"data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"q\":\""},"index":0}]},"finish_reason":null,"index":0}],"created":1,"id":"c","model":"m"}"#,
            "\n\n",
            r#"data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":""},"index":0}]},"finish_reason":null,"index":0}],"created":1,"id":"c","model":"m"}"#,
            "\n\n",
            r##"data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"#\"}"},"index":0}]},"finish_reason":null,"index":0}],"created":1,"id":"c","model":"m"}"##,
            "\n\n",
            r#"data: {"id":"c","created":1,"model":"m","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"ab"},"finish_reason":null}]}"#,
            "\n\n",
            r#"data: {"choices":[{"delta":{},"finish_reason":"tool_calls","index":0}],"created":1,"id":"c","model":"m"}"#,
            "\n\n",
            "data: [DONE]\n\n"
        )
    );
}

#[test]
fn what_is_kept_can_be_let_go() {
    for (operation, expected) in [
        (
            Operation::ChatCompletions,
            r#"data: {"id":"c","created":1,"model":"m","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"ab"},"finish_reason":null}]}"#,
        ),
        (
            Operation::Messages,
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"ab\"}}",
        ),
        (
            Operation::Responses,
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":4,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"ab\",\"logprobs\":[]}",
        ),
    ] {
        let given = stream(operation, &["x ab", "c"], &[]);
        let upto = given.find("x ab").unwrap();
        let upto = upto + given[upto..].find("\n\n").unwrap() + 2;
        let (mut texts, mut filter) = (StreamTexts::new(operation), Keeps::replacing("abc", "#"));
        let mut out = texts.push(&given.as_bytes()[..upto], &mut filter).unwrap().to_vec();
        let released = texts.release(&mut filter);
        assert_eq!(released, format!("{expected}\n\n"));
        assert!(texts.release(&mut filter).is_empty());
        out.extend_from_slice(&released);
        out.extend_from_slice(&texts.push(&given.as_bytes()[upto..], &mut filter).unwrap());
        let out = String::from_utf8(out).unwrap();
        assert_eq!(said(operation, &out).0, "x abc");
        if operation == Operation::Responses {
            check_repetitions(&out);
        }
    }
}

#[test]
fn what_is_let_go_may_end_the_answer() {
    for operation in [Operation::ChatCompletions, Operation::Messages, Operation::Responses] {
        let given = stream(operation, &["x ab", "c"], &[]);
        let upto = given.find("x ab").unwrap();
        let upto = upto + given[upto..].find("\n\n").unwrap() + 2;
        let mut texts = StreamTexts::new(operation);
        texts.push(&given.as_bytes()[..upto], &mut RefusesEnds).unwrap();
        let ended = texts.release(&mut RefusesEnds);
        assert!(texts.is_stopped() && !ended.is_empty());
        assert!(texts.push(&given.as_bytes()[upto..], &mut RefusesEnds).unwrap().is_empty());
    }
}

#[test]
fn an_answer_may_be_ended() {
    for (operation, end) in [
        (
            Operation::ChatCompletions,
            "data: {\"id\":\"c\",\"created\":1,\"model\":\"m\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"y\"},\"finish_reason\":null}]}\n\ndata: {\"id\":\"c\",\"created\":1,\"model\":\"m\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\ndata: [DONE]\n\n",
        ),
        (
            Operation::Messages,
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"y\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
        (
            Operation::Responses,
            r#"event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"y","logprobs":[]}

event: response.output_text.done
data: {"type":"response.output_text.done","sequence_number":5,"item_id":"msg_1","output_index":0,"content_index":0,"text":"xy","logprobs":[]}

event: response.content_part.done
data: {"type":"response.content_part.done","sequence_number":6,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"xy","annotations":[],"logprobs":[]}}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":7,"output_index":0,"item":{"id":"msg_1","type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_text","text":"xy","annotations":[],"logprobs":[]}]}}

event: response.incomplete
data: {"type":"response.incomplete","sequence_number":8,"response":{"id":"resp_1","output":[{"id":"msg_1","type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_text","text":"xy","annotations":[],"logprobs":[]}]}],"status":"incomplete","incomplete_details":{"reason":"content_filter"}}}

"#,
        ),
    ] {
        let given = stream(operation, &["x", "ysecret", "more"], &["{}"]);
        let out = passed(operation, &given, 11, &mut Keeps::stopping_at("secret"));
        let before = given.find("ysecret").unwrap();
        let before = given[..before].rfind("\n\n").unwrap() + 2;
        assert_eq!(out, given[..before].to_owned() + end);
        let mut texts = StreamTexts::new(operation);
        texts.push(given.as_bytes(), &mut Keeps::stopping_at("secret")).unwrap();
        assert!(texts.is_stopped() && texts.stop(StopReason::Filtered, None).is_empty());
        assert!(texts.push(given.as_bytes(), &mut Listens::default()).unwrap().is_empty());
    }
}

/// Lets everything pass but the end of a text.
struct RefusesEnds;

impl TextFilter for RefusesEnds {
    fn push(&mut self, _: &Track, text: &str, out: &mut String) -> ControlFlow<()> {
        out.push_str(text);
        ControlFlow::Continue(())
    }

    fn end(&mut self, _: &Track, _: &mut String) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn release(&mut self, _: &Track, _: &mut String) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

#[test]
fn an_answer_may_be_ended_by_its_last_words() {
    for (operation, sign, closes) in [
        (Operation::ChatCompletions, "content_filter", "\"finish_reason\":\""),
        (Operation::Messages, "refusal", "\"type\":\"content_block_stop\""),
        (Operation::Responses, "content_filter", "\"type\":\"response.output_item.done\""),
    ] {
        let stream = stream(operation, &["x", "y"], &[]);
        let passed = passed(operation, &stream, stream.len(), &mut RefusesEnds);
        assert_eq!((passed.matches(sign).count(), passed.matches(closes).count()), (1, 1), "{passed}");
    }
}

#[test]
fn calls_that_are_not_complete_are_not_made() {
    let given = stream(Operation::Responses, &["hi"], &["{\"q\":\"sec", "ret\"}"]);
    let out = passed(Operation::Responses, &given, 64, &mut Keeps::stopping_at("secret"));
    let events = events(&out);
    let last = events.last().unwrap();
    assert_eq!(last["response"]["output"].as_array().unwrap().len(), 1);
    assert!(!out.contains("function_call_arguments.done"), "{out}");
    let numbers: Vec<_> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
}

#[test]
fn what_is_signed_stays_as_it_is() {
    let mut filter = Keeps::replacing("e", "#");
    let out = passed(Operation::Messages, ANTHROPIC_THINKING, 64, &mut filter);
    assert_eq!(
        put_together(&events(&out), "/delta/thinking"),
        put_together(&events(ANTHROPIC_THINKING), "/delta/thinking")
    );
    let text = put_together(&events(ANTHROPIC_THINKING), "/delta/text");
    assert_eq!(put_together(&events(&out), "/delta/text"), text.replace('e', "#"));
}

#[test]
fn how_likely_words_were_goes_with_them() {
    let given =
        r#"data: {"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a"}]}}]}"#;
    let out =
        passed(Operation::ChatCompletions, &format!("{given}\n\n"), 64, &mut Keeps::replacing("a", "#"));
    assert_eq!(
        out,
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"#\"},\"logprobs\":null}]}\n\n"
    );
}

#[test]
fn another_id_is_another_call() {
    let call = |id: &str, arguments: &str| {
        let call = json!({"index": 0, "id": id, "function": {"name": "f", "arguments": arguments}});
        format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}))
    };
    let given = call("one", r#"{"q":1}"#) + &call("two", r#"{"q":"x"}"#) + &call("two", "");
    let mut filter = Listens::default();
    assert_eq!(passed(Operation::ChatCompletions, &given, 1000, &mut filter), given);
    assert_eq!(filter.heard.len(), 1);
    assert_eq!(filter.heard[0].1, "x");
}

#[test]
fn texts_that_do_not_come_in_pieces_are_looked_at() {
    for (operation, event, expected) in [
        (
            Operation::Messages,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","input":{"a":"b e"}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","input":{"a":"b #"}}}"#,
        ),
        (
            Operation::Responses,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"mcp_call","arguments":"{\"a\":\"e\"}","output":"e"}}"#,
            r##"{"type":"response.output_item.done","output_index":0,"item":{"type":"mcp_call","arguments":"{\"a\":\"#\"}","output":"#"}}"##,
        ),
        (
            Operation::Responses,
            r#"{"type":"response.unheard_of.delta","delta":"e"}"#,
            r##"{"type":"response.unheard_of.delta","delta":"#"}"##,
        ),
        (
            Operation::ChatCompletions,
            r#"{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"e"}]}}]}"#,
            r##"{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"#"}]}}]}"##,
        ),
        (Operation::ChatCompletions, "no JSON: e", "no JSON: #"),
    ] {
        let out = passed(operation, &format!("data: {event}\n\n"), 1000, &mut Keeps::replacing("e", "#"));
        let out = out.replace("\"typ#\"", "\"type\"");
        assert_eq!(out, format!("data: {expected}\n\n"));
    }
}

#[test]
fn data_of_several_lines_ends_in_one() {
    let given = "data: {\"type\":\"response.created\",\ndata: \"response\":{\ndata: \"id\":\"r\"}}\n\n";
    let mut texts = StreamTexts::new(Operation::Responses);
    assert_eq!(texts.push(given.as_bytes(), &mut Listens::default()).unwrap(), given);
    let end = texts.stop(StopReason::Filtered, None);
    let end = events(std::str::from_utf8(&end).unwrap());
    assert_eq!(end[0]["response"]["id"], "r");
}

#[test]
fn nothing_goes_on_behind_what_cannot_be_read() {
    let event = |data: &str| format!("data: {data}\n\n");
    let text = event(r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#);
    let deep = event(&("[".repeat(999) + &"]".repeat(999)));
    let (mut texts, mut filter) = (StreamTexts::new(Operation::ChatCompletions), Listens::default());
    assert_eq!(texts.push(text.as_bytes(), &mut filter).unwrap(), text);
    assert_eq!(texts.push((deep + &text).as_bytes(), &mut filter), Err(Unreadable::TooDeep));
    assert!(texts.push(text.as_bytes(), &mut filter).unwrap().is_empty());
    assert!(texts.end(&mut filter).unwrap().is_empty());
    assert!(texts.stop(StopReason::Filtered, None).ends_with(b"data: [DONE]\n\n"));
}

#[test]
fn a_stream_without_its_end_loses_nothing() {
    let given = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x ab\"}}]}";
    let out = passed(Operation::ChatCompletions, given, 5, &mut Keeps::replacing("abc", "#"));
    assert_eq!(said(Operation::ChatCompletions, &out.replace("}data", "}\ndata")).0, "x ab");
}

/// Pieces of a text, by where it is cut.
fn pieces<'t>(text: &'t str, cuts: &[usize]) -> Vec<&'t str> {
    let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| bounds[cut % bounds.len()]).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect()
}

proptest! {
    #[test]
    fn what_goes_on_is_the_changed_text(
        text in "[abc\"\\\\\n\u{e9}\u{1f600} ]{0,24}", leaf in "[abc\"\\\\\n\u{e9}\u{1f600} ]{0,16}",
        cuts in proptest::collection::vec(any::<usize>(), 0..8), size in 1_usize..200, ascii in any::<bool>(),
    ) {
        let arguments = json!({"a": [leaf], "n": 12}).to_string();
        let arguments = if ascii { escaped(&arguments) } else { arguments };
        for operation in SHAPES {
            let given = stream(operation, &pieces(&text, &cuts), &pieces(&arguments, &cuts));
            let given = if ascii { escaped(&given) } else { given };
            let same = passed(operation, &given, size, &mut Listens::default());
            prop_assert_eq!(said(operation, &same), said(operation, &given));
            let out = passed(operation, &given, size, &mut Keeps::replacing("ab\"", "\"\\[É]\n"));
            let (told, called) = said(operation, &out);
            prop_assert_eq!(told, text.replace("ab\"", "\"\\[É]\n"));
            let expected = json!({"a": [leaf.replace("ab\"", "\"\\[É]\n")], "n": 12});
            prop_assert_eq!(serde_json::from_str::<Value>(&called).unwrap(), expected);
            if operation == Operation::Responses {
                check_repetitions(&out);
            }
        }
    }

    #[test]
    fn nothing_of_a_stopped_text_is_seen(
        before in "[a-z ]{0,12}", cuts in proptest::collection::vec(any::<usize>(), 0..8), size in 1_usize..200,
    ) {
        let text = format!("{before}S-3-C-R-3-T and more");
        let arguments = json!({"a": text}).to_string();
        for operation in SHAPES {
            for given in [stream(operation, &pieces(&text, &cuts), &[]), stream(operation, &["hi"], &pieces(&arguments, &cuts))] {
                let out = passed(operation, &given, size, &mut Keeps::stopping_at("S-3-C-R-3-T"));
                prop_assert!(!out.contains("S-") && !out.contains("and more"), "{out}");
                let (told, called) = said(operation, &out);
                prop_assert!(told == before || (told == "hi" && called.ends_with(&before)), "{out}");
            }
        }
    }

    #[test]
    fn anything_can_come(stream in any::<Vec<u8>>(), text in "[a-z:{}\"\\[\\],\\\\\n ]{0,60}") {
        for operation in SHAPES {
            for bytes in [&stream[..], format!("data: {text}\n\n").as_bytes()] {
                let mut texts = StreamTexts::new(operation);
                let _ = texts.push(bytes, &mut Listens::default());
                let _ = texts.end(&mut Listens::default());
            }
        }
    }
}
