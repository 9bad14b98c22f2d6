//! Answers that arrive piece by piece.

use std::sync::Arc;
use std::time::Duration;

use promptgate_gateway::GatewayLimits;
use promptgate_usage::Outcome;
use tokio::sync::Semaphore;

use crate::scripted::{Step, events, piece};
use crate::support::{Answer, Bench, CHAT_STREAM, DELTA, DONE, MESSAGES, USAGE, next_piece, one_call};

#[tokio::test]
async fn every_piece_goes_out_as_it_arrives() {
    let bench = Bench::new();
    let gate = Arc::new(Semaphore::new(0));
    let wait = || Step::Wait(Arc::clone(&gate));
    bench.upstream.will(events(vec![piece(DELTA), wait(), piece(DELTA), wait(), piece(DONE)]));
    let response = bench.send(bench.request("chat/completions", CHAT_STREAM)).await;
    let headers = response.headers();
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["cache-control"], "no-cache");
    assert_eq!(headers["x-accel-buffering"], "no");
    assert!(!headers.contains_key("x-promptgate-cost"));
    let mut body = response.into_body();
    assert_eq!(next_piece(&mut body).await.as_deref(), Some(DELTA));
    for expected in [DELTA, DONE] {
        assert!(matches!(futures_util::poll!(Box::pin(next_piece(&mut body))), std::task::Poll::Pending));
        gate.add_permits(1);
        assert_eq!(next_piece(&mut body).await.as_deref(), Some(expected));
    }
    assert_eq!(next_piece(&mut body).await, None);
}

#[tokio::test]
async fn usage_that_the_client_did_not_ask_for_is_booked_and_hidden() {
    let bench = Bench::new();
    let (start, rest) = USAGE.split_at(17);
    bench.upstream.will(events(vec![piece(DELTA), piece(start), piece(rest), piece(DONE)]));
    let answer = bench.chat(CHAT_STREAM).await;
    assert_eq!(answer.text(), [DELTA, DONE].concat());
    let sent: serde_json::Value = serde_json::from_slice(&bench.upstream.requests()[0].body).unwrap();
    assert_eq!(sent["stream_options"]["include_usage"], true);
    let event = bench.event();
    assert_eq!((event.tokens.input, event.tokens.output, event.estimated), (9, 2, false));
    assert_eq!((event.outcome, event.streamed), (Outcome::Completed, true));
}

#[tokio::test]
async fn usage_that_the_client_asked_for_passes() {
    let bench = Bench::new();
    bench.upstream.will(events(vec![piece(DELTA), piece(USAGE), piece(DONE)]));
    let asked = CHAT_STREAM.replace("{\"model\"", "{\"stream_options\":{\"include_usage\":true},\"model\"");
    assert_eq!(bench.chat(&asked).await.text(), [DELTA, USAGE, DONE].concat());
    assert_eq!(bench.upstream.requests()[0].body, asked.replace("main:gpt-4o", "gpt-4o"));
    assert_eq!(bench.event().tokens.total(), 11);
}

#[tokio::test]
async fn bytes_arrive_equal_wherever_they_are_cut() {
    let asked = CHAT_STREAM.replace("{\"model\"", "{\"stream_options\":{\"include_usage\":true},\"model\"");
    let whole = [": comment\r\n\r\n", &DELTA.replace("Hello", "Grüße 🦀"), USAGE, DONE].concat();
    for size in [1, 2, 3, 5, 64] {
        let bench = Bench::new();
        let steps = whole.as_bytes().chunks(size).map(|cut| Step::Piece(cut.to_vec().into())).collect();
        bench.upstream.will(events(steps));
        assert_eq!(bench.chat(&asked).await.text(), whole);
        assert_eq!(bench.event().tokens.total(), 11);
    }
}

