//! Throwaway PostgreSQL, Redis and nginx, and a scripted upstream, for tests only.
//!
//! - [`postgres::database`] answers with a fresh database, on a server that the test command
//!   provides or that is started for this process.
//! - [`lone_postgres::LonePostgres`] is a server that a test may stop, restart and pause.
//! - [`redis::Redis`] is a server that a test may stop, restart and pause.
//! - [`sentinel::Sentinel`] watches over such servers, and [`line::Line`] makes the way to one slow.
//! - [`nginx::Nginx`] stands in front of a server, over TLS and in the open.
//! - [`upstream::ScriptedUpstream`] answers HTTP as a test tells it to, and remembers what it saw;
//!   [`vendor::answer`] makes it a service that speaks every vendor's wire format.
//!
//! Servers listen on 127.0.0.1 only and do not outlive the process that started them, not even when
//! that is killed: a watching shell stops them and removes their files. Nothing in here belongs in
//! a shipped program.

pub mod line;
pub mod lone_postgres;
pub mod nginx;
pub mod postgres;
pub mod redis;
pub mod sentinel;
mod server;
pub mod upstream;
pub mod vendor;
