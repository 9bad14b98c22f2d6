//! SIGTERM: unready first, then streams run to their end or to the deadline.

use std::time::{Duration, Instant};

use promptgate_e2e::{Client, Gateway, Installation, Project, Stream, eventually};
use promptgate_testkit::upstream::{Gate, Reply, ScriptedUpstream};

const FIRST: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"first\"}}]}\n\n";
const REST: &str =
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"rest\"}}]}\n\ndata: [DONE]\n\n";

async fn streaming(
    installation: &Installation,
    reply: Reply,
) -> (ScriptedUpstream, Gateway, Project, Stream) {
    let upstream = ScriptedUpstream::start().await.unwrap();
    let gateway = Gateway::run_all(installation).await.unwrap();
    gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
    let project = gateway.project().await.unwrap();
    upstream.enqueue(reply);
    let mut stream = project.stream("up:m").await.unwrap();
    stream.read_until("first").await.unwrap();
    (upstream, gateway, project, stream)
}

#[tokio::test]
async fn readiness_goes_first_and_streams_run_to_their_end() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_SHUTDOWN_DELAY", "2s");
    let gate = Gate::new();
    let (_upstream, mut gateway, project, stream) =
        streaming(&installation, Reply::sse([FIRST]).wait(&gate).chunk(REST)).await;

    gateway.process().signal("TERM").unwrap();
    let client = Client::new();
    for base in [&gateway.api, &gateway.proxy] {
        let url = format!("{base}/readyz");
        eventually("503 from readiness", Duration::from_secs(2), || async {
            (client.get(&url).await.ok()?.status == 503).then_some(())
        })
        .await
        .unwrap();
        assert_eq!(client.get(&format!("{base}/livez")).await.unwrap().status, 200);
    }
    let late = project.chat("echo:echo").await.unwrap();
    assert_eq!(late.status, 200, "an unready process still answers: {}", late.text());

    gate.open();
    let rest = stream.whole().await.unwrap().text();
    assert_eq!(rest, REST);
    let ended = gateway.processes.remove(0).end().await.unwrap();
    assert!(ended.status.success(), "{}: {}{}", ended.status, ended.output, ended.errors);

    let gateway = Gateway::run_all(&installation).await.unwrap();
    let events = gateway.usage(&project, 3).await.unwrap();
    assert!(events.iter().all(|event| event["outcome"] == "completed"), "{events:?}");
}

#[tokio::test]
async fn a_stream_without_end_is_cut_at_the_deadline_and_recorded() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_SHUTDOWN_TIMEOUT", "1s");
    let (_upstream, mut gateway, project, stream) =
        streaming(&installation, Reply::sse([FIRST]).stall()).await;

    let started = Instant::now();
    let ended = gateway.processes.remove(0).terminate().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(8), "took {:?}", started.elapsed());
    assert!(ended.status.success(), "{}: {}{}", ended.status, ended.output, ended.errors);
    drop(stream);

    let gateway = Gateway::run_all(&installation).await.unwrap();
    let events = gateway.usage(&project, 2).await.unwrap();
    assert_eq!(events.len(), 2, "{events:?}");
    assert_ne!(events[0]["outcome"], "completed", "{}", events[0]);
}
