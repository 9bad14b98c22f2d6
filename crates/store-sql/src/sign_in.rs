//! What sign-ins share between replicas, in SQL: each call a transaction of its own.

mod counted;
mod sessions;
