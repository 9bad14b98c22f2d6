//! Coordination inside one process: the bus, and the spool that usage events pass through.
//!
//! [`LocalBus`] tells every listener of this process that something was committed; other processes
//! find out by polling, or by a bus over a server.
//!
//! [`SealedShelf`] keeps on the disk what a process needs while the store is away.
//!
//! [`spool`] takes usage events into custody before an answer ends and brings them into the store
//! afterwards. Nothing in here decides what an event says or what a commit means.

mod bus;
mod shelf;
pub mod spool;

pub use bus::LocalBus;
pub use shelf::SealedShelf;
