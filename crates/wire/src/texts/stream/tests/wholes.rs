//! Texts that come as a whole, and ends that come early.

use super::*;

/// Events as they stand in a stream.
fn data(events: &[&str]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect::<Vec<_>>().concat()
}

#[test]
fn what_never_came_in_pieces_is_looked_at() {
    for (kind, member, text) in [
        ("output_text", "text", "a secret"),
        ("refusal", "refusal", "a secret"),
        ("reasoning_text", "text", "a secret"),
        ("reasoning_summary_text", "text", "a secret"),
        ("function_call_arguments", "arguments", r#"{\"q\":\"a secret\"}"#),
        ("mcp_call_arguments", "arguments", r#"{\"q\":\"a secret\"}"#),
        ("custom_tool_call_input", "input", "a secret"),
        ("code_interpreter_call_code", "code", "a secret"),
        ("audio.transcript", "transcript", "a secret"),
    ] {
        for before in [
            String::new(),
            format!(r#"{{"type":"response.{kind}.delta","output_index":2,"content_index":1,"delta":""}}"#),
        ] {
            let event = format!(
                r#"{{"type":"response.{kind}.done","output_index":2,"content_index":1,"{member}":"{text}"}}"#
            );
            let given = data(&[&before, &event]);
            let out = passed(Operation::Responses, &given, 1000, &mut Keeps::replacing("secret", "#"));
            assert_eq!(out, given.replace("secret", "#"), "{kind}");
        }
    }
}

#[test]
fn what_never_came_in_pieces_is_said_again_as_it_went_out() {
    let call = r#"{"type":"function_call","arguments":"{\"q\":\"secret\"}"}"#;
    let message = r#"{"type":"message","content":[{"type":"output_text","text":"a secret"}]}"#;
    let given = data(&[
        r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"a secret"}"#,
        r#"{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{"type":"output_text","text":"a secret"}}"#,
        &format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{message}}}"#),
        r#"{"type":"response.function_call_arguments.done","output_index":1,"arguments":"{\"q\":\"secret\"}"}"#,
        &format!(r#"{{"type":"response.output_item.done","output_index":1,"item":{call}}}"#),
        &format!(r#"{{"type":"response.completed","response":{{"output":[{message},{call}]}}}}"#),
    ]);
    let out = passed(Operation::Responses, &given, 50, &mut Keeps::replacing("secret", "#"));
    assert_eq!(out, given.replace("secret", "#"));
    let mut filter = Listens::default();
    assert_eq!(passed(Operation::Responses, &given, 50, &mut filter), given);
    let heard: Vec<_> = filter.heard.iter().map(|(track, text)| (&*track.path, &**text)).collect();
    let expected = [("output[0].content[0].text", "a secret"), ("output[1].arguments.$.q", "secret")];
    assert_eq!(heard, expected, "each is heard once");
    assert_eq!(filter.ended.len(), 2);
}

#[test]
fn what_never_came_in_pieces_may_end_the_answer() {
    let added = r#"{"type":"response.output_item.added","sequence_number":0,"output_index":0,"item":{"id":"m","type":"message","content":[]}}"#;
    let done = r#"{"type":"response.output_text.done","sequence_number":1,"output_index":0,"content_index":0,"text":"a secret"}"#;
    for mut filter in [Box::new(Keeps::stopping_at("secret")) as Box<dyn TextFilter>, Box::new(RefusesEnds)] {
        let out = passed(Operation::Responses, &data(&[added, done]), 1000, &mut *filter);
        let events = events(&out);
        let told: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        let expected = [
            "response.output_item.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.incomplete",
        ];
        assert_eq!(told, expected);
        assert_eq!(events[1]["delta"], events[2]["text"]);
        assert_eq!(events[1]["delta"], events[5]["response"]["output"][0]["content"][0]["text"]);
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], json!(number));
        }
    }
}

#[test]
fn what_an_answer_refers_to_is_looked_at() {
    for (operation, event) in [
        (
            Operation::Messages,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"char_location","cited_text":"a secret","document_title":"secret"}}}"#,
        ),
        (
            Operation::Messages,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"secret","citations":[{"cited_text":"secret"}]}}"#,
        ),
        (
            Operation::Messages,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"web_search_tool_result","content":[{"type":"web_search_result","title":"secret"}]}}"#,
        ),
        (
            Operation::Messages,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"unheard_of_delta","content":"secret"}}"#,
        ),
        (
            Operation::Responses,
            r#"{"type":"response.output_text.annotation.added","output_index":0,"content_index":0,"annotation":{"type":"url_citation","title":"secret"}}"#,
        ),
        (
            Operation::Responses,
            r#"{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[{"title":"secret"}]}}"#,
        ),
        (
            Operation::Responses,
            r#"{"type":"response.created","response":{"output":[],"user":"secret","safety_identifier":"secret","metadata":{"k":"secret"},"text":{"format":{"schema":{"title":"secret"}}}}}"#,
        ),
        (
            Operation::ChatCompletions,
            r#"{"choices":[{"index":0,"delta":{"annotations":[{"type":"url_citation","url_citation":{"title":"secret"}}]}}]}"#,
        ),
        (
            Operation::ChatCompletions,
            r#"{"choices":[{"index":0,"delta":{"content":"x"}}],"citations":["secret"],"search_results":[{"title":"secret"}]}"#,
        ),
    ] {
        let given = data(&[event]);
        let out = passed(operation, &given, 1000, &mut Keeps::replacing("secret", "#"));
        assert_eq!(out, given.replace("secret", "#"));
    }
}

