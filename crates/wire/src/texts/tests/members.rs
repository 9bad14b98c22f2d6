//! Members that are read beside what is said.

use super::*;

#[test]
fn all_that_a_model_reads_of_a_tool_is_read() {
    let tools = r##"[{"type":"function","function":{"name":"f","parameters":{"$schema":"https://s","$id":"i@d","type":["object","null"],
            "title":"t1","$defs":{"d":{"type":"a secret that is no label"}},"properties":{
                "type":{"type":"string","enum":["e1"],"const":"c1","format":"date-time","pattern":"^p$"},
                "a@b.c":{"$ref":"#/$defs/d","default":{"type":"d1","x@y":"d2"},"examples":["x1",4111111111111111]}},
            "required":["type","a@b.c"],"additionalProperties":{"anyOf":[{"description":"d3"}]}}}},
        {"type":"custom","custom":{"name":"a1@b.c","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"g1"}}}},
        {"type":"mcp","server_label":"l1","server_description":"s1","server_url":"https://x","authorization":"Bearer b","headers":{"h":"v"},
            "allowed_tools":["plain","n@m.o"]},
        {"type":"web_search_20250305","name":"web_search","user_location":{"type":"approximate","city":"Paris"},
            "input_schema":{"properties":{"headers":{"description":"h1"}}},"input_examples":[{"k@l":"x2"}]}]"##;
    let expected = [
        "parameters.title ToolDefinition t1",
        "parameters.$defs.d.type ToolDefinition a secret that is no label",
        "parameters.properties.type.enum[0] ToolDefinition e1",
        "parameters.properties.type.const ToolDefinition c1",
        "parameters.properties.type.pattern ToolDefinition ^p$",
        "parameters.properties.{1}# ToolDefinition a@b.c (signed)",
        "parameters.properties.{1}.default.type ToolDefinition d1",
        "parameters.properties.{1}.default.{1}# ToolDefinition x@y (signed)",
        "parameters.properties.{1}.default.{1} ToolDefinition d2",
        "parameters.properties.{1}.examples[0] ToolDefinition x1",
        "parameters.properties.{1}.examples[1] ToolDefinition 4111111111111111 (number)",
        "parameters.required[1] ToolDefinition a@b.c (signed)",
        "parameters.additionalProperties.anyOf[0].description ToolDefinition d3",
    ];
    let others = [
        "tools[1].custom.name ToolDefinition a1@b.c (signed)",
        "tools[1].custom.format.grammar.syntax ToolDefinition lark",
        "tools[1].custom.format.grammar.definition ToolDefinition g1",
        "tools[2].server_label ToolDefinition l1",
        "tools[2].server_description ToolDefinition s1",
        "tools[2].allowed_tools[1] ToolDefinition n@m.o (signed)",
        "tools[3].user_location.city ToolDefinition Paris",
        "tools[3].input_schema.properties.headers.description ToolDefinition h1",
        "tools[3].input_examples[0].{0}# ToolDefinition k@l (signed)",
        "tools[3].input_examples[0].{0} ToolDefinition x2",
    ];
    let expected = expected.map(|told| format!("tools[0].function.{told}"));
    let expected: Vec<_> = expected.into_iter().chain(others.map(str::to_owned)).collect();
    for operation in [Operation::ChatCompletions, Operation::Responses, Operation::Messages] {
        assert_eq!(request(operation, &format!("{{\"tools\":{tools}}}")), expected);
    }
    let repeated = format!("{{\"tools\":{tools}}}");
    assert_eq!(answer(Operation::Responses, &repeated), expected);
}

