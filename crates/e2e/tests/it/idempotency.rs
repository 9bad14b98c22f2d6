//! A request that is sent again is answered from the outcome of the first one.

use std::time::Duration;

use promptgate_e2e::{Client, Gateway, Installation, Project, Response, Stream};
use promptgate_testkit::upstream::{Gate, Reply, ScriptedUpstream};
use serde_json::{Value, json};

const FIRST: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"first\"}}]}\n\n";
const REST: &str = concat!(
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":31,\"completion_tokens\":17,\"total_tokens\":48}}\n\n",
    "data: [DONE]\n\n",
);

/// A client that sends the same request again and again.
struct Sender {
    client: Client,
    url: String,
}

impl Sender {
    fn new(project: &Project, key: &str) -> Self {
        let client = Client::new().bearer(&project.token).header("idempotency-key", key);
        Self { client, url: project.url("/v1/chat/completions") }
    }

    fn at(&self, proxy: &str, project: &Project) -> Self {
        let url = format!("{proxy}/api/{}/v1/chat/completions", project.id);
        Self { client: self.client.clone(), url }
    }

    async fn send(&self, stream: bool) -> Response {
        self.stream(stream).await.whole().await.unwrap()
    }

    async fn stream(&self, stream: bool) -> Stream {
        self.client.stream(&self.url, &body(stream)).await.unwrap()
    }
}

fn body(stream: bool) -> Value {
    json!({"model": "up:m", "stream": stream, "messages": [{"role": "user", "content": "Hello"}],
        "stream_options": stream.then(|| json!({"include_usage": true}))})
}

