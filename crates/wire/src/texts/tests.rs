use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod members;

fn body(json: &str) -> Bytes {
    Bytes::copy_from_slice(json.as_bytes())
}

/// Every part as `path channel text`, marked where it is signed or a number.
fn told(texts: &Texts<'_>) -> Vec<String> {
    texts
        .parts()
        .map(|part| {
            let mark = match (part.form, part.is_signed) {
                (Form::Number, _) => " (number)",
                (_, true) => " (signed)",
                _ => "",
            };
            format!("{} {:?} {}{mark}", texts.path(part.index), part.channel, part.text)
        })
        .collect()
}

fn request(operation: Operation, json: &str) -> Vec<String> {
    told(&Texts::of_request(operation, &body(json)).unwrap())
}

fn answer(operation: Operation, json: &str) -> Vec<String> {
    told(&Texts::of_answer(operation, &body(json)).unwrap())
}

fn edit(part: usize, span: Range<usize>, text: &str) -> Edit {
    Edit { part, span, text: text.to_owned() }
}

#[test]
fn chat_completions_are_read() {
    let read = request(
        Operation::ChatCompletions,
        r#"{"model":"m","messages":[
            {"content":"sys","role":"developer","name":"n"},
            {"role":"user","content":[{"type":"text","text":"a\u0062"},
                {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
                {"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},
                {"type":"file","file":{"filename":"f.pdf","file_data":"AAAA"}}]},
            {"role":"assistant","content":null,"refusal":"no","reasoning_content":"hm","tool_calls":[
                {"id":"call_1","type":"function","function":{"name":"f",
                    "arguments":"{\"to\":[\"x\\n\",{\"cc\":\"y\"}],\"card\": 4111111111111111,\"n\":12,\"l\":[1,54321],\"a@b.c\":true}"}},
                {"id":"call_2","type":"function","function":{"name":"f","arguments":"not {json"}},
                {"id":"call_3","type":"custom","custom":{"name":"f","input":"raw"}}],
             "function_call":{"name":"g","arguments":"\"bare\""},"audio":{"id":"a"}},
            {"role":"tool","tool_call_id":"call_1","content":"out"},
            {"role":"tool","tool_call_id":"call_2","content":[{"type":"text","text":"put"}]}],
            "prediction":{"type":"content","content":"guess"},"user":"u","metadata":{"k":"v"},
            "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":
                {"properties":{"description":{"type":"string","description":"dd"}}}}}]}"#,
    );
    assert_eq!(
        read,
        [
            "messages[0].content System sys",
            "messages[0].name Aside n",
            "messages[1].content[0].text User ab",
            "messages[2].refusal Assistant no",
            "messages[2].reasoning_content Reasoning hm",
            "messages[2].tool_calls[0].function.arguments.$.to[0] ToolArguments x\n",
            "messages[2].tool_calls[0].function.arguments.$.to[1].cc ToolArguments y",
            "messages[2].tool_calls[0].function.arguments.$.card ToolArguments 4111111111111111 (number)",
            "messages[2].tool_calls[0].function.arguments.$.l[1] ToolArguments 54321 (number)",
            "messages[2].tool_calls[0].function.arguments.$.{4}# ToolArguments a@b.c",
            "messages[2].tool_calls[1].function.arguments ToolArguments not {json",
            "messages[2].tool_calls[2].custom.input ToolArguments raw",
            "messages[2].function_call.arguments.$ ToolArguments bare",
            "messages[3].content Tool out",
            "messages[4].content[0].text Tool put",
            "prediction.content Label guess",
            "user Label u",
            "metadata.k Label v",
            "tools[0].function.description ToolDefinition d",
            "tools[0].function.parameters.properties.description.description ToolDefinition dd",
        ]
    );
}

