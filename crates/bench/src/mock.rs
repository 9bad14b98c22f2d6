//! The upstream: a chat model that answers at once.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use serde_json::json;

/// How many events a stream has before its end mark.
pub(crate) const EVENTS: usize = 40;

pub(crate) async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let whole = Bytes::from(completion());
    let events: Vec<Bytes> = events().into_iter().map(Bytes::from).collect();
    crate::server::serve(listen, move |request| answer(request, whole.clone(), events.clone())).await
}

async fn answer(
    request: Request<Incoming>,
    whole: Bytes,
    events: Vec<Bytes>,
) -> Result<Response<Either<Full<Bytes>, Events>>, Infallible> {
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let streams = body.windows(13).any(|window| window == b"\"stream\":true");
    let (kind, body) = if streams {
        ("text/event-stream", Either::Right(Events { left: events, yielded: false }))
    } else {
        ("application/json", Either::Left(Full::new(whole)))
    };
    Ok(Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .body(body)
        .expect("static header names are valid"))
}

/// One frame an event, with a turn of the scheduler between them, so that each is written on its
/// own, as a model's events are.
struct Events {
    left: Vec<Bytes>,
    yielded: bool,
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        if !self.yielded {
            self.yielded = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.yielded = false;
        let event = self.left.remove(0);
        Poll::Ready(Some(Ok(Frame::data(event))))
    }
}

fn completion() -> String {
    let text = "The gateway says who is calling, whether they may, and what it costs. ".repeat(9);
    json!({
        "id": "chatcmpl-bench", "object": "chat.completion", "created": 1_700_000_000, "model": "bench",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 150, "total_tokens": 350}
    })
    .to_string()
}

fn events() -> Vec<String> {
    let chunk = |choices: serde_json::Value, usage: serde_json::Value| {
        let chunk = json!({
            "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "bench",
            "choices": choices, "usage": usage
        });
        format!("data: {chunk}\n\n")
    };
    let mut events: Vec<String> = (0..EVENTS - 1)
        .map(|number| {
            let reason = if number == EVENTS - 2 { json!("stop") } else { json!(null) };
            let delta = json!({"content": "some words "});
            chunk(json!([{"index": 0, "delta": delta, "finish_reason": reason}]), json!(null))
        })
        .collect();
    events
        .push(chunk(json!([]), json!({"prompt_tokens": 200, "completion_tokens": 80, "total_tokens": 280})));
    events.push("data: [DONE]\n\n".into());
    events
}
