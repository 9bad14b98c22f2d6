//! The built-in provider: it answers with what was asked, in every shape, without a network.

use bytes::Bytes;
use promptgate_kernel::Timestamp;

use crate::{BadRequest, Envelope};

/// What an echoed answer says about itself.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// Makes its identity, such as a call's id.
    pub id: &'a str,
    /// The model that answers.
    pub model: &'a str,
    /// When it answers.
    pub at: Timestamp,
    /// Whether a stream of chat completions ends with usage.
    pub include_usage: bool,
}

/// The answer as a whole.
pub fn whole(envelope: &Envelope, reply: &Reply<'_>) -> Result<Bytes, BadRequest> {
    let _ = (envelope, reply);
    unimplemented!()
}

/// The answer as the events of a stream, word by word. Embeddings do not stream: one piece, whole.
pub fn events(envelope: &Envelope, reply: &Reply<'_>) -> Result<Vec<Bytes>, BadRequest> {
    let _ = (envelope, reply);
    unimplemented!()
}
