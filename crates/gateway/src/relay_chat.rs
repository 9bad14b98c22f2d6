//! Chats in no vendor's words, for surfaces that have their own.

use std::sync::Arc;

use http::HeaderMap;
use promptgate_providers::{Operation, Timeouts};
use promptgate_translate::{ChatAnswer, ChatRequest};
use tokio::sync::oneshot;

use crate::candidate::{Ask, Candidate};
use crate::outgoing::Outgoing;
use crate::prepare::Prepared;
use crate::record::{Record, Spent};
use crate::refusal::Refusal;
use crate::relay::{Answer, Presence, Relayed, relay};
use crate::said::{Said, Tap};

/// A chat, and who may answer it.
pub(crate) struct ChatCall {
    /// What is asked; `stream` decides whether the answer is one.
    pub(crate) request: Arc<ChatRequest>,
    /// Who may answer, in the order in which they are asked.
    pub(crate) candidates: Vec<Candidate>,
    /// How long it may take, where the surface says it.
    pub(crate) timeouts: Timeouts,
    /// The client's headers.
    pub(crate) headers: HeaderMap,
    /// What guardrails do with the answer.
    pub(crate) outgoing: Outgoing,
}

/// What came of it.
pub(crate) enum ChatReply {
    /// An answer.
    Whole {
        /// What was said.
        answer: Box<ChatAnswer>,
        /// What it took; for the settlement.
        spent: Spent,
        /// What of the provider's headers the client gets.
        headers: HeaderMap,
    },
    /// A stream of chat completions, ready to be settled, and what it said when it is over.
    Stream(Relayed, oneshot::Receiver<Said>),
    /// The provider said no, in a body of the shape of chat completions.
    No(Relayed),
}

/// Calls the candidates in their order until one answers.
pub(crate) async fn relay_chat(
    call: ChatCall,
    record: &mut Record,
    client: &Presence,
) -> Result<ChatReply, Refusal> {
    let ChatCall { request, candidates, timeouts, headers, outgoing } = call;
    let stream = request.stream;
    let operation = Operation::ChatCompletions;
    let mut prepared = Prepared::new(operation, Ask::Chat(request), candidates, headers, stream);
    prepared.timeouts = timeouts;
    prepared.outgoing = outgoing;
    let mut relayed = relay(&prepared, record, client).await?;
    if let Answer::Stream(opened) = &mut relayed.answer {
        let (tap, said) = Tap::new();
        opened.listen(tap);
        return Ok(ChatReply::Stream(relayed, said));
    }
    match relayed {
        Relayed { answer: Answer::Whole { chat: Some(answer), spent, .. }, headers, .. } => {
            Ok(ChatReply::Whole { answer, spent, headers })
        }
        Relayed { answer: Answer::Whole { refused: Some(refusal), spent, .. }, .. } => {
            record.note_spent(&spent);
            Err(*refusal)
        }
        no => Ok(ChatReply::No(no)),
    }
}
