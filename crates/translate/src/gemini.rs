//! Gemini's `generateContent` and `streamGenerateContent`, <https://ai.google.dev/api/generate-content>.

mod answer;
mod contents;
mod reader;
mod usage;
mod write;

pub use answer::{read_answer, read_error};
pub use reader::Reader;
pub use write::write_request;
