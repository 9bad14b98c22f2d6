//! OpenAI Responses, <https://platform.openai.com/docs/api-reference/responses>.
//!
//! A translated answer is kept nowhere, so what refers to an earlier one is refused. Reasoning goes
//! to clients as items whose `encrypted_content` holds what the vendor wants back.

mod answer;
mod input;
mod items;
mod output;
mod read;
mod reader;
mod write;
mod writer;

use bytes::Bytes;

use crate::ProviderError;
use crate::members::Members;

pub use answer::{read_answer, write_answer};
pub use read::read_request;
pub use reader::Reader;
pub use write::write_request;
pub use writer::Writer;

/// Reads the error that a provider answered, whole or as the event of a stream.
pub fn read_error(body: &[u8]) -> Option<ProviderError> {
    let failed = || {
        let event = Members::of(std::str::from_utf8(body).ok()?)?;
        let error = event.lenient_members("response")?.get("error")?;
        Some(crate::openai::error_of(&error))
    };
    crate::openai::read_error(body).or_else(failed)
}

/// Writes an error for a client.
pub fn write_error(status: u16, error: &ProviderError, request_id: &str) -> Bytes {
    crate::openai::write_error(status, error, request_id)
}
