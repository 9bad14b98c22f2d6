//! How long is waited for whom.

use std::time::Duration;

use promptgate_providers::{Provider, ProviderKind};
use tokio::time::Instant;

use crate::limits::GatewayLimits;
use crate::scripted::{Piece, Scene, Script, chunk, provider_at};

const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const STREAM: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

fn limits() -> GatewayLimits {
    GatewayLimits {
        connect_timeout: Duration::from_secs(1),
        first_byte_timeout: Duration::from_secs(2),
        idle_timeout: Duration::from_secs(3),
        total_timeout: Duration::from_secs(7),
        ..GatewayLimits::default()
    }
}

fn provider() -> Provider {
    provider_at("one", ProviderKind::OpenAi)
}

fn json(pieces: Vec<Piece>) -> Script {
    let headers = vec![("content-type", "application/json".to_owned())];
    Script::Answer { status: 200, headers, pieces }
}

#[tokio::test(start_paused = true)]
async fn every_limit_has_its_own_code() {
    let drip = || vec![Piece::Text(" ".into()), Piece::Pause(Duration::from_secs(2))];
    let slow = || json(drip().into_iter().cycle().take(20).collect());
    let cases = [
        (Script::SlowConnect, ASK, "upstream_connect_timeout"),
        (Script::Silence, ASK, "upstream_first_byte_timeout"),
        (Script::sse([Piece::Stall]), STREAM, "upstream_first_byte_timeout"),
        (json(vec![Piece::Text("{".into()), Piece::Stall]), ASK, "upstream_idle_timeout"),
        (slow(), ASK, "upstream_total_timeout"),
    ];
    for (script, ask, code) in cases {
        let scene = Scene::with_limits(vec![provider()], vec![], limits());
        scene.upstream.always("one", script);
        let got = scene.chat(ask).await;
        assert_eq!((got.status, got.json()["error"]["code"].as_str()), (504, Some(code)), "{got:?}");
        assert_eq!(scene.event().error_code.as_deref(), Some(code));
        assert_eq!(scene.upstream.open(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn no_total_limit_cuts_a_healthy_stream() {
    let scene = Scene::with_limits(vec![provider()], vec![], limits());
    let beats = (0..20).flat_map(|_| [chunk("x"), Piece::Pause(Duration::from_secs(2))]);
    let end = [crate::scripted::finish(), crate::scripted::done()];
    scene.upstream.always("one", Script::sse(beats.chain(end)));
    let begun = Instant::now();
    let got = scene.chat(STREAM).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(40));
    assert!(got.body.ends_with("data: [DONE]\n\n") && !got.body.contains("error"));
}

#[tokio::test(start_paused = true)]
async fn repetitions_do_not_outlast_the_total_limit() {
    let limits = GatewayLimits { total_timeout: Duration::from_millis(1_500), ..limits() };
    let scene = Scene::with_limits(vec![provider()], vec![], limits);
    scene.upstream.always("one", Script::SlowConnect);
    let begun = Instant::now();
    let got = scene.chat(ASK).await;
    assert_eq!(got.status, 504);
    assert!(begun.elapsed() <= Duration::from_millis(1_500), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_providers_own_limits_count_before_the_process() {
    let mut one = provider();
    one.config.insert("firstByteTimeoutMs".into(), 500.into());
    let scene = Scene::with_limits(vec![one], vec![], limits());
    scene.upstream.always("one", Script::Silence);
    let begun = Instant::now();
    assert_eq!(scene.chat(ASK).await.status, 504);
    assert_eq!(begun.elapsed(), Duration::from_millis(500));
}
