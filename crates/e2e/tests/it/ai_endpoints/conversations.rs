//! Item 10: conversations.

use promptgate_e2e::Client;
use promptgate_testkit::upstream::Reply;
use serde_json::json;

use super::House;

#[tokio::test]
async fn item_10_a_conversation_is_begun_resumed_owned_and_capped() {
    let house = House::new().await;
    let more = json!({"sessionsEnabled": true, "sessionMaxMessages": 6, "prompt": "Be kind.", "streamingEnabled": true});
    house.endpoint("talk", more).await;
    let begun = house.say("talk", "one").await.expect(200).unwrap();
    let id = begun["meta"]["session_id"].as_str().unwrap().to_owned();
    let turn = |text: &str| json!({"message": text, "session_id": id});
    let answer = house.call("talk", turn("two")).await;
    assert_eq!(answer.expect(200).unwrap()["meta"]["session_id"], id);
    assert_eq!(answer.header("x-promptgate-session-id"), Some(id.as_str()));
    let sent = house.upstream.last_request().unwrap().json();
    assert_eq!(
        sent["messages"],
        json!([
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "Hello from chat_completions (Be kind.): one"},
            {"role": "user", "content": "two"},
        ])
    );

    // Another token of the same project, and an id that nobody has: the same 403.
    let body = json!({"name": "other", "scopes": ["chat"]});
    let (token, _) = house.gateway.token(&house.project.id, &body).await.unwrap();
    let url = house.project.url("/talk");
    let foreign = Client::new().bearer(&token).post(&url, &turn("mine")).await.unwrap();
    let unknown = json!({"message": "x", "session_id": "018f4e6e-0000-7000-8000-000000000001"});
    let unknown = house.call("talk", unknown).await;
    assert_eq!(foreign.expect(403).unwrap()["error"], unknown.expect(403).unwrap()["error"]);

    // A streamed turn is remembered as soon as its stream is over.
    let streamed = json!({"message": "three", "session_id": id, "stream": true});
    let stream = house.project.client.stream(&url, &streamed).await.unwrap();
    assert!(stream.whole().await.unwrap().text().ends_with("data: [DONE]\n\n"));
    let full = house.call("talk", turn("four")).await;
    full.expect(429).unwrap();
    assert_eq!(house.upstream.counts().requests, 3);
}

#[tokio::test]
async fn item_10_tokens_are_capped_and_failed_turns_not_remembered() {
    let house = House::new().await;
    let more = json!({"sessionsEnabled": true, "sessionMaxTokens": 40});
    house.endpoint("talk", more).await;
    let begun = house.say("talk", "one").await.expect(200).unwrap();
    let id = begun["meta"]["session_id"].as_str().unwrap().to_owned();
    let turn = |text: &str| json!({"message": text, "session_id": id});
    house.upstream.enqueue(Reply::status(400).with_json(&json!({"error": {"message": "no"}})));
    house.call("talk", turn("lost")).await.expect(502).unwrap();
    house.call("talk", turn("two")).await.expect(200).unwrap();
    let sent = house.upstream.last_request().unwrap();
    assert!(!String::from_utf8_lossy(&sent.body).contains("lost"));
    // Two turns have used more than the third may add to.
    house.call("talk", turn("three")).await.expect(429).unwrap();
    assert_eq!(house.upstream.counts().requests, 3);
}
