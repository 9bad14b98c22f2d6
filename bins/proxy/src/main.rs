//! The `promptgate-proxy` binary.

fn main() {}
