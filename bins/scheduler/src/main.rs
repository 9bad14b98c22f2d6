//! The `promptgate-scheduler` binary.

fn main() {}
