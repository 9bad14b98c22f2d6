//! OpenAI Chat Completions, <https://platform.openai.com/docs/api-reference/chat>, and the services
//! that imitate it.
//!
//! Besides what OpenAI documents, thoughts are read and written as OpenRouter has them:
//! `reasoning_content` for people and `reasoning_details` for what must come back byte for byte.

mod answer;
mod content;
mod history;
mod read;
mod reader;
mod thought;
mod write;
mod writer;

use bytes::Bytes;

use crate::ProviderError;

pub use answer::{read_answer, write_answer};
pub use read::read_request;
pub(crate) use read::{foreign_choice, note_others, read_allowed, read_cache, read_mode, read_schema};
pub use reader::Reader;
pub use write::write_request;
pub(crate) use write::{hint, openai_extras, short_user, write_schema};
pub use writer::Writer;

/// Reads the error that a provider answered.
pub fn read_error(body: &[u8]) -> Option<ProviderError> {
    crate::openai::read_error(body)
}

/// Writes an error for a client.
pub fn write_error(status: u16, error: &ProviderError, request_id: &str) -> Bytes {
    crate::openai::write_error(status, error, request_id)
}
