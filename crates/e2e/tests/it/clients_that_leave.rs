//! What happens upstream when the client goes, by setting.

use std::time::Duration;

use promptgate_e2e::{Client, Gateway, Installation, Project, eventually};
use promptgate_testkit::upstream::{Gate, Reply, ScriptedUpstream};

const FIRST: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"first\"}}]}\n\n";
const REST: &str = concat!(
    "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":31,\"completion_tokens\":17,\"total_tokens\":48}}\n\n",
    "data: [DONE]\n\n",
);

async fn leave_in_the_middle(
    installation: &Installation,
    gate: &Gate,
) -> (Gateway, Project, ScriptedUpstream) {
    let upstream = ScriptedUpstream::start().await.unwrap();
    let gateway = Gateway::run_all(installation).await.unwrap();
    gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
    let project = gateway.project().await.unwrap();
    upstream.enqueue(Reply::sse([FIRST]).wait(gate).chunk(REST));
    let mut stream = project.stream("up:m").await.unwrap();
    stream.read_until("first").await.unwrap();
    drop(stream);
    (gateway, project, upstream)
}

#[tokio::test]
async fn the_upstream_call_ends_and_is_estimated() {
    let installation = Installation::embedded().unwrap();
    let (gateway, project, upstream) = leave_in_the_middle(&installation, &Gate::new()).await;
    upstream.wait_until(|counts| counts.aborted == 1).await.unwrap();
    let event = gateway.usage(&project, 2).await.unwrap().remove(0);
    assert_eq!(
        (&event["outcome"], &event["estimated"]),
        (&"caller_cancelled".into(), &true.into()),
        "{event}"
    );
    assert!(event["tokens"]["total"].as_u64().unwrap() > 0, "{event}");
}

#[tokio::test]
async fn the_upstream_call_is_read_to_its_end_for_the_exact_usage() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_PROXY_CLIENT_DISCONNECT", "drain");
    let gate = Gate::new();
    let (gateway, project, upstream) = leave_in_the_middle(&installation, &gate).await;
    // Only once it has seen that the client is gone.
    eventually("no open stream", Duration::from_secs(20), || async {
        let text = Client::new().get(&format!("{}/metrics", gateway.proxy)).await.ok()?.text();
        text.contains("\npromptgate_streams_open 0").then_some(())
    })
    .await
    .unwrap();
    gate.open();
    upstream.wait_until(|counts| counts.finished == 1).await.unwrap();
    let event = gateway.usage(&project, 2).await.unwrap().remove(0);
    assert_eq!(
        (&event["outcome"], &event["estimated"]),
        (&"caller_cancelled".into(), &false.into()),
        "{event}"
    );
    assert_eq!(event["tokens"]["total"], 48, "{event}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_left_after_the_set_time() {
    let installation =
        Installation::embedded().unwrap().set("PROMPTGATE_PROXY_CLIENT_WRITE_TIMEOUT", "300ms");
    let upstream = ScriptedUpstream::start().await.unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
    let project = gateway.project().await.unwrap();
    // More than the buffers between here and there hold, in few events.
    let rest = std::iter::repeat_n(FIRST.replace("first", &"x".repeat(64 * 1024)), 512);
    upstream.enqueue(Reply::sse(std::iter::once(FIRST.to_owned()).chain(rest)));
    let mut stream = project.stream("up:m").await.unwrap();
    stream.read_until("first").await.unwrap();
    upstream.wait_until(|counts| counts.aborted == 1).await.unwrap();
    let event = gateway.usage(&project, 2).await.unwrap().remove(0);
    assert_eq!(event["outcome"], "caller_cancelled", "{event}");
}
