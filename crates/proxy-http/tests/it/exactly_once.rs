//! Whatever happens in whichever order, a call is booked once.

use std::time::Duration;

use promptgate_gateway::ports::UpstreamError;
use promptgate_gateway::{DisconnectPolicy, GatewayLimits};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::scripted::{Script, Step, piece};
use crate::support::{Bench, CHAT, CHAT_STREAM, DELTA, DONE, USAGE, next_piece, one_call};

#[derive(Debug, Clone)]
enum Move {
    Delta,
    Usage,
    Done,
    Torn,
    Stall,
    Break,
}

fn step(step: &Move) -> Step {
    match step {
        Move::Delta => piece(DELTA),
        Move::Usage => piece(USAGE),
        Move::Done => piece(DONE),
        Move::Torn => piece("data: {\"cho"),
        Move::Stall => Step::Stall,
        Move::Break => Step::Break,
    }
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => Just(Move::Delta),
        2 => Just(Move::Usage),
        2 => Just(Move::Done),
        1 => Just(Move::Torn),
        1 => Just(Move::Stall),
        1 => Just(Move::Break),
    ];
    prop::collection::vec(one, 0..8)
}

#[derive(Debug, Clone)]
enum Upstream {
    Refuses,
    NeverAnswers,
    Answers { status: u16, streams: bool, moves: Vec<Move> },
}

fn upstreams() -> impl Strategy<Value = Upstream> {
    let statuses = prop_oneof![6 => Just(200u16), 1 => Just(400), 1 => Just(429), 1 => Just(500)];
    prop_oneof![
        1 => Just(Upstream::Refuses),
        1 => Just(Upstream::NeverAnswers),
        8 => (statuses, any::<bool>(), moves())
            .prop_map(|(status, streams, moves)| Upstream::Answers { status, streams, moves }),
    ]
}

fn script(upstream: &Upstream) -> Script {
    match upstream {
        Upstream::Refuses => Script::Fail(UpstreamError::Connect("refused".into())),
        Upstream::NeverAnswers => Script::NeverAnswer,
        Upstream::Answers { status, streams, moves } => {
            let kind = if *streams { "text/event-stream" } else { "application/json" };
            let steps = moves.iter().map(step).collect();
            Script::Answer { status: *status, headers: vec![("content-type", kind)], steps }
        }
    }
}

/// Makes a call and leaves it after so many pieces of the answer, or after a while.
async fn call(upstream: &Upstream, stream: bool, drains: bool, stays_for: usize) {
    let disconnect = if drains {
        DisconnectPolicy::Drain { limit: Duration::from_secs(30) }
    } else {
        DisconnectPolicy::Cancel
    };
    let bench = Bench::with_limits(GatewayLimits { disconnect, ..one_call() });
    bench.upstream.will(script(upstream));
    let body = if stream { CHAT_STREAM } else { CHAT };
    let patience = Duration::from_secs(if stays_for > 5 { 10_000 } else { 60 });
    let stay = async {
        let mut body = bench.send(bench.request("chat/completions", body)).await.into_body();
        for _ in 0..stays_for {
            if next_piece(&mut body).await.is_none() {
                assert_eq!(bench.events().len(), 1, "booked before the end of the body");
                break;
            }
        }
    };
    let _ = tokio::time::timeout(patience, stay).await;
    bench.settled().await;
    assert_eq!(bench.upstream.open(), 0, "no upstream call is left");
    let event = bench.event();
    assert_eq!(event.attempts, 1);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_call_is_booked_once(
        upstream in upstreams(),
        stream: bool,
        drains: bool,
        stays_for in 0usize..10,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(call(&upstream, stream, drains, stays_for));
    }
}
