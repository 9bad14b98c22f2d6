//! Making a claimed call, for its client and for those who ask again.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::select;
use http::{Response, StatusCode, response};
use http_body::Body;
use http_body_util::BodyExt;
use promptgate_usage::RememberedAnswer;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tracing::Instrument;

use super::again::marks;
use super::claim::{Claim, in_time};
use super::outcome::{MAX_BODY, is_last_word, remembered};
use super::refusal::IdempotencyRefusal;
use crate::meter;
use crate::pipeline::Gateway;
use crate::receive::IncomingRequest;
use crate::record::{Ended, Record};
use crate::reply::ReplyBody;
use crate::settle::Private;
use crate::settle::turn_away;

/// So many pieces of a stream wait for a slow client.
const PIECES: usize = 16;
/// How often an outcome is brought to a store that is away, and after how long each time.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// What becomes of a claim.
enum End {
    /// The answer is kept.
    Keep(Box<RememberedAnswer>),
    /// The key is free again.
    Release,
}

impl Claim {
    /// Makes the call. It is made to its end, also when nobody waits for it any more.
    pub(super) async fn call(
        self,
        gateway: Gateway,
        request: IncomingRequest,
        mut record: Box<Record>,
    ) -> Response<ReplyBody> {
        let (surface, request_id) = (record.surface, record.request_id().clone());
        let (span, ended) = (record.span.clone(), record.ending());
        let (head, answered) = oneshot::channel();
        let tasks = self.shared.tasks.clone();
        let call = async move {
            let made = async {
                let response = gateway.dispatch(request, record).await;
                self.deliver(response, &ended, head).await;
            };
            // The other one never ends.
            select(made.boxed(), self.hold().boxed()).await;
        };
        tasks.spawn(call.instrument(span));
        match answered.await {
            Ok(response) => response,
            Err(_) => turn_away(&IdempotencyRefusal::Unavailable.into(), surface, &request_id),
        }
    }

    /// Passes an answer on and keeps it. It is kept before its end goes out: a client may ask again as
    /// soon as it has it.
    async fn deliver(
        &self,
        response: Response<ReplyBody>,
        ended: &OnceLock<Ended>,
        client: oneshot::Sender<Response<ReplyBody>>,
    ) {
        let (head, mut body) = response.into_parts();
        if body.size_hint().exact().is_some() {
            let whole = whole(body).await;
            let kept = (whole.len() <= MAX_BODY).then_some(&whole[..]);
            let end = self.end(&head, kept, ended);
            let is_done = self.finish(&end).await;
            // A client that left gets it when it comes back.
            let _ = client.send(Response::from_parts(head, ReplyBody::whole(whole)));
            return self.insist(is_done, &end).await;
        }
        let (pieces, passed_on) = mpsc::channel(PIECES);
        let _ = client.send(Response::from_parts(head.clone(), ReplyBody::passed_on(passed_on)));
        let mut client = Some(pieces);
        let mut kept = Some(BytesMut::new());
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(piece) = frame.into_data() else { continue };
            kept = kept.filter(|kept| kept.len() + piece.len() <= MAX_BODY);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(&piece);
            }
            if let Some(waiting) = &client
                && waiting.send(piece).await.is_err()
            {
                client = None;
            }
        }
        let end = self.end(&head, kept.as_deref(), ended);
        let is_done = self.finish(&end).await;
        drop(client);
        self.insist(is_done, &end).await;
    }

    fn end(&self, head: &response::Parts, body: Option<&[u8]>, ended: &OnceLock<Ended>) -> End {
        let status: StatusCode = head.status;
        let ended = ended.get();
        if !is_last_word(status, ended.map(|ended| ended.outcome)) {
            return End::Release;
        }
        let of = (self.key, self.call);
        // What left under tokens is written nowhere, not even sealed.
        let body = body.filter(|_| head.extensions.get::<Private>().is_none());
        let mut answer = remembered(status, &head.headers, body, of, &self.shared);
        answer.headers.extend(ended.into_iter().flat_map(marks));
        End::Keep(Box::new(answer))
    }

    /// Writes down what became of the claim; `false` if the store cannot be told.
    async fn finish(&self, end: &End) -> bool {
        let (store, now) = (&self.shared.idempotency, self.shared.clock.now());
        let done = match end {
            End::Keep(answer) => {
                let until = now.plus(self.shared.limits.idempotency_ttl);
                in_time(store.complete(self.key, self.call, answer, until)).await
            }
            End::Release => in_time(store.release(self.key, self.call)).await,
        };
        if done == Some(false) {
            tracing::warn!(call.id = %self.call, "the claim of an idempotency key was lost");
        }
        done.is_some()
    }

    /// Goes on telling the store. The claim is renewed meanwhile, so that the call is not made twice.
    async fn insist(&self, mut is_done: bool, end: &End) {
        for _ in 0..TRIES {
            if is_done {
                return;
            }
            sleep(BETWEEN_TRIES).await;
            is_done = self.finish(end).await;
        }
        if !is_done {
            meter::once("lost");
            tracing::error!(call.id = %self.call, "the outcome of a call with an idempotency key is lost");
        }
    }
}

async fn whole(body: ReplyBody) -> Bytes {
    match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(never) => match never {},
    }
}
