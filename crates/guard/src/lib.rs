//! What a text holds, and where: personal data, secrets, injected instructions, forbidden words.
//!
//! The crate reads text and says what it [found](Finding). It knows no request, no policy and no
//! product: what is to happen with a finding others decide. It reads every text once, works on
//! anchors and verifies around them, so that its cost grows with the text and not with the number of
//! rules; nothing in it backtracks.
//!
//! ```
//! use promptgate_guard::Text;
//!
//! let text = Text::read("write to ada@example.org");
//! assert_eq!(text.plain(), "write to ada@example.org");
//! assert_eq!(text.original_span(9..24), 9..24);
//! ```

mod bits;
mod custom;
mod finding;
mod injection;
mod keywords;
mod pii;
mod secrets;
mod stream;
mod taken;
mod text;

pub use custom::{InvalidPattern, Patterns};
pub use finding::{Category, Certainty, Finding, Kind, Strictness};
pub use injection::{Channel, Injection, Judgement, training};
pub use keywords::Keywords;
pub use pii::{Pii, PiiKind};
pub use secrets::{SecretKind, Secrets};
pub use stream::{Detect, HOLD_BACK, LONGEST_FINDING, LONGEST_RUN, Settled, StreamScanner};
pub use text::{Encoding, Layer, Text};
