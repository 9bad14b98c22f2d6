//! Bodies of requests, read within bounds.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::bodies::{BodyRoom, Held, NoRoom};
use crate::pipeline::Shared;
use crate::receive::RequestBody;
use crate::record::Record;
use crate::refusal::Refusal;

/// A body up to this size has mostly arrived together with its head.
const SMALL: u64 = 64 * 1024;
const LINGER_BYTES: u64 = 64 * 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(5);
const LARGEST_FIRST_BUFFER: usize = 256 * 1024;

/// A body that is still to be read.
///
/// Dropped unread, a large one is thrown away piece by piece for a while: a client that is still
/// sending reads the answer only when it is done, and would otherwise see a broken connection.
pub(crate) struct Upload {
    body: Option<RequestBody>,
    declared: Option<u64>,
    limit: usize,
    time: Duration,
    tasks: TaskTracker,
    bodies: BodyRoom,
    room: Held,
}

impl Upload {
    pub(crate) fn new(body: RequestBody, headers: &HeaderMap, shared: &Arc<Shared>) -> Self {
        let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Self {
            declared,
            limit: shared.limits.max_request_bytes,
            time: shared.limits.upload_timeout,
            tasks: shared.tasks.clone(),
            bodies: shared.bodies.clone(),
            room: Held::default(),
            body: Some(body),
        }
    }

    /// The whole body, unless it is too large, too slow, or breaks off. The call has what room it takes.
    pub(crate) async fn read(mut self, record: &mut Record) -> Result<Bytes, Refusal> {
        let waiting = Instant::now();
        self.room = std::mem::take(&mut record.request_room);
        let body = self.in_time().await?;
        record.request_room = std::mem::take(&mut self.room);
        record.timing.uploaded(waiting);
        Ok(body)
    }

    async fn in_time(&mut self) -> Result<Bytes, Refusal> {
        let limit = self.limit;
        if self.declared.is_some_and(|declared| declared > limit as u64) {
            return Err(Refusal::BodyTooLarge { limit });
        }
        let time = self.time;
        match tokio::time::timeout(time, self.collect()).await {
            Ok(result) => result,
            Err(_) => Err(Refusal::SlowUpload { limit: time }),
        }
    }

    async fn collect(&mut self) -> Result<Bytes, Refusal> {
        let Some(body) = &mut self.body else { return Ok(Bytes::new()) };
        let mut first: Option<Bytes> = None;
        let mut buffer = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refusal::BrokenUpload)?;
            let Ok(chunk) = frame.into_data() else { continue };
            let so_far = first.as_ref().map_or(0, Bytes::len) + buffer.len();
            if so_far + chunk.len() > self.limit {
                return Err(Refusal::BodyTooLarge { limit: self.limit });
            }
            let room = self.bodies.grow(&mut self.room, so_far + chunk.len());
            room.map_err(|NoRoom| Refusal::NoRoomForBody)?;
            // Most bodies are one piece, which needs no copy.
            match (first.take(), buffer.is_empty()) {
                (None, true) => first = Some(chunk),
                (earlier, _) => {
                    if let Some(earlier) = earlier {
                        let expected = self.declared.and_then(|length| usize::try_from(length).ok());
                        let wanted = expected.unwrap_or(earlier.len() + chunk.len());
                        buffer.reserve(wanted.min(LARGEST_FIRST_BUFFER));
                        buffer.extend_from_slice(&earlier);
                    }
                    buffer.extend_from_slice(&chunk);
                }
            }
        }
        self.body = None;
        Ok(first.unwrap_or_else(|| buffer.freeze()))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take() else { return };
        let small = self.declared.is_some_and(|declared| declared <= SMALL);
        if small || body.is_end_stream() {
            return;
        }
        // Outside a runtime there is no connection to keep either.
        let Ok(runtime) = Handle::try_current() else { return };
        let discard = async move {
            let mut left = LINGER_BYTES;
            while let Some(Ok(frame)) = body.frame().await {
                let size = frame.data_ref().map_or(0, |data| data.len() as u64);
                match left.checked_sub(size) {
                    Some(rest) => left = rest,
                    None => return,
                }
            }
        };
        self.tasks.spawn_on(
            async move {
                let _ = tokio::time::timeout(LINGER_TIME, discard).await;
            },
            &runtime,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::{StreamExt, stream};
    use http_body::Frame;
    use http_body_util::StreamBody;

    type Piece = Result<&'static str, std::io::Error>;

    fn upload(pieces: Vec<Piece>, declared: Option<u64>, limit: usize) -> Upload {
        let frames = stream::iter(pieces)
            .map(|piece| piece.map(|text| Frame::data(Bytes::from(text))).map_err(Into::into));
        Upload {
            body: Some(RequestBody::new(StreamBody::new(frames))),
            declared,
            limit,
            time: Duration::from_secs(5),
            tasks: TaskTracker::new(),
            bodies: BodyRoom::new(2 * 64 * 1024),
            room: Held::default(),
        }
    }

    #[tokio::test]
    async fn pieces_are_joined_up_to_the_limit() {
        for pieces in [vec![Ok("12345678")], vec![Ok("123"), Ok("45"), Ok("678")]] {
            assert_eq!(upload(pieces, None, 8).in_time().await.unwrap(), "12345678");
        }
        let refused = upload(vec![Ok("1234"), Ok("56789")], None, 8).in_time().await;
        assert_eq!(refused, Err(Refusal::BodyTooLarge { limit: 8 }));
        assert_eq!(upload(vec![], None, 8).in_time().await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_declared_length_is_believed_before_anything_is_read() {
        let refused = upload(vec![Ok("1")], Some(9), 8).in_time().await;
        assert_eq!(refused, Err(Refusal::BodyTooLarge { limit: 8 }));
    }

    #[tokio::test]
    async fn large_bodies_share_the_memory_of_the_process() {
        let large: &'static str = "x".repeat(100 * 1024).leak();
        let limit = 1024 * 1024;
        let mut one = upload(vec![Ok(large), Ok("y")], None, limit);
        let bodies = one.bodies.clone();
        let other = |pieces| {
            let mut other = upload(pieces, None, limit);
            other.bodies = bodies.clone();
            other
        };
        assert_eq!(one.in_time().await.unwrap().len(), large.len() + 1);
        assert_eq!(other(vec![Ok(large), Ok(large)]).in_time().await, Err(Refusal::NoRoomForBody));
        assert_eq!(other(vec![Ok("small")]).in_time().await.unwrap(), "small", "small ones go on");
        drop(one);
        assert!(other(vec![Ok(large)]).in_time().await.is_ok());
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_said_to() {
        let broken = upload(vec![Ok("1"), Err(std::io::Error::other("reset"))], None, 8).in_time().await;
        assert_eq!(broken, Err(Refusal::BrokenUpload));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_given_up() {
        let mut slow = upload(vec![], None, 8);
        slow.body = Some(RequestBody::new(StreamBody::new(stream::pending())));
        assert_eq!(slow.in_time().await, Err(Refusal::SlowUpload { limit: Duration::from_secs(5) }));
    }

    #[tokio::test]
    async fn an_unread_body_is_thrown_away_in_the_background() {
        let read = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&read);
        let frames = stream::iter(0..10).map(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(Frame::data(Bytes::from_static(b"x")))
        });
        let mut unread = upload(vec![], None, 8);
        unread.body = Some(RequestBody::new(StreamBody::new(frames)));
        let tasks = unread.tasks.clone();
        drop(unread);
        tasks.close();
        tasks.wait().await;
        assert_eq!(read.load(Ordering::SeqCst), 10);
    }
}
