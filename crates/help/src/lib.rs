//! What people read: the FAQ and the set-up guides.
//!
//! A [`FaqEntry`] is a question with an answer in Markdown, which [`render`] turns into HTML that can
//! be put into a page as it is. A [`SetupGuide`] says how one tool is pointed at the gateway; its
//! [template](check_template) is filled in by whoever shows it. [`default_guides`] are the guides that
//! a new installation has.
//!
//! ```
//! use promptgate_help::{check_template, render};
//!
//! assert_eq!(render("#Hi\n<script>x</script>").trim(), "<h1 id=\"hi\">Hi</h1>");
//! assert!(check_template("curl {{openaiBaseUrl}}").is_ok());
//! assert!(check_template("curl {{host}}").is_err());
//! ```

mod defaults;
mod faq;
mod guide;
mod markdown;
mod order;
mod repository;
mod template;

pub use defaults::default_guides;
pub use faq::{FaqChanges, FaqEntry, InvalidFaqEntry, NewFaqEntry};
pub use guide::{
    Compatibility, InvalidSetupGuide, ModelMode, NewSetupGuide, SetupGuide, SetupGuideChanges, UnknownName,
};
pub use markdown::render;
pub use order::{InvalidPosition, close_gaps, move_to};
pub use repository::{FaqFilter, FaqRepository, FaqSort, SetupGuideRepository};
pub use template::{InvalidTemplate, check_template};
