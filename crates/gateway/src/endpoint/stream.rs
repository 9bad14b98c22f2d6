//! A streamed answer of an endpoint: chat completions in the dress of the surface, whose end waits
//! until the conversation remembers it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::stream::RelayedStream;

const ERROR: &str = "data: {\"error\":";
const NOTHING: &str = "\"delta\":{}";
const EMPTY: &str = "\"delta\":{\"content\":\"\"}";
const DONE: &[u8] = b"data: [DONE]\n\n";

/// The body of a streamed answer.
pub(crate) struct TurnStream {
    inner: RelayedStream,
    /// Resolves when the turn is remembered, or is not going to be. A client that has seen the end of
    /// an answer may send its next turn at once.
    remembered: Option<oneshot::Receiver<()>>,
    /// The piece that completes the answer.
    last: Option<Bytes>,
}

impl TurnStream {
    pub(crate) fn new(inner: RelayedStream, remembered: oneshot::Receiver<()>) -> Self {
        Self { inner, remembered: Some(remembered), last: None }
    }

    /// The next piece for the client; `None` when there is no more.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.last.is_none() {
            let piece = ready!(self.inner.poll_next(cx)).map(dress);
            if self.remembered.is_none() || !self.inner.is_over() {
                return Poll::Ready(piece);
            }
            self.last = piece;
        }
        if let Some(remembered) = &mut self.remembered {
            // Whoever remembers may be gone; then nothing is.
            let _ = ready!(Pin::new(remembered).poll(cx));
            self.remembered = None;
        }
        Poll::Ready(self.last.take())
    }
}

/// Every chunk has a text, if an empty one; an error is told in the words of the surface, and then the
/// stream is done. Pieces are whole events, one line of data each.
fn dress(piece: Bytes) -> Bytes {
    let Ok(text) = std::str::from_utf8(&piece) else { return piece };
    if !text.contains(ERROR) && !text.contains(NOTHING) {
        return piece;
    }
    let mut dressed = Vec::with_capacity(text.len() + 64);
    for event in text.split_inclusive("\n\n") {
        match event.strip_prefix("data: ").filter(|_| event.starts_with(ERROR)) {
            Some(data) => dressed.extend_from_slice(&error(data)),
            None => dressed.extend_from_slice(event.replace(NOTHING, EMPTY).as_bytes()),
        }
    }
    dressed.into()
}

#[derive(Deserialize)]
struct Told {
    error: ToldError,
}

#[derive(Deserialize)]
struct ToldError {
    message: String,
    code: Option<String>,
}

#[derive(Serialize)]
struct Failure<'a> {
    ok: bool,
    error: &'a str,
    code: &'a str,
}

/// The event that ends a stream which fails, and the mark of its end.
fn error(data: &str) -> Vec<u8> {
    let told: Option<Told> = serde_json::from_str(data.trim()).ok();
    let (message, code) = told.map(|told| (told.error.message, told.error.code)).unwrap_or_default();
    // Codes of the gateway's own are stable; those of providers are not.
    let code = code.filter(|code| code.starts_with("upstream_"));
    let failure = Failure {
        ok: false,
        error: if message.is_empty() { "the provider failed in the middle of its answer" } else { &message },
        code: code.as_deref().unwrap_or("upstream_error_event"),
    };
    let mut event = b"event: error\ndata: ".to_vec();
    event.extend_from_slice(&serde_json::to_vec(&failure).expect("texts can be written as JSON"));
    event.extend_from_slice(b"\n\n");
    event.extend_from_slice(DONE);
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dressed(piece: &str) -> String {
        String::from_utf8(dress(Bytes::copy_from_slice(piece.as_bytes())).to_vec()).unwrap()
    }

    #[test]
    fn every_chunk_has_a_text_and_words_stay_as_they_are() {
        let words = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\\"delta\\\":{}\"}}]}\n\n";
        assert_eq!(dressed(words), words);
        let both =
            format!("{words}data: {{\"choices\":[{{\"index\":0,\"delta\":{{}}}}]}}\n\ndata: [DONE]\n\n");
        let expected = format!(
            "{words}data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"\"}}}}]}}\n\ndata: [DONE]\n\n"
        );
        assert_eq!(dressed(&both), expected);
    }

    #[test]
    fn an_error_is_told_once_and_then_the_stream_is_done() {
        let piece =
            ": ping\n\ndata: {\"error\":{\"message\":\"broke off\",\"code\":\"upstream_broken\"}}\n\n";
        assert_eq!(
            dressed(piece),
            ": ping\n\nevent: error\ndata: {\"ok\":false,\"error\":\"broke off\",\"code\":\"upstream_broken\"}\n\ndata: [DONE]\n\n"
        );
    }
}
