//! What becomes of an answer: checked, remembered, kept for equal calls, told.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use promptgate_providers::Shape;
use promptgate_translate::{ChatAnswer, Context, Stop, read_error};
use promptgate_usage::{Outcome, TokenCounts};
use tokio::sync::oneshot;

use super::cache::{CACHE, keep, worth};
use super::conversation::Conversation;
use super::refusal::EndpointRefusal;
use super::reply::{Flat, Told, message_of};
use super::turn::{By, Question, Ready};
use crate::attend::Attended;
use crate::fault::Fault;
use crate::record::{Record, Spent, shortened};
use crate::refusal::Refusal;
use crate::relay::{Answer, Presence, Relayed};
use crate::relay_chat::{ChatCall, ChatReply, relay_chat};
use crate::reply::ReplyBody;
use crate::said::Said;
use crate::settle::{refuse, settle};

const SESSION: HeaderName = HeaderName::from_static("x-promptgate-session-id");

/// Answers a call that is ready.
pub(crate) async fn answer(ready: Ready, mut record: Box<Record>) -> Response<ReplyBody> {
    let (shared, presence) = (Arc::clone(&record.shared), Presence::default());
    let client = presence.clone();
    let (remembering, remembered) = oneshot::channel();
    let call = async move {
        let answered = answered(ready, &mut record, &client, remembering).await;
        (record, answered)
    };
    match Attended::new(call.boxed(), shared, presence).await {
        (record, Ok(relayed)) => settle(relayed, record).map(|body| body.in_conversation(remembered)),
        (record, Err(refusal)) => refuse(&refusal, record),
    }
}

async fn answered(
    ready: Ready,
    record: &mut Record,
    client: &Presence,
    remembering: oneshot::Sender<()>,
) -> Result<Relayed, Refusal> {
    let Ready { endpoint, said, conversation, by } = ready;
    let question = match by {
        By::Cache(kept) => {
            let (kept, flat) = *kept;
            record.note("answered from the response cache");
            record.model = Some(shortened(&kept.provider_model));
            if let Some(note) = &mut record.endpoint {
                note.cache_hit = true;
                note.cached_tokens = kept.total_tokens;
                note.saved = worth(&kept, note.per_thousand, &record.shared);
            }
            // It took nothing, so it counts nothing against the conversation either.
            let nothing = TokenCounts::default();
            if let Some(conversation) = &conversation {
                let shared = Arc::clone(&record.shared);
                conversation.remember(&said, flat.message(), &nothing, &shared).await?;
            }
            let hit = HeaderValue::from_static("hit");
            return Ok(told(&flat, conversation.as_ref(), hit, HeaderMap::new(), Spent::Nothing, record));
        }
        By::Provider(question) => *question,
    };
    let Question { request, candidates, timeouts, headers, caching, outgoing } = question;
    let stream = request.stream;
    let call = ChatCall { request, candidates, timeouts, headers, outgoing };
    let reply = relay_chat(call, record, client).await.map_err(EndpointRefusal::of_relay)?;
    let (answer, spent, passed) = match reply {
        ChatReply::Whole { answer, spent, headers } => (answer, spent, headers),
        ChatReply::Stream(mut relayed, said_in_it) if stream => {
            relayed.headers.insert(CACHE, caching.header());
            if let Some(conversation) = conversation {
                relayed.headers.insert(SESSION, session_header(&conversation));
                remember_later(conversation, said, said_in_it, remembering, record);
            }
            return Ok(relayed);
        }
        // A stream that nobody asked for cannot be checked, and nobody would read it.
        ChatReply::Stream(..) => {
            let provider = provider_name(record);
            return Err(EndpointRefusal::Failed { provider, fault: Fault::Broken }.into());
        }
        ChatReply::No(relayed) => return Err(rejected(relayed, record).into()),
    };

    let (tokens, _) = record.count(&spent);
    record.note_spent(&spent);
    let Told { flat, text, message } = Told::of(&answer, &context(&answer, record), &tokens);
    endpoint.check_output(&text, flat.calls_tools()).map_err(EndpointRefusal::Output)?;
    let shared = Arc::clone(&record.shared);
    // What the model broke off is told, and goes no further.
    let is_broken_off = answer.stop == Stop::Error;
    if let Some(conversation) = conversation.as_ref().filter(|_| !is_broken_off) {
        conversation.remember(&said, message, &tokens, &shared).await?;
    }
    let answered_by = (provider_name(record), record.model.clone().unwrap_or_default());
    if !is_broken_off {
        keep(&caching, &flat, &endpoint, answered_by, &tokens, &shared).await;
    }
    let mut relayed = told(&flat, conversation.as_ref(), caching.header(), passed, spent, record);
    if let Answer::Whole { outcome, code, .. } = &mut relayed.answer
        && is_broken_off
    {
        (*outcome, *code) = (Outcome::UpstreamFailed, Some(Fault::Broken.code()));
    }
    Ok(relayed)
}

