//! Conversations.

use std::time::Duration;

use promptgate_endpoints::NewEndpoint;
use promptgate_kernel::AiSessionId;
use serde_json::json;

use super::*;
use crate::limits::DisconnectPolicy;
use crate::scripted::{Piece, Script, chunk, done, finish};
use crate::testing::{secret_of, token_for};

fn talk() -> NewEndpoint {
    NewEndpoint {
        sessions_enabled: true,
        session_ttl_seconds: Some(60),
        session_max_messages: Some(4),
        streaming_enabled: true,
        prompt: Some("Be kind.".to_owned()),
        user_prompt_template: Some("<{{input}}>".to_owned()),
        ..of_first()
    }
}

fn session(got: &Got) -> AiSessionId {
    let id = got.header("x-promptgate-session-id").parse().expect("a session");
    if got.header("content-type") == "application/json" {
        assert_eq!(got.json()["meta"]["session_id"], got.header("x-promptgate-session-id"));
    }
    id
}

fn turn(id: AiSessionId, text: &str) -> Value {
    json!({"message": text, "session_id": id})
}

#[tokio::test]
async fn a_conversation_is_begun_and_goes_on() {
    let house = House::new(talk());
    house.scene.upstream.next("first", Script::said("one"));
    let begun = house.say("a").await;
    let id = session(&begun);
    house.scene.upstream.next("first", Script::said("two"));
    let got = house.ask(&turn(id, "b")).await;
    assert_eq!((got.status, session(&got)), (200, id), "{}", got.body);
    let user = |text: &str| json!({"role": "user", "content": text});
    let assistant = |text: &str| json!({"role": "assistant", "content": text});
    let system = json!({"role": "system", "content": "Be kind."});
    assert_eq!(house.sent()["messages"], json!([system, user("<a>"), assistant("one"), user("<b>")]));
    let (kept, said) = house.scene.memory.said(id).unwrap();
    assert_eq!(said, [user("<a>"), assistant("one"), user("<b>"), assistant("two")]);
    assert_eq!((kept.total_messages, kept.total_tokens), (4, 10));
    let full = house.ask(&turn(id, "c")).await;
    assert_eq!((full.status, &full.json()["code"]), (429, &json!("session_full")));
}

#[tokio::test]
async fn it_belongs_to_its_token_and_ends_when_nobody_speaks() {
    let house = House::new(talk());
    house.scene.upstream.always("first", Script::said("one"));
    let id = session(&house.say("a").await);
    let (_, other) = token_for(&house.scene.project, 6);
    house.scene.tokens.put(other);
    let got = read(house.begin_with(&secret_of(6), &turn(id, "b")).await).await;
    assert_eq!((got.status, &got.json()["code"]), (403, &json!("session_forbidden")));
    let unknown = house.ask(&turn(super::id(9), "b")).await;
    assert_eq!((unknown.status, unknown.json()["error"].clone()), (403, got.json()["error"].clone()));
    house.scene.clock.advance(Duration::from_secs(61));
    let got = house.ask(&turn(id, "b")).await;
    assert_eq!((got.status, house.scene.memory.sessions()), (410, 0));
    assert_eq!(house.ask(&turn(id, "b")).await.status, 403, "it is gone");
    assert_eq!(house.scene.upstream.calls("first"), 1);
}

