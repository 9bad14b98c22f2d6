//! Cohere chat, version 2, <https://docs.cohere.com/reference/chat>.

mod answer;
mod history;
mod reader;
mod write;

pub use answer::{read_answer, read_error};
pub use reader::Reader;
pub use write::write_request;