/// What the answer is called where its provider does not say.
fn context(answer: &ChatAnswer, record: &Record) -> Context {
    Context {
        id: format!("chatcmpl-{}", record.id),
        model: answer.model.clone().or_else(|| record.model.clone()).unwrap_or_default(),
        created: record.shared.clock.now().as_seconds(),
        include_usage: false,
    }
}

fn told(
    flat: &Flat,
    conversation: Option<&Conversation>,
    cache: HeaderValue,
    mut headers: HeaderMap,
    spent: Spent,
    record: &Record,
) -> Relayed {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE, cache);
    if let Some(conversation) = conversation {
        headers.insert(SESSION, session_header(conversation));
    }
    let body = flat.body(record.request_id_text(), conversation.map(|conversation| conversation.id));
    let (body, outcome) = (Bytes::from(body), Outcome::Completed);
    let answer = Answer::Whole { body, spent, outcome, code: None, chat: None, shown: None, refused: None };
    Relayed::new(StatusCode::OK, headers, answer)
}

fn session_header(conversation: &Conversation) -> HeaderValue {
    HeaderValue::from_str(&conversation.id.to_string()).expect("an id is hexadecimal digits and hyphens")
}

/// Remembers a turn when its stream is over, also when its client does not wait for that. Until then
/// the end of the stream is held back.
fn remember_later(
    conversation: Conversation,
    said: Vec<promptgate_endpoints::Message>,
    said_in_it: oneshot::Receiver<Said>,
    remembering: oneshot::Sender<()>,
    record: &Record,
) {
    let shared = Arc::clone(&record.shared);
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        if let Ok(heard) = said_in_it.await
            && heard.is_complete
        {
            let message = message_of(&heard.summary);
            if let Err(refused) = conversation.remember(&said, message, &heard.tokens, &shared).await {
                tracing::warn!(
                    session.id = %conversation.id,
                    reason = refused.code(),
                    "a streamed turn is not remembered"
                );
            }
        }
        // Nobody may be waiting any more.
        let _ = remembering.send(());
    });
}

/// A no of a provider, which speaks of a request that this surface's client has not written.
fn rejected(relayed: Relayed, record: &Record) -> EndpointRefusal {
    let Relayed { status, headers, answer, .. } = relayed;
    let (body, code) = match answer {
        Answer::Whole { body, code, .. } => (body, code),
        Answer::Stream(_) => (Bytes::new(), None),
    };
    let said = read_error(Shape::ChatCompletions, &body).map(|error| error.message);
    let said = said.filter(|said| !said.is_empty()).map_or_else(String::new, |said| format!(": {said}"));
    let message = format!("the provider `{}` answered {}{said}", provider_name(record), status.as_u16());
    let seconds = headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
    let retry_after = seconds.map(Duration::from_secs);
    EndpointRefusal::Rejected { message, code: code.unwrap_or("upstream_rejected"), retry_after }
}

fn provider_name(record: &Record) -> String {
    record.provider.as_ref().map_or_else(String::new, |provider| provider.provider.name.as_str().to_owned())
}
