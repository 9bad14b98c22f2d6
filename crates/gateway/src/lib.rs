//! The data plane: a request's way from its first byte to its settled usage.

pub mod ports;