#[test]
fn details_of_what_a_model_thought_come_in_pieces() {
    let detail = |kind: &str, name: &str, text: &str| {
        let detail = json!({"type": kind, name: text, "signature": "secret", "index": 3});
        json!({"choices": [{"index": 0, "delta": {"reasoning_details": [detail]}}]}).to_string()
    };
    for (kind, name) in [("reasoning.text", "text"), ("reasoning.summary", "summary")] {
        let last = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
        let given = data(&[&detail(kind, name, "a sec"), &detail(kind, name, "ret b se"), last]);
        let mut filter = Keeps::replacing("secret", "#");
        let out = passed(Operation::ChatCompletions, &given, 1000, &mut filter);
        let pointer = format!("/choices/0/delta/reasoning_details/0/{name}");
        assert_eq!(put_together(&events(&out), &pointer), "a # b se");
        assert_eq!(events(&out)[2]["choices"][0]["delta"]["reasoning_details"][0]["index"], 3);
        let mut filter = Listens::default();
        passed(Operation::ChatCompletions, &given, 1000, &mut filter);
        let path = format!("choices[0].message.reasoning_details[3].{name}");
        let heard: Vec<_> = filter.heard.iter().map(|(track, text)| (&*track.path, &**text)).collect();
        assert_eq!(heard, [(&*path, "a secret b se")]);
    }
}

#[test]
fn what_a_model_thought_is_signed_by_its_vendor_alone() {
    let block = r#"[{"type":"thinking","thinking":"secret","signature":"x"}]"#;
    let chat = data(&[&format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{block}}}}}]}}"#)]);
    let out = passed(Operation::ChatCompletions, &chat, 1000, &mut Keeps::replacing("secret", "#"));
    assert_eq!(out, chat.replace("secret", "#"));
    let messages = data(&[&format!(r#"{{"type":"message_start","message":{{"content":{block}}}}}"#)]);
    let out = passed(Operation::Messages, &messages, 1000, &mut Keeps::replacing("secret", "#"));
    assert_eq!(out, messages);
}

#[test]
fn what_is_kept_goes_out_before_an_error() {
    for (operation, error) in [
        (Operation::ChatCompletions, r#"{"error":{"message":"m"}}"#),
        (Operation::ChatCompletions, r#"{"object":"error","message":"m"}"#),
        (Operation::Responses, r#"{"type":"error","sequence_number":4,"message":"m"}"#),
        (Operation::Responses, r#"{"error":{"message":"m"}}"#),
        (Operation::Messages, r#"{"type":"error","error":{"message":"m"}}"#),
        (Operation::ChatCompletions, "no JSON"),
        (Operation::Responses, "no JSON"),
        (Operation::Messages, "no JSON"),
    ] {
        let given = stream(operation, &["x ab", "c"], &[]);
        let upto = given.find("x ab").unwrap();
        let upto = upto + given[upto..].find("\n\n").unwrap() + 2;
        let given = given[..upto].to_owned() + &data(&[error]);
        let out = passed(operation, &given, 1000, &mut Keeps::replacing("abc", "#"));
        let told = out.strip_suffix(&data(&["no JSON"])).unwrap_or(&out);
        assert_eq!(said(operation, told).0, "x ab");
        if operation == Operation::Responses {
            let events = events(told);
            let numbers = events.iter().filter_map(|event| event["sequence_number"].as_u64());
            assert!(numbers.eq(0..if error.starts_with("{\"type") { 6 } else { 5 }), "{out}");
        }
        let expected = error.replace("\"sequence_number\":4", "\"sequence_number\":5");
        assert!(out.ends_with(&data(&[&expected])), "{out}");
    }
}

#[test]
fn of_members_that_stand_twice_the_last_goes_on() {
    for (operation, event) in [
        (
            Operation::ChatCompletions,
            r#"{"choices":[{"index":0,"delta":{"content":"secret","cont\u0065nt":"b"}}],"x":{"y":"secret","y":1,"y":2}}"#,
        ),
        (
            Operation::Messages,
            r#"{"type":"content_block_delta","index":0,"delta":{"text":["secret"]},"delta":{"type":"text_delta","text":"secret","text":"secret","text":"b"}}"#,
        ),
        (Operation::Responses, r#"{"type":"response.output_text.delta","delta":"secret","delta":"b"}"#),
    ] {
        let given = data(&[event]);
        let out = passed(operation, &given, 1000, &mut Listens::default());
        assert!(!out.contains("secret"), "{out}");
        assert_eq!(events(&out), events(&given), "clients read the same");
    }
}
