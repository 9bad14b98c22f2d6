//! The vendors' wire formats: reading what a request asks, changing only what must change,
//! observing what an answer used.
//!
//! [`Envelope`] reads a request body once and replaces spans of it, so that everything else stays
//! byte for byte. [`Observer`] watches an answer go by, in pieces of any size, and [`Observed`] says
//! what it consumed. [`Texts`] finds every text in a request or an answer, and changes what must
//! change of them; [`StreamTexts`] does so while an answer streams. [`Written`] puts a body through
//! guardrails. [`render_problem`] and [`problem_event`] say no in the shape of a surface,
//! [`models_list`] lists models in it, and [`echo`] answers without a network. The crate does no
//! I/O and keeps at most a bounded piece of what passes.
//!
//! ```
//! use promptgate_providers::Operation;
//! use promptgate_wire::{Edits, Envelope};
//!
//! let body = r#"{"messages":[{"role":"user","content":"hi"}], "model":"main:gpt-4o","x":1.0}"#;
//! let envelope = Envelope::parse(Operation::ChatCompletions, body.into())?;
//! assert_eq!(envelope.model, "main:gpt-4o");
//! assert_eq!(envelope.outgoing(&Edits::model("gpt-4o")), body.replace("main:gpt-4o", "gpt-4o"));
//! # Ok::<(), promptgate_wire::BadRequest>(())
//! ```

pub mod echo;
mod envelope;
pub mod estimate;
mod members;
mod models;
mod observe;
mod problem;
mod prompt;
mod texts;
mod written;

pub use envelope::{BadRequest, Edits, Envelope};
pub use models::{AliasRow, ModelRow, model_detail, models_list};
pub use observe::{Observed, Observer, observe_whole};
pub use problem::{ApiProblem, Surface, problem_event, render_problem};
pub use prompt::PromptSize;
pub use promptgate_firewall::guardrails::Channel;
pub use texts::{
    Edit as TextEdit, Form as TextForm, Part as TextPart, StopReason, StreamTexts, TextFilter, Texts,
    Track as TextTrack, Unreadable,
};
pub use written::Written;

/// A value of this crate as JSON.
fn json(value: &impl serde::Serialize) -> bytes::Bytes {
    serde_json::to_vec(value).expect("plain structures of texts and numbers always serialise").into()
}
