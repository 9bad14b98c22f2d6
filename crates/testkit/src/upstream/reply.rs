//! What a scripted upstream answers.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::sync::Semaphore;

/// Holds an answer back until the test lets it go on. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A closed gate.
    #[expect(clippy::new_without_default, reason = "a default gate would not say that it is closed")]
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets one waiting step pass, now or when it gets there.
    pub fn release(&self) {
        self.0.add_permits(1);
    }

    /// Lets everything pass from now on.
    pub fn open(&self) {
        self.0.close();
    }

    pub(super) async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Chunk(Bytes),
    Wait(Gate),
    Stall,
    Drop,
}

/// An answer: a head, then steps, each of which is carried out when the one before is through.
/// Every chunk is flushed by itself.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) before_head: Vec<Step>,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) whole: Option<Bytes>,
    pub(super) steps: Vec<Step>,
}

impl Reply {
    /// A status and an empty body.
    ///
    /// # Panics
    /// If `status` is no status.
    pub fn status(status: u16) -> Self {
        Self {
            before_head: Vec::new(),
            status: StatusCode::from_u16(status).expect("a test names a real status"),
            headers: HeaderMap::new(),
            whole: None,
            steps: Vec::new(),
        }
    }

    /// 200 with a JSON body, sent whole with its length.
    pub fn json(body: &serde_json::Value) -> Self {
        Self::status(200).with_json(body)
    }

    /// 200 with exactly these bytes, sent whole with their length, as JSON.
    pub fn json_bytes(body: impl Into<Bytes>) -> Self {
        Self::status(200).with_body("application/json", body)
    }

    /// 200 with an event stream, in exactly these pieces.
    pub fn sse<C: Into<Bytes>>(chunks: impl IntoIterator<Item = C>) -> Self {
        let reply = Self::status(200).header("content-type", "text/event-stream");
        chunks.into_iter().fold(reply, Self::chunk)
    }

    /// Never answers.
    pub fn never() -> Self {
        Self { before_head: vec![Step::Stall], ..Self::status(200) }
    }

    /// Closes the connection instead of answering.
    pub fn hang_up() -> Self {
        Self { before_head: vec![Step::Drop], ..Self::status(200) }
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn with_json(self, body: &serde_json::Value) -> Self {
        self.with_body("application/json", body.to_string())
    }

    /// The same with a body, sent whole with its length.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.whole = Some(body.into());
        self.header("content-type", content_type)
    }

    /// The same with one more header.
    ///
    /// # Panics
    /// If it is no header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a test names a real header");
        self.headers.append(name, HeaderValue::from_str(value).expect("a test sends a real header"));
        self
    }

    /// The same, but the head waits for a gate.
    #[must_use]
    pub fn held_by(mut self, gate: &Gate) -> Self {
        self.before_head.push(Step::Wait(gate.clone()));
        self
    }

    /// Then sends a piece.
    #[must_use]
    pub fn chunk(mut self, piece: impl Into<Bytes>) -> Self {
        self.steps.push(Step::Chunk(piece.into()));
        self
    }

    /// Then waits for a gate.
    #[must_use]
    pub fn wait(mut self, gate: &Gate) -> Self {
        self.steps.push(Step::Wait(gate.clone()));
        self
    }

    /// Then sends nothing more and keeps the connection.
    #[must_use]
    pub fn stall(mut self) -> Self {
        self.steps.push(Step::Stall);
        self
    }

    /// Then closes the connection, without ending the body.
    #[must_use]
    pub fn drop_connection(mut self) -> Self {
        self.steps.push(Step::Drop);
        self
    }
}

/// Cuts bytes into pieces of one length; the last may be shorter.
///
/// # Panics
/// If `length` is zero.
pub fn split_every(bytes: impl Into<Bytes>, length: usize) -> Vec<Bytes> {
    let bytes = bytes.into();
    bytes.chunks(length).map(|piece| bytes.slice_ref(piece)).collect()
}

/// Cuts bytes at positions, given in order.
///
/// # Panics
/// If a position is out of order or beyond the end.
pub fn split_at(bytes: impl Into<Bytes>, positions: &[usize]) -> Vec<Bytes> {
    let bytes = bytes.into();
    let starts = std::iter::once(0).chain(positions.iter().copied());
    let ends = positions.iter().copied().chain([bytes.len()]);
    starts.zip(ends).map(|(start, end)| bytes.slice(start..end)).collect()
}