#[tokio::test]
async fn the_call_is_booked_before_its_last_event_goes_out() {
    let bench = Bench::new();
    bench.upstream.will(events(vec![piece(DELTA), piece(USAGE), piece(DONE), Step::Stall]));
    let mut body = bench.send(bench.request("chat/completions", CHAT_STREAM)).await.into_body();
    assert_eq!(next_piece(&mut body).await.as_deref(), Some(DELTA));
    assert!(bench.events().is_empty());
    assert_eq!(next_piece(&mut body).await.as_deref(), Some(DONE));
    assert_eq!(bench.event().outcome, Outcome::Completed);
    drop(body);
    assert_eq!(bench.event().outcome, Outcome::Completed, "leaving after the end is not leaving early");
    assert_eq!(bench.upstream.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_stalls_ends_with_one_error_of_the_protocol() {
    let limits = GatewayLimits {
        idle_timeout: Duration::from_secs(10),
        first_byte_timeout: Duration::from_secs(10),
        total_timeout: Duration::from_secs(1),
        ..one_call()
    };
    let bench = Bench::with_limits(limits.clone());
    bench.upstream.will(events(vec![piece(DELTA), Step::Stall]));
    let started = tokio::time::Instant::now();
    let answer = bench.chat(CHAT_STREAM).await;
    assert_eq!(started.elapsed().as_secs(), 10, "the total does not bound streams, the pause does");
    let event = answer.text().strip_prefix(DELTA).unwrap();
    assert!(event.starts_with("data: {\"error\":") && event.contains("upstream_idle_timeout"), "{event}");
    let booked = bench.event();
    assert_eq!((booked.status, booked.outcome), (200, Outcome::UpstreamFailed));
    assert_eq!(booked.error_code.as_deref(), Some("upstream_idle_timeout"));
    assert!(booked.estimated && booked.tokens.output > 0);
    assert_eq!(bench.upstream.open(), 0);

    let bench = Bench::with_limits(limits);
    bench.upstream.will(events(vec![Step::Stall]));
    let streamed = MESSAGES.replace("{\"model\"", "{\"stream\":true,\"model\"");
    let answer = bench.ask(bench.request("messages", &streamed)).await;
    let code = &answer.json()["error"]["code"];
    assert_eq!((answer.status, code), (504, &"upstream_first_byte_timeout".into()), "nothing was said yet");
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_no_stalling_provider() {
    let limits = GatewayLimits { idle_timeout: Duration::from_secs(10), ..one_call() };
    let bench = Bench::with_limits(limits);
    let gate = Arc::new(Semaphore::new(0));
    let wait = || Step::Wait(Arc::clone(&gate));
    bench.upstream.will(events(vec![piece(DELTA), wait(), piece(DELTA), wait(), piece(DONE)]));
    let mut body = bench.send(bench.request("chat/completions", CHAT_STREAM)).await.into_body();
    assert_eq!(next_piece(&mut body).await.as_deref(), Some(DELTA));
    for expected in [DELTA, DONE] {
        let waits = tokio::time::timeout(Duration::from_secs(9), next_piece(&mut body)).await;
        assert!(waits.is_err(), "the provider may pause for ten seconds");
        gate.add_permits(1);
        assert_eq!(next_piece(&mut body).await.as_deref(), Some(expected));
        tokio::time::sleep(Duration::from_hours(1)).await;
    }
    assert_eq!(bench.event().outcome, Outcome::Completed);
}

#[tokio::test]
async fn a_stream_that_breaks_or_is_cut_off_is_said_to() {
    for last in [Some(Step::Break), None] {
        let bench = Bench::new();
        let steps = [Some(piece(DELTA)), Some(piece("data: {\"choi")), last];
        bench.upstream.will(events(steps.into_iter().flatten().collect()));
        let answer = bench.chat(CHAT_STREAM).await;
        assert!(answer.text().contains("upstream_broken") && !answer.text().contains(DONE));
        let booked = bench.event();
        assert_eq!(booked.error_code.as_deref(), Some("upstream_broken"));
        assert!(booked.tokens.output > 0);
    }
}

#[tokio::test]
async fn a_compatible_service_may_just_close_a_complete_stream() {
    let bench = Bench::new();
    bench.upstream.will(events(vec![piece(DELTA)]));
    let answer = bench.chat(&CHAT_STREAM.replace("main:gpt-4o", "vllm:llama")).await;
    assert_eq!(answer.text(), DELTA);
    assert_eq!(bench.event().outcome, Outcome::Completed);
}

#[tokio::test]
async fn an_error_that_the_provider_reports_in_its_stream_passes_and_is_booked() {
    let bench = Bench::new();
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5}}}\n\n";
    let text = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n";
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n";
    let streamed = MESSAGES.replace("{\"model\"", "{\"stream\":true,\"model\"");
    bench.upstream.will(events(vec![piece(start), piece(text), piece(error)]));
    let answer: Answer = bench.ask(bench.request("messages", &streamed)).await;
    assert_eq!(answer.text(), [start, text, error].concat());
    let booked = bench.event();
    assert_eq!(booked.error_code.as_deref(), Some("upstream_error_event"));
    assert_eq!((booked.outcome, booked.tokens.input), (Outcome::UpstreamFailed, 5));

    let bench = Bench::new();
    bench.upstream.will(events(vec![piece(start), piece(error)]));
    let answer = bench.ask(bench.request("messages", &streamed)).await;
    let code = &answer.json()["error"]["code"];
    assert_eq!((answer.status, code), (503, &"upstream_overloaded".into()), "nothing was said yet");
}