#[test]
fn responses_are_read() {
    let read = request(
        Operation::Responses,
        r#"{"model":"m","instructions":"sys","input":[
            {"role":"user","content":"one"},
            {"type":"message","role":"developer","content":[{"type":"input_text","text":"two"},
                {"type":"input_image","image_url":"data:,x"},{"type":"input_file","file_data":"AAAA","filename":"f"}]},
            {"type":"reasoning","id":"rs_1","encrypted_content":"gAAA","summary":[{"type":"summary_text","text":"why"}],
                "content":[{"type":"reasoning_text","text":"so"}]},
            {"type":"function_call","call_id":"c","name":"f","arguments":"{\"q\":\"three\"}"},
            {"type":"function_call_output","call_id":"c","output":"four"},
            {"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"five"}]},
            {"type":"mcp_call","arguments":"{}","output":"six","error":"seven","server_label":"s"},
            {"type":"custom_tool_call","input":"eight"},{"type":"custom_tool_call_output","output":"nine"},
            {"type":"local_shell_call","action":{"type":"exec","command":["ls","/x"]}},
            {"type":"shell_call_output","output":[{"stdout":"ten","stderr":"eleven"}]},
            {"type":"file_search_call","queries":["q"],"results":[{"text":"twelve","file_id":"f"}]},
            {"type":"apply_patch_call","operation":{"diff":"+x"}},
            {"type":"code_interpreter_call","code":"print()","outputs":[{"type":"logs","logs":"log"}]},
            {"type":"item_reference","id":"i"},{"type":"unheard_of","text":"still"}],
            "prompt":{"id":"p","variables":{"a":"va","b":{"type":"input_text","text":"vb"}}},
            "text":{"format":{"type":"json_schema","schema":{"description":"form"}}},"metadata":{"k":"v"}}"#,
    );
    assert_eq!(
        read,
        [
            "instructions System sys",
            "input[0].content User one",
            "input[1].content[0].text System two",
            "input[2].summary[0].text Reasoning why",
            "input[2].content[0].text Reasoning so",
            "input[3].arguments.$.q ToolArguments three",
            "input[4].output Tool four",
            "input[5].output[0].text Tool five",
            "input[6].output Tool six",
            "input[6].error Tool seven",
            "input[7].input ToolArguments eight",
            "input[8].output Tool nine",
            "input[9].action.type ToolArguments exec",
            "input[9].action.command[0] ToolArguments ls",
            "input[9].action.command[1] ToolArguments /x",
            "input[10].output[0].stdout Tool ten",
            "input[10].output[0].stderr Tool eleven",
            "input[11].queries[0] ToolArguments q",
            "input[11].results[0].text Document twelve",
            "input[12].operation.diff ToolArguments +x",
            "input[13].code ToolArguments print()",
            "input[13].outputs[0].logs Tool log",
            "input[15].text User still",
            "prompt.variables.a User va",
            "prompt.variables.b.text User vb",
            "text.format.schema.description ToolDefinition form",
            "metadata.k Label v",
        ]
    );
    assert_eq!(request(Operation::Responses, r#"{"input":"hi"}"#), ["input User hi"]);
}

#[test]
fn messages_are_read() {
    let json = r#"{"system":[{"type":"text","text":"sys","cache_control":{"type":"ephemeral"}}],"messages":[
        {"role":"user","content":[
            {"type":"document","title":"t","context":"c","source":{"type":"text","media_type":"text/plain","data":"d1"}},
            {"type":"document","source":{"type":"content","content":[{"type":"text","text":"d2"}]}},
            {"type":"document","source":{"type":"base64","data":"AAAA"}},
            {"type":"image","source":{"type":"base64","data":"AAAA"}},
            {"type":"search_result","source":"https://x","title":"st","content":[{"type":"text","text":"s1"}]},
            {"type":"text","text":"hi"}]},
        {"role":"assistant","content":[
            {"type":"thinking","thinking":"hm","signature":"EqQB"},{"type":"redacted_thinking","data":"AAAA"},
            {"type":"text","text":"ok","citations":[{"cited_text":"d1"}]},
            {"type":"tool_use","id":"t","name":"f","input":{"q":"v","deep":{"n":12345.0}}},
            {"type":"web_search_tool_result","content":[{"type":"web_search_result","encrypted_content":"AAAA"}]}]},
        {"role":"user","content":[
            {"type":"tool_result","tool_use_id":"t","content":"r1"},
            {"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"r2"},
                {"type":"document","source":{"type":"text","data":"d3"}}]}]}],
        "tools":[{"name":"f","description":"td","input_schema":{}}],"metadata":{"user_id":"u"}}"#;
    let read = request(Operation::Messages, json);
    assert_eq!(
        read,
        [
            "system[0].text System sys",
            "messages[0].content[0].title Document t",
            "messages[0].content[0].context Document c",
            "messages[0].content[0].source.data Document d1",
            "messages[0].content[1].source.content[0].text Document d2",
            "messages[0].content[4].source Document https://x",
            "messages[0].content[4].title Document st",
            "messages[0].content[4].content[0].text Document s1",
            "messages[0].content[5].text User hi",
            "messages[1].content[0].thinking Reasoning hm (signed)",
            "messages[1].content[2].text Assistant ok",
            "messages[1].content[2].citations[0].cited_text Document d1",
            "messages[1].content[3].input.q ToolArguments v",
            "messages[1].content[3].input.deep.n ToolArguments 12345.0 (number)",
            "messages[2].content[0].content Tool r1",
            "messages[2].content[1].content[0].text Tool r2",
            "messages[2].content[1].content[1].source.data Document d3",
            "tools[0].description ToolDefinition td",
            "metadata.user_id Label u",
        ]
    );
    assert_eq!(request(Operation::CountTokens, json), read);
    let system = r#"{"system":"s","messages":[{"role":"user","content":"u"}]}"#;
    assert_eq!(request(Operation::Messages, system), ["system System s", "messages[0].content User u"]);
}

