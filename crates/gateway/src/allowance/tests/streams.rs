//! Streams that are longer than their limits have room for.

use std::time::Duration;

use http_body_util::BodyExt;
use promptgate_firewall::guardrails::{Holder as Guarded, Rules};
use promptgate_limits::{Counter, Limit, Measure, Subject, Window};
use promptgate_providers::{Operation, ProviderKind};
use promptgate_tokens::{Token, TokenLimits};
use promptgate_usage::Outcome;
use serde_json::{Value, json};

use super::{CHAT, INPUT, configuration, dollars, scene, scene_over};
use crate::limits::{DisconnectPolicy, GatewayLimits};
use crate::scripted::{
    Got, Piece, Scene, Script, chunk, credential_of, done, event, finish, provider_at, read,
};
use crate::snapshot::Configuration;

/// The same as [`CHAT`], as a stream.
fn stream() -> String {
    CHAT.replace("\"model\"", "\"stream\":true,\"model\"")
}

/// An answer that does not keep to what was asked for.
fn endless() -> Script {
    let words = (0..200).map(|_| chunk("four"));
    Script::sse([chunk("")].into_iter().chain(words).chain([finish(), done()]))
}

fn text(got: &Got) -> String {
    let events = got.body.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    let events = events.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    events.filter_map(|event| Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned())).collect()
}

#[tokio::test]
async fn a_stream_that_reaches_its_cap_is_ended_with_what_it_had() {
    let scene = scene(TokenLimits { daily_token_cap: Some(INPUT + 10), ..TokenLimits::default() });
    scene.upstream.next("one", endless());
    let got = scene.chat(&stream()).await;
    assert_eq!(text(&got), "four".repeat(11));
    let events: Vec<&str> = got.body.trim_end().split("\n\n").collect();
    assert_eq!(events[events.len() - 1], "data: [DONE]");
    let last: Value = serde_json::from_str(&events[events.len() - 2]["data: ".len()..]).unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "length");
    let event = scene.event();
    assert_eq!((event.outcome, event.tokens.output, event.estimated), (Outcome::Completed, 11, true));
    assert!(event.trace.iter().any(|note| note.starts_with("ended at what was reserved")));
    assert_eq!(scene.upstream.open(), 0, "nobody listens to the provider any longer");
}

#[tokio::test]
async fn a_stream_whose_events_come_together_is_ended_between_two_of_them() {
    let scene = scene(TokenLimits { daily_token_cap: Some(INPUT + 10), ..TokenLimits::default() });
    let Script::Answer { pieces, .. } = endless() else { panic!("it answers") };
    let all = pieces.into_iter().map(|piece| match piece {
        Piece::Text(text) => text,
        other => panic!("{other:?}"),
    });
    scene.upstream.next("one", Script::sse([Piece::Text(all.collect())]));
    let got = scene.chat(&stream()).await;
    assert_eq!(text(&got), "four".repeat(11));
    assert!(got.body.trim_end().ends_with("data: [DONE]"));
}

#[tokio::test]
async fn a_stream_goes_on_beyond_its_cap_while_there_is_room() {
    let scene = scene(TokenLimits { daily_token_cap: Some(1_000), ..TokenLimits::default() });
    scene.upstream.next("one", endless());
    let got = scene.chat(&stream()).await;
    assert_eq!(text(&got), "four".repeat(200));
    let counter = Counter {
        subject: Subject::Token(scene.token.id),
        model: None,
        measure: Measure::Tokens,
        window: Window::Day,
    };
    let limit = Limit { counter, cap: 1_000 };
    let tokens = scene.event().tokens.total();
    let left = scene.limiters.budgets.left(&limit, promptgate_kernel::Timestamp::from_micros(1_000_000));
    assert_eq!(left, Some(1_000 - tokens), "what it took is held until it is recorded");
}

