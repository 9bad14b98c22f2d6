//! Between the vendors' wire formats.
//!
//! [`ChatRequest`] and [`ChatAnswer`] say what a chat is in no vendor's words. Each format has a
//! module that reads into them and writes from them, whole and as a stream. The crate does no I/O,
//! and it fetches nothing that a request points to.
//!
//! Start at [`read_request`] and [`write_request`] for requests, [`read_answer`] and [`write_answer`]
//! for answers, and [`StreamTranslator`] for streams. What a target cannot say is refused by name if
//! it changes the meaning, or left out and reported if it is a hint.
//!
//! ```
//! use promptgate_providers::{Capabilities, Shape};
//! use promptgate_translate::{Target, read_request, write_request};
//!
//! let client = br#"{"model":"fast","messages":[{"role":"user","content":"hi"}],"top_k":5}"#;
//! let request = read_request(Shape::ChatCompletions, client)?;
//!
//! let capabilities = Capabilities::default();
//! let target = Target { model: "gpt-x", capabilities: &capabilities, stream: false };
//! let outgoing = write_request(Shape::Responses, &request, &target)?;
//! assert!(outgoing.body.starts_with(br#"{"model":"gpt-x","input":[{"type":"message","role":"user""#));
//! assert_eq!(outgoing.dropped, ["top_k"]);
//! # Ok::<(), promptgate_translate::Untranslatable>(())
//! ```

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
mod event;
mod facade;
mod gather;
mod ids;
mod json;
mod maker;
mod media;
mod members;
mod model;
mod openai;
mod sequence;
mod stream;
mod strict;
mod target;

pub use error::{Unreadable, Untranslatable};
pub use event::{Opening, ProviderError, StreamEvent};
pub use facade::{
    read_answer, read_error, read_request, write_answer, write_error, write_request, write_usage,
};
pub use json::{Json, Number};
pub use model::{
    Block, Cache, ChatAnswer, ChatRequest, Extra, Message, OutputFormat, Reasoning, Role, Sampling, Source,
    Stop, Tool, ToolChoice, Weight,
};
pub use stream::{StreamTranslator, broken_off};
pub use target::{Context, Failure, Outgoing, Seen, Target};
