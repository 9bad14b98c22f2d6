//! A provider that does what its test says.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use promptgate_gateway::ports::{Upstream, UpstreamError, UpstreamRequest, UpstreamResponse};
use tokio::sync::Semaphore;

/// One thing that happens in the body of a scripted answer.
pub(crate) enum Step {
    /// A piece arrives.
    Piece(Bytes),
    /// Nothing happens until the test says so.
    Wait(Arc<Semaphore>),
    /// Nothing happens any more.
    Stall,
    /// The connection breaks.
    Break,
}

/// What the scripted provider does with a call.
pub(crate) enum Script {
    Fail(UpstreamError),
    NeverAnswer,
    Answer { status: u16, headers: Vec<(&'static str, &'static str)>, steps: Vec<Step> },
}

/// An answer in JSON.
pub(crate) fn json(status: u16, body: &str) -> Script {
    let headers = vec![("content-type", "application/json"), ("x-request-id", "req_upstream")];
    Script::Answer { status, headers, steps: vec![Step::Piece(Bytes::copy_from_slice(body.as_bytes()))] }
}

/// An answer that streams.
pub(crate) fn events(steps: Vec<Step>) -> Script {
    let headers = vec![("content-type", "text/event-stream; charset=utf-8")];
    Script::Answer { status: 200, headers, steps }
}

pub(crate) fn piece(text: &str) -> Step {
    Step::Piece(Bytes::copy_from_slice(text.as_bytes()))
}

/// Plays scripts, one a call.
#[derive(Default)]
pub(crate) struct ScriptedUpstream {
    scripts: Mutex<VecDeque<Script>>,
    requests: Mutex<Vec<UpstreamRequest>>,
    /// Calls that are neither answered to the end nor dropped.
    open: Arc<AtomicUsize>,
}

struct Opened(Arc<AtomicUsize>);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ScriptedUpstream {
    pub(crate) fn will(&self, script: Script) {
        self.scripts.lock().unwrap().push_back(script);
    }

    pub(crate) fn requests(&self) -> Vec<UpstreamRequest> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Upstream for ScriptedUpstream {
    async fn call(&self, request: UpstreamRequest) -> Result<UpstreamResponse, UpstreamError> {
        self.requests.lock().unwrap().push(request);
        let script = self.scripts.lock().unwrap().pop_front().expect("a script for every call");
        self.open.fetch_add(1, Ordering::SeqCst);
        let opened = Opened(Arc::clone(&self.open));
        match script {
            Script::Fail(error) => Err(error),
            Script::NeverAnswer => {
                std::future::pending::<()>().await;
                drop(opened);
                unreachable!("pending never ends")
            }
            Script::Answer { status, headers, steps } => {
                let headers: HeaderMap = headers
                    .into_iter()
                    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                    .collect();
                let play = async |(mut steps, opened): (VecDeque<Step>, Opened)| loop {
                    match steps.pop_front()? {
                        Step::Piece(bytes) => return Some((Ok(bytes), (steps, opened))),
                        Step::Break => {
                            return Some((Err(UpstreamError::Broken("reset".into())), (steps, opened)));
                        }
                        Step::Stall => std::future::pending().await,
                        Step::Wait(gate) => gate.acquire().await.unwrap().forget(),
                    }
                };
                let body = stream::unfold((VecDeque::from(steps), opened), play).boxed();
                let status = StatusCode::from_u16(status).unwrap();
                Ok(UpstreamResponse { status, headers, body, waited: Duration::ZERO })
            }
        }
    }
}
