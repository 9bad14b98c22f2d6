//! The server's connections.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reply::Step;
use super::{Counts, SeenRequest, Shared};

type Body = UnsyncBoxBody<Bytes, io::Error>;

pub(super) async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else { continue };
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        tasks.spawn(async move {
            let _ = socket.set_nodelay(true);
            shared.counts.send_modify(|counts| {
                counts.connections += 1;
                counts.connections_ever += 1;
            });
            let answering = Arc::clone(&shared);
            let service = service_fn(move |request| answer(request, Arc::clone(&answering)));
            let builder = auto::Builder::new(TokioExecutor::new());
            tokio::select! {
                () = stop.cancelled() => {}
                _ = builder.serve_connection(TokioIo::new(socket), service) => {}
            }
            shared.counts.send_modify(|counts| counts.connections -= 1);
        });
    }
}

/// Counts an answer as aborted unless it came to its end.
struct InFlight {
    shared: Arc<Shared>,
    finished: bool,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shared.counts.send_modify(|counts: &mut Counts| {
            counts.in_flight -= 1;
            if self.finished {
                counts.finished += 1;
            } else {
                counts.aborted += 1;
            }
        });
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let path = head.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let seen = SeenRequest { method: head.method, path, headers: head.headers, body };
    let (queued, otherwise) = {
        let mut script = shared.script();
        script.seen.push(seen.clone());
        (script.queue.pop_front(), Arc::clone(&script.otherwise))
    };
    shared.counts.send_modify(|counts| {
        counts.requests += 1;
        counts.in_flight += 1;
    });
    let mut in_flight = InFlight { shared, finished: false };
    let reply = queued.unwrap_or_else(|| otherwise(&seen));

    for step in reply.before_head {
        match step {
            Step::Wait(gate) => gate.pass().await,
            Step::Stall => std::future::pending().await,
            Step::Drop | Step::Chunk(_) => {
                in_flight.finished = true;
                return Err(dropped());
            }
        }
    }
    let body = match reply.whole {
        Some(whole) if reply.steps.is_empty() => {
            in_flight.finished = true;
            Full::new(whole).map_err(|never: Infallible| match never {}).boxed_unsync()
        }
        Some(whole) => steps(std::iter::once(Step::Chunk(whole)).chain(reply.steps), in_flight),
        None => steps(reply.steps.into_iter(), in_flight),
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
}

fn steps(steps: impl Iterator<Item = Step> + Send + 'static, in_flight: InFlight) -> Body {
    let frames = stream::unfold((steps, Some(in_flight)), |(mut steps, mut in_flight)| async move {
        loop {
            match steps.next() {
                Some(Step::Chunk(piece)) => {
                    // Pending once, so that the server flushes what went before.
                    tokio::task::yield_now().await;
                    return Some((Ok(Frame::data(piece)), (steps, in_flight)));
                }
                Some(Step::Wait(gate)) => gate.pass().await,
                Some(Step::Stall) => std::future::pending().await,
                Some(Step::Drop) => {
                    // What was sent before is flushed first.
                    tokio::task::yield_now().await;
                    finish(in_flight.take());
                    return Some((Err(dropped()), (steps, in_flight)));
                }
                None => {
                    finish(in_flight.take());
                    return None;
                }
            }
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

fn finish(in_flight: Option<InFlight>) {
    if let Some(mut in_flight) = in_flight {
        in_flight.finished = true;
    }
}

fn dropped() -> io::Error {
    io::Error::other("the script closes the connection here")
}
