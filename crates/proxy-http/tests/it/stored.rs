//! What a provider keeps: responses and conversations.

use http::Method;
use promptgate_gateway::GatewayLimits;
use promptgate_gateway::ports::UpstreamError;
use serde_json::Value;

use crate::scripted::{Script, Step, events, json};
use crate::support::Bench;

const ASK: &str = r#"{"model":"main:gpt-4o","input":"hello"}"#;
const RESPONSE: &str = r#"{"id":"resp_up1","object":"response","status":"completed","model":"gpt-4o","previous_response_id":null,"output":[{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hi","annotations":[]}]}],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}"#;

/// Makes a response and says which id its client got.
async fn made(bench: &Bench, token: &str) -> String {
    bench.upstream.will(json(200, RESPONSE));
    let answer = bench.ask(bench.by(token, Method::POST, "{p}/v1/responses", ASK)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_response_is_found_again_by_the_id_that_its_client_got() {
    let bench = Bench::new();
    let token = bench.token(bench.wrapper);
    let id = made(&bench, &token).await;
    assert!(id.starts_with("resp_") && !id.contains("up1"));
    let calls = [
        (Method::GET, "", "?include[]=a", RESPONSE),
        (Method::GET, "/input_items", "?limit=2", r#"{"object":"list","data":[{"id":"msg_0"}]}"#),
        (Method::POST, "/cancel", "", RESPONSE),
        (Method::DELETE, "", "", r#"{"id":"resp_up1","object":"response","deleted":true}"#),
    ];
    for (method, rest, query, told) in calls {
        bench.upstream.will(json(200, told));
        let path = format!("{{p}}/v1/responses/{id}{rest}{query}");
        let answer = bench.ask(bench.by(&token, method.clone(), &path, "")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.text(), told.replace("resp_up1", &id), "the id that the client has already");
        let sent = bench.upstream.requests().pop().unwrap();
        assert_eq!(
            (sent.method, sent.url),
            (method, format!("http://main.test/v1/responses/resp_up1{rest}{query}"))
        );
        assert_eq!(sent.headers["authorization"], "Bearer sk-main");
    }
}

#[tokio::test]
async fn nobody_elses_response_is_found() {
    let bench = Bench::new();
    let token = bench.token(bench.wrapper);
    let id = made(&bench, &token).await;
    let other = bench.token(bench.wrapper);
    let bare = "resp_up1".to_owned();
    for (token, id) in [(&other, &id), (&token, &bare)] {
        for (method, rest) in [
            (Method::GET, ""),
            (Method::DELETE, ""),
            (Method::POST, "/cancel"),
            (Method::GET, "/input_items"),
        ] {
            let path = format!("{{p}}/v1/responses/{id}{rest}");
            let answer = bench.ask(bench.by(token, method, &path, "")).await;
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &"response_not_found".into()));
        }
        let body = format!(r#"{{"model":"main:gpt-4o","input":"x","previous_response_id":"{id}"}}"#);
        let answer = bench.ask(bench.by(token, Method::POST, "{p}/v1/responses", &body)).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &"response_not_found".into()));
    }
    let elsewhere = bench.ask(bench.by(&token, Method::GET, &format!("/vllm/v1/responses/{id}"), "")).await;
    assert_eq!(elsewhere.status, 404);
    assert_eq!(bench.upstream.requests().len(), 1);
}

#[tokio::test]
async fn a_response_goes_on_where_it_is_kept_and_nowhere_else() {
    let mut bench = Bench::new();
    let token = bench.token(bench.wrapper);
    let id = made(&bench, &token).await;
    let body = |model: &str| format!(r#"{{"model":"{model}","previous_response_id":"{id}","input":"more"}}"#);
    let next = RESPONSE
        .replace("resp_up1", "resp_up2")
        .replace("\"previous_response_id\":null", "\"previous_response_id\":\"resp_up1\"");
    bench.upstream.will(json(200, &next));
    let answer =
        bench.ask(bench.by(&token, Method::POST, "{p}/v1/responses", &body("main:gpt-4o"))).await.json();
    assert_eq!(answer["previous_response_id"], id.as_str());
    let sent = bench.upstream.requests().pop().unwrap();
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!((&sent["previous_response_id"], &sent["model"]), (&"resp_up1".into(), &"gpt-4o".into()));

    let elsewhere = bench.ask(bench.by(&token, Method::POST, "{p}/v1/responses", &body("claude:x"))).await;
    assert_eq!((elsewhere.status, &elsewhere.json()["error"]["code"]), (400, &"response_pinned".into()));
    bench.reconfigure(|configuration| {
        configuration.credentials.iter_mut().for_each(|credential| credential.active = false);
    });
    let gone = [
        bench.by(&token, Method::POST, "{p}/v1/responses", &body("main:gpt-4o")),
        bench.by(&token, Method::GET, &format!("{{p}}/v1/responses/{id}"), ""),
    ];
    for request in gone {
        let answer = bench.ask(request).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (410, &"response_pin_gone".into()));
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains("begin anew"));
    }
}

