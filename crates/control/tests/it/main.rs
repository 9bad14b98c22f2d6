//! Use cases over the SQL store on SQLite in memory.

mod bootstrap;
mod concurrency;
mod fixture;
mod introspection;
mod projects;
mod providers;
mod tokens;
