//! Clients that leave before the end.

use std::task::Poll;
use std::time::Duration;

use promptgate_gateway::{DisconnectPolicy, GatewayLimits};
use promptgate_usage::Outcome;

use crate::scripted::{Script, Step, events, json, piece};
use crate::support::{Bench, CHAT, CHAT_STREAM, DELTA, DONE, USAGE, next_piece, one_call};

fn draining(max_drains: usize) -> Bench {
    let disconnect = DisconnectPolicy::Drain { limit: Duration::from_secs(30) };
    Bench::with_limits(GatewayLimits { disconnect, max_drains, ..one_call() })
}

/// Sends a request whose answer does not begin, and leaves.
async fn leave_before_the_head(bench: &Bench, body: &str) {
    let mut call = Box::pin(bench.send(bench.request("chat/completions", body)));
    for _ in 0..5 {
        assert!(matches!(futures_util::poll!(call.as_mut()), Poll::Pending));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn leaving_while_the_body_is_sent_is_booked_without_cost() {
    let bench = Bench::new();
    let never = futures_util::stream::pending::<Result<&str, std::io::Error>>();
    let (head, _) = bench.request("chat/completions", "").into_parts();
    let request = http::Request::from_parts(head, axum::body::Body::from_stream(never));
    let mut call = Box::pin(bench.send(request));
    assert!(matches!(futures_util::poll!(call.as_mut()), Poll::Pending));
    drop(call);
    let event = bench.event();
    assert_eq!((event.outcome, event.status), (Outcome::CallerCancelled, 499));
    assert_eq!((event.attempts, event.tokens.total()), (0, 0));
}

#[tokio::test]
async fn leaving_before_the_answer_ends_the_upstream_call() {
    for body in [CHAT, CHAT_STREAM] {
        let bench = Bench::new();
        bench.upstream.will(Script::NeverAnswer);
        leave_before_the_head(&bench, body).await;
        assert_eq!(bench.upstream.open(), 0);
        let event = bench.event();
        assert_eq!((event.outcome, event.status), (Outcome::CallerCancelled, 499));
        assert_eq!(event.error_code.as_deref(), Some("caller_cancelled"));
        assert!(event.estimated && event.tokens.input > 0 && event.tokens.output == 0);
    }
}

#[tokio::test]
async fn leaving_in_the_middle_of_a_whole_answer_counts_what_arrived() {
    let bench = Bench::new();
    bench.upstream.will(Script::Answer {
        status: 200,
        headers: vec![("content-type", "application/json")],
        steps: vec![piece("12345678"), Step::Stall],
    });
    leave_before_the_head(&bench, CHAT).await;
    assert_eq!(bench.upstream.open(), 0);
    assert_eq!(bench.event().tokens.output, 2);
}

#[tokio::test]
async fn leaving_a_stream_ends_the_upstream_call_and_books_what_was_seen() {
    let bench = Bench::new();
    bench.upstream.will(events(vec![piece(DELTA), piece(DELTA), Step::Stall]));
    let mut body = bench.send(bench.request("chat/completions", CHAT_STREAM)).await.into_body();
    next_piece(&mut body).await.unwrap();
    assert_eq!(bench.upstream.open(), 1);
    drop(body);
    assert_eq!(bench.upstream.open(), 0);
    let event = bench.event();
    assert_eq!((event.outcome, event.status), (Outcome::CallerCancelled, 499));
    assert!(event.estimated && event.streamed);
    assert_eq!(event.tokens.output, 3, "eleven bytes of text");
}

#[tokio::test]
async fn a_stream_whose_head_was_never_read_is_booked_too() {
    let bench = Bench::new();
    bench.upstream.will(events(vec![piece(DELTA), Step::Stall]));
    drop(bench.send(bench.request("chat/completions", CHAT_STREAM)).await);
    assert_eq!((bench.event().outcome, bench.upstream.open()), (Outcome::CallerCancelled, 0));
}

#[tokio::test(start_paused = true)]
async fn a_drained_stream_is_booked_with_the_providers_own_usage() {
    let bench = draining(1);
    bench.upstream.will(events(vec![piece(DELTA), piece(DELTA), piece(USAGE), piece(DONE)]));
    let mut body = bench.send(bench.request("chat/completions", CHAT_STREAM)).await.into_body();
    next_piece(&mut body).await.unwrap();
    drop(body);
    bench.settled().await;
    let event = bench.event();
    assert_eq!((event.outcome, event.tokens.total(), event.estimated), (Outcome::CallerCancelled, 11, false));
}

#[tokio::test(start_paused = true)]
async fn a_drained_call_that_had_not_begun_to_answer_is_booked_with_its_usage() {
    let usage = r#"{"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;
    for (body, script) in
        [(CHAT, json(200, usage)), (CHAT_STREAM, events(vec![piece(DELTA), piece(USAGE), piece(DONE)]))]
    {
        let bench = draining(1);
        bench.upstream.will(slowly(script, &bench));
        let response = bench.send(bench.request("chat/completions", body));
        let left = tokio::time::timeout(Duration::from_secs(1), response).await;
        if let Ok(response) = left {
            drop(response);
        }
        bench.settled().await;
        let event = bench.event();
        assert_eq!((event.outcome, event.tokens.total()), (Outcome::CallerCancelled, 11), "{body}");
        assert_eq!(bench.upstream.open(), 0);
    }
}

/// The same answer, whose first piece takes a while.
fn slowly(script: Script, bench: &Bench) -> Script {
    let Script::Answer { status, headers, mut steps } = script else { return script };
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let opener = std::sync::Arc::clone(&gate);
    steps.insert(0, Step::Wait(gate));
    bench.tasks.spawn(async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        opener.add_permits(1);
    });
    Script::Answer { status, headers, steps }
}

#[tokio::test(start_paused = true)]
async fn draining_is_bounded_in_time() {
    let bench = draining(1);
    bench.upstream.will(events(vec![piece(DELTA), Step::Stall]));
    let mut body = bench.send(bench.request("chat/completions", CHAT_STREAM)).await.into_body();
    next_piece(&mut body).await.unwrap();
    drop(body);
    let started = tokio::time::Instant::now();
    bench.settled().await;
    assert_eq!(started.elapsed().as_secs(), 30);
    assert_eq!((bench.event().outcome, bench.upstream.open()), (Outcome::CallerCancelled, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_answers_is_drained_no_longer_than_allowed() {
    let bench = draining(1);
    bench.upstream.will(Script::NeverAnswer);
    leave_before_the_head(&bench, CHAT_STREAM).await;
    assert!(bench.events().is_empty() && bench.upstream.open() == 1);
    bench.settled().await;
    assert_eq!((bench.event().outcome, bench.upstream.open()), (Outcome::CallerCancelled, 0));
}

#[tokio::test(start_paused = true)]
async fn draining_is_bounded_in_number() {
    let bench = draining(1);
    for _ in 0..3 {
        bench.upstream.will(events(vec![piece(DELTA), Step::Stall]));
        let mut body = bench.send(bench.request("chat/completions", CHAT_STREAM)).await.into_body();
        next_piece(&mut body).await.unwrap();
        drop(body);
    }
    assert_eq!((bench.events().len(), bench.upstream.open()), (2, 1), "one is drained, two are ended");
    bench.settled().await;
    assert_eq!(bench.events().len(), 3);
}