#[tokio::test]
async fn a_streamed_response_has_one_id_however_it_arrives() {
    let bench = Bench::new();
    let token = bench.token(bench.wrapper);
    let event = |kind: &str, rest: &str| {
        format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"response\":{{\"id\":\"resp_up1\"{rest}}}}}\n\n")
    };
    let delta = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"resp_up1\"}\n\n";
    let usage =
        r#","status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}"#;
    let whole =
        [event("response.created", ""), delta.to_owned(), event("response.completed", usage)].concat();
    for size in [7, 10_000] {
        let steps = whole.as_bytes().chunks(size).map(|bytes| Step::Piece(bytes.to_vec().into())).collect();
        bench.upstream.will(events(steps));
        let body = ASK.replace("\"input\"", "\"stream\":true,\"input\"");
        let answer = bench.ask(bench.by(&token, Method::POST, "{p}/v1/responses", &body)).await;
        let text = answer.text();
        let start = text.find("resp_pg1").expect("a client's id");
        let id = &text[start..start + text[start..].find('"').unwrap()];
        assert_eq!(text, whole.replace("\"id\":\"resp_up1\"", &format!("\"id\":\"{id}\"")));
        assert_eq!(text.matches(id).count(), 2);
    }
}

#[tokio::test]
async fn encrypted_reasoning_goes_back_to_whoever_can_decrypt_it() {
    let mut bench = Bench::new();
    let token = bench.token(bench.wrapper);
    let reasoning = RESPONSE.replace("\"output\":[", "\"output\":[{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"gAAA==\"},");
    bench.upstream.will(json(200, &reasoning));
    let answer = bench.ask(bench.by(&token, Method::POST, "{p}/v1/responses", ASK)).await.json();
    let marked = answer["output"][0]["encrypted_content"].as_str().unwrap().to_owned();
    assert!(marked.starts_with("gAAA==~pg1"));
    let body = format!(
        r#"{{"model":"main:gpt-4o","store":false,"input":[{{"type":"reasoning","summary":[],"encrypted_content":"{marked}"}},{{"role":"user","content":"more"}}]}}"#
    );
    bench.upstream.will(json(200, RESPONSE));
    bench.ask(bench.by(&token, Method::POST, "{p}/v1/responses", &body)).await;
    let sent = bench.upstream.requests().pop().unwrap();
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(sent["input"][0]["encrypted_content"], "gAAA==");
    bench.reconfigure(|configuration| configuration.credentials.clear());
    let gone = bench.ask(bench.by(&token, Method::POST, "{p}/v1/responses", &body)).await;
    assert_eq!((gone.status, &gone.json()["error"]["code"]), (410, &"response_pin_gone".into()));
}

#[tokio::test]
async fn a_response_in_the_background_is_refused() {
    let bench = Bench::new();
    let body = ASK.replace("\"input\"", "\"background\":true,\"input\"");
    for path in ["{p}/v1/responses", "/main/v1/responses"] {
        let answer = bench.ask(bench.at(Method::POST, path, &body)).await;
        let code = &answer.json()["error"]["code"];
        assert_eq!((answer.status, code), (501, &"background_unsupported".into()), "{path}");
    }
    let twice = body.replace("\"background\":true", "\"background\":false,\"background\":true");
    assert_eq!(bench.ask(bench.at(Method::POST, "{p}/v1/responses", &twice)).await.status, 400);
    assert!(bench.upstream.requests().is_empty());
}