#[test]
fn names_that_calls_must_repeat_stay() {
    let given = r#"{"tools":[{"name":"f","input_schema":{"properties":{"a@b.c":{"description":"a@b.c"}},"required":["a@b.c"]}}]}"#;
    let given = body(given);
    let texts = Texts::of_request(Operation::Messages, &given).unwrap();
    let edits: Vec<_> = texts.parts().map(|part| edit(part.index, 0..part.text.len(), "#")).collect();
    assert_eq!(edits.len(), 3);
    let changed =
        std::str::from_utf8(&given).unwrap().replace(r#""description":"a@b.c""#, r##""description":"#""##);
    assert_eq!(texts.rewrite(&edits), changed);
}

#[test]
fn only_what_its_vendor_signed_is_signed() {
    let piece = |more: &str| format!(r#"{{"role":"assistant","content":[{{"thinking":"hm",{more}}}]}}"#);
    let is_signed = |operation, more: &str| {
        let json = body(&format!(r#"{{"messages":[{}],"input":[{0}]}}"#, piece(more)));
        let texts = Texts::of_request(operation, &json).unwrap();
        texts.parts().next().unwrap().is_signed
    };
    let signed = r#""type":"thinking","signature":"x""#;
    for (operation, expected) in [
        (Operation::Messages, true),
        (Operation::CountTokens, true),
        (Operation::ChatCompletions, false),
        (Operation::Responses, false),
    ] {
        assert_eq!(is_signed(operation, signed), expected, "{operation:?}");
    }
    for more in [
        r#""type":"thinking""#,
        r#""type":"thinking","signature":"""#,
        r#""type":"thinking","signature":null"#,
        r#""type":"thinking","Signature":"x""#,
        r#""type":"text","signature":"x""#,
    ] {
        assert!(!is_signed(Operation::Messages, more), "{more}");
        let json = body(&piece(more));
        assert!(!Texts::of_answer(Operation::Messages, &json).unwrap().part(0).is_signed, "{more}");
    }
    let json = body(&piece(signed));
    assert!(Texts::of_answer(Operation::Messages, &json).unwrap().part(0).is_signed);
    assert!(!Texts::of_items(&json).unwrap().part(0).is_signed);
}

#[test]
fn what_an_answer_refers_to_is_read() {
    let message = r#"{"role":"assistant","content":[{"type":"text","text":"a","citations":[
            {"type":"web_search_result_location","url":"https://u","title":"t1","cited_text":"c1","encrypted_index":"x","file_id":"x"}],
            "annotations":[{"type":"url_citation","url_citation":{"title":"t2","start_index":12345}},
                {"type":"file","file":{"hash":"h","content":[{"image_url":{"url":"data:image/png;base64,AAAA"}}]}}]},
        {"type":"web_search_tool_result","content":[{"type":"web_search_result","title":"t3","url":"https://v","encrypted_content":"x"}]}],
        "reasoning_details":[{"type":"reasoning.text","text":"r1","signature":"x","id":"x","format":"f"},
            {"type":"reasoning.summary","summary":"r2"},{"type":"reasoning.encrypted","data":"x"},{"type":"other","data":"r3"}]}"#;
    let expected = |prefix: &str| {
        [
            "content[0].text Assistant a",
            "content[0].citations[0].url Document https://u",
            "content[0].citations[0].title Document t1",
            "content[0].citations[0].cited_text Document c1",
            "content[0].annotations[0].url_citation.title Document t2",
            "content[0].annotations[1].file.hash Document h",
            "content[1].content[0].title Document t3",
            "content[1].content[0].url Document https://v",
            "reasoning_details[0].text Reasoning r1",
            "reasoning_details[1].summary Reasoning r2",
            "reasoning_details[3].data Reasoning r3",
        ]
        .map(|told| format!("{prefix}{told}"))
    };
    let json = format!(r#"{{"messages":[{message}]}}"#);
    assert_eq!(request(Operation::ChatCompletions, &json), expected("messages[0]."));
    assert_eq!(request(Operation::Messages, &json), expected("messages[0]."));
    assert_eq!(request(Operation::Responses, &format!(r#"{{"input":[{message}]}}"#)), expected("input[0]."));
    assert_eq!(answer(Operation::Responses, &format!(r#"{{"output":[{message}]}}"#)), expected("output[0]."));
    let json = format!(
        r#"{{"choices":[{{"message":{message}}}],"citations":["https://w"],"search_results":[{{"title":"t4"}}]}}"#
    );
    let told = answer(Operation::ChatCompletions, &json);
    assert_eq!(told[..11], expected("choices[0].message."));
    assert_eq!(told[11..], ["citations[0] Document https://w", "search_results[0].title Document t4"]);
    assert_eq!(answer(Operation::Messages, message)[..8], expected("")[..8]);
}

#[test]
fn what_providers_get_of_a_user_is_read() {
    let told = [
        "user Label u",
        "safety_identifier Label s",
        "metadata.k Label v",
        "metadata.{1}# Label a@b",
        "metadata.{1} Label w",
    ];
    let shared = r#""user":"u","safety_identifier":"s","metadata":{"k":"v","a@b":"w"}"#;
    for operation in
        [Operation::ChatCompletions, Operation::Responses, Operation::Messages, Operation::Embeddings]
    {
        assert_eq!(request(operation, &format!("{{{shared}}}")), told);
    }
    assert_eq!(answer(Operation::Responses, &format!("{{{shared}}}")), told, "it is repeated");
    assert_eq!(
        request(
            Operation::ChatCompletions,
            r#"{"stop":["s1","s2"],"web_search_options":{"user_location":{"type":"approximate","approximate":{"city":"c"}}},
                "prediction":{"content":[{"type":"text","text":"p"}]},"messages":[{"role":"user","name":"n","content":"m"},
                {"role":"function","name":"f","content":"o"},{"role":"tool","name":"f","content":"o"}]}"#
        ),
        [
            "stop[0] Label s1",
            "stop[1] Label s2",
            "web_search_options.user_location.approximate.city Aside c",
            "prediction.content[0].text Label p",
            "messages[0].name Aside n",
            "messages[0].content User m",
            "messages[1].content Tool o",
            "messages[2].content Tool o"
        ]
    );
    assert_eq!(request(Operation::ChatCompletions, r#"{"stop":"s"}"#), ["stop Label s"]);
    assert_eq!(request(Operation::Messages, r#"{"stop_sequences":["s"]}"#), ["stop_sequences[0] Label s"]);
}

#[test]
fn a_body_of_any_form_is_read() {
    let given = r#"{"events":[{"event_data":{"event_name":"e","client_timestamp":1764000000000,"device":["d"],
        "a1@b.c":true,"metadata":"{\"mail\":\"a\\u0040b\",\"at\":1764000000000}","broken":"{no"}}]}"#;
    let given = body(given);
    let texts = Texts::of_anything(&given).unwrap();
    assert_eq!(
        told(&texts),
        [
            "events[0].event_data.event_name User e",
            "events[0].event_data.device[0] User d",
            "events[0].event_data.{3}# User a1@b.c",
            "events[0].event_data.metadata.$.mail User a@b",
            "events[0].event_data.broken User {no"
        ]
    );
    let changed = std::str::from_utf8(&given).unwrap().replace(r"a\\u0040b", "#");
    assert_eq!(texts.rewrite(&[edit(3, 0..3, "#")]), changed);
    assert_eq!(told(&Texts::of_anything(&body("\"a\"")).unwrap()), [" User a"]);
    assert_eq!(Texts::of_anything(&body("a=b")).unwrap_err(), Unreadable::NotJson);
}