/// What a provider of a kind sends that does not keep to its maximum, in its own format: these words, again and
/// again.
fn endless_of(host: &str, said: &[&str]) -> Script {
    let named = |name: &str, data: Value| Piece::Text(format!("event: {name}\ndata: {data}\n\n"));
    let message = json!({"id": "m1", "type": "message", "role": "assistant", "content": [], "model": "m",
        "stop_reason": null, "usage": {"input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 1}});
    let response = json!({"id": "resp_1", "object": "response", "status": "in_progress", "model": "m", "output": [],
        "usage": null});
    let item = json!({"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []});
    let part = json!({"type": "output_text", "text": "", "annotations": []});
    let words = |word: &dyn Fn(&str) -> Piece| -> Vec<Piece> {
        said.iter().cycle().take(300).map(|said| word(said)).collect()
    };
    match host {
        "claude" => {
            let block = json!({"type": "text", "text": ""});
            let begin = [
                named("message_start", json!({"type": "message_start", "message": message})),
                named(
                    "content_block_start",
                    json!({"type": "content_block_start", "index": 0, "content_block": block}),
                ),
            ];
            let word = |said: &str| {
                let delta = json!({"type": "text_delta", "text": said});
                let word = json!({"type": "content_block_delta", "index": 0, "delta": delta});
                named("content_block_delta", word)
            };
            Script::sse(begin.into_iter().chain(words(&word)))
        }
        "gem" => {
            let usage = json!({"promptTokenCount": 7, "cachedContentTokenCount": 2, "totalTokenCount": 7});
            let word = |said: &str| {
                let content = json!({"role": "model", "parts": [{"text": said}]});
                let word = json!({"candidates": [{"content": content, "index": 0}], "usageMetadata": usage,
                    "modelVersion": "m", "responseId": "r1"});
                Piece::Text(format!("data: {word}\r\n\r\n"))
            };
            Script::sse(words(&word))
        }
        "open" => {
            let at = json!({"item_id": "msg_1", "output_index": 0, "content_index": 0});
            let of = |kind: &str, number: u64, more: Value| {
                let mut data = json!({"type": kind, "sequence_number": number});
                data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                named(kind, data)
            };
            let with = |more: Value| {
                let mut all = at.clone();
                all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                all
            };
            let begin = [
                of("response.created", 0, json!({"response": response})),
                of("response.output_item.added", 1, json!({"output_index": 0, "item": item})),
                of("response.content_part.added", 2, with(json!({"part": part}))),
            ];
            let words = (3..303)
                .zip(said.iter().cycle())
                .map(|(number, said)| of("response.output_text.delta", number, with(json!({"delta": said}))));
            Script::sse(begin.into_iter().chain(words))
        }
        _ => Script::sse([chunk("")].into_iter().chain(words(&chunk)).chain([finish(), done()])),
    }
}

/// What a stream ends with: why, and what it says that was read and written.
fn end(operation: Operation, got: &Got) -> (String, Option<[u64; 2]>) {
    let events: Vec<&str> = got.body.trim_end().split("\n\n").collect();
    let data = |event: &&str| serde_json::from_str(event.split_once("data: ")?.1).ok();
    let all: Vec<Value> = events.iter().filter_map(data).collect();
    let numbers =
        |usage: &Value, names: &[&str]| names.iter().map(|name| usage[*name].as_u64().unwrap_or(0)).sum();
    let last = all.last().unwrap();
    let (reason, usage, read, written): (_, _, &[&str], _) = match operation {
        Operation::Messages => {
            assert_eq!(last["type"], "message_stop");
            let delta = &all[all.len() - 2];
            let read = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"].as_slice();
            (&delta["delta"]["stop_reason"], &delta["usage"], read, "output_tokens")
        }
        Operation::Responses => {
            assert_eq!(
                (&last["type"], &last["response"]["status"]),
                (&json!("response.incomplete"), &json!("incomplete"))
            );
            let response = &last["response"];
            (
                &response["incomplete_details"]["reason"],
                &response["usage"],
                &["input_tokens"],
                "output_tokens",
            )
        }
        _ => {
            assert_eq!(events.last(), Some(&"data: [DONE]"));
            let finished = all.iter().find(|chunk| chunk["choices"][0]["finish_reason"].is_string()).unwrap();
            (
                &finished["choices"][0]["finish_reason"],
                &last["usage"],
                &["prompt_tokens"],
                "completion_tokens",
            )
        }
    };
    let usage = usage.is_object().then(|| [numbers(usage, read), numbers(usage, &[written])]);
    (reason.as_str().unwrap().to_owned(), usage)
}

/// Providers of four kinds.
fn kinds() -> Configuration {
    let kinds =
        [("claude", ProviderKind::Anthropic), ("open", ProviderKind::OpenAi), ("gem", ProviderKind::Google)];
    let mut providers: Vec<_> = kinds.into_iter().map(|(name, kind)| provider_at(name, kind)).collect();
    let credentials =
        providers.iter().map(|provider| credential_of(provider, provider.name.as_str())).collect();
    providers.push(provider_at("one", ProviderKind::OpenAiCompatible));
    Configuration { providers, credentials, ..configuration() }
}

/// Asks for no more than thirty tokens, and why such an answer ends.
const ASKS: [(Operation, &str, &str); 4] = [
    (
        Operation::ChatCompletions,
        r#""stream_options":{"include_usage":true},"max_tokens":30,"messages""#,
        "length",
    ),
    (Operation::ChatCompletions, r#""max_tokens":30,"messages""#, "length"),
    (Operation::Messages, r#""max_tokens":30,"messages""#, "max_tokens"),
    (Operation::Responses, r#""max_output_tokens":30,"input""#, "max_output_tokens"),
];

#[tokio::test]
async fn a_cut_stream_says_in_its_clients_words_what_is_charged() {
    let daily = TokenLimits { daily_token_cap: Some(100), ..TokenLimits::default() };
    let by_the_minute = TokenLimits { token_rate_limit_per_minute: Some(100), ..TokenLimits::default() };
    for limits in [daily, by_the_minute] {
        for host in ["one", "claude", "gem", "open"] {
            for (operation, members, reason) in ASKS {
                if host == "open" && operation != Operation::Responses {
                    continue;
                }
                let scene = scene_over(kinds());
                scene.tokens.put(Token { limits: limits.clone(), ..scene.token.clone() });
                scene.upstream.next(host, endless_of(host, &["four"]));
                let body = format!(
                    r#"{{"model":"{host}:m","stream":true,{members}:[{{"role":"user","content":"Hi"}}]}}"#
                );
                let got = read(scene.begin(operation, &body).await).await;
                let (why, told) = end(operation, &got);
                assert_eq!(why, reason, "{operation:?} of {host}: {}", got.body);
                let event = scene.event();
                let tokens = event.tokens;
                assert_eq!((event.outcome, event.status), (Outcome::Completed, 200));
                assert!((30..=76).contains(&tokens.total_output()) && tokens.total() <= 100, "{tokens:?}");
                let is_told = operation != Operation::ChatCompletions || members.contains("include_usage");
                let charged = [tokens.total_input(), tokens.total_output()];
                assert_eq!(told, is_told.then_some(charged), "{operation:?} of {host}: {}", got.body);
                assert_eq!(scene.upstream.open(), 0);
            }
        }
    }
}

#[tokio::test]
async fn every_answer_of_a_cut_stream_is_finished_once_and_all_of_them_are_charged() {
    let of = |choice: u64, delta: &str, reason: &str| {
        event(&format!(
            r#"{{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{{"index":{choice},"delta":{delta},"finish_reason":{reason}}}]}}"#
        ))
    };
    let word = |choice| of(choice, r#"{"content":"four"}"#, "null");
    let begin = (0..3).map(|choice| of(choice, r#"{"role":"assistant","content":""}"#, "null"));
    // The second is done before there is too much of the others.
    let words = (0..4).flat_map(|_| (0..3).map(word)).chain([of(1, "{}", "\"stop\"")]);
    let endless = (0..300).flat_map(|_| [word(0), word(2)]);
    let scene = scene(TokenLimits { daily_token_cap: Some(100), ..TokenLimits::default() });
    scene.upstream.next("one", Script::sse(begin.chain(words).chain(endless).chain([done()])));
    let asked = r#""stream":true,"n":3,"stream_options":{"include_usage":true},"model""#;
    let got = scene.chat(&CHAT.replace("\"model\"", asked)).await;
    let data = got.body.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    let all: Vec<Value> = data.filter_map(|data| serde_json::from_str(data).ok()).collect();
    let of_choice = |choice: u64| {
        let of_it = |chunk: &&Value| chunk["choices"][0]["index"] == choice;
        let chunks = || all.iter().filter(of_it).map(|chunk| &chunk["choices"][0]);
        let words = chunks().filter(|chunk| chunk["delta"]["content"] == "four").count();
        let reasons: Vec<_> = chunks().filter_map(|chunk| chunk["finish_reason"].as_str()).collect();
        (words, reasons.join(" "))
    };
    let answers = [0, 1, 2].map(of_choice);
    assert_eq!(answers.each_ref().map(|(_, reason)| reason.as_str()), ["length", "stop", "length"]);
    // Thirty were reserved, and one more was said.
    assert_eq!(answers.iter().map(|(words, _)| words).sum::<usize>(), 31, "{}", got.body);
    assert!(got.body.ends_with("data: [DONE]\n\n"));
    let event = scene.event();
    let told = &all.last().unwrap()["usage"];
    assert_eq!((event.tokens.output, &told["completion_tokens"]), (31, &json!(31)));
    assert!(event.tokens.total() <= 100, "{:?}", event.tokens);
}

#[tokio::test]
async fn a_long_prompt_does_not_make_what_is_written_dearer() {
    // 20,026 tokens at $5, and ten at $30 a million: $0.10043. Every sixty-four more are $0.00192.
    let long = stream().replace("Hi", &"x".repeat(20_002));
    for (budget, words) in [(0.12, 200), (0.1027, 75)] {
        let scene = scene(TokenLimits { monthly_budget_usd_cap: dollars(budget), ..TokenLimits::default() });
        scene.upstream.next("one", endless());
        let got = scene.chat(&long).await;
        assert_eq!(text(&got), "four".repeat(words), "{budget}");
        let cost = scene.event().cost;
        assert!(Some(cost) <= dollars(budget), "{cost}");
    }
}

/// What the events of a stream say, put together, and every repetition of it.
fn said(operation: Operation, got: &Got) -> (String, Vec<String>) {
    let data = got.body.split("\n\n").filter_map(|event| Some(event.split_once("data: ")?.1));
    let all: Vec<Value> = data.filter_map(|data| serde_json::from_str(data).ok()).collect();
    let of = |event: &Value| match operation {
        Operation::Messages => event["delta"]["text"].as_str().map(str::to_owned),
        Operation::Responses => event["delta"].as_str().map(str::to_owned),
        _ => event["choices"][0]["delta"]["content"].as_str().map(str::to_owned),
    };
    let mut repeated = Vec::new();
    for (number, event) in all.iter().enumerate().filter(|_| operation == Operation::Responses) {
        assert_eq!(event["sequence_number"], number, "{event}");
        repeated.extend(match event["type"].as_str() {
            Some("response.output_text.done") => event["text"].as_str(),
            Some("response.content_part.done") => event["part"]["text"].as_str(),
            Some("response.output_item.done") => event["item"]["content"][0]["text"].as_str(),
            Some("response.incomplete") => event["response"]["output"][0]["content"][0]["text"].as_str(),
            _ => None,
        });
    }
    (all.iter().filter_map(of).collect(), repeated.into_iter().map(str::to_owned).collect())
}

#[tokio::test]
async fn values_come_back_into_a_cut_stream_and_wherever_its_end_repeats_them() {
    let rules: Rules = serde_json::from_value(json!({"reversible_redaction": {"enabled": true}})).unwrap();
    // At a token's end, and in the middle of it.
    let ways: [&[&str]; 2] = [&["[[EMAIL_001]] "], &["to [[EMA", "IL_001]], "]];
    for (host, said_by) in
        ["one", "claude", "gem", "open"].into_iter().flat_map(|host| ways.map(|way| (host, way)))
    {
        for (operation, members, reason) in ASKS {
            if host == "open" && operation != Operation::Responses {
                continue;
            }
            let guardrails = vec![(Guarded::Global, rules.clone())];
            let scene = scene_over(Configuration { guardrails, ..kinds() });
            let limits = TokenLimits { daily_token_cap: Some(100), ..TokenLimits::default() };
            scene.tokens.put(Token { limits, ..scene.token.clone() });
            scene.upstream.next(host, endless_of(host, said_by));
            let body = format!(
                r#"{{"model":"{host}:m","stream":true,{members}:[{{"role":"user","content":"ada@example.org"}}]}}"#
            );
            let got = read(scene.begin(operation, &body).await).await;
            let told = format!("{operation:?} of {host}: {}", got.body);
            assert_eq!(end(operation, &got).0, reason, "{told}");
            assert!(!got.body.contains("EMAIL_001"), "{told}");
            let (text, repeated) = said(operation, &got);
            assert!(text.contains("ada@example.org"), "{told}");
            assert_eq!(repeated.len(), if operation == Operation::Responses { 4 } else { 0 }, "{told}");
            assert!(repeated.iter().all(|again| *again == text), "{told}");
        }
    }
}

#[tokio::test]
async fn ten_thousand_pieces_that_may_each_be_too_much_are_read_one_after_the_other() {
    let scene = scene(TokenLimits { daily_token_cap: Some(INPUT + 10), ..TokenLimits::default() });
    let Piece::Text(nothing) = chunk("") else { panic!("a chunk is a text") };
    let pieces = (0..10_000).map(|_| Piece::Text(nothing.repeat(2)));
    scene.upstream.next("one", Script::sse(pieces.chain([chunk("four"), finish(), done()])));
    let got = scene.chat(&stream()).await;
    assert_eq!((text(&got).as_str(), got.body.matches("assistant").count()), ("four", 20_000));
    assert!(got.body.ends_with("data: [DONE]\n\n"));
    assert_eq!(scene.event().tokens.output, 1);
}

#[tokio::test]
async fn nobody_reads_more_for_a_client_that_left_than_was_reserved() {
    let disconnect = DisconnectPolicy::Drain { limit: Duration::from_mins(1) };
    let limits = GatewayLimits { disconnect, ..GatewayLimits::default() };
    let scene = Scene::over(configuration().projects[0].clone(), configuration(), limits);
    let limits = TokenLimits { daily_token_cap: Some(1_000), ..TokenLimits::default() };
    scene.tokens.put(Token { limits, ..scene.token.clone() });
    for together in [false, true] {
        let Piece::Text(word) = chunk("four") else { panic!("a chunk is a text") };
        let (times, word) = if together { (1, word.repeat(200)) } else { (200, word) };
        let words = (0..times).map(|_| Piece::Text(word.clone()));
        let begin = [chunk(""), chunk("four")];
        scene.upstream.next("one", Script::sse(begin.into_iter().chain(words).chain([Piece::Stall])));
        let mut body = scene.begin(Operation::ChatCompletions, &stream()).await.into_body();
        body.frame().await.unwrap().unwrap();
        drop(body);
        scene.tasks.close();
        scene.tasks.wait().await;
        scene.tasks.reopen();
        let event = scene.event();
        // The piece that is more than ten tokens is the last that is read.
        assert_eq!((event.outcome, event.tokens.output), (Outcome::CallerCancelled, 11), "{:?}", event.trace);
        assert!(event.estimated && event.trace.iter().any(|note| note.starts_with("not read to its end")));
        assert_eq!(scene.upstream.open(), 0, "nobody listens to the provider any longer");
    }
}
