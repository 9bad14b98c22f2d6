//! Answers.

use bytes::Bytes;
use promptgate_providers::Operation;
use promptgate_usage::TokenCounts;

use crate::{ApiProblem, Surface};

/// What an answer was seen to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Tokens by class, as far as the provider told in a believable way.
    pub tokens: Option<TokenCounts>,
    /// Whether the answer broke off before the provider told the final numbers: what was read is
    /// the provider's count, what was written is estimated from the text.
    pub partial: bool,
    /// Bytes of text that the model wrote; for estimates.
    pub output_bytes: u64,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// The provider's identity of the answer.
    pub response_id: Option<String>,
    /// Whether a stream came to its proper end.
    pub ended: bool,
    /// Whether the provider reported an error inside the answer.
    pub error_event: bool,
}

/// Watches an answer go by.
#[derive(Debug)]
pub struct Observer {
    operation: Operation,
}

impl Observer {
    /// An observer of one answer. With `hide_usage` the event of an OpenAI stream that carries
    /// nothing but usage is withheld, because the client did not ask for it.
    pub fn new(operation: Operation, streamed: bool, hide_usage: bool) -> Self {
        let _ = (streamed, hide_usage);
        Self { operation }
    }

    /// Looks at the next piece and returns what the client gets now: the piece itself, or with
    /// `hide_usage` what is surely not the withheld event. May be empty.
    pub fn observe(&mut self, chunk: Bytes) -> Bytes {
        let _ = self.operation;
        chunk
    }

    /// What is still held back when the answer is over; the client gets it. Often empty.
    pub fn end(&mut self) -> Bytes {
        unimplemented!()
    }

    /// The event that ends a stream that fails now. It stands alone even when the client got only
    /// a part of the event before it; what is held back is dropped.
    pub fn fail(&mut self, surface: Surface, problem: &ApiProblem) -> Bytes {
        let _ = (surface, problem);
        unimplemented!()
    }

    /// What was seen so far; for the settlement of a call that ends here, in whichever way.
    pub fn observed(&self) -> Observed {
        unimplemented!()
    }

    /// What was seen.
    pub fn finish(self) -> Observed {
        self.observed()
    }
}

/// What an answer is that is there as a whole.
pub fn observe_whole(operation: Operation, body: &[u8]) -> Observed {
    let mut observer = Observer::new(operation, false, false);
    observer.observe(Bytes::copy_from_slice(body));
    observer.finish()
}
