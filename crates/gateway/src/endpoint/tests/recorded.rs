//! What is written down, and calls that are sent again.

use promptgate_endpoints::NewEndpoint;
use serde_json::json;

use super::*;
use crate::scripted::{Script, chunk, done, finish};

fn wrapped() -> NewEndpoint {
    NewEndpoint { user_prompt_template: Some("Summarise: {{input}}".to_owned()), ..of_first() }
}

#[tokio::test]
async fn what_the_caller_wrote_is_kept_and_what_it_got() {
    let house = House::new(wrapped());
    let call = json!({"id": "c1", "model": "m", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": null, "tool_calls": [
            {"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":1}"}}]}}]});
    house.scene.upstream.always("first", Script::json(200, call.to_string()));
    let body = json!({"message": "what is it?"});
    let got = house.ask(&body).await;
    assert_eq!(got.status, 200, "{}", got.body);
    assert!(got.header("server-timing").contains("upstream;dur="), "{got:?}");
    let (event, content) = house.scene.booked().remove(0);
    let content = content.unwrap();
    assert_eq!(content.prompt().as_deref(), Some("what is it?"), "before the template is put around it");
    assert_eq!(content.request, Some(body.to_string()));
    assert_eq!(content.response, Some(got.body));
    let [call] = &content.tool_calls[..] else { panic!("{content:?}") };
    assert_eq!((call.name.as_str(), call.arguments.as_str()), ("look", "{\"at\":1}"));
    assert_eq!((event.provider_response_id.as_deref(), event.tried.len()), (Some("c1"), 1));
    assert!(event.upstream_us.is_some());
}

#[tokio::test]
async fn a_stream_is_put_together() {
    let house = House::new(NewEndpoint { streaming_enabled: true, ..of_first() });
    house.scene.upstream.always("first", Script::sse([chunk("it "), chunk("is"), finish(), done()]));
    house.ask(&json!({"message": "what?", "stream": true})).await;
    let content = house.scene.booked().remove(0).1.unwrap();
    assert_eq!(content.response.as_deref(), Some(r#"{"content":"it is","finish_reason":"stop"}"#));
}

#[tokio::test]
async fn a_call_that_is_sent_again_is_made_once() {
    let house = House::new(of_first());
    house.scene.upstream.always("first", Script::said("once"));
    let body = json!({"message": "hello"});
    let request = || {
        let mut request = house.request(&house.scene.secret, &body);
        request.headers.insert("idempotency-key", HeaderValue::from_static("k"));
        request
    };
    let first = read(house.scene.gateway.call(request()).await).await;
    let again = read(house.scene.gateway.call(request()).await).await;
    assert_eq!((first.status, &first.body), (200, &again.body));
    assert_eq!(again.header("x-promptgate-idempotent-replay"), "true");
    assert_eq!((house.scene.upstream.calls("first"), house.scene.booked().len()), (1, 1));
}

#[tokio::test]
async fn what_the_endpoint_says_is_the_price_of_a_model_without_one() {
    let new = |model: &str| NewEndpoint {
        provider_model: Some(model.to_owned()),
        estimated_cost_per_1k_tokens_usd: Some(10.0),
        ..of_first()
    };
    for (model, basis) in [("mystery", "endpoint"), ("gpt-4o", "exact")] {
        let house = House::new(new(model));
        house.scene.upstream.always("first", Script::said("hello"));
        assert_eq!(house.say("Hi").await.status, 200);
        let event = house.scene.events().pop().unwrap();
        assert_eq!((event.tokens.total(), event.price_basis.as_str()), (5, basis));
        assert_eq!(event.cost.as_nanos() == 50_000_000, basis == "endpoint", "{}", event.cost);
    }
    // What may be spent is measured by it, too: a dollar is a hundred tokens.
    let short =
        |model| NewEndpoint { monthly_budget_usd: Some(1.0), max_output_tokens: Some(200), ..new(model) };
    for (model, status) in [("mystery", 402), ("gpt-4o", 200)] {
        let house = House::new(short(model));
        house.scene.upstream.always("first", Script::said("hello"));
        assert_eq!(house.say("Hi").await.status, status, "{model}");
    }
}
