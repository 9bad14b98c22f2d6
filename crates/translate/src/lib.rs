//! Between the vendors' wire formats.
//!
//! [`ChatRequest`] and [`ChatAnswer`] say what a chat is in no vendor's words. Each format has a
//! module that reads into them and writes from them, whole and as a stream. The crate does no I/O.

mod error;
mod model;

pub use error::{Unreadable, Untranslatable};
pub use model::{
    Block, Cache, ChatAnswer, ChatRequest, Extra, Json, Message, Opening, OutputFormat, ProviderError,
    Reasoning, Role, Sampling, Source, Stop, StreamEvent, Tool, ToolChoice, Weight,
};
