//! The `promptgate-migrate` binary.

fn main() {}
