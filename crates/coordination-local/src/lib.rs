//! Coordination inside one process: the bus, and the spool that usage events pass through.
