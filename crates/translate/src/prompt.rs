//! What the user said last.
