//! Coordination over Redis, every call with a deadline and a breaker.
