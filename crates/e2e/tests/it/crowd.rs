//! Two hundred streams at once, half of the clients leaving in the middle.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use promptgate_e2e::{Client, Gateway, Installation, eventually};
use promptgate_testkit::upstream::{Gate, Reply, ScriptedUpstream};

const STREAMS: usize = 200;
const FIRST: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"first\"}}]}\n\n";
const REST: &str = concat!(
    "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n",
    "data: [DONE]\n\n",
);

#[tokio::test(flavor = "multi_thread")]
async fn every_call_leaves_one_event_and_nothing_else() {
    let upstream = ScriptedUpstream::start().await.unwrap();
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
    let project = gateway.project().await.unwrap();
    // One of each, so that what is opened once is open before the files are counted.
    upstream.enqueue(Reply::sse([FIRST, REST]));
    project.stream("up:m").await.unwrap().whole().await.unwrap();
    let files_before = gateway.process().open_files().unwrap();

    let gate = Gate::new();
    upstream.otherwise(Reply::sse([FIRST]).wait(&gate).chunk(REST));
    let streams = join_all((0..STREAMS).map(|_| async {
        let caller =
            promptgate_e2e::Project { client: Client::new().bearer(&project.token), ..project.clone() };
        let mut stream = caller.stream("up:m").await.unwrap();
        stream.read_until("first").await.unwrap();
        stream
    }))
    .await;
    let (leaving, staying) = streams.into_iter().enumerate().partition::<Vec<_>, _>(|(n, _)| n % 2 == 0);
    drop(leaving);
    upstream.wait_until(|counts| counts.aborted == STREAMS / 2).await.unwrap();
    gate.open();
    for (_, stream) in staying {
        let text = stream.whole().await.unwrap().text();
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    }

    let all = STREAMS + 2;
    let events = gateway.usage(&project, all).await.unwrap();
    let ids: BTreeSet<_> = events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((events.len(), ids.len()), (all, all));
    let with = |outcome: &str| events.iter().filter(|event| event["outcome"] == outcome).count();
    assert_eq!((with("completed"), with("caller_cancelled")), (all - STREAMS / 2, STREAMS / 2));
    assert!(events.iter().all(|event| event["tokens"]["input"].as_u64().is_some()), "{}", events[0]);

    let metrics = Client::new();
    let url = format!("{}/metrics", gateway.proxy);
    eventually("no open stream", Duration::from_secs(20), || async {
        let text = metrics.get(&url).await.ok()?.text();
        text.lines()
            .any(|line| line.starts_with("promptgate_streams_open") && line.ends_with(" 0"))
            .then_some(())
    })
    .await
    .unwrap();

    // Idle connections go when the upstream closes them.
    upstream.stop().await;
    eventually("the files of before", Duration::from_secs(30), || async {
        (gateway.process().open_files().ok()? <= files_before + 2).then_some(())
    })
    .await
    .unwrap_or_else(|error| {
        panic!("{error}: {files_before} before, {:?} now", gateway.process().open_files())
    });
    gateway.stop().await.unwrap();
}
