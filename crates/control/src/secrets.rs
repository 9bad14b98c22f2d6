//! Moving what is sealed to the newest key, while everything goes on.

mod reseal;

pub use reseal::{ResealError, Resealed, Unreadable, reseal};
