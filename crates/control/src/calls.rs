//! The log of calls: page through it, look at one with what was said in it, repeat one.

mod find;
mod list;
mod replay;

pub use find::{Call, FindCallError, find};
pub use list::{CallPage, ListCallsError, MAX_PAGE, list};
pub use replay::{Replay, ReplayError, replay};
