//! One stream into another.