fn answer() -> Reply {
    Reply::json(&json!({"id": "c", "object": "chat.completion", "model": "m", "created": 1, "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    ], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}))
}

async fn start(gateway: Gateway) -> (Gateway, Project, ScriptedUpstream) {
    let upstream = ScriptedUpstream::start().await.unwrap();
    gateway.provider("up", "openai_compatible", &format!("{}/v1", upstream.url())).await.unwrap();
    let project = gateway.project().await.unwrap();
    (gateway, project, upstream)
}

fn is_replay(answer: &Response) -> bool {
    answer.header("x-promptgate-idempotent-replay") == Some("true")
}

/// Rows of chats, once there is one.
async fn chats(gateway: &Gateway, project: &Project) -> Vec<Value> {
    let mut rows = gateway.usage(project, 2).await.unwrap();
    rows.retain(|row| row["operation"] == "chat_completions");
    rows
}

#[tokio::test]
async fn an_answered_request_is_answered_again_and_booked_once() {
    let installation = Installation::embedded().unwrap();
    let (gateway, project, upstream) = start(Gateway::run_all(&installation).await.unwrap()).await;
    upstream.enqueue(answer());
    upstream.enqueue(Reply::sse([FIRST, REST]));
    for (key, stream) in [("whole", false), ("stream", true)] {
        let sender = Sender::new(&project, key);
        let first = sender.send(stream).await;
        let again = sender.send(stream).await;
        assert_eq!((first.status.as_u16(), &first.body), (200, &again.body), "{}", first.text());
        assert!(!is_replay(&first) && is_replay(&again));
        for name in ["content-type", "x-promptgate-provider", "x-promptgate-cost", "x-promptgate-attempts"] {
            assert_eq!(first.header(name), again.header(name), "{name}");
        }
        let other = sender.client.post(&sender.url, &json!({"model": "up:m", "messages": []})).await.unwrap();
        assert_eq!(other.expect(422).unwrap()["error"]["code"], "idempotency_key_reused");
    }
    assert_eq!(upstream.requests().len(), 2);
    for sent in upstream.requests() {
        assert_eq!(sent.header("idempotency-key"), None);
    }
    gateway.usage(&project, 5).await.unwrap();
    let rows = chats(&gateway, &project).await;
    let done = rows.iter().filter(|row| row["outcome"] == "completed").count();
    assert_eq!((done, rows.len()), (2, 4), "two calls and two mistakes: {rows:?}");
    let bad = Client::new().bearer(&project.token).header("idempotency-key", "two words");
    let bad =
        bad.post(&project.url("/v1/chat/completions"), &body(false)).await.unwrap().expect(400).unwrap();
    assert_eq!(bad["error"]["param"], "Idempotency-Key");
}

#[tokio::test]
async fn a_client_that_left_finds_the_outcome() {
    let installation = Installation::embedded().unwrap();
    let (gateway, project, upstream) = start(Gateway::run_all(&installation).await.unwrap()).await;
    let gate = Gate::new();
    upstream.enqueue(Reply::sse([FIRST]).wait(&gate).chunk(REST));
    let sender = Sender::new(&project, "left");
    let mut stream = sender.stream(true).await;
    stream.read_until("first").await.unwrap();
    drop(stream);
    let elsewhere =
        Sender { client: Client::new().bearer(&project.token).header("idempotency-key", "left"), ..sender };
    let (again, ()) = tokio::join!(elsewhere.send(true), async {
        gate.open();
    });
    assert!(is_replay(&again) && again.text() == [FIRST, REST].concat(), "{}", again.text());
    assert_eq!((upstream.counts().aborted, upstream.requests().len()), (0, 1));
    let rows = chats(&gateway, &project).await;
    assert_eq!((rows.len(), &rows[0]["outcome"]), (1, &json!("completed")), "{rows:?}");
}

#[tokio::test]
async fn a_failed_request_is_made_again() {
    let installation = Installation::embedded().unwrap();
    let (gateway, project, upstream) = start(Gateway::run_all(&installation).await.unwrap()).await;
    upstream.enqueue(Reply::sse([FIRST]).drop_connection());
    upstream.enqueue(Reply::sse([FIRST, REST]));
    let sender = Sender::new(&project, "failed");
    let failed = sender.send(true).await;
    assert!(failed.text().contains("upstream_broken"), "{}", failed.text());
    let again = sender.send(true).await;
    assert!(!is_replay(&again) && again.text() == [FIRST, REST].concat(), "{}", again.text());
    assert_eq!(upstream.requests().len(), 2);
    gateway.usage(&project, 3).await.unwrap();
    assert_eq!(chats(&gateway, &project).await.len(), 2, "both calls were made");
}

#[tokio::test]
async fn a_repetition_at_another_replica_waits_for_the_first() {
    let installation = Installation::on_postgres().await.unwrap();
    let (gateway, project, upstream) = start(Gateway::replicated(&installation).await.unwrap()).await;
    let gate = Gate::new();
    upstream.enqueue(answer().held_by(&gate));
    let here = Sender::new(&project, "twice");
    let there = here.at(gateway.second_proxy.as_deref().unwrap(), &project);
    let (first, again, third, ()) = tokio::join!(
        here.send(false),
        async {
            upstream.request(1).await.unwrap();
            there.send(false).await
        },
        async {
            upstream.request(1).await.unwrap();
            here.send(false).await
        },
        async {
            upstream.request(1).await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
            gate.open();
        }
    );
    assert_eq!((first.status.as_u16(), &first.body, &first.body), (200, &again.body, &third.body));
    assert!(!is_replay(&first) && is_replay(&again) && is_replay(&third));
    assert_eq!(upstream.requests().len(), 1);
    gateway.usage(&project, 3).await.unwrap();
    assert_eq!(chats(&gateway, &project).await.len(), 1);
}

#[tokio::test]
async fn the_key_of_a_killed_process_is_free_again_soon() {
    let installation = Installation::on_postgres().await.unwrap();
    let (mut gateway, project, upstream) = start(Gateway::replicated(&installation).await.unwrap()).await;
    upstream.enqueue(Reply::never());
    upstream.enqueue(answer());
    let here = Sender::new(&project, "killed");
    let there = here.at(gateway.second_proxy.as_deref().unwrap(), &project);
    let proxy = gateway.processes.remove(1);
    let body = body(false);
    let lost = here.client.post(&here.url, &body);
    let (lost, ()) = tokio::join!(lost, async {
        upstream.request(1).await.unwrap();
        proxy.kill().unwrap();
    });
    assert!(lost.is_err(), "its process is dead");
    let again = tokio::time::timeout(Duration::from_secs(25), there.send(false)).await.unwrap();
    assert_eq!((again.status.as_u16(), is_replay(&again)), (200, false), "{}", again.text());
    assert_eq!(upstream.requests().len(), 2, "nobody knows what became of the first call");
}
