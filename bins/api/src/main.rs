//! The `promptgate-api` binary.

fn main() {}
