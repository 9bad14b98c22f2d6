//! Between the vendors' wire formats.
//!
//! [`ChatRequest`] and [`ChatAnswer`] say what a chat is in no vendor's words. Each format has a
//! module that reads into them and writes from them, whole and as a stream. The crate does no I/O.

pub mod chat;
pub mod cohere;
pub mod count;
pub mod embeddings;
pub mod gemini;
pub mod messages;
pub mod prompt;
pub mod responses;
pub mod sse;
pub mod summary;

mod arguments;
mod compose;
mod counts;
mod demands;
mod effort;
mod error;
mod facade;
mod gather;
mod ids;
mod maker;
mod media;
mod members;
mod model;
mod openai;
mod sequence;
mod stream;
mod target;

pub use facade::{read_answer, read_error, read_request, write_answer, write_error, write_request};
pub use error::{Unreadable, Untranslatable};
pub use model::{
    Block, Cache, ChatAnswer, ChatRequest, Extra, Json, Message, Number, Opening, OutputFormat,
    ProviderError, Reasoning, Role, Sampling, Source, Stop, StreamEvent, Tool, ToolChoice, Weight,
};
pub use stream::StreamTranslator;
pub use target::{Context, Failure, Outgoing, Seen, Target};
