//! Settings: defaults, file, .env, environment and flags, each value with its source.
