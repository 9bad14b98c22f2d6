//! Anthropic messages, <https://docs.anthropic.com/en/api/messages>.

mod answer;
mod blocks;
mod reader;
mod request;
mod thinking;
mod turns;
mod usage;
mod write;
mod writer;

pub use answer::{read_answer, read_error, write_answer, write_error};
pub use reader::Reader;
pub use request::read_request;
pub(crate) use usage::write as write_usage;
pub use write::write_request;
pub use writer::Writer;
