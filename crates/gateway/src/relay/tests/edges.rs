//! What goes wrong between two calls, behind an error, and when a client leaves.

use std::time::Duration;

use http_body_util::BodyExt;
use promptgate_providers::{Operation, Provider, ProviderKind};
use promptgate_usage::Outcome;
use tokio::time::{Instant, advance, timeout};

use crate::bodies::{ALL_BODIES, Held};
use crate::limits::{DisconnectPolicy, GatewayLimits};
use crate::receive::Route;
use crate::scripted::{
    Got, Piece, Scene, Script, chunk, credential_of, done, event, finish, provider_at, read,
};

const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const STREAM: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const COUNT: &str = r#"{"model":"m","messages":[{"role":"user","content":"how many"}]}"#;

fn openai(name: &str) -> Provider {
    provider_at(name, ProviderKind::OpenAi)
}

fn overloaded() -> Piece {
    event(r#"{"error":{"message":"too much","type":"overloaded_error","code":null}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_between_two_calls_pays_for_none_of_them() {
    let drain = DisconnectPolicy::Drain { limit: Duration::from_mins(1) };
    for disconnect in [DisconnectPolicy::Cancel, drain] {
        let limits = GatewayLimits { disconnect, ..GatewayLimits::default() };
        let scene = Scene::with_limits(vec![openai("one")], vec![], limits);
        scene.upstream.always("one", Script::fails(429).header("retry-after", "2"));
        let call = scene.begin(Operation::ChatCompletions, ASK);
        assert!(timeout(Duration::from_secs(1), call).await.is_err(), "it waits for the end of the pause");
        advance(Duration::from_secs(5)).await;
        scene.tasks.close();
        scene.tasks.wait().await;
        assert_eq!(scene.upstream.calls("one"), 1, "nobody is called for nobody");
        let event = scene.event();
        assert_eq!((event.outcome, event.attempts), (Outcome::CallerCancelled, 1), "{disconnect:?}");
        assert_eq!(event.tokens.total(), 0, "who was told no, was told no: {disconnect:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_in_a_call_is_booked_once_with_an_estimate() {
    let scene = Scene::new(vec![openai("one")], vec![]);
    scene.upstream.always("one", Script::Silence);
    let call = scene.begin(Operation::ChatCompletions, ASK);
    assert!(timeout(Duration::from_secs(1), call).await.is_err());
    let event = scene.event();
    assert_eq!((event.outcome, event.estimated), (Outcome::CallerCancelled, true));
    assert!(event.tokens.input > 0, "the provider may have read it");
    assert_eq!(scene.upstream.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_follows_an_error_that_the_provider_reported_itself() {
    for last in [Piece::Break, Piece::Stall] {
        let scene = Scene::new(vec![openai("one"), openai("two")], vec![]);
        scene.upstream.always("one", Script::sse([chunk("hel"), overloaded(), last.clone()]));
        let got = scene.chat(STREAM).await;
        assert_eq!(got.body.matches("\"error\"").count(), 1, "{last:?}: {got:?}");
        assert_eq!(scene.event().outcome, Outcome::UpstreamFailed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_waited_for_alone_is_not_given_up_because_somebody_comes_back() {
    let scene = Scene::new(vec![openai("one"), openai("two")], vec![]);
    scene.upstream.next("two", Script::fails(429).header("retry-after", "9"));
    scene.upstream.next("one", Script::fails(500));
    scene.upstream.next("one", Script::fails(500));
    assert_eq!(scene.chat(ASK).await.status, 429, "the second one asks for a pause");
    let thinks = [chunk(""), Piece::Pause(Duration::from_secs(15)), chunk("wise"), finish(), done()];
    scene.upstream.next("one", Script::sse(thinks));
    scene.upstream.always("two", Script::streams("hasty"));
    let begun = Instant::now();
    let got = scene.chat(STREAM).await;
    assert_eq!((got.status, got.header("x-promptgate-provider")), (200, "one"), "{got:?}");
    assert!(got.body.contains("wise"), "{got:?}");
    assert_eq!(begun.elapsed().as_secs(), 15);
}

#[tokio::test]
async fn an_error_that_cannot_be_read_to_its_end_has_words_of_ours() {
    let scene = Scene::new(vec![openai("one")], vec![]);
    scene.upstream.always("one", Script::json(400, format!(r#"{{"error":"{}"}}"#, "x".repeat(70_000))));
    let got = scene.chat(ASK).await;
    assert_eq!(got.status, 400);
    assert!(got.json()["error"]["message"].is_string(), "{got:?}");
    assert_eq!(got.header("content-type"), "application/json");
}

#[tokio::test]
async fn an_answer_without_a_type_gets_one() {
    let scene = Scene::new(vec![openai("one")], vec![]);
    let pieces = vec![Piece::Text(r#"{"id":"c1","choices":[]}"#.to_owned())];
    scene.upstream.always("one", Script::Answer { status: 200, headers: vec![], pieces });
    assert_eq!(scene.chat(ASK).await.header("content-type"), "application/json");
    scene.upstream.always(
        "one",
        Script::Answer { status: 200, headers: vec![], pieces: vec![chunk("hi"), finish(), done()] },
    );
    assert_eq!(scene.chat(STREAM).await.header("content-type"), "text/event-stream");
}

#[tokio::test(start_paused = true)]
async fn an_estimate_says_nothing_about_its_provider() {
    let scene = Scene::new(vec![openai("one")], vec![]);
    scene.upstream.always("one", Script::Unreachable);
    for _ in 0..2 {
        assert_eq!(scene.chat(ASK).await.status, 502);
    }
    let resting = scene.upstream.calls("one");
    assert_eq!(scene.chat(ASK).await.status, 503, "its breaker is open");
    advance(Duration::from_secs(2)).await;
    let got = read(scene.begin(Operation::CountTokens, COUNT).await).await;
    assert_eq!((got.status, got.header("x-promptgate-estimate")), (200, "true"), "{got:?}");
    assert_eq!(scene.chat(ASK).await.status, 502, "the probe is still to be made");
    assert_eq!(scene.chat(ASK).await.status, 503, "and failed");
    assert_eq!(scene.upstream.calls("one"), resting + 1);
}

#[tokio::test]
async fn who_takes_over_is_sent_the_same_bytes() {
    let body =
        "{ \"model\" : \"m\",\"x\":1.50e+3, \"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9 é\"}] }";
    let scene = Scene::new(vec![openai("one"), openai("two")], vec![]);
    scene.upstream.always("one", Script::fails(500));
    scene.upstream.always("two", Script::said("x"));
    assert_eq!(scene.chat(body).await.status, 200);
    let seen = scene.upstream.seen();
    assert_eq!((seen[0].body.as_ref(), seen[1].body.as_ref()), (body.as_bytes(), body.as_bytes()));
}

/// The second one speaks another format than the first: nothing of the first is left in the answer.
#[tokio::test]
async fn whoever_answers_is_the_one_that_is_told_of() {
    let claude = provider_at("claude", ProviderKind::Anthropic);
    let scene = Scene::new(vec![claude, openai("gpt")], vec![]);
    let refused = Script::fails(500).header("request-id", "req_claude");
    scene.upstream.always("claude", refused);
    let answer = Script::streams("hello").header("x-request-id", "req_gpt");
    scene.upstream.always("gpt", answer);
    let got = scene
        .chat(r#"{"model":"m","stream":true,"top_k":4,"messages":[{"role":"user","content":"hi"}]}"#)
        .await;
    assert_eq!((got.status, got.header("content-type")), (200, "text/event-stream"), "{got:?}");
    assert_eq!(got.header("x-promptgate-provider"), "gpt");
    assert_eq!(got.header("x-upstream-request-id"), "req_gpt");
    assert_eq!(got.header("x-promptgate-dropped"), "");
    let event = scene.event();
    assert!(event.dropped.is_empty() && event.attempts == 2, "{event:?}");
    assert_eq!(event.model.as_deref(), Some("m"));
    assert_eq!(event.provider_response_id.as_deref(), Some("c1"));
}

/// What one cannot be asked at all, another may understand.
#[tokio::test]
async fn a_request_that_cannot_be_translated_goes_to_who_speaks_its_format() {
    let body = r#"{"model":"m","n":2,"messages":[{"role":"user","content":"hi"}]}"#;
    let alone = Scene::new(vec![provider_at("claude", ProviderKind::Anthropic)], vec![]);
    assert_eq!(alone.chat(body).await.status, 400, "nobody else understands it");
    assert!(alone.upstream.seen().is_empty());
    let scene = Scene::new(vec![provider_at("claude", ProviderKind::Anthropic), openai("gpt")], vec![]);
    scene.upstream.always("gpt", Script::said("x"));
    let got = scene.chat(body).await;
    assert_eq!((got.status, got.header("x-promptgate-provider")), (200, "gpt"), "{got:?}");
    assert_eq!((got.header("x-promptgate-attempts"), scene.upstream.calls("claude")), ("1", 0));
}

#[tokio::test]
async fn embeddings_and_counts_fail_over_too() {
    let scene = Scene::new(vec![openai("one"), provider_at("cohere", ProviderKind::Cohere)], vec![]);
    scene.upstream.always("one", Script::fails(500));
    let answer = r#"{"id":"e1","embeddings":{"float":[[0.5,1.0]]},"texts":["hi"],"meta":{"billed_units":{"input_tokens":2}}}"#;
    scene.upstream.always("cohere", Script::json(200, answer));
    let ask = r#"{"model":"m","input":"hi"}"#;
    let got = read(scene.begin(Operation::Embeddings, ask).await).await;
    assert_eq!((got.status, got.header("x-promptgate-provider")), (200, "cohere"), "{got:?}");
    assert_eq!(got.json()["data"][0]["embedding"][1], 1.0);
    assert_eq!(scene.event().tokens.input, 2);

    let claudes = ["one", "two"].map(|name| provider_at(name, ProviderKind::Anthropic));
    let scene = Scene::new(claudes.to_vec(), vec![]);
    scene.upstream.always("one", Script::Unreachable);
    scene.upstream.always("two", Script::json(200, r#"{"input_tokens":14}"#));
    let got = read(scene.begin(Operation::CountTokens, COUNT).await).await;
    assert_eq!((got.status, got.body.as_str()), (200, r#"{"input_tokens":14}"#));
    assert_eq!((got.header("x-promptgate-attempts"), got.header("x-promptgate-estimate")), ("2", ""));
}

#[tokio::test]
async fn a_configuration_that_changes_meets_the_next_call() {
    let one = openai("one");
    let credential = credential_of(&one, "sk-first-secret");
    let scene = Scene::new(vec![one], vec![credential]);
    let slow = [chunk("a"), Piece::Pause(Duration::from_millis(20)), chunk("b"), finish(), done()];
    scene.upstream.always("one", Script::sse(slow));
    let mut response = scene.begin(Operation::ChatCompletions, STREAM).await;
    let first = response.body_mut().frame().await;
    assert!(first.is_some_and(|frame| frame.is_ok()));
    scene
        .snapshot
        .store(Scene::new(vec![], vec![]).snapshot.load().at(promptgate_kernel::Revision::from_number(9)));
    let got = read(response).await;
    assert!(got.body.ends_with("data: [DONE]\n\n") && !got.body.contains("error"), "{got:?}");
    assert_eq!(scene.event().outcome, Outcome::Completed);
}

#[tokio::test]
async fn what_is_deleted_twice_is_gone_under_the_id_that_the_client_knows() {
    let scene = Scene::new(vec![openai("one")], vec![]);
    let made = r#"{"id":"resp_own1","object":"response","status":"completed","model":"m","output":[{"type":"message","content":[{"type":"output_text","text":"{\"id\":\"resp_own1\"} is resp_own1"}]}]}"#;
    scene.upstream.next("one", Script::json(200, made));
    let got = read(scene.begin(Operation::Responses, r#"{"model":"m","input":"hi"}"#).await).await;
    let id = got.json()["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("resp_pg1"));
    let text = got.json()["output"][0]["content"][0]["text"].clone();
    assert_eq!(text, "{\"id\":\"resp_own1\"} is resp_own1", "what was said stays as it is");

    let delete = || {
        let mut request = scene.request(Operation::Responses, "", &[]);
        request.route = Route::Forward(crate::forward::Forwarded::DeleteResponse);
        request.ids = vec![id.clone()];
        scene.gateway.call(request)
    };
    scene.upstream.next("one", Script::json(200, r#"{"id":"resp_own1","deleted":true}"#));
    let got = read(delete().await).await;
    assert_eq!((got.status, got.json()["id"].as_str()), (200, Some(&*id)));
    let missing = r#"{"error":{"message":"Response with id 'resp_own1' not found.","type":"invalid_request_error","param":null,"code":null}}"#;
    scene.upstream.next("one", Script::json(404, missing));
    let got = read(delete().await).await;
    assert_eq!((got.status, scene.upstream.calls("one")), (404, 3));
    assert!(got.body.contains(&id) && !got.body.contains("resp_own1"), "{got:?}");
}

#[tokio::test]
async fn ids_that_were_tampered_with_lead_nowhere() {
    let scene = Scene::new(vec![openai("one")], vec![]);
    let made = r#"{"id":"resp_own1","object":"response","status":"completed","model":"m","output":[]}"#;
    scene.upstream.always("one", Script::json(200, made));
    let got = read(scene.begin(Operation::Responses, r#"{"model":"m","input":"hi"}"#).await).await;
    let id = got.json()["id"].as_str().unwrap().to_owned();
    let flipped = |at: usize| {
        let mut letters: Vec<u8> = id.bytes().collect();
        letters[at] = if letters[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(letters).unwrap()
    };
    let calls = scene.upstream.calls("one");
    let mut wrong: Vec<String> = (5..id.len() - 1).map(flipped).collect();
    wrong.extend([
        id[..id.len() - 4].to_owned(),
        format!("{id}AAAA"),
        format!("{id}{}", "A".repeat(100_000)),
    ]);
    wrong.extend(["resp_own1".to_owned(), String::new(), "resp_pg1".to_owned()]);
    for id in wrong {
        let body = format!(r#"{{"model":"m","input":"hi","previous_response_id":"{id}"}}"#);
        let got = read(scene.begin(Operation::Responses, &body).await).await;
        assert_eq!(
            (got.status, got.json()["error"]["code"].as_str()),
            (404, Some("response_not_found")),
            "{id}"
        );
    }
    assert_eq!(scene.upstream.calls("one"), calls, "nobody is asked");
}

/// A key that is dead is asked last; what is known of the other one is worth more to the client.
#[tokio::test(start_paused = true)]
async fn a_pause_is_told_although_another_credential_is_refused() {
    let one = openai("one");
    let credentials = vec![credential_of(&one, "sk-first-secret"), credential_of(&one, "sk-second-secret")];
    let scene = Scene::new(vec![one], credentials);
    scene.upstream.next("one", Script::fails(429).header("retry-after", "60"));
    scene.upstream.next("one", Script::fails(401));
    let got = scene.chat(ASK).await;
    assert_eq!(
        (got.status, got.header("retry-after"), scene.upstream.calls("one")),
        (429, "60", 2),
        "{got:?}"
    );
    let event = scene.event();
    assert_eq!(event.error_code.as_deref(), Some("upstream_rate_limited"));
    assert_eq!(event.credential_id, event.tried[0].credential_id);
    assert_ne!(event.credential_id, event.tried[1].credential_id);
}

#[tokio::test(start_paused = true)]
async fn who_answers_a_stream_with_a_document_late_has_time_for_it() {
    let limits = GatewayLimits {
        first_byte_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(4),
        ..GatewayLimits::default()
    };
    let scene = Scene::with_limits(vec![openai("one"), openai("two")], vec![], limits);
    scene.upstream.always("one", Script::sse([Piece::Stall]));
    let pieces =
        vec![Piece::Pause(Duration::from_secs(1)), Piece::Text(r#"{"id":"c1","choices":[]}"#.to_owned())];
    let headers = vec![("content-type", "application/json".to_owned())];
    scene.upstream.always("two", Script::Answer { status: 200, headers, pieces });
    let got = scene.chat(STREAM).await;
    assert_eq!((got.status, got.header("x-promptgate-provider")), (200, "two"), "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn without_room_for_bodies_large_ones_wait_outside_and_small_ones_go_on() {
    let scene = Scene::new(vec![openai("one"), openai("two")], vec![]);
    scene.upstream.always("one", Script::said("hello"));
    let large = ASK.replace("hi", &"x".repeat(100 * 1024));
    assert_eq!(scene.chat(&large).await.status, 200);
    let (room, mut others) = (&scene.gateway.shared().bodies, Held::default());
    room.grow(&mut others, ALL_BODIES).unwrap();
    let refused = |got: &Got| {
        assert_eq!((got.status, &got.json()["error"]["code"]), (503, &"bodies_full".into()), "{got:?}");
        assert_eq!((got.header("retry-after"), got.header("x-should-retry")), ("1", "true"));
    };
    refused(&scene.chat(&large).await);
    assert_eq!(scene.chat(ASK).await.status, 200);
    // An answer needs room as well. It is nobody's fault, so nobody else is asked for it.
    scene.upstream.always("one", Script::said(&"x".repeat(100 * 1024)));
    refused(&scene.chat(ASK).await);
    assert_eq!(scene.upstream.calls("two"), 0);
    drop(others);
    assert_eq!(scene.chat(&large).await.status, 200, "what calls took is free again");
    let all = room.grow(&mut Held::default(), ALL_BODIES);
    assert_eq!(all, Ok(()), "when they are over");
}