#[tokio::test]
async fn conversations_belong_to_who_began_them() {
    let bench = Bench::new();
    let token = bench.token(bench.wrapper);
    let ask = async |method: Method, path: &str, body: &str, told: &str| {
        bench.upstream.will(json(200, told));
        bench.ask(bench.by(&token, method, path, body)).await.json()
    };
    let conversation = r#"{"id":"conv_up1","object":"conversation","metadata":{}}"#;
    let begun = ask(Method::POST, "/main/v1/conversations", r#"{"metadata":{}}"#, conversation).await;
    let id = begun["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("conv_pg1"));
    let list = r#"{"object":"list","data":[{"id":"msg_1"}],"first_id":"msg_1"}"#;
    for (method, rest, body, told) in [
        (Method::GET, "", "", conversation),
        (Method::POST, "", r#"{"metadata":{"a":"b"}}"#, conversation),
        (Method::GET, "/items", "", list),
        (Method::POST, "/items", r#"{"items":[]}"#, list),
        (Method::GET, "/items/msg_1", "", r#"{"id":"msg_1"}"#),
        (Method::DELETE, "/items/msg_1", "", conversation),
        (Method::DELETE, "", "", conversation),
    ] {
        let answer = ask(method.clone(), &format!("/main/v1/conversations/{id}{rest}"), body, told).await;
        assert_eq!(answer.to_string(), told.parse::<Value>().unwrap().to_string().replace("conv_up1", &id));
        let sent = bench.upstream.requests().pop().unwrap();
        assert_eq!(
            (sent.method, sent.url),
            (method, format!("http://main.test/v1/conversations/conv_up1{rest}"))
        );
        assert_eq!(sent.body, body);
    }
    let body = format!(r#"{{"model":"main:gpt-4o","input":"x","conversation":{{"id":"{id}"}}}}"#);
    let told = RESPONSE.replace("\"output\"", "\"conversation\":{\"id\":\"conv_up1\"},\"output\"");
    let answer = ask(Method::POST, "{p}/v1/responses", &body, &told).await;
    assert_eq!(answer["conversation"]["id"], id.as_str());
    let sent = bench.upstream.requests().pop().unwrap();
    assert!(sent.body.ends_with(br#""conversation":{"id":"conv_up1"}}"#));

    let stranger = bench.token(bench.wrapper);
    let before = bench.upstream.requests().len();
    let path = format!("/main/v1/conversations/{id}/items");
    let answer = bench.ask(bench.by(&stranger, Method::GET, &path, "")).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &"conversation_not_found".into()));
    assert_eq!(bench.upstream.requests().len(), before);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_made_is_not_made_again() {
    const TOLD: &str = r#"{"id":"conv_up1","object":"conversation"}"#;
    let calls = async |first: Script, method: Method| {
        let bench = Bench::with_limits(GatewayLimits::default());
        let token = bench.token(bench.wrapper);
        let path = match method {
            Method::POST => "/main/v1/conversations".to_owned(),
            _ => format!("{{p}}/v1/responses/{}", made(&bench, &token).await),
        };
        let before = bench.upstream.requests().len();
        bench.upstream.will(first);
        bench.upstream.will(json(200, TOLD));
        let answer = bench.ask(bench.by(&token, method, &path, "")).await;
        (bench.upstream.requests().len() - before, answer.status)
    };
    let broken = || Script::Fail(UpstreamError::Broken("reset".into()));
    let no_connection = Script::Fail(UpstreamError::Connect("refused".into()));
    assert_eq!(calls(broken(), Method::POST).await, (1, 502));
    assert_eq!(calls(json(500, "{}"), Method::POST).await, (1, 502));
    assert_eq!(calls(json(503, "{}"), Method::POST).await, (1, 503));
    assert_eq!(calls(no_connection, Method::POST).await, (2, 200), "it was never sent");
    assert_eq!(calls(json(409, "{}"), Method::POST).await, (2, 200), "the provider did not do it");
    assert_eq!(calls(broken(), Method::GET).await, (2, 200), "reading changes nothing");
}

#[tokio::test]
async fn what_the_provider_does_not_find_is_told_as_it_says_it() {
    let bench = Bench::new();
    let token = bench.token(bench.wrapper);
    let id = made(&bench, &token).await;
    bench.upstream.will(json(404, r#"{"error":{"message":"gone","type":"invalid_request_error"}}"#));
    let answer = bench.ask(bench.by(&token, Method::GET, &format!("{{p}}/v1/responses/{id}"), "")).await;
    assert_eq!((answer.status, &answer.json()["error"]["message"]), (404, &"gone".into()));
}

#[tokio::test]
async fn echo_keeps_nothing() {
    let bench = Bench::new();
    let token = bench.token(bench.wrapper);
    let body = r#"{"model":"echo:echo","input":"hello"}"#;
    let answer = bench.ask(bench.by(&token, Method::POST, "{p}/v1/responses", body)).await;
    assert_eq!(answer.status, 200);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let answer = bench.ask(bench.by(&token, Method::GET, &format!("{{p}}/v1/responses/{id}"), "")).await;
    assert_eq!(answer.status, 404);
}