#[tokio::test]
async fn wrong_variables_are_told_before_the_conversation_is_looked_for() {
    let variables = Some(json!([{"name": "age", "type": "int"}]));
    let house = House::new(NewEndpoint { variables, ..talk() });
    assert_eq!(house.ask(&turn(id(9), "no object")).await.status, 422);
    assert_eq!(house.ask(&turn(id(9), r#"{"age":1}"#)).await.status, 403);
}

#[tokio::test]
async fn without_what_it_is_kept_in_there_is_no_conversation() {
    let house = House::new(talk());
    house.scene.upstream.always("first", Script::said("one"));
    let id = session(&house.say("a").await);
    house.scene.memory.break_down(true);
    let got = house.ask(&turn(id, "b")).await;
    assert_eq!((got.status, &got.json()["code"]), (503, &json!("sessions_unavailable")));
    assert_eq!(house.scene.upstream.calls("first"), 1);
    house.scene.events();
    // What cannot be remembered is paid for all the same.
    let got = house.say("a").await;
    assert_eq!(got.status, 503);
    assert_eq!(house.scene.event().tokens.total(), 5);
}

#[tokio::test]
async fn a_conversation_that_vanishes_meanwhile_is_gone() {
    let house = House::new(talk());
    house.scene.upstream.always("first", Script::said("one"));
    let id = session(&house.say("a").await);
    let wait = Piece::Pause(Duration::from_millis(20));
    house.scene.upstream.always("first", Script::sse([chunk("x"), wait.clone(), finish(), done()]));
    let mut streamed = turn(id, "b");
    streamed["stream"] = json!(true);
    let answer = house.begin(&streamed).await;
    house.scene.memory.clear();
    let got = read(answer).await;
    assert_eq!(got.status, 200);
    assert!(got.body.ends_with("data: [DONE]\n\n"), "the answer is whole: {}", got.body);
    assert_eq!(house.scene.memory.sessions(), 0);
}

#[tokio::test]
async fn the_end_of_a_stream_means_that_the_turn_is_remembered() {
    let house = House::new(talk());
    house.scene.upstream.always("first", Script::streams("Hello"));
    let got = house.ask(&json!({"message": "a", "stream": true})).await;
    let id = session(&got);
    let (kept, said) = house.scene.memory.said(id).expect("it is there as soon as the stream is over");
    assert_eq!(said[1], json!({"role": "assistant", "content": "Hello"}));
    assert!(kept.total_tokens > 0);
    // The last piece of a stream that is open still is held back for that.
    let answer = house.begin(&turn_of_stream(id)).await;
    let got = read(answer).await;
    assert!(got.body.contains("[DONE]"));
    assert_eq!(house.scene.memory.said(id).unwrap().1.len(), 4);
}

fn turn_of_stream(id: AiSessionId) -> Value {
    json!({"message": "b", "session_id": id, "stream": true})
}

#[tokio::test]
async fn a_stream_that_breaks_is_not_remembered() {
    let house = House::new(talk());
    house.scene.upstream.always("first", Script::sse([chunk("x"), Piece::Break]));
    let got = house.ask(&json!({"message": "a", "stream": true})).await;
    assert!(got.body.contains("event: error"), "{}", got.body);
    house.scene.tasks.close();
    house.scene.tasks.wait().await;
    assert_eq!(house.scene.memory.sessions(), 0);
}

#[tokio::test]
async fn a_stream_that_is_read_on_without_its_client_is_remembered() {
    let drain = DisconnectPolicy::Drain { limit: Duration::from_secs(5) };
    let limits = GatewayLimits { disconnect: drain, ..GatewayLimits::default() };
    let house = House::with_limits(talk(), limits);
    let pause = Piece::Pause(Duration::from_millis(20));
    house.scene.upstream.always("first", Script::sse([chunk("Hel"), pause, chunk("lo"), finish(), done()]));
    let answer = house.begin(&json!({"message": "a", "stream": true})).await;
    let id: AiSessionId = answer.headers()["x-promptgate-session-id"].to_str().unwrap().parse().unwrap();
    drop(answer);
    house.scene.tasks.close();
    house.scene.tasks.wait().await;
    let (_, said) = house.scene.memory.said(id).expect("it was read to its end");
    assert_eq!(said[1]["content"], "Hello");
}

#[tokio::test]
async fn tool_calls_are_part_of_the_conversation() {
    let house = House::new(talk());
    let call = r#"{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,
        "tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#;
    house.scene.upstream.next("first", Script::json(200, call));
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let id = session(&house.ask(&json!({"message": "a", "tools": tools})).await);
    house.scene.upstream.next("first", Script::said("done"));
    let result = json!([{"role": "tool", "tool_call_id": "t1", "content": "42"}]);
    let got = house.ask(&json!({"messages": result, "session_id": id, "tools": tools})).await;
    assert_eq!(got.status, 200, "{}", got.body);
    let sent = &house.sent()["messages"];
    assert_eq!(sent[2]["tool_calls"][0]["id"], "t1");
    assert_eq!((&sent[3]["role"], &sent[3]["tool_call_id"]), (&json!("tool"), &json!("t1")));
}
