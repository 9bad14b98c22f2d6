//! Recurring maintenance: each tick once, on any number of replicas.
