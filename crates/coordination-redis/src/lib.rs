//! Coordination over Redis, every call with a deadline and a breaker.
//!
//! [`RedisBus`] announces commits on the channel `promptgate:config:events`. It starts without
//! Redis, never makes a caller wait longer than its deadline, and while Redis is away it still
//! reaches the listeners of its own process; everybody else polls. [`RedisBus::sign_in`] keeps
//! sessions, throttles and one-time records over the same connection; without Redis each call fails
//! within the deadline, and nothing is forgotten.
//!
//! [`RedisStream`] takes usage events from those who have them to those who bring them into the store,
//! over connections of its own.

mod breaker;
mod bus;
mod counters;
mod health;
mod listener;
mod message;
mod sign_in;
mod stream;

pub use bus::{InvalidRedisUrl, RedisBus, RedisOptions};
pub use stream::{RedisStream, StreamOptions, StreamSize};