#[test]
fn inputs_of_embeddings_are_read_and_tokens_are_not() {
    assert_eq!(request(Operation::Embeddings, r#"{"input":"a"}"#), ["input User a"]);
    assert_eq!(
        request(Operation::Embeddings, r#"{"input":["a","b"]}"#),
        ["input[0] User a", "input[1] User b"]
    );
    assert!(request(Operation::Embeddings, r#"{"input":[[15339,2],[3]]}"#).is_empty());
    assert!(request(Operation::Embeddings, r#"{"input":[15339,2]}"#).is_empty());
    for (json, has_unreadable) in [
        (r#"{"input":[[15339,2],[3]]}"#, true),
        (r#"{"input":[15339,2]}"#, true),
        (r#"{"input":["a",[3]]}"#, true),
        (r#"{"input":["a",3]}"#, true),
        (r#"{"input":["a","b"],"dimensions":[3]}"#, false),
        (r#"{"input":"a"}"#, false),
    ] {
        let json = body(json);
        let texts = Texts::of_request(Operation::Embeddings, &json).unwrap();
        assert_eq!(texts.has_unreadable(), has_unreadable, "{json:?}");
    }
}

#[test]
fn calls_of_endpoints_are_read() {
    let call = body(
        r#"{"message":"m","messages":[{"role":"system","content":"s"}],"stream":false,"session_id":"x",
            "endpoint":"slug","customer":{"name":"Ann","number":123456},"a@b.c":1}"#,
    );
    let mut expected = vec![
        "message User m",
        "messages[0].content System s",
        "endpoint Aside slug",
        "customer.name Aside Ann",
        "customer.number Aside 123456 (number)",
        ".{6}# Aside a@b.c",
    ];
    assert_eq!(told(&Texts::of_call(&call).unwrap()), expected);
    expected.remove(2);
    assert_eq!(told(&Texts::of_dispatched(&call).unwrap()), expected);
}

#[test]
fn a_calls_own_members_are_its_message_where_it_has_none() {
    let call =
        body(r#"{"message":null,"endpoint":["e"],"Endpoint":{"x":"f"},"a@b.c":"g","tool_choice":"h"}"#);
    let mut expected = vec!["endpoint[0] User e", "Endpoint.x User f", ".{3}# User a@b.c", ".{3} User g"];
    let texts = Texts::of_call(&call).unwrap();
    assert_eq!(told(&texts), expected);
    let changed = texts.rewrite(&[edit(2, 0..5, "\"")]);
    assert_eq!(changed, std::str::from_utf8(&call).unwrap().replace("a@b.c", "\\\""));
    expected.remove(0);
    assert_eq!(
        told(&Texts::of_dispatched(&call).unwrap()),
        expected,
        "but for the one that names the endpoint"
    );
}

#[test]
fn arguments_alone_are_read() {
    let arguments = body(r#"{"a":{"b":"c"},"d@e":[12345,true]}"#);
    let texts = Texts::of_arguments(&arguments).unwrap();
    let expected = ["a.b ToolArguments c", ".{1}# ToolArguments d@e", ".{1}[0] ToolArguments 12345 (number)"];
    assert_eq!(told(&texts), expected);
    assert_eq!(texts.rewrite(&[edit(0, 0..1, "\"")]), r#"{"a":{"b":"\""},"d@e":[12345,true]}"#);
    assert_eq!(Texts::of_arguments(&body("no {")).unwrap_err(), Unreadable::NotJson);
}

#[test]
fn items_of_conversations_are_read() {
    let item = r#"{"type":"message","role":"user","content":"a"}"#;
    for (json, path) in [
        (format!(r#"{{"items":[{item}]}}"#), "items[0].content"),
        (format!(r#"{{"object":"list","data":[{item}]}}"#), "data[0].content"),
        (item.to_owned(), "content"),
    ] {
        assert_eq!(told(&Texts::of_items(&body(&json)).unwrap()), [format!("{path} User a")]);
    }
    for json in
        [format!(r#"{{"metadata":{{"k":"v"}},"items":[{item}]}}"#), r#"{"metadata":{"k":"v"}}"#.to_owned()]
    {
        let json = body(&json);
        assert_eq!(told(&Texts::of_items(&json).unwrap())[0], "metadata.k Label v");
    }
}

#[test]
fn answers_are_read() {
    assert_eq!(
        answer(
            Operation::ChatCompletions,
            r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"c","refusal":null,
                "tool_calls":[{"function":{"name":"f","arguments":"{\"a\":\"b\"}"}}],"audio":{"data":"AA","transcript":"t"}}}]}"#
        ),
        [
            "choices[0].message.content Assistant c",
            "choices[0].message.tool_calls[0].function.arguments.$.a ToolArguments b",
            "choices[0].message.audio.transcript Assistant t"
        ]
    );
    assert_eq!(
        answer(
            Operation::Responses,
            r#"{"instructions":"sys","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"why"}]},
                {"type":"message","role":"assistant","content":[{"type":"output_text","text":"c"},{"type":"refusal","refusal":"r"}]},
                {"type":"function_call","arguments":"{\"a\":\"b\"}"}]}"#
        ),
        [
            "instructions System sys",
            "output[0].summary[0].text Reasoning why",
            "output[1].content[0].text Assistant c",
            "output[1].content[1].refusal Assistant r",
            "output[2].arguments.$.a ToolArguments b"
        ]
    );
    assert_eq!(
        answer(
            Operation::Messages,
            r#"{"type":"message","role":"assistant","content":[{"type":"thinking","thinking":"h","signature":"s"},
                {"type":"text","text":"c"},{"type":"tool_use","input":{"a":"b"}}]}"#
        ),
        [
            "content[0].thinking Reasoning h (signed)",
            "content[1].text Assistant c",
            "content[2].input.a ToolArguments b"
        ]
    );
}

#[test]
fn only_what_is_to_change_changes() {
    let given = body(
        r#"{ "x":1.50e+3,"messages":[{"role":"user","content":"a\u0020b\ud83dc\/d","z":null}] , "x":[1, 2 ] }"#,
    );
    let texts = Texts::of_request(Operation::ChatCompletions, &given).unwrap();
    assert_eq!(texts.part(0).text, "a b\u{fffd}c/d");
    let changed = texts.rewrite(&[edit(0, 6..7, "\"\n\u{1}é")]);
    let expected = std::str::from_utf8(&given).unwrap().replace("c\\/d", r#"\"\n\u0001é\/d"#);
    assert_eq!(changed, expected);
    assert_eq!(texts.rewrite(&[]).as_ptr(), given.as_ptr(), "not even a copy");
}

#[test]
fn arguments_stay_json() {
    let given = body(
        r#"{"messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":"{ \"q\" : \"say \\\"hi\\\" \\u00e9\",\"card\": 4111111111111111}"}}]}]}"#,
    );
    let texts = Texts::of_request(Operation::ChatCompletions, &given).unwrap();
    assert_eq!(texts.part(0).text, "say \"hi\" é");
    let changed = texts.rewrite(&[edit(1, 0..12, "****"), edit(0, 9..11, "\\"), edit(0, 4..8, "\"\t\"")]);
    assert_eq!(
        changed,
        r#"{"messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":"{ \"q\" : \"say \\\"\\t\\\" \\\\\",\"card\": \"****1111\"}"}}]}]}"#
    );
}

#[test]
fn spans_that_overlap_are_one() {
    let given = body(r#"{"input":"0123456789"}"#);
    let texts = Texts::of_request(Operation::Responses, &given).unwrap();
    let changed =
        texts.rewrite(&[edit(0, 4..6, "B"), edit(0, 2..5, "A"), edit(0, 6..6, "C"), edit(0, 99..100, "D")]);
    assert_eq!(changed, r#"{"input":"01AC6789D"}"#);
}

#[test]
fn what_is_signed_stays() {
    let given = body(
        r#"{"messages":[{"role":"assistant","content":[{"thinking":"hm","signature":"x","type":"thinking"}]}]}"#,
    );
    let texts = Texts::of_request(Operation::Messages, &given).unwrap();
    assert_eq!(texts.rewrite(&[edit(0, 0..2, "no")]), given);
}

#[test]
fn how_likely_words_were_goes_with_them() {
    let given = body(
        r#"{"choices":[{"message":{"content":"a"},"logprobs":{"content":[{"token":"a"}]}},{"logprobs":{"content":[]},"message":{"content":"b"}}]}"#,
    );
    let texts = Texts::of_answer(Operation::ChatCompletions, &given).unwrap();
    assert_eq!(
        texts.rewrite(&[edit(1, 0..1, "B")]),
        r#"{"choices":[{"message":{"content":"a"},"logprobs":{"content":[{"token":"a"}]}},{"logprobs":null,"message":{"content":"B"}}]}"#
    );
    let given =
        body(r#"{"output":[{"type":"message","content":[{"text":"a","logprobs":[{"token":"a"}]}]}]}"#);
    let texts = Texts::of_answer(Operation::Responses, &given).unwrap();
    let changed = r#"{"output":[{"type":"message","content":[{"text":"A","logprobs":[]}]}]}"#;
    assert_eq!(texts.rewrite(&[edit(0, 0..1, "A")]), changed);
}

#[test]
fn what_some_reader_may_take_is_read() {
    let read = request(
        Operation::ChatCompletions,
        r#"{"messages":[{"role":"user","content":"a","content":"b","Content":"c","cont\u0065nt":"d","\u017fource":{"type":"base64","type":"text","data":"e"}}]}"#,
    );
    assert_eq!(
        read,
        [
            "messages[0].content User a",
            "messages[0].content User b",
            "messages[0].Content User c",
            "messages[0].content User d",
            "messages[0].{5}.data Document e"
        ]
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    for (json, expected) in [
        (b"{".to_vec(), Unreadable::NotJson),
        (b"{\"a\":\"\xff\"}".to_vec(), Unreadable::NotJson),
        (("[".repeat(999) + &"]".repeat(999)).into_bytes(), Unreadable::TooDeep),
    ] {
        let json = Bytes::from(json);
        assert_eq!(Texts::of_request(Operation::Responses, &json).unwrap_err(), expected);
    }
    assert_eq!(BadRequest::from(Unreadable::TooDeep).code, "too_complex");
}

#[test]
fn places_of_many_texts_are_told_in_no_time() {
    const MANY: usize = 100_000;
    let messages = format!("[{}{{\"content\":\"\"}}]", "{\"content\":\"a\"},".repeat(MANY));
    let input = format!("{{\"input\":[{{\"arguments\":\"[{}1]\"}}]}}", "12345 , ".repeat(MANY));
    let messages = body(&format!("{{\"messages\":{messages}}}"));
    let messages = Texts::of_request(Operation::ChatCompletions, &messages).unwrap();
    let input = body(&input);
    let input = Texts::of_request(Operation::Responses, &input).unwrap();
    let begun = std::time::Instant::now();
    for index in 0..MANY {
        assert_eq!(messages.path(index), format!("messages[{index}].content"));
        assert_eq!(input.path(index), format!("input[0].arguments.$[{index}]"));
    }
    // A walk over all siblings for every one of them takes minutes.
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

/// Any JSON.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        any::<String>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((any_name(), inner), 0..4)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

/// Names of the formats, and others.
fn any_name() -> impl Strategy<Value = String> {
    let known =
        ["role", "type", "text", "content", "source", "data", "input", "arguments", "output", "thinking"];
    prop_oneof![proptest::sample::select(known.to_vec()).prop_map(str::to_owned), "[a-z0-9@]{1,5}"]
}

/// A conversation with texts at known places in anything.
fn any_request() -> impl Strategy<Value = (Value, Vec<String>)> {
    (any_json(), any_json(), any::<String>(), any::<String>(), any_json()).prop_map(
        |(one, other, text, leaf, around)| {
            let arguments = json!({"a": {"leaf": leaf}, "z": 1.5}).to_string();
            let request = json!({"x": one, "messages": [
                {"role": "user", "content": [{"type": "text", "text": text, "other": around}]},
                {"role": "assistant", "tool_calls": [{"function": {"arguments": arguments}}], "any": other}]});
            (request, vec!["/messages/0/content/0/text".to_owned(), leaf])
        },
    )
}

/// JSON in which some characters are escaped that need not be.
fn spelled(value: &Value, every: usize) -> Bytes {
    let plain = value.to_string();
    let mut out = String::new();
    for (at, character) in plain.chars().enumerate() {
        if !character.is_ascii() && at % every == 0 {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04X}").unwrap();
            }
        } else {
            out.push(character);
        }
    }
    out.into()
}

proptest! {
    #[test]
    fn nothing_to_change_is_the_same((request, _) in any_request(), every in 1_usize..4) {
        let given = spelled(&request, every);
        let texts = Texts::of_request(Operation::ChatCompletions, &given).unwrap();
        // A change into the same text, too.
        let edits: Vec<_> = texts.parts().map(|part| edit(part.index, 0..0, "")).collect();
        let unchanged: Value = serde_json::from_slice(&texts.rewrite(&edits)).unwrap();
        prop_assert_eq!(texts.rewrite(&[]), given.clone());
        let numbers = texts.parts().any(|part| part.form == Form::Number);
        prop_assert!(numbers || unchanged == request);
    }

    #[test]
    fn only_the_leaf_is_another((request, known) in any_request(), new in any::<String>(), every in 1_usize..4) {
        let given = spelled(&request, every);
        let texts = Texts::of_request(Operation::ChatCompletions, &given).unwrap();
        let find = |path: &str| {
            texts.parts().find(|part| texts.path(part.index) == path).map(|part| (part.index, part.text.len()))
        };
        let (text, text_length) = find("messages[0].content[0].text").unwrap();
        let (leaf, leaf_length) =
            find("messages[1].tool_calls[0].function.arguments.$.a.leaf").unwrap();
        let changed = texts.rewrite(&[edit(leaf, 0..leaf_length, &new), edit(text, 0..text_length, &new)]);
        let mut expected = request.clone();
        *expected.pointer_mut(&known[0]).unwrap() = json!(new);
        let arguments = expected.pointer_mut("/messages/1/tool_calls/0/function/arguments").unwrap();
        let mut inner: Value = serde_json::from_str(arguments.as_str().unwrap()).unwrap();
        prop_assert_eq!(inner["a"]["leaf"].as_str().unwrap(), &known[1]);
        inner["a"]["leaf"] = json!(new);
        let mut changed: Value = serde_json::from_slice(&changed).unwrap();
        let written = changed.pointer_mut("/messages/1/tool_calls/0/function/arguments").unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(written.as_str().unwrap()).unwrap(), inner);
        *written = Value::Null;
        *arguments = Value::Null;
        prop_assert_eq!(changed, expected);
    }

    #[test]
    fn a_span_is_changed_and_its_neighbours_are_not(
        text in any::<String>(), new in any::<String>(), cut in any::<(usize, usize)>(), every in 1_usize..3,
    ) {
        let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let (one, other) = (bounds[cut.0 % bounds.len()], bounds[cut.1 % bounds.len()]);
        let span = one.min(other)..one.max(other);
        let given = spelled(&json!({"input": text, "x": json!({"arguments": text}).to_string()}), every);
        let texts = Texts::of_request(Operation::Responses, &given).unwrap();
        let mut expected = text.clone();
        expected.replace_range(span.clone(), &new);
        let changed: Value = serde_json::from_slice(&texts.rewrite(&[edit(0, span, &new)])).unwrap();
        prop_assert_eq!(changed["input"].as_str().unwrap(), expected);
    }

    #[test]
    fn anything_can_be_read(text in any::<Vec<u8>>()) {
        let text = Bytes::from(text);
        let _ = Texts::of_request(Operation::Messages, &text);
    }
}
