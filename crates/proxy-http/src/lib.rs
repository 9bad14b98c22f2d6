//! The data plane's HTTP surfaces, one module each.
